import type { Split } from "../dataset/split.js";
import type { ModelDescription } from "../model/model-description.js";
import type { TrainingHistory } from "../model/training-history.js";
import { metadataOf } from "../model/model-description.js";
import type {
  NativeClassifier,
  NativeClassifierTrainingOptions,
  NativeTrainingOptions,
  NativeTrainingSummary,
} from "../native/addon.js";
import { jobEvents } from "../native/job.js";
import type { ClassifierTrainingCall, ResolvedClassifierTraining } from "./classifier-training-options.js";
import type { ModelPrecision } from "../model/precision.js";
import { mostPatches } from "../model/training-options.js";
import type { Complete, TrainingSettings } from "../model/training-options.js";
import { freeMemoryBytes } from "../machine/free-memory.js";
import { type NativeCheckpointOptions, prepareCheckpoints } from "../model/checkpoints.js";
import type { ClassifierTrainingEvent, TrainingSummary } from "../model/training-events.js";
import { classifierEventOf, trainingSummaryOf } from "../model/training-events.js";

/** What a training needs beside its data and options. */
export interface TrainingSurroundings {
  /** Trainings that led to the weights. */
  readonly trainings: readonly TrainingHistory[];
  readonly precision: ModelPrecision["training"];
  readonly signal: AbortSignal;
}

/** Stage 1: decodes the splits, then trains. */
export async function* trainClassifier(
  native: NativeClassifier,
  description: ModelDescription,
  split: Split,
  { settings, ...callOptions }: ClassifierTrainingCall,
  { trainings, precision, signal }: TrainingSurroundings,
): AsyncGenerator<ClassifierTrainingEvent, TrainingSummary, void> {
  const { validation } = callOptions;
  const configuration = { call: "Classifier.train", settings, precision, description, train: split, validation };
  const checkpoints = await prepareCheckpoints(configuration, callOptions);
  const train = await split.load(signal);
  const groups = validation === undefined ? [] : await validation.loadGroups(signal);
  const scored = oneOrAll(groups.map(({ patches }) => patches));
  const metadata = metadataOf(description, trainings);
  const shared = sharedNativeOptions(settings, split, checkpoints, metadata, scored !== null);
  const options = { ...shared, ...ownNativeOptions(settings), precision };
  const summary = yield* jobEvents<ClassifierTrainingEvent, NativeTrainingSummary>(
    (onEvent, done) => native.train(options, train.patches, scored, (event) => onEvent(classifierEventOf(event)), done),
    signal,
  );
  return trainingSummaryOf(summary);
}

/** What the addon validates on: patches of one size by themselves, of several as a list; null for none. */
export function oneOrAll<Part>(parts: readonly Part[]): Part | readonly Part[] | null {
  const [first] = parts;
  if (first === undefined) return null;
  return parts.length === 1 ? first : parts;
}

function ownNativeOptions(
  settings: ResolvedClassifierTraining,
): Omit<NativeClassifierTrainingOptions, keyof NativeTrainingOptions | "dropoutFactor"> {
  const { gammaInitial, gammaDecay, gammaFloor, gammaDecaysFrom, freezeStem, freezeBatchNorm } = settings;
  return {
    pdaStartEpoch: settings.pdaStartEpoch === "never" ? settings.epochs : settings.pdaStartEpoch,
    gammaInitial,
    gammaDecay,
    gammaFloor,
    gammaDecaysFrom,
    pdaDivisor: settings.pdaDivisor === "classes" ? 0 : settings.pdaDivisor,
    freezeStem,
    freezeBatchNorm,
  };
}

/** The part of the addon's options that both trainings share. */
export function sharedNativeOptions(
  settings: Omit<Complete<TrainingSettings>, "recipe">,
  split: Split,
  checkpoints: NativeCheckpointOptions,
  metadata: Record<string, string>,
  validated: boolean,
): Omit<NativeTrainingOptions, "precision"> & { readonly dropoutFactor: number } {
  return {
    epochs: settings.epochs,
    batchSize: mostPatches(settings.batchSize, split.count),
    fitBatch: settings.batchSize === "auto",
    freeHostBytes: freeMemoryBytes(),
    gradientCheckpointing: settings.gradientCheckpointing,
    learningRate: settings.learningRate,
    headLearningRateFactor: settings.headLearningRateFactor,
    momentum: settings.momentum,
    nesterov: settings.nesterov,
    weightDecay: settings.weightDecay,
    schedule: settings.schedule,
    power: settings.power,
    stepEpochs: settings.stepEpochs,
    warmupEpochs: settings.warmupEpochs,
    gradientClipNorm: settings.gradientClipNorm,
    emaDecay: settings.emaDecay,
    dropLastBatch: settings.dropLastBatch,
    unfoldBatchNorm: settings.unfoldBatchNorm,
    seed: settings.seed,
    horizontalFlip: settings.horizontalFlip,
    verticalFlip: settings.verticalFlip,
    dropoutFactor: settings.dropoutFactor,
    ...checkpoints,
    metadata,
    // Without validation nothing is best.
    keep: validated ? settings.keep : "last",
  };
}
