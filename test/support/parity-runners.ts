// How each kind of golden case is run against the core and compared.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseLabels } from "../../dist/dataset/labels.js";
import { presets } from "../../dist/dataset/presets.js";
import { decodePatch } from "../../dist/image/decode-patch.js";
import { readIndexPng } from "../../dist/image/index-png.js";
import type { GoldenCase, GoldenFolder, Loose } from "./golden.js";
import { caseTensors, Comparison, difference } from "./golden.js";
import type { GoldenTensor } from "./safetensors.js";
import type { Workspace } from "./test-addon.js";

export interface ParityContext {
  readonly workspace: Workspace;
  readonly golden: GoldenCase;
  readonly folder: string;
  readonly manifest: GoldenFolder["manifest"];
}
export type ParityRunner = (context: ParityContext) => Promise<void>;

const precisions = ["float32", "float64"] as const;

function tensor(dtype: string, shape: readonly number[], data: ArrayLike<number>): GoldenTensor {
  const array =
    dtype === "float32" ? Float32Array.from(data) : dtype === "uint8" ? Uint8Array.from(data) : Float64Array.from(data);
  return { dtype, shape, data: array.buffer };
}

/** The rule `fnv1a32` of the manifest. */
function fnv1a32(text: string): number {
  let hash = 2166136261;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 16777619) >>> 0;
  return hash;
}

/** Reads a setting that the runner can only follow if it is one of these values. */
function oneOf<Value>(what: string, value: Value, ...known: readonly Value[]): Value {
  if (known.includes(value)) return value;
  throw new Error(`${what} is ${JSON.stringify(value)}; the runner knows only ${JSON.stringify(known)}`);
}

/** The kind of a learning rate's schedule, the epochs of a step and those of the warm-up. */
interface ScheduleFields {
  readonly schedule: string;
  readonly stepEpochs: number;
  readonly warmupEpochs: number;
}

/** What a name like `poly`, `cos_warmup1` or `step_lr_step2_warmup2` says. */
export function scheduleOf(name: string): ScheduleFields {
  const match = /^(poly|cos|step)(?:_lr_step(\d+))?(?:_warmup(\d+))?$/.exec(name);
  if (match === null || (match[1] === "step") !== (match[2] !== undefined)) {
    throw new Error(`no schedule is called ${name}`);
  }
  const [, schedule = "", step = "0", warmup = "0"] = match;
  return { schedule, stepEpochs: Number(step), warmupEpochs: Number(warmup) };
}

function setInputs({ workspace, golden }: ParityContext, tensors: ReadonlyMap<string, GoldenTensor>): void {
  for (const [name, entry] of Object.entries(golden.tensors ?? {})) {
    if (entry.role === "input") workspace.set(name, tensors.get(name) as GoldenTensor);
  }
}

/**
 * Runs an operation in float32 and, where the case has `f64.*` tensors, in float64, and compares all that is expected.
 * Statistics (`checks`) are of the float32 run.
 */
async function inBothPrecisions(
  context: ParityContext,
  operation: string,
  fields: Readonly<Record<string, unknown>>,
  ambiguousOf: (name: string) => readonly number[] = () => [],
  more: (comparison: Comparison) => void = () => undefined,
): Promise<void> {
  const { workspace, golden, folder } = context;
  const expected = await caseTensors(folder, golden);
  const comparison = new Comparison();
  const hasDouble = Object.keys(golden.tensors ?? {}).some((name) => name.startsWith("f64."));
  for (const dtype of hasDouble ? precisions : (["float32"] as const)) {
    workspace.clear();
    setInputs(context, expected);
    workspace.run(operation, { ...fields, dtype });
    more(comparison);
    const isDouble = (name: string): boolean => name.startsWith("f64.");
    if (dtype === "float64") {
      comparison.tensors(workspace, golden, expected, isDouble, (name) => name.slice(4));
    } else {
      comparison.tensors(workspace, golden, expected, (name) => !isDouble(name), undefined, ambiguousOf);
      comparison.checks(workspace, golden, (name) => !isDouble(name));
    }
  }
  comparison.finish();
}

