/** The stage `train-segmenter`: makes the segmenter, trains it on masks, writes weights and metrics. */
import { join } from "node:path";
import { drain } from "../../async/drain.js";
import { classesOf } from "../../dataset/dataset-fingerprint.js";
import type { Score } from "../../evaluation/score-table.js";
import type { SegmenterEpochEvent, StepEvent } from "../../model/training-events.js";
import { PseudoMasks } from "../../pseudo-masks/pseudo-masks.js";
import { describeMosaics, mosaicShare } from "../../segmenter/mosaic-share.js";
import { Segmenter } from "../../segmenter/segmenter.js";
import type { SegmenterTrainingPlan } from "../../segmenter/train-segmenter.js";
import { abandonWhenLost } from "../abandon-when-lost.js";
import { type RunContext, sectionOf } from "../context.js";
import { followTraining, type TrainingLog, type TrainingRecord } from "../follow-training.js";
import { keepOwnCheckpoints } from "../own-checkpoints.js";
import { recordedSegmenter } from "../plan.js";
import { identityOfFirstWeights, maskSource, type StageSource } from "../sources.js";
import { performStage, type StageOutcome } from "../stage.js";
import { segmenterEpochColumns, segmenterScalars, segmenterStepColumns } from "../training-metrics.js";
import { describeWeightsReport } from "../weights-note.js";
import { loadForStage, progressOf } from "./load-split.js";
import { picturesOfEpoch, ValidationPictures } from "./validation-pictures.js";

const stage = "train-segmenter";
const weightsFile = "segmenter.safetensors";

function describe({ meanLoss, validation }: SegmenterEpochEvent): string {
  const loss = `loss ${meanLoss.toFixed(4)}`;
  if (validation === undefined) return loss;
  const share = (value: Score): string => value?.toFixed(3) ?? "-";
  return `${loss}  val accuracy ${share(validation.pixelAccuracy)}  mIoU ${share(validation.mIoU)}`;
}

/** An epoch whose loss is of no pixel teaches nothing, and its loss of 0 looks like success. */
function warningOf({ scoredPixels }: SegmenterEpochEvent): string | undefined {
  if (scoredPixels > 0) return undefined;
  return "no mask of it had a pixel to learn from: each pixel was background or ignored, so the loss is 0 and nothing was learned";
}

/** The masks to learn from: those of this process, or those of the folder; null = the true ones. */
async function openMasks(context: RunContext, source: StageSource | null): Promise<PseudoMasks | "ground-truth"> {
  if (source === null) return "ground-truth";
  const { memory, sources, dataset, group, signal } = context;
  if (memory.pseudoMasks !== undefined && sources.masks === undefined) return memory.pseudoMasks;
  const { levels } = sectionOf(context, "pseudoMasks");
  return await PseudoMasks.open(source.path, dataset.train, {
    ...(levels === "all" ? {} : { levels }),
    group,
    signal,
    onProgress: progressOf(context, stage, "pseudo masks"),
  });
}

/** The segmenter before its training, with the weights that it starts from. @throws WsssError if they do not fit it */
export async function makeSegmenter(context: RunContext): Promise<Segmenter> {
  const { fingerprint, device, signal } = context;
  const { weights, weightsKey, strict, ...network } = sectionOf(context, "segmenter");
  const { seed, width, headWidth, backbone, outputStride, foldNormalization } = network;
  return await Segmenter.create({
    classes: fingerprint.classes,
    background: fingerprint.background,
    seed,
    width,
    headWidth,
    backbone,
    outputStride,
    foldNormalization,
    ...(weights === null ? {} : { weights, weightsKey, strict }),
    ...device,
    signal,
  });
}

/** How the segmenter is trained, in every process that takes part. */
function planOf(context: RunContext, masks: SegmenterTrainingPlan["masks"]): SegmenterTrainingPlan {
  const { root, dataset, checkpoints, group, signal } = context;
  const { training } = sectionOf(context, "segmenter");
  const validation = dataset.val.count > 0 && dataset.val.hasMasks ? dataset.val : undefined;
  const keep = validation === undefined ? "last" : training.keep;
  const checkpointFolder = join(root, "checkpoints", "segmenter");
  return { settings: { ...training, keep }, masks, ...checkpoints, checkpointFolder, group, signal, validation };
}

