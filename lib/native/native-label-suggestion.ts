/** What patches look like to a classifier, in native memory, and what is learned from it. */
import type { Done, NativeJob } from "./native-contract.js";

export interface NativePatchFeaturesOptions {
  /** Patches of the set. */
  readonly count: number;
  /** Threads of its work, 0 = all cores. */
  readonly threads: number;
}

/** A row of numbers for each patch of a set, filled by `NativeClassifier.describe`. Rows that are not there yet are as the mean of the others. */
export interface NativePatchFeatures {
  /**
   * Learns each class from the answers to it.
   * @param request - `answers` uint8 [N, K]: 0 = absent, 1 = present, 2 = not answered.
   * @returns float32 [N, K] probabilities; NaN for a class that has not been answered in both ways.
   */
  suggest(request: { readonly answers: Uint8Array; readonly classCount: number }, done: Done<ArrayBuffer>): NativeJob;
  /** Positions of candidates, each the farthest from those that were chosen before it. */
  spread(
    request: { readonly chosen: Float64Array; readonly candidates: Float64Array; readonly count: number },
    done: Done<number[]>,
  ): NativeJob;
  /** Squared distances float32 [N] from one patch. */
  likeness(request: { readonly position: number }, done: Done<ArrayBuffer>): NativeJob;
  dispose(done: () => void): void;
}
