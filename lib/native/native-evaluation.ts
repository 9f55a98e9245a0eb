/** The addon's functions that score masks. */
import type { Done, NativeJob } from "./native-contract.js";
import type { NativeMaskStore } from "./native-stores.js";

/** Counts of every patch, float64 whole numbers: which of the K * (K + 1) + 4 * K cells of a patch are above 0, and how far. */
export interface NativeCounts {
  /** [N + 1]: where the cells of each patch begin and end. */
  readonly offsets: ArrayBuffer;
  readonly cells: ArrayBuffer;
  readonly values: ArrayBuffer;
}

/** {@link NativeCounts} as an argument. */
export interface NativeCountArrays {
  readonly offsets: Float64Array;
  readonly cells: Float64Array;
  readonly values: Float64Array;
}

/** Rows of scores, float64 [5 + 3 * K]: accuracy, mean class accuracy, mIoU, FwIoU, mean boundary F1; IoU, Dice, boundary F1 by class. */
export interface NativeEvaluation {
  /** float64 [K, K + 1] */
  readonly confusion: ArrayBuffer;
  /** One row. */
  readonly total: ArrayBuffer;
  /** One row for each patch. */
  readonly patches: ArrayBuffer;
}

export interface NativeResamplingOptions {
  readonly classCount: number;
  readonly resamples: number;
  readonly permutations: number;
  readonly level: number;
  readonly seed: number;
}

/** A row of scores each. */
export interface NativeIntervals {
  readonly low: ArrayBuffer;
  readonly high: ArrayBuffer;
}

export interface NativeComparison {
  readonly difference: ArrayBuffer;
  readonly intervals: NativeIntervals;
  readonly pValues: ArrayBuffer;
  readonly permutations: number;
  readonly exact: boolean;
}

export interface NativeEvaluationFunctions {
  /** Compares one level of `predictions` with level 0 of `truth`. `boundaryTolerance` in pixels, below 0: 0.75 % of the diagonal. */
  scoreMasks(
    options: { classCount: number; level: number; boundaryTolerance: number },
    predictions: NativeMaskStore,
    truth: NativeMaskStore,
    done: Done<NativeCounts>,
  ): NativeJob;
  scoreCounts(options: { classCount: number }, counts: NativeCountArrays, done: Done<NativeEvaluation>): NativeJob;
  /** @param groups - the group of each patch, from 0 on, none left out. */
  bootstrapIntervals(
    options: NativeResamplingOptions,
    counts: NativeCountArrays,
    groups: Float64Array,
    done: Done<NativeIntervals>,
  ): NativeJob;
  comparePaired(
    options: NativeResamplingOptions,
    first: NativeCountArrays,
    second: NativeCountArrays,
    groups: Float64Array,
    done: Done<NativeComparison>,
  ): NativeJob;
}
