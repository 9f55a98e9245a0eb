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

/** What the segmenter makes of one patch of the validation split. */
export interface ValidationPreview {
  /** Which of the split's files, counted from 0. */
  readonly index: number;
  /** In pixels. */
  readonly height: number;
  /** In pixels. */
  readonly width: number;
  /** uint8 [height * width], row by row: the class of each pixel, 0..K-1, without a gate. */
  readonly classMap: Uint8Array;
}

/** One epoch of the segmenter. */
export interface SegmenterEpochEvent extends EpochEvent {
  /**
   * Pixels of the epoch's masks, of all levels together, that the loss was of: neither ignored nor, but for
   * `background: "fifth-logit"`, background. With 0 the loss is 0, and nothing was learned. A mosaic counts as the patch in
   * whose place it is.
   */
  readonly scoredPixels: number;
  /** Scores on the validation split without a gate, where there is one. */
  readonly validation?: SegmentationScores;
  /**
   * As many as the option `previews` asks for, of patches at even distances over the validation split; the same ones in every
   * epoch. In a group they are of the patches that this process looks at. None where the epoch is reported again.
   */
  readonly previews: readonly ValidationPreview[];
}

/** What `Classifier.train` reports; told apart by `kind`. */
export type ClassifierTrainingEvent = ClassifierStepEvent | ClassifierEpochEvent;

/** What `Segmenter.train` reports; told apart by `kind`. */
export type SegmenterTrainingEvent = StepEvent | SegmenterEpochEvent;

/**
 * The segmenter's event with scores and patches as users read them.
 * @param indexOf - index in the validation split of a patch of one of its groups.
 */
export function segmenterEventOf(
  event: StepEvent | NativeSegmenterEpochEvent,
  indexOf: (group: number, patch: number) => number,
): SegmenterTrainingEvent {
  if (event.kind === "step") return plainCopy(event);
  const { validation, previews, ...epoch } = event;
  return {
    ...epoch,
    ...(validation !== undefined && { validation: segmentationScoresOf(validation) }),
    previews: previews.map(({ part, patch, ...preview }) => ({ index: indexOf(part, patch), ...preview })),
  };
}

/** The summary, in which a best score that there is not is no number. */
export function trainingSummaryOf(summary: TrainingSummary): TrainingSummary {
  return { ...summary, bestScore: summary.bestEpoch < 0 ? NaN : summary.bestScore };
}
