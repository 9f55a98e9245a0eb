/** Masks without a dataset, compared by the addon as `Segmenter.evaluate` compares predictions. */
import type { CountedGroup } from "../../dist/evaluation/patch-counts.js";
import { evaluationOf, type SegmentationEvaluation } from "../../dist/evaluation/segmentation-evaluation.js";
import type { NativeCounts } from "../../dist/native/addon.js";
import { runJob } from "../../dist/native/job.js";
import { loadAddon } from "../../dist/native/load.js";

/** A true and a predicted mask of one patch, uint8 [height * width]. */
export interface MaskPair {
  readonly truth: Uint8Array;
  readonly prediction: Uint8Array;
}

/** Whole numbers from 0 up to below `limit`, the same for the same seed (a linear congruential generator). */
export function numbersFrom(seed: number): (limit: number) => number {
  let state = BigInt(seed) * 2n + 1n;
  return (limit) => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & ((1n << 64n) - 1n);
    return Number((state >> 33n) % BigInt(limit));
  };
}

/** Compares masks of one size. */
export async function countMasks(
  pairs: readonly MaskPair[],
  { height, width }: { readonly height: number; readonly width: number },
  classCount: number,
  boundaryTolerance = -1,
): Promise<CountedGroup> {
  const addon = await loadAddon();
  const truth = new addon.MaskStore(pairs.length, height, width, 1);
  const predictions = new addon.MaskStore(pairs.length, height, width, 1);
  pairs.forEach((pair, index) => {
    truth.setMask(0, index, pair.truth);
    predictions.setMask(0, index, pair.prediction);
  });
  const counts = await runJob<NativeCounts>((done) =>
    addon.scoreMasks({ classCount, level: 0, boundaryTolerance }, predictions, truth, done),
  );
  return { counts, positions: pairs.map((_, index) => index) };
}

/** An evaluation of masks of one size; patches are called `p0`, `p1`, ... */
export async function evaluateMasks(
  pairs: readonly MaskPair[],
  size: { readonly height: number; readonly width: number },
  classCount: number,
  { boundaryTolerance = -1, patients = [] }: { boundaryTolerance?: number; patients?: readonly string[] } = {},
): Promise<SegmentationEvaluation> {
  const group = await countMasks(pairs, size, classCount, boundaryTolerance);
  const boundaryTolerancePx = boundaryTolerance < 0 ? "auto" : boundaryTolerance;
  const files = pairs.map((_, index) => {
    const patient = patients[index];
    return { stem: `p${index}`, ...(patient !== undefined && { patient }) };
  });
  return await evaluationOf([group], { patches: files, classCount, boundaryTolerancePx }, undefined);
}

/** Patches of one pixel row of `length`, of which in each the given number is right; the rest is taken for the other of two classes. */
export function rowsWithHits(hits: readonly number[], length: number): MaskPair[] {
  return hits.map((right) => {
    const truth = Uint8Array.from({ length }, (_, pixel) => pixel % 2);
    const prediction = truth.map((index, pixel) => (pixel < right ? index : 1 - index));
    return { truth, prediction };
  });
}

/** A score that must be there. */
export function defined(score: number | null): number {
  if (score === null) throw new Error("a score is undefined");
  return score;
}
