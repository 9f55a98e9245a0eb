/** Events and summaries of both trainings as the API gives them out. */
import { type SegmentationScores, segmentationScoresOf } from "../evaluation/scores.js";
import type {
  ClassifierEpochEvent,
  ClassifierStepEvent,
  EpochEvent,
  NativeSegmenterEpochEvent,
  StepEvent,
  TrainingSummary,
} from "../native/native-training.js";
import { plainCopy } from "../native/plain-copy.js";

export type { ClassifierEpochEvent, ClassifierStepEvent, EpochEvent, StepEvent, TrainingSummary };

/** One epoch of the segmenter. */
export interface SegmenterEpochEvent extends EpochEvent {
  /**
   * Pixels of the epoch's masks, of all levels together, that the loss was of: neither ignored nor, but for
   * `background: "fifth-logit"`, background. With 0 the loss is 0, and nothing was learned.
   */
  readonly scoredPixels: number;
  /** Scores on the validation split without a gate, where there is one. */
  readonly validation?: SegmentationScores;
}

/** What `Classifier.train` reports; told apart by `kind`. */
export type ClassifierTrainingEvent = ClassifierStepEvent | ClassifierEpochEvent;

/** What `Segmenter.train` reports; told apart by `kind`. */
export type SegmenterTrainingEvent = StepEvent | SegmenterEpochEvent;

/** The segmenter's event with scores as users read them. */
export function segmenterEventOf(event: StepEvent | NativeSegmenterEpochEvent): SegmenterTrainingEvent {
  if (event.kind === "step") return plainCopy(event);
  const { validation, ...epoch } = event;
  return { ...epoch, ...(validation !== undefined && { validation: segmentationScoresOf(validation) }) };
}

/** The summary, in which a best score that there is not is no number. */
export function trainingSummaryOf(summary: TrainingSummary): TrainingSummary {
  return { ...summary, bestScore: summary.bestEpoch < 0 ? NaN : summary.bestScore };
}
