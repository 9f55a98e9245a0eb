/** The models as a user calls them. Only compiled, never run: each `@ts-expect-error` must be one, or it is an error. */
import {
  type ClassifierEpochEvent,
  type ClassifierStepEvent,
  type ClassifierTrainingEvent,
  Classifier,
  type ClassMap,
  type Dataset,
  type LabelPrediction,
  type LabelScores,
  type MaskLevel,
  type Model,
  type ProcessGroup,
  type Progress,
  PseudoMasks,
  type SegmentationEvaluation,
  type SegmentationPrediction,
  type SegmentationScores,
  Segmenter,
  type SegmenterEpochEvent,
  type StepEvent,
  type TissueClass,
  type TrainingSummary,
} from "wsss-tissue-native";
import { same } from "./equal.js";

export async function making({ classes }: Dataset, signal: AbortSignal): Promise<Model> {
  await using classifier = await Classifier.create({ classes, width: 0.25, device: "cuda:1", seed: undefined, signal });
  same<Classifier>()(classifier);
  same<"resnet38" | "mobilenet" | "efficientnet-lite0" | "efficientnet-lite1" | "efficientnet-lite2">()(
    classifier.backbone,
  );
  same<readonly TissueClass[]>()(classifier.classes);

  // @ts-expect-error -- the classes are missing
  await Classifier.create({ width: 0.25 });
  // @ts-expect-error -- no such option
  await Classifier.create({ classes, widht: 0.25 });
  // @ts-expect-error -- a number, not its text
  await Classifier.create({ classes, width: "0.25" });
  // @ts-expect-error -- a key is text; that of the second in a list is "1"
  await Classifier.create({ classes, weights: "a.pth", weightsKey: 1 });
  same<readonly string[] | undefined>()(classifier.weightsReport?.stripped);
  same<readonly string[] | undefined>()(classifier.weightsReport?.unread);
  // @ts-expect-error -- a network of the segmenter
  await Classifier.create({ classes, backbone: "resnet101" });
  // @ts-expect-error -- no such device
  await Classifier.load("stage1.safetensors", { device: "gpu" });
  // @ts-expect-error -- the output stride is 8 or 16
  await Segmenter.create({ classes, outputStride: 32 });
  // @ts-expect-error -- made by create() and load() only
  new Classifier();
  // @ts-expect-error -- an answer, not an option
  classifier.width = 1;
  // @ts-expect-error -- freed by waiting
  using segmenter = await Segmenter.create({ classes });
  same<8 | 16>()(segmenter.outputStride);
  same<Classifier | null>()(segmenter.bundledClassifier);
  return segmenter;
}

export async function classifying(classifier: Classifier, { train, val }: Dataset): Promise<TrainingSummary> {
  for await (const event of classifier.train(train, { validation: val, recipe: "published", pdaStartEpoch: "never" })) {
    same<ClassifierTrainingEvent>()(event);
    switch (event.kind) {
      case "step":
        same<ClassifierStepEvent>()(event);
        same<number>()(event.loss);
        // @ts-expect-error -- known at the end of an epoch only
        event.meanLoss satisfies number;
        break;
      case "epoch":
        same<ClassifierEpochEvent>()(event);
        same<LabelScores | undefined>()(event.labelValidation);
        // @ts-expect-error -- of a step only
        event.loss satisfies number;
        break;
      default:
        same<never>()(event);
    }
  }
  // @ts-expect-error -- an option of the segmenter's training
  classifier.train(train, { levelWeights: "auto" });
  // @ts-expect-error -- a split, not its name
  classifier.train("train");

  same<LabelPrediction>()(await classifier.predict("patch.png", { batchSize: 1 }));
  same<LabelPrediction[]>()(
    await classifier.predict(["patch.png", { rgb: new Uint8Array(3072), height: 32, width: 32 }]),
  );
  same<LabelPrediction[]>()(await classifier.predict(val));
  // @ts-expect-error -- pixels without their size
  await classifier.predict({ rgb: new Uint8Array(3072) });

  // @ts-expect-error -- a number of patches, or "auto"
  classifier.train(train, { batchSize: "large" });

  // The summary is the generator's return value.
  const next = await classifier.train(train, { batchSize: "auto", gradientCheckpointing: true }).next();
  if (next.done !== true) throw new Error(next.value.kind);
  same<TrainingSummary>()(next.value);
  same<number>()(next.value.batchSize);
  return next.value;
}

