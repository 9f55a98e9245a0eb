/** A score, a fraction 0..1; null where it is undefined: a class that occurs nowhere, or a patch on which no pixel is scored. */
export type Score = number | null;

/**
 * All scores of a segmentation, or something about each of them, such as its confidence interval. Means leave out what is undefined.
 *
 * @typeParam Value - {@link Score} for scores, {@link Interval} for their confidence intervals.
 */
export interface ScoreTable<Value> {
  /** Share of scored pixels that are right. */
  readonly pixelAccuracy: Value;
  /** Mean over classes of the share of the class's pixels that are right. */
  readonly meanClassAccuracy: Value;
  /** Mean over classes of {@link iou}. */
  readonly mIoU: Value;
  /** Mean of {@link iou}, each class weighted with its share of the ground truth. */
  readonly fwIoU: Value;
  /** Mean over classes of {@link boundaryF1}. */
  readonly meanBoundaryF1: Value;
  /** Intersection over union, one per class; null for a class that is in neither ground truth nor prediction. */
  readonly iou: readonly Value[];
  /** Dice's coefficient, one per class; null like {@link iou}. */
  readonly dice: readonly Value[];
  /**
   * How well outlines agree (Csurka et al., BMVC 2013), one per class: harmonic mean of the share of predicted boundary pixels that lie
   * near a true one, and of true ones that lie near a predicted one, over all patches. What borders on background or ignored pixels is no
   * boundary. Null for a class that has none in either.
   */
  readonly boundaryF1: readonly Value[];
}

const meanScores = 5;

/** Number of values in a row of the addon's. */
export function rowLength(classCount: number): number {
  return meanScores + 3 * classCount;
}

/** A value of the addon's, which marks by NaN what is undefined. */
export function scoreOf(value: number | undefined): Score {
  return value === undefined || Number.isNaN(value) ? null : value;
}

/** The scores of a row of the addon's. */
export function scoresOfRow(row: ArrayLike<number>, classCount: number): ScoreTable<Score> {
  return tableOf(Array.from(row, scoreOf), classCount);
}

/** Names what stands in a row of the addon's; see `NativeEvaluation`. */
export function tableOf<Value>(row: readonly Value[], classCount: number): ScoreTable<Value> {
  const [pixelAccuracy, meanClassAccuracy, mIoU, fwIoU, meanBoundaryF1] = row as readonly [
    Value,
    Value,
    Value,
    Value,
    Value,
  ];
  const ofClasses = (part: number): Value[] => {
    const begin = meanScores + part * classCount;
    return row.slice(begin, begin + classCount);
  };
  const [iou, dice, boundaryF1] = [ofClasses(0), ofClasses(1), ofClasses(2)];
  return { pixelAccuracy, meanClassAccuracy, mIoU, fwIoU, meanBoundaryF1, iou, dice, boundaryF1 };
}