/** The pictures that a case ships are those that its tags give. */
async function checkPictures(
  { workspace, golden, folder }: ParityContext,
  tags: readonly string[],
  pictures: readonly string[] | undefined,
): Promise<void> {
  const { H, W } = golden["inputs"];
  for (const [i, picture] of (pictures ?? []).entries()) {
    if (!existsSync(join(folder, picture))) continue;
    workspace.run("synth_image", { tag: tags[i], H, W });
    const { data } = await decodePatch(join(folder, picture));
    const same = Buffer.from(workspace.get("out").data).equals(data);
    if (!same) throw new Error(`${picture} is not the image of the tag ${tags[i]}`);
  }
}

const networks: Readonly<Record<string, { role: string; backbone: string }>> = {
  resnet38_cls: { role: "classifier", backbone: "resnet38" },
  deeplab_resnet: { role: "segmenter", backbone: "resnet101" },
  deeplab_xception: { role: "segmenter", backbone: "xception" },
  deeplab_drn: { role: "segmenter", backbone: "drn" },
  deeplab_mobilenet: { role: "segmenter", backbone: "mobilenet" },
};

/** The names and shapes of each network's tensors: against their digests, and one by one where a file lists them. */
const inventory: ParityRunner = async ({ workspace, golden, folder }) => {
  const comparison = new Comparison();
  const file = golden["json_file"] as string | undefined;
  const listed = file === undefined ? undefined : JSON.parse(await readFile(join(folder, file), "utf8"));
  for (const [key, digest] of Object.entries(golden["digests"] as Record<string, Loose>)) {
    const network = networks[key];
    if (network === undefined) throw new Error(`${golden.id}: there is no network ${key}`);
    workspace.run("inventory", { ...network, classCount: 4, outputStride: 16, width: 1 });
    const lines = new TextDecoder().decode(workspace.get("inventory").data).trimEnd().split("\n");
    comparison.number(`${key} tensors`, lines.length, digest.entries as number, 0);
    const hash = fnv1a32([...lines].sort().join("\n"));
    comparison.number(`${key} digest`, hash, digest.fnv1a32_of_sorted_name_shape_lines as number, 0);
    const parameters = workspace.stats("parameters", [0]).samples[0] as number;
    comparison.number(`${key} parameters`, parameters, digest.params_numel as number, 0);
    const own = new Set(lines);
    for (const entry of (listed?.[key].state_dict ?? []) as Loose[]) {
      const line = `${entry.name}:${entry.shape.join("x")}`;
      comparison.note(own.has(line) ? undefined : `${key} lacks ${line}`);
    }
  }
  comparison.finish();
};

const resnet38: ParityRunner = async (context) => {
  const { inputs, tensors } = context.golden as Loose;
  oneOf("net_key", inputs.net_key, "resnet38");
  await checkPictures(context, inputs.image_tags as string[], inputs.png as string[] | undefined);
  const gammas = Object.keys(tensors as object)
    .filter((name) => name.startsWith("pda_map_g"))
    .map((name) => Number(name.slice("pda_map_g".length)));
  // The names carry gamma to six decimals; 0.98^3 is meant where they say 0.941192.
  await inBothPrecisions(context, "resnet38_forward", {
    weightTag: inputs.weight_tag,
    tags: inputs.image_tags,
    H: inputs.H,
    W: inputs.W,
    gammas: gammas.map((gamma) => (gamma === 0.941192 ? 0.98 ** 3 : gamma)),
  });
};

const pda: ParityRunner = async (context) => {
  await inBothPrecisions(context, "pda", { gammas: context.golden["hyper"].gamas, divisor: 4 });
};

const gradCam: ParityRunner = async (context) => {
  const { inputs, masks, tensors } = context.golden as Loose;
  oneOf("net_key", inputs.net_key, "resnet38");
  await checkPictures(context, [inputs.image_tag as string], inputs.png === undefined ? undefined : [inputs.png]);
  const labelsOf = (dataset: string): string[] => [
    ...new Set(
      Object.keys(tensors as object)
        .filter((name) => name.startsWith(`mask.${dataset}.`))
        .map((name) => name.split(".")[2] as string),
    ),
  ];
  await inBothPrecisions(
    context,
    "grad_cam",
    {
      weightTag: inputs.weight_tag,
      tag: inputs.image_tag,
      H: inputs.H,
      W: inputs.W,
      luadLabels: labelsOf("luad"),
      bcssLabels: labelsOf("bcss"),
    },
    (name) => (masks[name]?.ambiguous_pixels ?? []) as number[],
  );
};

