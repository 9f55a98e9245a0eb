/** Which cells of an ablation differ from the whole method by more than chance: a paired test for each cell and seed. */
import { dirname, join } from "node:path";
import { isWsssError } from "../errors.js";
import { compareRuns } from "../run/compare-runs.js";
import type { Ablation } from "./ablation.js";
import { type CellName, wholeMethod } from "./cells.js";
import { folderOfCell } from "./outcome-grid.js";

/** A cell against the whole method of the same seed, on the same test patches. */
export interface SeedDifference {
  readonly seed: number;
  /** mIoU of the cell less that of the whole method, a fraction. */
  readonly difference: number;
  /** Ends of its interval. */
  readonly low: number | null;
  readonly high: number | null;
  /** Two-sided, not corrected. */
  readonly pValue: number;
  /** Whether it is below 0.05 when corrected for all tests of the ablation, by Holm's method. */
  readonly isMoreThanChance: boolean;
}

/** A cell against the whole method over the seeds. */
export interface CellDifference {
  readonly name: CellName;
  readonly seeds: readonly SeedDifference[];
}

/** All differences, and how they were found. */
export interface DifferenceReport {
  readonly cells: readonly CellDifference[];
  /** Number of tests that the p-values are corrected for. */
  readonly tests: number;
  /** What was drawn: patches, or patients with all their patches. */
  readonly by: "patch" | "patient" | null;
  readonly gated: boolean;
  /** Why cells could not be compared, a sentence each. */
  readonly problems: readonly string[];
}

/** A comparison, or why there is none. */
export type Comparison =
  | (Omit<SeedDifference, "isMoreThanChance"> & { readonly by: "patch" | "patient"; readonly gated: boolean })
  | { readonly problem: string };

/** What was compared before, by the folder of the cell's run. */
export type ComparisonCache = Map<string, Comparison>;

/** Forgets what a run that was done again took part in. */
export function forgetComparisons(known: ComparisonCache, seed: number, name: CellName): void {
  for (const key of known.keys()) {
    if (
      key === folderOfCell(seed, name) ||
      (name === wholeMethod && dirname(key) === dirname(folderOfCell(seed, name)))
    ) {
      known.delete(key);
    }
  }
}

const level = 0.05;

async function compareSeed(
  root: string,
  name: CellName,
  seed: number,
  signal: AbortSignal | undefined,
): Promise<Comparison> {
  const first = join(root, folderOfCell(seed, wholeMethod));
  const second = join(root, folderOfCell(seed, name));
  try {
    const compared = await compareRuns({ first, second, options: { signal } });
    const { difference, intervals, pValues, by } = compared.comparison;
    if (difference.mIoU === null || pValues.mIoU === null) return { problem: "no mIoU is defined" };
    const { low, high } = intervals.mIoU;
    const gated = compared.first.path.endsWith("gated.json");
    return { seed, difference: difference.mIoU, low, high, pValue: pValues.mIoU, by, gated };
  } catch (error) {
    if (!isWsssError(error) || error.code === "WSSS_ERR_CANCELLED") throw error;
    return { problem: error.message };
  }
}

/**
 * Which p-values are below the level when corrected by Holm's method: the smallest is held against level / n, the next one against
 * level / (n - 1), and so on until one is not below.
 */
export function holmRejects(pValues: readonly number[]): boolean[] {
  const order = [...pValues.keys()].sort((one, other) => (pValues[one] ?? 1) - (pValues[other] ?? 1));
  const rejected = pValues.map(() => false);
  for (const [rank, index] of order.entries()) {
    if ((pValues[index] ?? 1) >= level / (pValues.length - rank)) break;
    rejected[index] = true;
  }
  return rejected;
}

/**
 * Compares each cell that is done with the whole method of its seed.
 * @param known - taken from, and added to.
 * @throws WsssError `WSSS_ERR_CANCELLED`; a cell that can't be compared is told among the problems.
 */
export async function differencesFromMethod(
  root: string,
  { cells }: Pick<Ablation, "cells">,
  known: ComparisonCache = new Map(),
  signal?: AbortSignal,
): Promise<DifferenceReport> {
  const isDone = (name: CellName, seed: number): boolean =>
    cells.some(
      (cell) => cell.name === name && cell.seeds.some((one) => one.seed === seed && one.outcome?.status === "done"),
    );
  const found: { name: CellName; compared: Extract<Comparison, { seed: number }> }[] = [];
  const problems: string[] = [];
  for (const { name, seeds } of cells) {
    for (const { seed } of seeds) {
      if (name === wholeMethod || !isDone(name, seed) || !isDone(wholeMethod, seed)) continue;
      const key = folderOfCell(seed, name);
      const compared = known.get(key) ?? (await compareSeed(root, name, seed, signal));
      known.set(key, compared);
      if ("problem" in compared)
        problems.push(`${name}, seed ${seed} can't be compared with ${wholeMethod}: ${compared.problem}`);
      else found.push({ name, compared });
    }
  }
  const rejected = holmRejects(found.map(({ compared }) => compared.pValue));
  const judged = found.map(({ name, compared }, index) => ({
    name,
    ...compared,
    isMoreThanChance: rejected[index] ?? false,
  }));
  return {
    cells: cells.flatMap(({ name }) => {
      const seeds = judged.filter((one) => one.name === name);
      return seeds.length === 0 ? [] : [{ name, seeds }];
    }),
    tests: found.length,
    by: found[0]?.compared.by ?? null,
    gated: found[0]?.compared.gated ?? false,
    problems,
  };
}
