/** What an ablation says about its cells: which one it is, and how it ended. */
import type { RunReporter } from "../run/reporter.js";
import { percent } from "../text/percent.js";
import type { CellOutcome } from "./ablation.js";
import type { CellName } from "./cells.js";
import type { PerformedCell } from "./perform-cell.js";

/** @param number - of the cell with this seed among all, from 1. */
export function headingOf(number: number, total: number, seed: number, cell: CellName): string {
  return `cell ${number} of ${total}, seed ${seed}, ${cell}`;
}

function describe(outcome: CellOutcome): string {
  if (outcome.status === "blocked") return `not done, since ${outcome.message}`;
  if (outcome.status === "diverged") return `diverged at step ${outcome.step} of ${outcome.stage}`;
  const { plain, gated } = outcome.segmenter;
  return `mIoU ${percent(plain.mIoU)}${gated === undefined ? "" : `, gated ${percent(gated.mIoU)}`}`;
}

/** Says how a cell ended. */
export function reportOutcome(reporter: RunReporter, heading: string, { outcome, skipped }: PerformedCell): void {
  const text = `${heading}: ${describe(outcome)}`;
  if (outcome.status === "done") reporter.note(skipped ? `${text} (already done)` : text);
  else reporter.warn(`${text}; the other cells go on`);
}