const masks: ParityRunner = async (context) => {
  const { workspace, golden, folder } = context;
  const results = golden["results"] as Readonly<Record<string, readonly number[] | string>>;
  const comparison = new Comparison();
  const expected = await caseTensors(folder, golden);
  setInputs(context, expected);
  const dataset = oneOf("dataset", golden["hyper"].dataset as string, "luad", "bcss");
  const fields = { glass: dataset === "luad", scaling: "published" };
  const good = Object.keys(results).filter((labels) => typeof results[labels] !== "string");
  workspace.run("masks", { ...fields, labels: good });
  comparison.tensors(workspace, golden, expected, () => true);
  for (const labels of good) {
    const counts = [0, 0, 0, 0, 0];
    for (const index of new Uint8Array(workspace.get(`mask.${labels}`).data)) counts[index] = (counts[index] ?? 0) + 1;
    const wanted = results[labels] as readonly number[];
    counts.forEach((count, index) =>
      comparison.number(`${labels}: pixels of ${index}`, count, wanted[index] as number, 0),
    );
  }
  for (const labels of Object.keys(results).filter((name) => !good.includes(name))) {
    let refused = false;
    try {
      workspace.run("masks", { ...fields, labels: [labels] });
    } catch {
      refused = true;
    }
    comparison.note(refused ? undefined : `labels ${labels} must be refused`);
  }
  comparison.finish();
};

const glass: ParityRunner = async (context) => {
  const { workspace, golden, folder } = context;
  const comparison = new Comparison();
  const expected = await caseTensors(folder, golden);
  setInputs(context, expected);
  for (const image of Object.keys(golden.tensors ?? {}).filter((name) => golden.tensors?.[name]?.role === "input")) {
    const prefix = image.includes(".") ? image.slice(0, image.lastIndexOf(".") + 1) : "";
    workspace.run("glass", { image });
    comparison.tensors(
      workspace,
      golden,
      expected,
      (name) => name.slice(0, name.lastIndexOf(".") + 1) === prefix,
      (name) => name.slice(prefix.length),
    );
  }
  comparison.finish();
};

const resize: ParityRunner = async ({ workspace, golden, folder }) => {
  const comparison = new Comparison();
  const expected = await caseTensors(folder, golden);
  (golden["sizes"] as [number[], [number, number]][]).forEach(([, [H, W]], i) => {
    workspace.set("in", expected.get(`in${i}`) as GoldenTensor);
    workspace.run("resize", { H, W });
    comparison.tensors(
      workspace,
      golden,
      expected,
      (name) => name === `out${i}`,
      () => "out",
    );
  });
  comparison.finish();
};

const labelLoss: ParityRunner = (context) => inBothPrecisions(context, "label_loss", {});
const kindOf = (id: string): string => (id.includes("focal") ? "focal" : "cross-entropy");
const criterion: ParityRunner = (context) =>
  inBothPrecisions(context, "criterion", { kind: kindOf(context.golden.id) });
const multiLayer: ParityRunner = (context) =>
  inBothPrecisions(context, "multi_layer", { kind: kindOf(context.golden.id), background: "fifth-logit" });
const multiLayerStep: ParityRunner = (context) => {
  const { key, split_string: split, lr } = context.golden["hyper"];
  return inBothPrecisions(context, "multi_layer_step", {
    key,
    split,
    lr,
    weightDecay: 5e-4,
    kind: "cross-entropy",
    background: "fifth-logit",
  });
};

