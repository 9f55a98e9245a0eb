/** Draws a number of patches from many slides, evenly and the same each time. */
import { seededSubset } from "../dataset/seeded-subset.js";
import type { SlideCandidates } from "./slide-cutting.js";

/**
 * The slides with at most `limit` patches together: each gives as many as the others, or all that it has, and the rest is made up by
 * those that have more.
 */
export function drawPatches(
  slides: readonly SlideCandidates[],
  limit: number | undefined,
  seed: number,
): SlideCandidates[] {
  const shares = evenShares(
    slides.map(({ patches }) => patches.length),
    limit ?? Number.MAX_SAFE_INTEGER,
  );
  return slides.map((slide, index) => {
    const share = shares[index] ?? 0;
    if (share === slide.patches.length) return slide;
    const drawn = seededSubset(slide.patches.length, share, seed + index);
    return { ...slide, patches: drawn.flatMap((at) => slide.patches[at] ?? []) };
  });
}

/** How many each gives of what it has, so that no share could be larger without another, smaller one being smaller still. */
export function evenShares(sizes: readonly number[], limit: number): number[] {
  const shares = sizes.map(() => 0);
  let left = limit;
  // From the smallest on, each takes its part of what is left for it and those after it.
  const order = sizes
    .map((_, index) => index)
    .sort((one, other) => (sizes[one] ?? 0) - (sizes[other] ?? 0) || one - other);
  for (const [rank, index] of order.entries()) {
    const share = Math.min(sizes[index] ?? 0, Math.floor(left / (order.length - rank)));
    shares[index] = share;
    left -= share;
  }
  return shares;
}
