// Checkpoints as trainers write them: where the weights are, under which names, and what lies beside them.
import { existsSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";
import {
  Classifier,
  convertWeights,
  type Dataset,
  inspectWeights,
  isWsssError,
  Segmenter,
  type WsssError,
} from "../dist/index.js";
import {
  CheckpointWriter,
  object,
  ofType,
  optimizerState,
  smallTensor,
  type Tensors,
  unreadTensors,
} from "./support/checkpoints.js";
import { command, lastJson } from "./support/command-line.js";
import { bytes, call, dictionary, global, integer, text, tuple } from "./support/pickles.js";
import { readGoldenTensors, writeTensors } from "./support/safetensors.js";
import { freshFolder, tinyDataset, tinyWidth } from "./support/tiny-models.js";

let folder: string;
let data: Dataset;
/** MobileNetV2 as others save it: without our head, with one for ImageNet. */
let mobilenet: Tensors;
/** Tensors that both have. */
let taken: number;

const base = () => ({
  classes: data.classes,
  background: data.background,
  width: tinyWidth,
  device: "cpu" as const,
  backbone: "mobilenet" as const,
});

beforeAll(async () => {
  folder = await freshFolder();
  data = await tinyDataset();
  await using classifier = await Classifier.create({ ...base(), seed: 3 });
  const own = path.join(folder, "own.safetensors");
  await classifier.save(own);
  const tensors = new Map(await readGoldenTensors(own));
  tensors.delete("fc8.weight");
  taken = tensors.size;
  tensors.set("classifier.1.bias", smallTensor(1, 2, 3));
  mobilenet = tensors;
});

let files = 0;
async function write(content: Buffer): Promise<string> {
  const file = path.join(folder, `checkpoint-${files++}.pth`);
  await writeFile(file, content);
  return file;
}

async function save(saved: (writer: CheckpointWriter) => Buffer): Promise<string> {
  const writer = new CheckpointWriter();
  return await write(writer.file(saved(writer)));
}

async function reportOf(weights: string, more: { weightsKey?: string; strict?: boolean } = {}) {
  await using classifier = await Classifier.create({ ...base(), weights, ...more });
  return classifier.weightsReport!;
}

async function refusal(work: Promise<unknown>): Promise<WsssError> {
  try {
    await work;
  } catch (error) {
    if (isWsssError(error, "WSSS_ERR_WEIGHTS")) return error;
    throw error;
  }
  throw new Error("it was taken");
}

const with_ = (prefix: string) => (name: string) => prefix + name;

describe("the state dict is found", () => {
  const best = smallTensor(71.9);
  test.each<[string, string, string[], (w: CheckpointWriter) => Buffer]>([
    [
      "beside a tensor (best_acc1 of the ImageNet example)",
      "state_dict",
      ["epoch", "best_acc1", "optimizer"],
      (w) =>
        dictionary(
          ...[text("epoch"), integer(90), text("state_dict"), w.stateDict(mobilenet, with_("module."))],
          ...[text("best_acc1"), w.tensor(best), text("optimizer"), optimizerState(w.tensor(best))],
        ),
    ],
    [
      "after a tensor (class weights)",
      "model_state_dict",
      ["class_weights"],
      (w) => dictionary(text("class_weights"), w.tensor(best), text("model_state_dict"), w.stateDict(mobilenet)),
    ],
    [
      "beside several tensors, under a key that nobody knows",
      "generator_1",
      ["rng", "w"],
      (w) =>
        dictionary(
          ...[text("rng"), w.tensor(best), text("w"), w.tensor(best)],
          ...[text("generator_1"), w.stateDict(mobilenet)],
        ),
    ],
    [
      "as the only one under another key",
      "model_ema",
      ["args"],
      (w) => dictionary(text("model_ema"), w.stateDict(mobilenet), text("args"), bytes("N")),
    ],
    [
      "beside the state of an optimiser under another key",
      "weights_of_it",
      ["optimizer_state", "sgd"],
      (w) =>
        dictionary(
          ...[text("optimizer_state"), optimizerState(w.tensor(best)), text("sgd"), optimizerState(w.tensor(best))],
          ...[text("weights_of_it"), w.stateDict(mobilenet)],
        ),
    ],
    [
      "deeper, beside its average",
      "checkpoint.net",
      ["checkpoint", "averaged"].slice(1),
      (w) => {
        const inner = dictionary(text("averaged"), w.stateDict(mobilenet), text("net"), w.stateDict(mobilenet));
        return dictionary(text("checkpoint"), inner);
      },
    ],
    ["in a list", "0", [], (w) => bytes("]", w.stateDict(mobilenet), "a")],
    [
      "in a tuple",
      "0.model",
      ["1"],
      (w) => tuple(dictionary(text("model"), w.stateDict(mobilenet)), dictionary(text("epoch"), integer(1))),
    ],
    [
      "beside a head of its own, which is far smaller",
      "encoder",
      ["projector"],
      (w) =>
        dictionary(
          ...[text("projector"), dictionary(text("weight"), w.tensor(best))],
          ...[text("encoder"), w.stateDict(mobilenet)],
        ),
    ],
    [
      "in a dictionary of a foreign class",
      "state_dict",
      [],
      (w) =>
        bytes(
          global("easydict", "EasyDict"),
          ")",
          0x81,
          "(",
          text("state_dict"),
          w.stateDict(mobilenet),
          "u",
          dictionary(),
          "b",
        ),
    ],
  ])("%s", async (_, foundUnder, otherKeys, saved) => {
    const report = await reportOf(await save(saved));
    expect(report).toMatchObject({ foundUnder, missing: [], unexpected: [] });
    expect([...report.otherKeys].sort()).toEqual([...otherKeys].sort());
    expect(report.loaded).toHaveLength(taken);
  });

  test("whatever is beside it, however small it is", async () => {
    const file = await save((w) =>
      dictionary(
        ...[text("best"), w.tensor(best), text("net_g"), dictionary(text("weight"), w.tensor(best))],
        ...[text("epoch"), integer(3)],
      ),
    );
    expect(await inspectWeights(file)).toMatchObject({ foundUnder: "net_g", otherKeys: ["best", "epoch"] });
  });

  test("a layer called model is no state dict of its own", async () => {
    const file = await save((w) =>
      dictionary(...w.entries(mobilenet), text("model"), dictionary(text("x"), w.tensor(best))),
    );
    expect(await reportOf(file)).toMatchObject({ foundUnder: "", otherKeys: ["model"] });
  });
});

describe("several state dicts", () => {
  const two = async (): Promise<string> =>
    await save((w) =>
      dictionary(
        ...[text("student"), w.stateDict(mobilenet, with_("module.backbone."))],
        ...[text("teacher"), dictionary(text("ema.1"), w.stateDict(mobilenet, with_("backbone.")))],
        ...[text("epoch"), integer(1)],
      ),
    );

  test("are listed, and nothing is taken at random", async () => {
    const file = await two();
    const count = mobilenet.size;
    // One after the other: a promise that is refused before somebody waits for it ends the process.
    for (const begin of [
      () => reportOf(file),
      () => inspectWeights(file),
      () => convertWeights(file, path.join(folder, "none.safetensors")),
    ]) {
      const error = await refusal(begin());
      expect(error.message).toContain(
        `several state dicts: student (${count} tensors), teacher.ema.1 (${count} tensors)`,
      );
      expect(error.message).toMatch(/--weights-key .*weightsKey/);
      expect(error.details).toMatchObject({ stateDicts: ["student", "teacher.ema.1"] });
    }
    expect(existsSync(path.join(folder, "none.safetensors"))).toBe(false);
  });

  test.each([
    ["student", "student", "module.backbone."],
    ["teacher.ema.1", "teacher.ema.1", "backbone."],
    ["teacher", "teacher.ema.1", "backbone."],
  ])("the key %s chooses one", async (weightsKey, foundUnder, stripped) => {
    const file = await two();
    expect(await reportOf(file, { weightsKey })).toMatchObject({ foundUnder, stripped: [stripped], missing: [] });
    const { stateDicts } = await inspectWeights(file, { weightsKey });
    expect(stateDicts.map(({ key }) => key)).toEqual(["student", "teacher.ema.1"]);
    const converted = await convertWeights(file, path.join(folder, `${weightsKey}.safetensors`), { weightsKey });
    expect(converted).toMatchObject({ foundUnder, stripped: [stripped], tensorCount: taken });
  });

  test("a key that leads nowhere is refused with those that do", async () => {
    const error = await refusal(reportOf(await two(), { weightsKey: "techer" }));
    expect(error.message).toContain("the key techer leads to none of its state dicts: student (");
    const plain = await save((w) => dictionary(text("state_dict"), w.stateDict(mobilenet)));
    const other = await refusal(reportOf(plain, { weightsKey: "ema" }));
    expect(other.message).toContain(`no state dict of it has the key ema`);
    expect(other.message).toContain(`it holds state_dict (${mobilenet.size} tensors)`);
    const safe = await refusal(reportOf(path.join(folder, "own.safetensors"), { weightsKey: "ema" }));
    expect(safe.message).toContain("no tensor's name begins with ema.");
    await expect(reportOf(plain, { weightsKey: "" })).rejects.toMatchObject({ code: "WSSS_ERR_OPTION" });
    const alone = { ...base(), weightsKey: "ema" };
    await expect(Classifier.create(alone)).rejects.toMatchObject({ code: "WSSS_ERR_OPTION" });
    await expect(Segmenter.create(alone)).rejects.toThrow(/weightsKey must be given with weights/);
  });

  test("a known key goes before others, which are listed", async () => {
    const file = await save((w) =>
      dictionary(text("state_dict_ema"), w.stateDict(mobilenet), text("state_dict"), w.stateDict(mobilenet)),
    );
    expect(await reportOf(file)).toMatchObject({ foundUnder: "state_dict", otherKeys: ["state_dict_ema"] });
    expect(await reportOf(file, { weightsKey: "state_dict_ema" })).toMatchObject({ foundUnder: "state_dict_ema" });
  });

  test("the top level is the key .", async () => {
    const few = new Map([...mobilenet].slice(0, 7));
    const file = await save((w) => dictionary(...w.entries(mobilenet), text("head"), w.stateDict(few)));
    expect(await reportOf(file, { weightsKey: "." })).toMatchObject({ foundUnder: "" });
  });

  test("in one dictionary, told by the start of their names", async () => {
    const file = await save((w) =>
      dictionary(
        text("state_dict"),
        dictionary(
          ...w.entries(mobilenet, with_("module.encoder_q.")),
          ...w.entries(mobilenet, with_("module.encoder_k.")),
          ...[text("module.queue"), w.tensor(smallTensor(1, 2))],
        ),
      ),
    );
    const error = await refusal(reportOf(file, { strict: false }));
    expect(error.message).toContain("more than once, under names that begin with module.encoder_q., module.encoder_k.");
    expect(error.details).toMatchObject({ stateDicts: ["module.encoder_q.", "module.encoder_k."] });
    expect((await inspectWeights(file)).fits[0]).toMatchObject({ rivals: ["module.encoder_k."] });
    const report = await reportOf(file, { weightsKey: "module.encoder_k" });
    expect(report).toMatchObject({ stripped: ["module.encoder_k."], missing: [], unexpected: [] });
    expect(report.dropped).toContain("module.queue");
    expect(report.dropped).toContain("module.encoder_q.features.0.0.weight");
  });
});

describe("names", () => {
  test.each([
    ["model."],
    ["net."],
    ["encoder."],
    ["network."],
    ["base_model."],
    ["module.encoder_q."],
    ["module.module."],
    ["anything.at.all."],
  ])("under the prefix %s are taken without it", async (prefix) => {
    const file = await save((w) => dictionary(text("state_dict"), w.stateDict(mobilenet, with_(prefix))));
    const report = await reportOf(file);
    expect(report).toMatchObject({ stripped: [prefix], origin: "MobileNetV2", missing: [], unexpected: [] });
    expect(report.loaded).toHaveLength(taken);
    const { fits } = await inspectWeights(file);
    expect(fits[0]).toMatchObject({ network: "MobileNetV2 classifier", stripped: [prefix], missing: [] });
  });

  test.each([
    ["_orig_mod.module.", ["_orig_mod.", "module."]],
    ["module._orig_mod.", ["_orig_mod.", "module."]],
    ["model.module.", ["module.", "model."]],
    ["_fsdp_wrapped_module.model.", ["_fsdp_wrapped_module.", "model."]],
  ])("of several wrappers, %s, lose them all", async (prefix, stripped) => {
    expect(await reportOf(await save((w) => w.stateDict(mobilenet, with_(prefix))))).toMatchObject({
      stripped,
      missing: [],
    });
  });

  test("with a wrapper in their midst lose it", async () => {
    const compiled = await save((w) =>
      w.stateDict(mobilenet, (name) => name.replace("features.", "features._orig_mod.")),
    );
    expect(await reportOf(compiled)).toMatchObject({ stripped: ["_orig_mod."], missing: [], unexpected: [] });
    const parallel = await save((w) => w.stateDict(mobilenet, (name) => name.replace("features.", "features.module.")));
    expect(await reportOf(parallel)).toMatchObject({ stripped: ["module."], missing: [], unexpected: [] });
  });

  test("beside those under the prefix are left out and listed", async () => {
    const average = await save((w) =>
      dictionary(text("n_averaged"), w.tensor(smallTensor(1)), ...w.entries(mobilenet, with_("module."))),
    );
    expect(await reportOf(average)).toMatchObject({ stripped: ["module."], missing: [], unexpected: [] });
    expect((await reportOf(average)).dropped).toContain("n_averaged");
    const loss = await save((w) =>
      dictionary(...w.entries(mobilenet, with_("module.")), text("criterion.weight"), w.tensor(smallTensor(1, 1))),
    );
    expect((await reportOf(loss)).dropped).toContain("criterion.weight");
  });

  test("of what tools keep for themselves are left out and listed", async () => {
    const extra = ["features.0._extra_state", "features.0.0.total_ops", "total_params"];
    const file = await save((w) =>
      dictionary(...w.entries(mobilenet), ...extra.flatMap((name) => [text(name), w.tensor(smallTensor(1))])),
    );
    expect((await reportOf(file)).dropped).toEqual(expect.arrayContaining(extra));
  });

  test("of a backbone become the segmenter's, with and without its prefix", async () => {
    for (const prefix of ["", "backbone.", "model.backbone."]) {
      const weights = await save((w) => w.stateDict(mobilenet, with_(prefix)));
      await using segmenter = await Segmenter.create({ ...base(), weights });
      expect(segmenter.weightsReport).toMatchObject({ missing: [], unexpected: [] });
    }
  });

  test("that fit with no prefix are refused, and the prefix is named", async () => {
    const file = await save((w) =>
      w.stateDict(mobilenet, (name) => `vit.blocks.${name.replaceAll("features", "layer")}`),
    );
    for (const strict of [true, false]) {
      const error = await refusal(reportOf(file, { strict }));
      expect(error.message).toContain("All its names begin with vit.blocks., and do not fit without that either");
    }
    expect((await refusal(reportOf(file))).message).toContain(
      "--partial-load on the command line, strict: false in the API",
    );
  });

  test("of our own stay as they are, strictly", async () => {
    const own = new Map(await readGoldenTensors(path.join(folder, "own.safetensors")));
    own.set("surplus.weight", smallTensor(1));
    const file = path.join(folder, "surplus.safetensors");
    await writeTensors(file, own);
    expect((await refusal(reportOf(file))).message).toContain("1 are unknown (surplus.weight)");
  });
});

describe("objects that are no weights", () => {
  const beside = (...entries: readonly Buffer[]) =>
    save((w) => dictionary(...entries, text("state_dict"), w.stateDict(mobilenet)));
  const enumeration = call(global("builtins", "getattr"), global("my.project", "Mode"), text("TRAIN"));
  const array = bytes(
    call(global("numpy.core.multiarray", "_reconstruct"), global("numpy", "ndarray"), tuple(integer(0)), text("b")),
    tuple(
      integer(1),
      tuple(integer(4)),
      call(global("numpy", "dtype"), text("i8"), bytes(0x89), bytes(0x88)),
      bytes(0x89),
      text("12345678"),
    ),
    "b",
  );
  test.each<[string, Buffer, string[]]>([
    ["argparse.Namespace", object("argparse", "Namespace", text("lr"), integer(1)), ["argparse.Namespace"]],
    ["a NumPy array", array, ["numpy.core.multiarray._reconstruct", "numpy.ndarray"]],
    ["a NumPy number", call(global("numpy.core.multiarray", "scalar"), text("f8"), text("12345678")), []],
    [
      "settings in settings of omegaconf",
      object(
        "omegaconf.dictconfig",
        "DictConfig",
        text("_content"),
        dictionary(text("lr"), object("omegaconf.nodes", "AnyNode")),
      ),
      ["omegaconf.dictconfig.DictConfig", "omegaconf.nodes.AnyNode"],
    ],
    ["a member of an enumeration", enumeration, ["builtins.getattr", "my.project.Mode"]],
    ["what a call of a call gives", call(enumeration, text("x")), ["builtins.getattr", "my.project.Mode"]],
    ["a set", bytes(0x8f, "(", integer(1), 0x90), []],
    [
      "an object with named arguments",
      bytes(global("a.b", "C"), ")", dictionary(text("x"), integer(1)), 0x92),
      ["a.b.C"],
    ],
    ["a list of objects", bytes("](", object("a", "B"), object("a", "B"), "e"), ["a.B"]],
    ["a path", call(global("pathlib", "PosixPath"), text("/x")), ["pathlib.PosixPath"]],
    [
      "an empty one of a class that takes items",
      bytes(global("collections", "deque"), ")", "R", "(", integer(1), "e"),
      ["collections.deque"],
    ],
    ["a key of any length", dictionary(text("k".repeat(5000)), integer(1)), []],
  ])("are skipped: %s", async (_, pickled, skippedObjects) => {
    const file = await beside(text("extra"), pickled);
    expect(await reportOf(file)).toMatchObject({ foundUnder: "state_dict", otherKeys: ["extra"], skippedObjects });
    expect(await inspectWeights(file)).toMatchObject({ otherKeys: ["extra"], skippedObjects });
  });

  test.each([
    ["os", "system"],
    ["posix", "system"],
    ["subprocess", "Popen"],
    ["builtins", "exec"],
    ["__builtin__", "eval"],
    ["importlib", "import_module"],
    ["os.path", "os.system"],
  ])("but could only do harm, such as %s.%s, are refused by name", async (module, name) => {
    const mark = path.join(folder, "owned");
    const file = await beside(text("extra"), call(global(module, name), text(`touch ${mark}`)));
    const error = await refusal(reportOf(file));
    expect(error.message).toContain(`${module}.${name}, which runs programs or code`);
    expect(error.message).toContain("nothing was executed");
    expect(existsSync(mark)).toBe(false);
  });

  test("a whole model is named, with what to save instead", async () => {
    const whole = await refusal(
      inspectWeights(await save(() => object("my.nets", "Net", text("training"), bytes(0x89)))),
    );
    expect(whole.message).toContain(
      "an object of the Python class my.nets.Net, perhaps a whole model; nothing was executed",
    );
    expect(whole.message).toContain("model.state_dict()");
    const nested = await refusal(inspectWeights(await save(() => dictionary(text("model"), object("my.nets", "Net")))));
    expect(nested.message).toContain("its keys are model (an object of the Python class my.nets.Net)");
  });
});

describe("kinds of tensors that are not read", () => {
  test.each(unreadTensors)("%s: left out where it is not needed, else named", async (kind, pickled) => {
    const extra = await save((w) => dictionary(...w.entries(mobilenet), text("fft.weight"), pickled));
    expect(await reportOf(extra)).toMatchObject({ unread: [`fft.weight: ${kind}`], missing: [], unexpected: [] });
    expect((await inspectWeights(extra)).unread).toEqual([{ name: "fft.weight", kind }]);
    const converted = await convertWeights(extra, path.join(folder, "read.safetensors"));
    expect(converted).toMatchObject({ unread: [`fft.weight: ${kind}`], tensorCount: taken });

    const name = "features.0.0.weight";
    const rest = (one: string): string | null => (one === name ? null : `model.${one}`);
    const needed = await save((w) => dictionary(text(`model.${name}`), pickled, ...w.entries(mobilenet, rest)));
    const error = await refusal(reportOf(needed));
    expect(error.message).toContain(`tensor model.${name} is ${kind}, which is not read here; in Python, `);
    expect(error.details).toMatchObject({ unread: [`model.${name}: ${kind}`] });
    expect(await reportOf(needed, { strict: false })).toMatchObject({
      missing: [name],
      unread: [`model.${name}: ${kind}`],
    });
  });

  test("all of them meta", async () => {
    const meta = unreadTensors.find(([kind]) => kind.startsWith("meta"))![1];
    const file = await save(() => dictionary(...[...mobilenet.keys()].flatMap((name) => [text(name), meta])));
    expect((await refusal(reportOf(file))).message).toContain(
      "tensor features.0.0.weight is meta (it has no values) (and",
    );
    expect((await inspectWeights(file)).tensors.size).toBe(0);
    const output = path.join(folder, "meta.safetensors");
    expect((await refusal(convertWeights(file, output))).message).toContain("none of its");
    expect(existsSync(output)).toBe(false);
  });

  test("with attributes or of a subclass are read, whatever is around them", async () => {
    const rebuildTensor = global("torch._utils", "_rebuild_tensor_v2");
    /** The arguments of a call of _rebuild_tensor_v2. */
    const argumentsOf = (pickled: Buffer): Buffer => pickled.subarray(rebuildTensor.length, pickled.length - 1);
    const file = await save((w) =>
      dictionary(
        ...[...mobilenet].flatMap(([name, value], i) => {
          const plain = w.tensor(value);
          const tagged = ofType(rebuildTensor, global("torchvision.tv_tensors._mask", "Mask"), argumentsOf(plain));
          const parameter = global("torch._utils", "_rebuild_parameter");
          const hooks = call(global("collections", "OrderedDict"));
          const inside = ofType(
            parameter,
            global("torch.nn.parameter", "Parameter"),
            tuple(tagged, bytes(0x88), hooks),
          );
          return [text(name), [plain, tagged, inside][i % 3]!];
        }),
      ),
    );
    const report = await reportOf(file);
    expect(report).toMatchObject({ missing: [], unexpected: [], unread: [] });
    const plain = await inspectWeights(await save((w) => w.stateDict(mobilenet)));
    expect((await inspectWeights(file)).tensors).toEqual(plain.tensors);
  });

  test("of safetensors are passed over by their type", async () => {
    const header = JSON.stringify({
      a: { dtype: "U16", shape: [2], data_offsets: [0, 4] },
      b: { dtype: "F32", shape: [1], data_offsets: [4, 8] },
      c: { dtype: "F8_E4M3", shape: [3], data_offsets: [8, 11] },
      d: { dtype: "Q99", shape: [5], data_offsets: [11, 12] },
    });
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    const { unread, tensors } = await inspectWeights(await write(bytes(length, header, Buffer.alloc(12))));
    expect(unread).toEqual([
      { name: "a", kind: "uint16" },
      { name: "c", kind: "float8_e4m3fn" },
      { name: "d", kind: "of the type Q99" },
    ]);
    expect([...tensors.keys()]).toEqual(["b"]);
  });
});

describe("on the command line", () => {
  const line = async (...words: string[]) => await command(...words, "--device", "cpu", "--width", "1/16");
  const train = (weights: string, out: string, ...more: string[]) =>
    line(
      "train-classifier",
      "--data",
      data.folder,
      "--out",
      out,
      "--backbone",
      "mobilenet",
      "--epochs",
      "1",
      "--batch-size",
      "4",
      "--weights",
      weights,
      ...more,
    );

  test("inspect and convert choose a state dict", async () => {
    const file = await save((w) => dictionary(text("a"), w.stateDict(mobilenet), text("b"), w.stateDict(mobilenet)));
    const refused = await command("inspect", file);
    expect(refused).toMatchObject({ code: 4, stdout: "" });
    expect(refused.stderr).toMatch(/^wsss-tissue: cannot load .* several state dicts: a \(\d+ tensors\), b /);
    const page = await command("inspect", file, "--weights-key", "b");
    expect(page.code).toBe(0);
    expect(page.stdout).toContain("found under  b");
    expect(page.stdout).toMatch(/state dicts {2}a \(\d+\), b \(\d+\); --weights-key chooses/);
    const output = path.join(folder, "chosen.safetensors");
    expect(await command("convert", file, output)).toMatchObject({ code: 4 });
    expect(existsSync(output)).toBe(false);
    expect(await command("convert", file, output, "--weights-key", "b")).toMatchObject({ code: 0 });
    expect(existsSync(output)).toBe(true);
  });

  test("a partial load is refused unless it is asked for, and then says what was left out", async () => {
    const part = new Map([...mobilenet].filter(([name]) => !name.startsWith("features.3.")));
    const file = await save((w) => dictionary(text("a"), w.stateDict(part), text("b"), w.stateDict(part)));
    const out = path.join(await freshFolder(), "run");
    const refused = await train(file, out, "--weights-key", "b");
    expect(refused).toMatchObject({ code: 4, stdout: "" });
    expect(refused.stderr).toMatch(/it lacks \d+ \(features\.3\..*--partial-load on the command line/);
    expect(existsSync(path.join(out, "classifier.safetensors"))).toBe(false);
    const done = await train(file, out, "--weights-key", "b", "--partial-load", "--force");
    expect(done.code).toBe(0);
    expect(existsSync(path.join(out, "classifier.safetensors"))).toBe(true);
    expect(done.stderr).toMatch(/\.pth \(b\): \d+ tensors taken; .*at random \d+ \(fc8\.weight, features\.3\./);
  });

  test("run tries the segmenter's weights before it trains the classifier", async () => {
    const wrong = await save((w) => w.stateDict(new Map([...mobilenet].slice(0, 9))));
    const out = path.join(await freshFolder(), "run");
    const backbones = ["--classifier-backbone", "mobilenet", "--segmenter-backbone", "mobilenet"];
    const refused = await line(
      "run",
      "--data",
      data.folder,
      "--out",
      out,
      ...backbones,
      "--batch-size",
      "4",
      "--segmenter-weights",
      wrong,
    );
    expect(refused).toMatchObject({ code: 4, stdout: "" });
    expect(refused.stderr).toContain("does not fit the network");
    expect(await readdir(out)).not.toContain("stages");
    expect(existsSync(path.join(out, "metrics"))).toBe(false);
  });

  test("a key without a file is refused before the folder is made", async () => {
    const out = path.join(await freshFolder(), "run");
    const words = ["--data", data.folder, "--out", out, "--weights-key", "ema"];
    const refused = await line("train-classifier", ...words);
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toContain("weightsKey must be given with weights");
    expect(existsSync(out)).toBe(false);
  });

  test("run takes a key for each network", async () => {
    const file = await save((w) => dictionary(text("a"), w.stateDict(mobilenet), text("b"), w.stateDict(mobilenet)));
    const out = path.join(await freshFolder(), "run");
    const words = [
      "--classifier-backbone",
      "mobilenet",
      "--segmenter-backbone",
      "mobilenet",
      "--classifier-weights",
      file,
    ];
    const keys = ["--segmenter-weights", file, "--classifier-weights-key", "a", "--segmenter-weights-key", "b"];
    const rest = ["--epochs", "1", "--batch-size", "4", "--json"];
    const done = await line("run", "--data", data.folder, "--out", out, ...words, ...keys, ...rest);
    expect(done.code).toBe(0);
    expect(lastJson(done)).toHaveProperty("segmenter");
    expect(done.stderr).toContain("(a): ");
    expect(done.stderr).toContain("(b): ");
  });
});