/** F1, F2: stage 1; F4, F5: stage 2. Inputs init.* and grad<k>.*, expected after<k>.*. */
const sgd: ParityRunner = async (context) => {
  const { workspace, golden, folder } = context;
  const { hyper } = golden as Loose;
  const stage1 = hyper.max_step !== undefined;
  const names = Object.keys(hyper.group_of as object);
  const expected = await caseTensors(folder, golden);
  setInputs(context, expected);
  workspace.run("sgd", {
    names,
    groups: names.map((name) => hyper.group_of[name] as number),
    factors: stage1 ? [1, 2, 10, 20] : [1, 10],
    groupDecay: stage1 ? [hyper.weight_decay, 0, hyper.weight_decay, 0] : [hyper.weight_decay, hyper.weight_decay],
    momentum: stage1 ? hyper.momentum_factor : hyper.momentum,
    nesterov: hyper.nesterov ?? false,
    ...scheduleOf((hyper.schedule ?? "poly") as string),
    lr: stage1 ? hyper.lr : hyper.base_lr,
    epochs: stage1 ? hyper.max_step : hyper.epochs,
    stepsPerEpoch: stage1 ? 1 : hyper.iters_per_epoch,
    steps: hyper.steps,
  });
  const comparison = new Comparison();
  comparison.tensors(workspace, golden, expected, () => true);
  const rates = new Float64Array(workspace.get("lr_table").data);
  ((golden["lr_table"] ?? []) as number[][]).flat().forEach((rate, i) => {
    comparison.number(`lr_table[${i}]`, rates[i] as number, rate, Math.abs(rate) * 1e-14);
  });
  comparison.finish();
};

const schedules: ParityRunner = async ({ workspace, golden }) => {
  const { epochs, iters_per_epoch: stepsPerEpoch, base_lr: lr } = golden["hyper"];
  const comparison = new Comparison();
  for (const [name, table] of Object.entries(golden["tables"] as Record<string, number[][]>)) {
    workspace.run("schedule", { ...scheduleOf(name), lr, epochs, stepsPerEpoch });
    const rates = new Float64Array(workspace.get("rates").data);
    for (const [epoch, iteration, base, head] of table as [number, number, number, number][]) {
      const found = rates[epoch * stepsPerEpoch + iteration] as number;
      comparison.number(`${name} ${epoch}/${iteration}`, found, base, Math.abs(base) * 1e-14);
      comparison.number(`${name} ${epoch}/${iteration} head`, 10 * found, head, Math.abs(head) * 1e-14);
    }
  }
  comparison.finish();
};

const gammaTable: ParityRunner = async ({ workspace, golden }) => {
  const table = golden["table"] as [number, number, number][];
  workspace.run("gamma_table", {
    initial: golden["hyper"].init_gama,
    decay: 0.98,
    floor: 0.65,
    startEpoch: 3,
    decaysBeforeStart: true,
    epochs: table.length,
  });
  const found = new Float64Array(workspace.get("table").data);
  const comparison = new Comparison();
  table.forEach(([epoch, enabled, gamma], i) => {
    comparison.number(`epoch ${epoch} enabled`, found[2 * i] as number, enabled, 0);
    comparison.number(`epoch ${epoch} gamma`, found[2 * i + 1] as number, gamma, 1e-15);
  });
  comparison.finish();
};

/** The tensor names `<prefix><name>` of a case, without the prefix, each once. */
function namesAfter(golden: GoldenCase, pattern: RegExp): string[] {
  const names = new Set<string>();
  for (const name of Object.keys(golden.tensors ?? {})) {
    const match = pattern.exec(name);
    if (match !== null) names.add(match[1] as string);
  }
  return [...names];
}

const classifierSteps: ParityRunner = (context) => {
  const { inputs, hyper, names_sorted: sortedNames } = context.golden as Loose;
  oneOf("net_key", inputs.net_key, "resnet38");
  oneOf("weight_decay_is_momentum", hyper.weight_decay_is_momentum, true);
  return inBothPrecisions(context, "classifier_training", {
    weightTag: inputs.weight_tag,
    tags: inputs.image_tags,
    H: inputs.H,
    W: inputs.W,
    lr: hyper.lr,
    weightDecay: hyper.wd,
    epochs: hyper.max_step,
    stopAfter: hyper.steps,
    pdaStartEpoch: 0,
    gamma: hyper.gama,
    gammaDecay: 1,
    gradNames: namesAfter(context.golden, /^step\d+\.grad\.(.+)$/),
    deltaNames: namesAfter(context.golden, /^step\d+\.delta\.(.+)$/),
    sortedNames,
  });
};

