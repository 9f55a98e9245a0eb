/** Scores of labels and segmentations over a whole split, made from what the addon returns. */
import type { LabelScores, NativeScores } from "../native/addon.js";
import { type Score, scoreOf, type ScoreTable } from "./score-table.js";

export type { LabelScores };

/**
 * How well tissue was segmented: one confusion matrix over all pixels of a split, then scores of it, as fractions 0..1.
 * Pixels whose ground truth is background are not scored. Null marks what is undefined, such as the IoU of a class
 * that occurs nowhere, or every score where no pixel is scored; means leave it out.
 */
export interface SegmentationScores extends Omit<ScoreTable<Score>, "boundaryF1" | "meanBoundaryF1"> {
  /**
   * Pixel counts [K][K + 1]: rows are ground truth, columns prediction. The last column counts tissue that was taken for
   * background, which only pseudo masks do; such pixels are wrong in every score.
   */
  readonly confusion: readonly (readonly number[])[];
}

/**
 * Label scores of several parts of a split as those of the whole: all three are means over patches.
 * @param counts - patches of each part. The addon rounds to the fourth decimal, so that is how exact the result is.
 */
export function meanLabelScores(parts: readonly LabelScores[], counts: readonly number[]): LabelScores {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const mean = (of: (part: LabelScores) => number): number =>
    parts.reduce((sum, part, index) => sum + of(part) * (counts[index] ?? 0), 0) / total;
  const rounded = (value: number): number => Number(value.toFixed(4));
  return {
    exactMatch: rounded(mean(({ exactMatch }) => exactMatch)),
    jaccard: rounded(mean(({ jaccard }) => jaccard)),
    classAccuracy: (first?.classAccuracy ?? []).map((_, index) =>
      mean(({ classAccuracy }) => classAccuracy[index] ?? Number.NaN),
    ),
  };
}

/** Segmentation scores with the matrix as rows of numbers. */
export function segmentationScoresOf(native: NativeScores): SegmentationScores {
  const [pixelAccuracy, meanClassAccuracy] = [scoreOf(native.pixelAccuracy), scoreOf(native.meanClassAccuracy)];
  const [mIoU, fwIoU] = [scoreOf(native.mIoU), scoreOf(native.fwIoU)];
  const [iou, dice] = [native.iou.map(scoreOf), native.dice.map(scoreOf)];
  const cells = new Float64Array(native.confusion);
  const columns = iou.length + 1;
  const confusion = iou.map((_, row) => [...cells.subarray(row * columns, (row + 1) * columns)]);
  return { confusion, pixelAccuracy, meanClassAccuracy, mIoU, fwIoU, iou, dice };
}
