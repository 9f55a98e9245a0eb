/** Means, deviations and paired differences of scores over seeds or folds, as tables print them. */

/** A share as per cent with one decimal. */
export const percent = (share) => (100 * share).toFixed(1);

export const meanOf = (list) => list.reduce((sum, one) => sum + one, 0) / list.length;

const deviationOf = (list) =>
  Math.sqrt(list.reduce((sum, one) => sum + (one - meanOf(list)) ** 2, 0) / (list.length - 1));

/** Mean and sample deviation in per cent; of one value no deviation, of none a dash. */
export function spread(list) {
  if (list.length === 0) return "-";
  return list.length > 1 ? `${percent(meanOf(list))} +- ${percent(deviationOf(list))}` : percent(meanOf(list));
}

/** What the values under each key of `some` are above those of `others`; keys that one of them lacks are left out. */
export function differencesOf(some, others) {
  return [...some].filter(([key]) => others.has(key)).map(([key, value]) => value - others.get(key));
}

/** IoU of each class, NaN of one that is nowhere, and the mean of the others, from counts [true][predicted]. */
export function scoreOf(confusion) {
  const iou = confusion.map((row, k) => {
    const union = row.reduce((sum, n) => sum + n, 0) + confusion.reduce((sum, other) => sum + other[k], 0) - row[k];
    return row[k] / union;
  });
  return { iou, mIoU: meanOf(iou.filter((one) => !Number.isNaN(one))) };
}
