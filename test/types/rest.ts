/** Everything but the models, as a user calls it. Only compiled, never run. */
import {
  type CheckCode,
  compareEvaluations,
  confidenceIntervals,
  type Dataset,
  type DatasetDescriptionInput,
  type ErrorCode,
  type ColourGroup,
  examineDataset,
  exportOnnx,
  type FeatureLevel,
  inspectWeights,
  type Interval,
  isWsssError,
  type LabelRule,
  type MosaicChoice,
  openDataset,
  packageVersion,
  type PresetDescription,
  presetNames,
  presets,
  resolveClassifierTraining,
  resolveSegmenterTraining,
  type Score,
  type SegmentationEvaluation,
  type Segmenter,
  type Severity,
  type Split,
  type SplitName,
  splitNames,
  type WeightTensor,
  type WsssError,
} from "wsss-tissue-native";
import { same } from "./equal.js";

same<string>()(packageVersion);

const description = {
  name: "own",
  classes: [
    { name: "gland", colour: [255, 0, 0] },
    { name: "stroma", colour: [0, 255, 0] },
  ],
  labels: { rule: "manifest", file: "patches.csv" },
} as const satisfies DatasetDescriptionInput;

export async function datasets(): Promise<Dataset> {
  const dataset = await openDataset("LUAD-HistoSeg", { preset: "luad-histoseg", require: ["train", "val"] });
  same<Split>()(dataset.train);
  same<PresetDescription>()(presets["bcss-wsss"]);
  same<readonly ["luad-histoseg", "bcss-wsss"]>()(presetNames);
  for (const name of splitNames) same<Split>()(dataset[name]);
  // @ts-expect-error -- no such preset
  await openDataset("LUAD-HistoSeg", { preset: "luad" });
  // @ts-expect-error -- no such split
  await openDataset("LUAD-HistoSeg", { require: ["validation"] });
  // @ts-expect-error -- a dataset on disk is not changed by assigning to it
  dataset.classes = [];
  // @ts-expect-error -- nor by adding to it
  dataset.classes.push({ name: "fat", colour: [255, 255, 0] });
  // @ts-expect-error -- a manifest must be named
  await openDataset("own", { description: { ...description, labels: { rule: "manifest" } } });
  // @ts-expect-error -- a colour has three parts
  await openDataset("own", { description: { ...description, classes: [{ name: "gland", colour: [255, 0] }] } });
  return await openDataset("own", { description });
}

export function numbering(): readonly DatasetDescriptionInput[] {
  // @ts-expect-error -- values stand for names
  const wrong: DatasetDescriptionInput = { ...description, maskIndices: { 0: 1 } };
  return [
    { ...description, background: 0 },
    { ...description, background: { name: "glass", index: 0 } },
    { ...description, maskIndices: { 0: "background", 1: "gland", 2: "stroma", 9: "ignored" } },
    wrong,
  ];
}

export function labels(rule: LabelRule): string {
  if (rule.rule === "manifest") return rule.file;
  // @ts-expect-error -- names of files are no manifest
  rule.file satisfies string;
  same<"strict" | "published">()(rule.grammar);
  return rule.rule;
}

export async function findings(): Promise<readonly CheckCode[]> {
  const { colours } = await examineDataset("own", { colours: true });
  same<readonly ColourGroup[] | null>()(colours);
  const { findings: all, splits, mosaics } = await examineDataset("own", { description });
  same<MosaicChoice | null>()(mosaics);
  same<number>()(splits.train.patches);
  same<Severity | undefined>()(all[0]?.severity);
  same<SplitName | null | undefined>()(all[0]?.split);
  // @ts-expect-error -- no such check
  return all.map(({ check }) => check).filter((check) => check === "mask-lost");
}

export async function scores(first: SegmentationEvaluation, second: SegmentationEvaluation): Promise<Score> {
  const { scores: intervals } = await confidenceIntervals(first, { by: "patient", level: 0.9 });
  same<Interval>()(intervals.mIoU);
  same<readonly Interval[]>()(intervals.dice);
  const { pValues } = await compareEvaluations(first, second, { permutations: 1000 });
  same<number | null>()(pValues.mIoU);
  same<number | null>()(first.fwIoU);
  same<number | null>()(first.patches[0]?.fwIoU ?? null);
  same<number | null>()(intervals.fwIoU.low);
  // @ts-expect-error -- patches or patients
  await confidenceIntervals(first, { by: "slide" });
  // @ts-expect-error -- a score alone can't be resampled
  await confidenceIntervals(first.mIoU);
  // What went through JSON can be compared again.
  await compareEvaluations(first, JSON.parse("{}") as SegmentationEvaluation);
  return pValues.mIoU;
}

export function settings(): void {
  const classifier = resolveClassifierTraining({ recipe: "published" });
  same<number>()(classifier.epochs);
  same<boolean>()(classifier.freezeStem);
  same<number | "never">()(classifier.pdaStartEpoch);
  // @ts-expect-error -- resolved settings are frozen
  classifier.epochs = 1;
  const segmenter = resolveSegmenterTraining({}, { pretrained: true, backbone: "mobilenet" });
  same<readonly number[] | "auto">()(segmenter.levelWeights);
  same<number | "auto">()(segmenter.mosaic);
  // @ts-expect-error -- a network of the classifier
  resolveSegmenterTraining({}, { pretrained: true, backbone: "resnet38" });
  // @ts-expect-error -- no such recipe
  resolveClassifierTraining({ recipe: "paper" });
  const levels: Record<FeatureLevel, number> = {
    bn7: 0,
    b5_2: 0,
    b4_5: 0,
    features18: 0,
    features17: 0,
    features16: 0,
    head: 0,
    stage7: 0,
    stage6: 0,
  };
  same<number>()(levels.bn7);
}

export async function weights(): Promise<void> {
  const { tensors } = await inspectWeights("stage1.pth", { statistics: false });
  same<WeightTensor | undefined>()(tensors.get("fc8.weight"));
  // @ts-expect-error -- what a file holds is read, not changed
  tensors.clear();
}

export function failures(error: unknown): ErrorCode | undefined {
  // @ts-expect-error -- no such code
  if (isWsssError(error, "WSSS_ERR_DISK")) return "WSSS_ERR_IO";
  if (!isWsssError(error)) return undefined;
  same<ErrorCode>()(error.code);
  same<unknown>()(error.details.path);
  // @ts-expect-error -- no such code
  if (error.code === "WSSS_ERR_DISK") return undefined;
  return error.code;
}

/** The question about one code leaves the other codes possible. */
export function narrowing(error: WsssError): ErrorCode {
  if (isWsssError(error, "WSSS_ERR_IO")) {
    same<"WSSS_ERR_IO">()(error.code);
    return error.code;
  }
  return error.code;
}

export async function exporting(segmenter: Segmenter, signal: AbortSignal): Promise<void> {
  await segmenter.exportOnnx("a.onnx", { output: "class-map", fixedSize: { height: 224, width: 320 }, signal });
  same<"classifier" | "segmenter">()(await exportOnnx("a.safetensors", "a.onnx", { fixedSize: 224 }));
  // @ts-expect-error there is no such output
  await segmenter.exportOnnx("a.onnx", { output: "masks" });
}