export async function redrawing(segmenter: Segmenter, { train }: Dataset): Promise<PseudoMasks> {
  const masks = await segmenter.redrawPseudoMasks(train, { views: "symmetries", glass: false, output: "redrawn" });
  masks.mask("segmenter", 0) satisfies Uint8Array;

  // @ts-expect-error -- a segmenter has no feature levels to draw from
  await segmenter.redrawPseudoMasks(train, { levels: ["bn7"] });
  return masks;
}

export async function drawing(classifier: Classifier, { train }: Dataset, group: ProcessGroup): Promise<PseudoMasks> {
  const masks = await classifier.generatePseudoMasks(train, {
    levels: ["bn7", "b4_5"],
    glass: { greyAbove: 200, minAreaPx: 50 },
    onProgress: (progress) => same<Progress>()(progress),
  });
  same<readonly MaskLevel[]>()(masks.levels);
  same<string | null>()(masks.folder);
  same<SegmentationEvaluation>()(await masks.score("bn7", train));
  masks.mask("b5_2", 0) satisfies Uint8Array;

  // @ts-expect-error -- no such level
  await classifier.generatePseudoMasks(train, { levels: ["bn8"] });
  // @ts-expect-error -- no such level
  masks.mask("bn8", 0);
  // @ts-expect-error -- glass is a rule or the dataset's, not on
  await classifier.generatePseudoMasks(train, { glass: true });
  // @ts-expect-error -- a group is one of joinProcessGroup
  await train.load(undefined, undefined, { rank: 0 });
  await train.load(undefined, undefined, group);
  return await PseudoMasks.open("train_PM", train, { levels: masks.levels, group });
}

export async function segmenting(
  segmenter: Segmenter,
  classifier: Classifier,
  masks: PseudoMasks,
  { train, val, test }: Dataset,
): Promise<void> {
  for await (const event of segmenter.train(train, { masks, validation: val })) {
    if (event.kind === "step") same<StepEvent>()(event);
    else same<SegmenterEpochEvent>()(event);
    if (event.kind === "epoch") same<SegmentationScores | undefined>()(event.validation);
  }
  segmenter.train(train, { masks: "ground-truth", levelWeights: [1], mosaic: 0.5 });
  segmenter.train(train, { masks: "ground-truth", mosaic: "auto" });
  // @ts-expect-error -- something must be learned from
  segmenter.train(train, {});
  // @ts-expect-error -- masks are opened first
  segmenter.train(train, { masks: "train_PM" });
  // @ts-expect-error -- an option of the classifier's training
  segmenter.train(train, { masks, gammaDecay: 0.98 });

  const gate = classifier;
  same<SegmentationPrediction>()(await segmenter.predict("patch.png", { gate, gateRule: "multiply" }));
  same<SegmentationPrediction[]>()(await segmenter.predict(["patch.png"], { gate: null }));
  for await (const map of segmenter.predictEach(["patch.png"], { gate, batchSize: 4 })) same<ClassMap>()(map);
  // @ts-expect-error -- patches, not a split
  segmenter.predictEach(test);
  const maps = await segmenter.predict(val);
  same<ClassMap[]>()(maps);
  // @ts-expect-error -- a split has no probabilities, which would not fit into memory
  maps[0]?.probabilities satisfies Float32Array | undefined;
  // @ts-expect-error -- the gate is a classifier
  await segmenter.predict("patch.png", { gate: segmenter });
  // @ts-expect-error -- the gate is a classifier, not its file
  await segmenter.evaluate(test, { gate: "stage1.safetensors" });
  // @ts-expect-error -- a number or "auto"
  await segmenter.evaluate(test, { boundaryTolerancePx: "wide" });
  same<readonly (number | null)[]>()((await segmenter.evaluate(test, { gate, boundaryTolerancePx: 2 })).iou);
}
