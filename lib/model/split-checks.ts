/** What a model requires of a split: classes in the same order, patches, true masks, size, batches. */
import { isSplit } from "../dataset/is-split.js";
import { minPatchSidePx } from "../dataset/loaded-split.js";
import type { Split } from "../dataset/split.js";
import type { TissueClass } from "../dataset/tissue-class.js";
import { WsssError } from "../errors.js";
import { refuseOption } from "../options/check.js";

/**
 * Refuses a split that a model can't work on, before any file is read.
 * @param argument - name of the argument, for the message.
 * @throws WsssError `WSSS_ERR_OPTION` if it is no split, `WSSS_ERR_SHAPE` if its classes are others, `WSSS_ERR_DATASET` if it
 *   has no patches.
 */
export function checkSplit(call: string, argument: string, split: unknown, classes: readonly TissueClass[]): Split {
  if (!isSplit(split)) throw refuseOption(call, argument, "a split of a dataset, such as dataset.train", split);
  assertSameClasses(call, `${argument} (${split.name})`, split.classes, "the model", classes);
  if (split.count === 0) {
    throw new WsssError("WSSS_ERR_DATASET", `${split.name} of ${split.dataset} has no patches (${call})`, { call });
  }
  return split;
}

/** @throws WsssError `WSSS_ERR_SHAPE` if two lists of classes differ in number, names or order. */
export function assertSameClasses(
  call: string,
  what: string,
  theirs: readonly TissueClass[],
  whose: string,
  ours: readonly TissueClass[],
): void {
  const same = theirs.length === ours.length && theirs.every(({ name }, index) => name === ours[index]?.name);
  if (same) return;
  const list = (classes: readonly TissueClass[]): string =>
    `${classes.length} (${classes.map(({ name }) => name).join(", ")})`;
  const message = `${what} has the classes ${list(theirs)}, ${whose} ${list(ours)}; both must agree in order too (${call})`;
  const details = { call, received: theirs.map(({ name }) => name), expected: ours.map(({ name }) => name) };
  throw new WsssError("WSSS_ERR_SHAPE", message, details);
}

/** @throws WsssError `WSSS_ERR_DATASET` if the split has no true masks. */
export function assertMasks(call: string, split: Split, purpose: string): void {
  if (split.hasMasks) return;
  const message = `${split.name} of ${split.dataset} has no true masks, which ${purpose} needs (${call})`;
  throw new WsssError("WSSS_ERR_DATASET", message, { call, split: split.name });
}

/** @throws WsssError `WSSS_ERR_SHAPE` if patches are too small for the networks. */
export function assertPatchSize(
  call: string,
  what: string,
  { height, width }: { height: number; width: number },
): void {
  if (height >= minPatchSidePx && width >= minPatchSidePx) return;
  const message = `${what} is ${width}x${height} px; patches must be at least ${minPatchSidePx} px in both directions (${call})`;
  throw new WsssError("WSSS_ERR_SHAPE", message, { call, height, width, smallest: minPatchSidePx });
}

/**
 * Refuses a batch size that would leave nothing, or a batch that can't be trained on.
 * @param smallestBatch - patches that a batch must have: 2 where a layer normalises over the batch's patches alone.
 */
export function checkBatches(
  call: string,
  split: Split,
  { batchSize: asked, dropLastBatch }: { readonly batchSize: number | "auto"; readonly dropLastBatch: boolean },
  smallestBatch: 1 | 2,
): void {
  if (split.count < smallestBatch) {
    const message = `${split.name} of ${split.dataset} has one patch, and a step needs at least ${smallestBatch}: batch norms without a map to average over need several (${call})`;
    throw new WsssError("WSSS_ERR_DATASET", message, { call, split: split.name, patches: split.count });
  }
  if (asked === "auto") return; // The addon chooses one that leaves nobody alone.
  const batchSize = asked;
  const patches = `the ${split.count} patches of ${split.name}`;
  if (dropLastBatch && split.count < batchSize) {
    throw refuseOption(call, "batchSize", `at most ${split.count}, ${patches}, while dropLastBatch is true`, batchSize);
  }
  const last = split.count % batchSize;
  if (!dropLastBatch && last !== 0 && last < smallestBatch) {
    const bound = `a number that does not leave one of ${patches} alone in the last batch, or dropLastBatch true`;
    throw refuseOption(call, "batchSize", bound, batchSize);
  }
}
