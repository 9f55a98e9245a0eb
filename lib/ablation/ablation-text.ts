/** The tables of an ablation in aligned columns for a terminal, with remarks and seeds below them. */
import { alignColumns } from "../run/report-table.js";
import { remarksOf, seedsInWords, tablesOf } from "./ablation-tables.js";
import type { Ablation } from "./ablation.js";

/** The printed tables of an ablation. */
export function ablationText(ablation: Ablation): string {
  const tables = tablesOf(ablation).flatMap(({ title, headings, rows }) => [
    title,
    ...alignColumns([headings, ...rows]).map((line) => `  ${line}`),
    "",
  ]);
  const remarks = remarksOf(ablation);
  return [...tables, `${seedsInWords(ablation)}.`, ...remarks].join("\n");
}