const classifierLoop: ParityRunner = async (context) => {
  const { workspace, golden, folder } = context;
  const { inputs, hyper, names_sorted: sortedNames } = golden as Loose;
  oneOf("net_key", inputs.net_key, "resnet38");
  oneOf("dataset", inputs.dataset, "luad", "bcss");
  oneOf("max_step", hyper.max_step, hyper.epochs); // One step an epoch: a batch of all patches.
  const labels = (inputs.labels as string[]).flatMap((text) => parseLabelText(text));
  const shape = [inputs.labels.length as number, labels.length / inputs.labels.length];
  workspace.set("labels", tensor("float32", shape, labels));
  workspace.run("classifier_training", {
    dtype: "float32",
    weightTag: inputs.weight_tag,
    tags: inputs.image_tags,
    H: inputs.H,
    W: inputs.W,
    lr: hyper.lr,
    weightDecay: hyper.weight_decay,
    epochs: hyper.epochs,
    stopAfter: -1,
    pdaStartEpoch: 3,
    gamma: hyper.init_gama,
    gammaDecay: 0.98,
    gradNames: [],
    deltaNames: namesAfter(golden, /^final\.delta\.(.+)$/),
    sortedNames,
  });
  const comparison = new Comparison();
  comparison.tensors(workspace, golden, await caseTensors(folder, golden), () => true);
  comparison.checks(workspace, golden, () => true);
  comparison.finish();
};

const parseLabelText = (text: string): number[] => [...text.replaceAll(/[^01]/g, "")].map(Number);

const backbones: Readonly<Record<string, string>> = {
  resnet: "resnet101",
  xception: "xception",
  drn: "drn",
  mobilenet: "mobilenet",
};

const deeplab: ParityRunner = (context) => {
  const { inputs, hyper, argmax_counts: counts } = context.golden as Loose;
  return inBothPrecisions(context, "deeplab_forward", {
    backbone: backbones[inputs.net_key as string],
    netKey: inputs.net_key,
    weightTag: inputs.weight_tag,
    tags: inputs.image_tags ?? [inputs.image_tag],
    H: inputs.H,
    W: inputs.W,
    classCount: hyper.n_class,
    outputStride: hyper.output_stride,
    counts,
  });
};

const deeplabStep: ParityRunner = (context) => {
  const { inputs, hyper, names_sorted: sortedNames } = context.golden as Loose;
  const inverted = (inputs.image_tags as string[]).flatMap((tag, i) => (tag.startsWith("inv:") ? [i] : []));
  oneOf("inv", JSON.stringify(hyper.inv), JSON.stringify(inverted));
  const [lrUsed] = context.golden["lr_used"] as [number, number];
  const rate = (comparison: Comparison): void => {
    const found = context.workspace.stats("lr_used", [0]).samples[0] as number;
    comparison.number("lr_used", found, lrUsed, lrUsed * 1e-14);
  };
  const fields = {
    backbone: backbones[inputs.net_key as string],
    netKey: inputs.net_key,
    weightTag: inputs.weight_tag,
    split: context.manifest.split,
    tags: inputs.image_tags,
    H: inputs.H,
    W: inputs.W,
    outputStride: hyper.output_stride,
    lr: hyper.lr,
    momentum: hyper.momentum,
    weightDecay: hyper.wd,
    nesterov: hyper.nesterov,
    ...scheduleOf(hyper.sched as string),
    epochs: hyper.epochs,
    stepsPerEpoch: hyper.iters,
    epoch: hyper.epoch,
    loss: hyper.loss,
    names: namesAfter(context.golden, /^grad\.(.+)$/),
    normNames: namesAfter(context.golden, /^running_mean\.(.+)$/),
    sortedNames,
  };
  return inBothPrecisions(context, "segmenter_training", fields, undefined, rate);
};

function compareScores(comparison: Comparison, workspace: Workspace, expected: Loose, atol: number): void {
  const scores = workspace.stats("scores", [0, 1, 2, 3]).samples;
  const wanted = [
    expected.Acc ?? expected.pixel_accuracy,
    expected.Acc_class ?? expected.mean_accuracy,
    expected.mIoU,
    expected.FwIoU ?? expected.fw_iou,
  ];
  ["accuracy", "class accuracy", "mIoU", "FwIoU"].forEach((name, i) =>
    comparison.number(name, scores[i] as number, wanted[i], atol),
  );
  const iou = Object.values((expected.IoU ?? expected.class_iou) as object) as (number | string)[];
  const found = workspace.stats(
    "iou",
    iou.map((_, i) => i),
  ).samples;
  iou.forEach((value, i) => comparison.number(`IoU ${i}`, found[i] as number, value, atol));
  (expected.confusion_matrix as number[][] | undefined)?.forEach((row, i) => {
    const cells = workspace.stats(
      "confusion",
      row.map((_, j) => i * (row.length + 1) + j),
    ).samples;
    row.forEach((count, j) => comparison.number(`confusion ${i},${j}`, cells[j] as number, count, 0));
  });
}

