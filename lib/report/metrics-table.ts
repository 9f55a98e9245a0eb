/** The CSV files of a training as columns of numbers, as far as they go: a run that was cut off leaves what it has measured. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "csv-parse/sync";

/** One line of a metric file. */
export interface MetricsRow {
  /** A number; NaN where the cell is empty, no number, or not there. */
  number(heading: string): number;
  /** As it stands; empty where it is not there. */
  text(heading: string): string;
}

/** The rows of a metric file; null if there is no such file, or none that can be read. */
export async function readMetrics(root: string, name: string): Promise<MetricsRow[] | null> {
  try {
    const text = await readFile(join(root, "metrics", name), "utf8");
    const rows = parse(text, { columns: true, relax_column_count: true, skip_empty_lines: true });
    return (rows as Record<string, string | undefined>[]).map((cells) => ({
      number: (heading) => numberOf(cells[heading]),
      text: (heading) => cells[heading] ?? "",
    }));
  } catch {
    return null;
  }
}

function numberOf(cell: string | undefined): number {
  return cell === undefined || cell.trim() === "" ? Number.NaN : Number(cell);
}
