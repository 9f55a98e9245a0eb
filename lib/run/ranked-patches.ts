/** The best, median and worst patches of an evaluation, by the mIoU of each. */
import type { PatchScores } from "../evaluation/segmentation-evaluation.js";

/** Where a patch stands among all that were scored. */
export interface RankedPatch {
  readonly rank: "best" | "median" | "worst";
  /** From 1, within its rank; the best and the worst one of all have 1. */
  readonly place: number;
  readonly stem: string;
  /** A fraction. */
  readonly mIoU: number;
}

/** With this many scored patches there are two of each rank, with fewer one. */
const enoughForTwo = 6;

/**
 * The patches to look at first: as many of the best, the worst and those in the middle as asked for, two of each at most, and no patch
 * twice. Patches on which nothing is scored have no rank.
 */
export function rankPatches(patches: readonly Pick<PatchScores, "stem" | "mIoU">[], mostOfEach: number): RankedPatch[] {
  const scored = patches.flatMap(({ stem, mIoU }) => (mIoU === null ? [] : [{ stem, mIoU }]));
  // By name where scores are equal, so that the choice is always the same.
  const sorted = scored.sort((one, other) => other.mIoU - one.mIoU || (one.stem < other.stem ? -1 : 1));
  const each = Math.min(mostOfEach, sorted.length < enoughForTwo ? 1 : 2);
  if (each === 0) return [];
  const best = sorted.slice(0, each);
  const worst = sorted.slice(best.length).slice(-each).reverse();
  const between = sorted.slice(best.length, sorted.length - worst.length);
  const from = Math.max(0, Math.floor((between.length - each) / 2));
  const ranks = { best, median: between.slice(from, from + each), worst };
  return (["best", "median", "worst"] as const).flatMap((rank) =>
    ranks[rank].map((patch, index) => ({ rank, place: index + 1, ...patch })),
  );
}
