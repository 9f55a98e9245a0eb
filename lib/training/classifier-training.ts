import { prepareCheckpointFolder } from "../model/checkpoint-paths.js";
import type { Split } from "../dataset/split.js";
import type { ModelDescription } from "../model/model-description.js";
import { metadataOf } from "../model/model-description.js";
import type {
  NativeClassifier,
  NativeClassifierTrainingOptions,
  NativeTrainingOptions,
  NativeTrainingSummary,
} from "../native/addon.js";
import { jobEvents } from "../native/job.js";
import type { ClassifierTrainingCall, ResolvedClassifierTraining } from "../options/classifier-training.js";
import type { Complete, TrainingSettings } from "../options/training.js";
import type { ClassifierTrainingEvent, TrainingSummary } from "../training-events.js";
import { classifierEventOf, trainingSummaryOf } from "../training-events.js";

/** Stage 1: decodes the splits, then trains. */
export async function* trainClassifier(
  native: NativeClassifier,
  description: ModelDescription,
  split: Split,
  { settings, validation, checkpointFolder }: ClassifierTrainingCall,
  signal: AbortSignal,
): AsyncGenerator<ClassifierTrainingEvent, TrainingSummary, void> {
  const folder = await prepareCheckpointFolder(checkpointFolder);
  const train = await split.load(signal);
  const scored = validation === undefined ? null : await validation.load(signal);
  const options = nativeOptions(settings, folder, metadataOf(description), scored !== null);
  const summary = yield* jobEvents<ClassifierTrainingEvent, NativeTrainingSummary>(
    (onEvent, done) =>
      native.train(options, train.patches, scored?.patches ?? null, (event) => onEvent(classifierEventOf(event)), done),
    signal,
  );
  return trainingSummaryOf(summary);
}

function nativeOptions(
  settings: ResolvedClassifierTraining,
  checkpointFolder: string,
  metadata: Record<string, string>,
  validated: boolean,
): NativeClassifierTrainingOptions {
  const { gammaInitial, gammaDecay, gammaFloor, gammaDecaysFrom, freezeStem, freezeBatchNorm } = settings;
  return {
    ...sharedNativeOptions(settings, checkpointFolder, metadata, validated),
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
  checkpointFolder: string,
  metadata: Record<string, string>,
  validated: boolean,
): NativeTrainingOptions & { readonly dropoutFactor: number } {
  return {
    epochs: settings.epochs,
    batchSize: settings.batchSize,
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
    dropLastBatch: settings.dropLastBatch,
    seed: settings.seed,
    horizontalFlip: settings.horizontalFlip,
    verticalFlip: settings.verticalFlip,
    dropoutFactor: settings.dropoutFactor,
    checkpointFolder,
    metadata,
    // Without validation nothing is best.
    keep: validated ? settings.keep : "last",
  };
}
