/** The result of a run as JSON: scores of labels, pseudo masks and segmentations, with intervals. */
import type { ConfidenceIntervals, Interval } from "../evaluation/confidence-intervals.js";
import type { ResamplingUnit } from "../evaluation/groups.js";
import type { Score, ScoreTable } from "../evaluation/score-table.js";
import type { PatchViews } from "../native/patch-views.js";

/** Labels against probabilities above 0.5 on the test split, as fractions 0..1. */
export interface ClassifierResult {
  /** Share of patches whose whole label is right. */
  readonly exactMatch: number;
  /** Mean over patches of shared classes / named classes. */
  readonly jaccard: number;
  /** Share of patches on which the class was judged right, one per class. */
  readonly classAccuracy: readonly number[];
}

/** Scores over all pixels of a whole split, background excluded, as fractions 0..1; null where undefined. */
export interface SegmentationResult {
  /** Share of tissue pixels that are right. */
  readonly accuracy: number | null;
  readonly meanClassAccuracy: number | null;
  readonly mIoU: number | null;
  readonly fwIoU: number | null;
  /** Mean over classes of {@link boundaryF1}. */
  readonly meanBoundaryF1: number | null;
  /** One per class; null for a class that is in neither ground truth nor prediction. */
  readonly iou: readonly (number | null)[];
  readonly dice: readonly (number | null)[];
  readonly boundaryF1: readonly (number | null)[];
}

/** A confidence interval: from where to where; null where undefined. */
export type IntervalResult = readonly [low: number | null, high: number | null];

/** Bootstrap intervals of some scores. */
export interface IntervalsResult {
  /** What was drawn. */
  readonly by: ResamplingUnit;
  /** Number of patches or patients. */
  readonly units: number;
  /** Share of the resamples inside, 0..1. */
  readonly level: number;
  readonly accuracy: IntervalResult;
  readonly meanClassAccuracy: IntervalResult;
  readonly mIoU: IntervalResult;
  readonly fwIoU: IntervalResult;
  readonly meanBoundaryF1: IntervalResult;
  readonly iou: readonly IntervalResult[];
  readonly dice: readonly IntervalResult[];
  readonly boundaryF1: readonly IntervalResult[];
}

/** Scores of the test split. */
export interface TestResult extends SegmentationResult {
  /** In which ways each patch was looked at (`--tta`); absent for the patch alone. */
  readonly views?: PatchViews;
  /** Null where fewer than two patients, or patches, could be drawn from. */
  readonly intervals: IntervalsResult | null;
}

/** What a run prints at its end, as JSON with `--json`. */
export interface RunResult {
  /** On the test split. */
  readonly classifier?: ClassifierResult;
  /** By feature level, and of the masks of each round (`round 1`), on the train split against `train_mask/`; absent where there are none. */
  readonly pseudoMasks?: Readonly<Record<string, SegmentationResult>>;
  /** On the test split, without and with the class gate; `gated` is absent with `--no-gate`. */
  readonly segmenter?: { readonly plain: TestResult; readonly gated?: TestResult };
  /** Wall time of the command, in milliseconds. */
  readonly elapsedMs: number;
}

/** Scores in the form of the result. */
export function segmentationResult(scores: ScoreTable<Score>): SegmentationResult {
  return {
    accuracy: scores.pixelAccuracy,
    meanClassAccuracy: scores.meanClassAccuracy,
    mIoU: scores.mIoU,
    fwIoU: scores.fwIoU,
    meanBoundaryF1: scores.meanBoundaryF1,
    iou: [...scores.iou],
    dice: [...scores.dice],
    boundaryF1: [...scores.boundaryF1],
  };
}

const ends = ({ low, high }: Interval): IntervalResult => [low, high];

/** Intervals in the form of the result. */
export function intervalsResult({ by, units, level, scores }: ConfidenceIntervals): IntervalsResult {
  return {
    by,
    units,
    level,
    accuracy: ends(scores.pixelAccuracy),
    meanClassAccuracy: ends(scores.meanClassAccuracy),
    mIoU: ends(scores.mIoU),
    fwIoU: ends(scores.fwIoU),
    meanBoundaryF1: ends(scores.meanBoundaryF1),
    iou: scores.iou.map(ends),
    dice: scores.dice.map(ends),
    boundaryF1: scores.boundaryF1.map(ends),
  };
}
