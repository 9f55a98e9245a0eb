/** A patch's label held against its true mask: named classes without pixels, and large ones not named. */
import type { DecodedMask } from "../image/index-png.js";
import { labelsOfMask } from "./loaded-split.js";
import type { TissueClass } from "./tissue-class.js";

/**
 * How a label and the true mask of its patch contradict each other: a class is named that the mask does not have, or one is
 * not named that covers enough of it.
 *
 * @param labels - 0 or 1 for each class.
 * @param minClassShare - share of the mask's pixels, 0..1, from which a class must be named; with 0, from one pixel on.
 * @returns null if they agree; otherwise what is wrong, to be read behind the file's name.
 */
export function labelContradiction(
  labels: readonly number[],
  mask: DecodedMask,
  classes: readonly TissueClass[],
  minClassShare: number,
): string | null {
  const enough = labelsOfMask(mask, classes.length, minClassShare);
  const problems = classes.flatMap(({ name }, index) => {
    const pixels = mask.counts[index] ?? 0;
    if (labels[index] === 1 && pixels === 0) return [`is labelled "${name}", which its mask does not have`];
    if (labels[index] !== 1 && enough[index] === 1) {
      const share = ((100 * pixels) / (mask.height * mask.width)).toFixed(1);
      return [`is not labelled "${name}", which covers ${share} % of its mask`];
    }
    return [];
  });
  return problems.length === 0 ? null : problems.join(", and ");
}
