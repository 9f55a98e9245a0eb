/** Labels against probabilities above 0.5 on the test split, as fractions 0..1. */
export interface ClassifierResult {
  /** Share of patches whose whole label is right. */
  readonly exactMatch: number;
  /** Mean over patches of shared classes / named classes. */
  readonly jaccard: number;
  /** Share of patches on which the class was judged right, one per class. */
  readonly classAccuracy: readonly number[];
}

/** Scores over one confusion matrix of a whole split, background excluded, as fractions 0..1; null where undefined. */
export interface SegmentationResult {
  /** Share of tissue pixels that are right. */
  readonly accuracy: number | null;
  readonly meanClassAccuracy: number | null;
  readonly mIoU: number | null;
  readonly fwIoU: number | null;
  /** One per class; null for a class that is in neither ground truth nor prediction. */
  readonly iou: readonly (number | null)[];
  readonly dice: readonly (number | null)[];
}

/** What a run prints at its end, as JSON with `--json`. */
export interface RunResult {
  /** On the test split. */
  readonly classifier?: ClassifierResult;
  /** By feature level, on the train split against `train_mask/`; absent where there are no such masks. */
  readonly pseudoMasks?: Readonly<Record<string, SegmentationResult>>;
  /** On the test split, without and with the class gate; `gated` is absent with `--no-gate`. */
  readonly segmenter?: { readonly plain: SegmentationResult; readonly gated?: SegmentationResult };
  /** Wall time of the command, in milliseconds. */
  readonly elapsedMs: number;
}

/** The scores as the library gives them. */
export interface ScoresLike {
  readonly pixelAccuracy: number;
  readonly meanClassAccuracy: number;
  readonly mIoU: number;
  readonly fwIoU: number;
  readonly iou: readonly number[];
  readonly dice: readonly number[];
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** Scores in the form of the result, NaN as null. */
export function segmentationResult(scores: ScoresLike): SegmentationResult {
  return {
    accuracy: finite(scores.pixelAccuracy),
    meanClassAccuracy: finite(scores.meanClassAccuracy),
    mIoU: finite(scores.mIoU),
    fwIoU: finite(scores.fwIoU),
    iou: scores.iou.map(finite),
    dice: scores.dice.map(finite),
  };
}