function evaluateImages(workspace: Workspace, count: number): void {
  workspace.run("confusion", { count, classCount: 4 });
}

const countOf = (golden: GoldenCase, prefix: string): number =>
  namesAfter(golden, new RegExp(`^${prefix}(\\d+)$`)).length;

const scores: ParityRunner = async (context) => {
  const { workspace, golden, folder } = context;
  setInputs(context, await caseTensors(folder, golden));
  evaluateImages(workspace, countOf(golden, "gt"));
  const comparison = new Comparison();
  // The counts of a confusion matrix are compared exactly, whether a case says so or not.
  oneOf("tolerance of the confusion matrix", golden["tol"].confusion_matrix, "exact", undefined);
  compareScores(comparison, workspace, golden["expected"], golden["tol"].metrics_abs as number);
  comparison.finish();
};

const camSegmentation: ParityRunner = async ({ workspace, golden, folder }) => {
  const expected = await caseTensors(folder, golden);
  const comparison = new Comparison();
  const count = countOf(golden, "gt");
  for (let i = 0; i < count; i++) {
    for (const name of ["cam", "y", "gt"]) workspace.set(name, expected.get(`${name}${i}`) as GoldenTensor);
    workspace.run("cam_segmentation", { presentAbove: 0.25 });
    comparison.note(
      difference(`pred${i}`, workspace.get("pred"), expected.get(`pred${i}`) as GoldenTensor, { exact: true }),
    );
    workspace.set(`gt${i}`, expected.get(`gt${i}`) as GoldenTensor);
    workspace.set(`pred${i}`, workspace.get("pred"));
  }
  evaluateImages(workspace, count);
  compareScores(comparison, workspace, golden["expected"], golden["tol"].metrics_abs as number);
  comparison.finish();
};

const labelScores: ParityRunner = async ({ workspace, golden }) => {
  const rows = golden["rows"] as Loose[];
  const comparison = new Comparison();
  const shape = [rows.length, rows[0].prob.length as number];
  workspace.set(
    "prob",
    tensor(
      "float32",
      shape,
      rows.flatMap((row) => row.prob as number[]),
    ),
  );
  workspace.set(
    "label",
    tensor(
      "uint8",
      shape,
      rows.flatMap((row) => row.label as number[]),
    ),
  );
  workspace.run("label_scores", {});
  const exact = new Float64Array(workspace.get("exact").data);
  const jaccard = new Float64Array(workspace.get("jaccard").data);
  const running = new Float64Array(workspace.get("running").data);
  rows.forEach((row, i) => {
    if (row.jaccard === "error") {
      comparison.note(
        Number.isNaN(jaccard[i]) ? undefined : `row ${i}: the Jaccard index of two empty sets is undefined`,
      );
      return;
    }
    comparison.number(`row ${i} exact`, exact[i] as number, row.exact_match ? 1 : 0, 0);
    comparison.number(`row ${i} jaccard`, jaccard[i] as number, row.jaccard as number, 0);
    comparison.number(`row ${i} running exact`, running[2 * i] as number, row.running_avg_EM as number, 0);
    comparison.number(`row ${i} running jaccard`, running[2 * i + 1] as number, row.running_avg_acc as number, 0);
  });
  comparison.finish();
};

