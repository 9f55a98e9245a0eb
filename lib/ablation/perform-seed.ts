/** The cells of an ablation with one seed, in turn, each outcome kept and reported as soon as it is known. */
import type { CellOutcome } from "./ablation.js";
import { type Cell, type CellName, wholeMethod } from "./cells.js";
import { freeNativeMemory } from "../native/free-native-memory.js";
import { headingOf, reportOutcome } from "./report-outcome.js";
import {
  type AblationWork,
  blockedBy,
  isOfClassifier,
  makeShared,
  performCell,
  type PerformedCell,
} from "./perform-cell.js";

/** Where the cells of a seed stand among all. */
export interface Place {
  /** Number of the seed's first cell, from 1. */
  readonly first: number;
  readonly total: number;
}

/**
 * All cells of one seed, one after the other; `multi-layer` first, if it is among them, since others stand on it.
 * @param keep - called with each cell as soon as it is done.
 */
export async function performSeed(
  work: AblationWork,
  cells: readonly Cell[],
  seed: number,
  { first, total }: Place,
  keep: (seed: number, name: CellName, performed: PerformedCell) => Promise<void>,
): Promise<void> {
  const { reporter } = work;
  const masks = cells.some(({ shares }) => shares === "masks");
  let method: CellOutcome | undefined;
  /** Undefined until somebody has asked; null where what is shared is there. */
  let missing: Extract<CellOutcome, { status: "blocked" }> | null | undefined;
  const shared = async (): Promise<typeof missing> => {
    if (missing !== undefined) return missing;
    if (method?.status === "done") missing = null;
    else if (method?.status === "diverged" && isOfClassifier(method)) missing = blockedBy(method);
    else {
      const diverged = await makeShared(work, seed, masks);
      missing = diverged === undefined ? null : blockedBy(diverged);
    }
    return missing;
  };
  for (const [index, cell] of cells.entries()) {
    const heading = headingOf(first + index, total, seed, cell.name);
    const blocked = cell.shares === "nothing" ? null : await shared();
    const performed = blocked ? { outcome: blocked, skipped: false } : await performCell(work, cell, seed, heading);
    const { outcome, skipped } = performed;
    if (cell.name === wholeMethod) method = outcome;
    await keep(seed, cell.name, performed);
    if (!skipped) await freeNativeMemory();
    reportOutcome(reporter, heading, performed);
  }
}
