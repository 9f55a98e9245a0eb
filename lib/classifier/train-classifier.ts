/** The classifier's training in the addon: splits loaded, checkpoints prepared, events handed on. */
import type { Split } from "../dataset/split.js";
import { prepareCheckpoints, prepareGroup } from "../model/checkpoints.js";
import { metadataOf, type ModelDescription } from "../model/model-description.js";
import {
  type NativeTraining,
  nativeTraining,
  oneOrAll,
  type TrainingContext,
  type TrainingSurroundings,
} from "../model/native-training-options.js";
import { type ClassifierTrainingEvent, type TrainingSummary, trainingSummaryOf } from "../model/training-events.js";
import type { NativeClassifier } from "../native/addon.js";
import { jobEvents } from "../native/job.js";
import { plainCopy } from "../native/plain-copy.js";
import { recordedSettings } from "../options/declared-option.js";
import {
  type ClassifierTrainingCall,
  classifierTrainingTable,
  type ResolvedClassifierTraining,
} from "./classifier-training-options.js";

/** Stage 1: decodes the splits, then trains. */
export async function* trainClassifier(
  native: NativeClassifier,
  description: ModelDescription,
  split: Split,
  { settings, ...callOptions }: ClassifierTrainingCall,
  { trainings, precision, signal }: TrainingSurroundings,
): AsyncGenerator<ClassifierTrainingEvent, TrainingSummary, void> {
  const { validation } = callOptions;
  const recorded = recordedSettings(classifierTrainingTable, settings);
  const configuration = {
    call: "Classifier.train",
    settings: recorded,
    precision,
    description,
    train: split,
    validation,
  };
  const checkpoints = await prepareCheckpoints(configuration, callOptions);
  const group = await prepareGroup(configuration, callOptions);
  const train = await split.load(signal, undefined, callOptions.group);
  const groups = validation === undefined ? [] : await validation.loadGroups(signal, undefined, callOptions.group);
  const scored = oneOrAll(groups.map(({ patches }) => patches));
  const metadata = metadataOf(description, trainings);
  const context = { split, checkpoints, metadata, precision, isValidated: scored !== null, group };
  const options = nativeClassifierTraining(settings, context);
  const summary = yield* jobEvents<ClassifierTrainingEvent, TrainingSummary>(
    (onEvent, done) => native.train(options, train.patches, scored, (event) => onEvent(plainCopy(event)), done),
    signal,
  );
  return trainingSummaryOf(summary);
}

/** What the addon is told of a classifier's training: words that stand for numbers have become them. */
export type NativeClassifierTraining = NativeTraining<
  Omit<ResolvedClassifierTraining, "pdaStartEpoch" | "pdaDivisor"> & {
    /** An epoch of `epochs` or more turns PDA off. */
    readonly pdaStartEpoch: number;
    /** 0 = the number of classes. */
    readonly pdaDivisor: number;
  }
>;

function nativeClassifierTraining(
  settings: ResolvedClassifierTraining,
  context: TrainingContext,
): NativeClassifierTraining {
  const { pdaStartEpoch, pdaDivisor, epochs } = settings;
  return {
    ...nativeTraining(settings, context),
    pdaStartEpoch: pdaStartEpoch === "never" ? epochs : pdaStartEpoch,
    pdaDivisor: pdaDivisor === "classes" ? 0 : pdaDivisor,
  };
}