const gate: ParityRunner = async ({ workspace, golden, folder }) => {
  const expected = await caseTensors(folder, golden);
  const comparison = new Comparison();
  const count = countOf(golden, "gt");
  for (const [kind, source] of [
    ["gated", "pred"],
    ["plain", "plain"],
  ] as const) {
    for (let i = 0; i < count; i++) {
      workspace.set("logits", expected.get(`logits${i}`) as GoldenTensor);
      workspace.set("y", expected.get(`y${i}`) as GoldenTensor);
      workspace.run("gate", { threshold: golden["hyper"].threshold, rule: "multiply" });
      const truth = new Float32Array((expected.get(`gt${i}`) as GoldenTensor).data);
      const found = workspace.get(source);
      const prediction = new Uint8Array(found.data).map((index, p) => (truth[p] === 4 ? 4 : index));
      const own = { ...found, data: prediction.buffer };
      comparison.note(
        difference(`${kind}${i}`, own, expected.get(`pred_${kind}${i}`) as GoldenTensor, { exact: true }),
      );
      workspace.set(`gt${i}`, expected.get(`gt${i}`) as GoldenTensor);
      workspace.set(`pred${i}`, own);
    }
    evaluateImages(workspace, count);
    compareScores(comparison, workspace, golden["expected"][kind], golden["tol"].metrics_abs as number);
  }
  comparison.finish();
};

const presetOf = { luad: presets["luad-histoseg"], bcss: presets["bcss-wsss"] } as const;

const labels: ParityRunner = async ({ golden }) => {
  const comparison = new Comparison();
  for (const [dataset, file, wanted] of golden["rows"] as ["luad" | "bcss", string, number[] | string][]) {
    const preset = presetOf[dataset];
    let found: number[] | string;
    try {
      found = parseLabels(file, { ...preset.labels, grammar: "published", allowEmpty: true }, preset.classes);
    } catch {
      found = "error";
    }
    const same = Array.isArray(wanted) ? JSON.stringify(found) === JSON.stringify(wanted) : found === "error";
    comparison.note(
      same ? undefined : `${dataset} ${file}: ${JSON.stringify(found)}, expected ${JSON.stringify(wanted)}`,
    );
  }
  comparison.finish();
};

const palettes: ParityRunner = async ({ golden, folder }) => {
  const comparison = new Comparison();
  for (const [dataset, colours] of Object.entries(golden["palettes"] as Record<"luad" | "bcss", number[][]>)) {
    const preset = presetOf[dataset as "luad" | "bcss"];
    const own = [...preset.classes.map((tissue) => tissue.colour), preset.background.colour];
    comparison.note(JSON.stringify(own) === JSON.stringify(colours) ? undefined : `${dataset}: the colours differ`);
    const file = (golden["files"] as string[]).find((name) => name.includes(dataset)) as string;
    const mask = await readIndexPng(join(folder, file));
    mask.indices.forEach((index, p) => {
      const [row, col] = [Math.floor(p / mask.width), p % mask.width];
      comparison.number(`${file} ${row},${col}`, index, (row * 7 + col) % 5, 0);
    });
  }
  comparison.finish();
};

const blur: ParityRunner = async ({ workspace, golden, folder }) => {
  const expected = await caseTensors(folder, golden);
  const comparison = new Comparison();
  const radii = new Set<number>();
  for (const name of Object.keys(golden.tensors ?? {})) {
    const match = /^out(\d+)_r(.+)$/.exec(name);
    if (match === null) continue;
    workspace.set("in", expected.get(`in${match[1]}`) as GoldenTensor);
    radii.add(Number(match[2]));
    workspace.run("blur", { radius: Number(match[2]) });
    comparison.note(difference(name, workspace.get("out"), expected.get(name) as GoldenTensor, { exact: true }));
  }
  for (const radius of golden["hyper"].radii as number[]) {
    comparison.note(radii.has(radius) ? undefined : `no tensor is of radius ${radius}`);
  }
  comparison.finish();
};

const transforms: ParityRunner = async ({ workspace, golden, folder }) => {
  const expected = await caseTensors(folder, golden);
  const comparison = new Comparison();
  const draws: Readonly<Record<string, readonly number[]>> = golden["hyper"].draws;
  for (const name of Object.keys(golden.tensors ?? {})) {
    const match = /^out\.([^.]+)\.(image|mask\d)$/.exec(name);
    if (match === null) continue;
    const [flip, blurDraw, radius] = (draws[match[1] as string] ?? [1, 1]) as [number, number, number?];
    const what = match[2] as string;
    workspace.set("image", expected.get("image") as GoldenTensor);
    workspace.set("mask", expected.get(what === "image" ? "mask0" : what) as GoldenTensor);
    workspace.run("augment", { horizontal: flip < 0.5, vertical: false, radius: blurDraw < 0.5 ? (radius ?? 0) : 0 });
    const own = workspace.get(what === "image" ? "image_out" : "mask_out");
    comparison.note(
      difference(name, own, expected.get(name) as GoldenTensor, golden.tensors?.[name]?.tol ?? { exact: true }),
    );
  }
  comparison.finish();
};