/** What the segmenter learns from: masks, or null for the true ones. */
async function sourceOf({ root, sources, plan }: RunContext): Promise<StageSource | null> {
  return plan.segmenter?.masks === "ground-truth" ? null : await maskSource(root, sources.masks);
}

/** Takes part in the training that process 0 of a group does and writes down. */
export async function shareSegmenterTraining(context: RunContext): Promise<void> {
  const masks = await openMasks(context, await sourceOf(context));
  const segmenter = await makeSegmenter(context);
  try {
    await drain(segmenter.trainAsPlanned(context.dataset.train, planOf(context, masks)));
  } finally {
    await segmenter.dispose();
  }
}

async function train(context: RunContext, source: StageSource | null, key: string): Promise<TrainingRecord> {
  const { root, dataset, checkpoints, signal, reporter } = context;
  const { training } = sectionOf(context, "segmenter");
  await loadForStage(context, stage, dataset.train);
  const plan = planOf(context, await openMasks(context, source));
  const { validation, checkpointFolder } = plan;
  const pictures = context.tensorboard && validation !== undefined ? new ValidationPictures(context, validation) : null;
  const previews = pictures === null ? 0 : picturesOfEpoch;
  if (validation === undefined) reporter.note("no val patches with masks: the weights of the last epoch are kept");
  const mosaics = mosaicShare(stage, dataset.train, training.mosaic, source === null ? "ground-truth" : "pseudo");
  if (training.mosaic === "auto" && source !== null) reporter.note(`mosaics: ${describeMosaics(mosaics)}`);
  const segmenter = await makeSegmenter(context);
  if (segmenter.weightsReport !== null) reporter.note(describeWeightsReport(segmenter.weightsReport));
  const release = abandonWhenLost(signal, segmenter);
  try {
    const log: TrainingLog<StepEvent, SegmenterEpochEvent> = {
      stage,
      folder: join(root, "metrics"),
      name: "segmenter",
      epochs: training.epochs,
      onGpu: segmenter.device !== "cpu",
      stepColumns: segmenterStepColumns,
      epochColumns: segmenterEpochColumns,
      settings: { ...training, mosaic: mosaics.share },
      scalars: segmenterScalars,
      boardFolder: context.tensorboard ? join(root, "tensorboard", "segmenter") : undefined,
      describe,
      warningOf,
      picturesOf: async (event: SegmenterEpochEvent) => (await pictures?.draw(event.previews)) ?? [],
    };
    if (checkpointFolder !== undefined) await keepOwnCheckpoints(checkpointFolder, key, checkpoints.resume);
    await context.groupWork?.begin(stage, context);
    const record = await followTraining(log, reporter, () =>
      segmenter.trainAsPlanned(dataset.train, { ...plan, previews }),
    );
    await segmenter.save(join(root, weightsFile));
    return record;
  } finally {
    release();
    await segmenter.dispose();
  }
}

/** Stage 3: trains the segmenter on pseudo masks, or on the true masks; writes `segmenter.safetensors` and its metrics. */
export async function performSegmenterStage(context: RunContext): Promise<StageOutcome<TrainingRecord>> {
  const { fingerprint } = context;
  const source = await sourceOf(context);
  const { levels } = source === null ? { levels: [] } : sectionOf(context, "pseudoMasks");
  // Another number of rounds leaves a training what it is.
  const section = { ...recordedSegmenter(sectionOf(context, "segmenter")), rounds: undefined };
  return await performStage(context, {
    name: stage,
    key: {
      section: { ...section, weights: await identityOfFirstWeights(section) },
      masks: source === null ? fingerprint.train.masks : { identity: source.identity, levels },
      classes: classesOf(fingerprint),
      train: fingerprint.train.patches,
      val: fingerprint.val,
    },
    outputs: [weightsFile, "metrics/segmenter-steps.csv", "metrics/segmenter-epochs.csv"],
    work: async (key) => await train(context, source, key),
  });
}
