/** Pixel counts by patch in sparse form: joined over sizes, reordered, and handed to the addon. */
import type { NativeCountArrays, NativeCounts } from "../native/addon.js";

/**
 * The pixel counts that all scores are made of, patch by patch, as plain numbers: which cells of a patch are above 0, and how far. The
 * cells are the K * (K + 1) of the confusion matrix, row by row, then four boundary counts for each class.
 */
export interface PatchCounts {
  /** Where the cells of each patch begin, and where the last ones end: one number more than there are patches. */
  readonly offsets: readonly number[];
  /** Which cells are above 0, counted from 0 in the order above; those of the first patch, then of the second, and so on. */
  readonly cells: readonly number[];
  /** For each entry of {@link cells} its count of pixels, 1 or more. */
  readonly values: readonly number[];
}

/** Counts of the patches of one size, and where those patches stand in their split. */
export interface CountedGroup {
  readonly counts: NativeCounts;
  readonly positions: readonly number[];
}

interface PatchOfGroup {
  readonly cells: readonly number[];
  readonly values: readonly number[];
}

function patchesOf({ counts }: CountedGroup): PatchOfGroup[] {
  const offsets = [...new Float64Array(counts.offsets)];
  const [cells, values] = [new Float64Array(counts.cells), new Float64Array(counts.values)];
  return offsets.slice(1).map((end, index) => {
    const begin = offsets[index] ?? 0;
    return { cells: [...cells.subarray(begin, end)], values: [...values.subarray(begin, end)] };
  });
}

/** The counts of all groups of a split, in the order of the split. */
export function joinCounts(groups: readonly CountedGroup[]): PatchCounts {
  const patches: PatchOfGroup[] = [];
  for (const group of groups) {
    for (const [index, patch] of patchesOf(group).entries()) patches[group.positions[index] ?? index] = patch;
  }
  let end = 0;
  const offsets = [0, ...patches.map(({ cells }) => (end += cells.length))];
  return {
    offsets,
    cells: patches.flatMap(({ cells }) => cells),
    values: patches.flatMap(({ values }) => values),
  };
}

/** The same counts with the patches in another order. */
export function reorderCounts({ offsets, cells, values }: PatchCounts, order: readonly number[]): PatchCounts {
  const ranges = order.map((index) => [offsets[index] ?? 0, offsets[index + 1] ?? 0] as const);
  let end = 0;
  return {
    offsets: [0, ...ranges.map(([begin, stop]) => (end += stop - begin))],
    cells: ranges.flatMap(([begin, stop]) => cells.slice(begin, stop)),
    values: ranges.flatMap(([begin, stop]) => values.slice(begin, stop)),
  };
}

/** The counts as the addon wants them. */
export function arraysOf({ offsets, cells, values }: PatchCounts): NativeCountArrays {
  return {
    offsets: Float64Array.from(offsets),
    cells: Float64Array.from(cells),
    values: Float64Array.from(values),
  };
}