/** The defaults that the published programs state, against our presets of them. */
const mxnetNames: ParityRunner = async ({ workspace, golden }) => {
  const comparison = new Comparison();
  const table = golden["table"] as Readonly<Record<string, string>>;
  const withPrefix = Object.keys(table);
  const foreign = ["arg:linear1000_weight", "arg:linear1000_bias"];
  for (const names of [withPrefix, withPrefix.map((name) => name.replace(/^a(rg|ux):/, ""))]) {
    workspace.run("resnet38_names", { names: [...names, ...foreign] });
    const ours = new TextDecoder().decode(workspace.get("names").data).split("\n");
    withPrefix.forEach((name, i) => {
      comparison.note(ours[i] === table[name] ? undefined : `${names[i]} became ${ours[i]}, expected ${table[name]}`);
    });
    comparison.note(ours[names.length] === "" ? undefined : "the ImageNet head was not left out");
  }
  comparison.finish();
};

const mxnetContainer: ParityRunner = async ({ workspace, golden, folder }) => {
  const comparison = new Comparison();
  const expected = await caseTensors(folder, golden);
  for (const file of golden["files"] as readonly string[]) {
    workspace.clear();
    workspace.run("mxnet_tensors", { path: join(folder, file) });
    comparison.tensors(workspace, golden, expected, () => true);
  }
  comparison.finish();
};

const settings: ParityRunner = async ({ golden }) => {
  const { resolveClassifierTraining, resolveSegmenterTraining } = (await import("../../dist/index.js")) as Loose;
  const comparison = new Comparison();
  const { stage1, stage2 } = golden["defaults"];
  const classifier = resolveClassifierTraining({ recipe: "published" });
  comparison.number("stage 1 batch", classifier.batchSize, stage1.batch_size, 0);
  comparison.number("stage 1 epochs", classifier.epochs, stage1.max_epoches, 0);
  comparison.number("stage 1 lr", classifier.learningRate, stage1.lr, 0);
  comparison.number("stage 1 weight decay", classifier.weightDecay, stage1.wt_dec, 0);
  comparison.number("stage 1 gamma", classifier.gammaInitial, stage1.init_gama, 0);
  const segmenter = resolveSegmenterTraining({ recipe: "published" });
  comparison.number("stage 2 batch", segmenter.batchSize, stage2.batch_size, 0);
  comparison.number("stage 2 epochs", segmenter.epochs, stage2.epochs, 0);
  comparison.number("stage 2 lr", segmenter.learningRate, stage2.lr, 0);
  comparison.number("stage 2 momentum", segmenter.momentum, stage2.momentum, 0);
  comparison.note(segmenter.schedule === stage2.lr_scheduler ? undefined : "stage 2 schedule differs");
  comparison.finish();
};

/** Runner by the first word of a case's id. */
export const parityRunners: Readonly<Record<string, ParityRunner>> = {
  A: inventory,
  B: resnet38,
  C: pda,
  D1: gradCam,
  D2: masks,
  D3: glass,
  D4: resize,
  E1: labelLoss,
  E2: criterion,
  E3: multiLayer,
  E4: multiLayerStep,
  F1: sgd,
  F2: sgd,
  F3: schedules,
  F4: sgd,
  F5: sgd,
  F6: gammaTable,
  G1: classifierSteps,
  G2: classifierLoop,
  H1: deeplab,
  H2: deeplabStep,
  I1: scores,
  I2: scores,
  I3: camSegmentation,
  I4: labelScores,
  J1: gate,
  K1: labels,
  K2: palettes,
  K3: mxnetNames,
  K4: mxnetContainer,
  K5: settings,
  L1: blur,
  L2: transforms,
};

/** The runner of a case; a case of an unknown kind fails rather than passes unseen. */
export function runnerOf(id: string): ParityRunner {
  const runner = parityRunners[id.split("_")[0] as string] ?? parityRunners[id[0] as string];
  if (runner === undefined) throw new Error(`there is no runner for golden case ${id}`);
  return runner;
}
