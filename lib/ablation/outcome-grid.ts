/** The outcomes of an ablation by cell and seed, and the run folder of each. */
import { join } from "node:path";
import type { Ablation, CellOutcome, CellReport, SeedOutcome } from "./ablation.js";
import type { Cell, CellName } from "./cells.js";
import { summarise } from "./summarise.js";

/** Run folder of a cell, relative to that of the ablation. */
export function folderOfCell(seed: number, name: CellName): string {
  return join(`seed-${seed}`, name);
}

/**
 * What came out of each cell with each seed. It starts from what the folder's table holds already, so that a command for some cells
 * or more seeds adds to the table and takes nothing away.
 */
export class OutcomeGrid {
  readonly seeds: readonly number[];
  readonly #cells: readonly Cell[];
  readonly #outcomes = new Map<string, CellOutcome>();

  /**
   * @param all - every cell of the plan, in the order of the table.
   * @param wanted - names of those that this command does.
   * @param before - the table so far, of the same options.
   */
  constructor(
    all: readonly Cell[],
    wanted: readonly CellName[],
    seeds: readonly number[],
    before: Ablation | undefined,
  ) {
    const names = new Set([...wanted, ...(before?.cells ?? []).map(({ name }) => name)]);
    this.#cells = all.filter(({ name }) => names.has(name));
    this.seeds = [...new Set([...(before?.seeds ?? []), ...seeds])];
    for (const { name, seeds: ofCell } of before?.cells ?? []) {
      for (const { seed, outcome } of ofCell) if (outcome !== null) this.set(seed, name, outcome);
    }
  }

  get(seed: number, name: CellName): CellOutcome | null {
    return this.#outcomes.get(folderOfCell(seed, name)) ?? null;
  }

  set(seed: number, name: CellName, outcome: CellOutcome): void {
    this.#outcomes.set(folderOfCell(seed, name), outcome);
  }

  /** The lines of the table as they stand. */
  report(): CellReport[] {
    const full = this.#cells.some(({ name }) => name === "full-supervision") ? this.#of("full-supervision") : undefined;
    return this.#cells.map(({ name, title }) => {
      const seeds = this.#of(name);
      return { name, title, seeds, summary: summarise({ seeds }, name === "full-supervision" ? undefined : full) };
    });
  }

  #of(name: CellName): SeedOutcome[] {
    return this.seeds.map((seed) => ({ seed, folder: folderOfCell(seed, name), outcome: this.get(seed, name) }));
  }
}
