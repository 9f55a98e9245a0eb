/** The report of an ablation: `report.html` in its folder. */
import { join } from "node:path";
import { writeBytesAtomic } from "../files/file-access.js";
import { openCharts } from "../report/chart.js";
import { reportFileName } from "../report/report-file.js";
import { layOutPage } from "../report/report-page.js";
import type { WrittenReport } from "../report/write-run-report.js";
import type { Ablation } from "./ablation.js";
import { differencesSection, seedsSection, sourceSection, tablesSection } from "./ablation-sections.js";
import { remarksOf } from "./ablation-tables.js";
import { type ComparisonCache, differencesFromMethod } from "./differences.js";

/** How a report of an ablation is written. */
export interface AblationReportOptions {
  /** @defaultValue `report.html` in the folder of the ablation */
  readonly file?: string | undefined;
  /** Comparisons that were made before. */
  readonly known?: ComparisonCache | undefined;
  readonly signal?: AbortSignal | undefined;
}

function headOf({ dataset, cells }: Ablation): Parameters<typeof layOutPage>[0] {
  const runs = cells.flatMap(({ seeds }) => seeds);
  const ended = runs.filter(({ outcome }) => outcome !== null).length;
  const isFinished = ended === runs.length;
  return {
    title: `Ablation on ${dataset.name}`,
    state: isFinished
      ? `Finished: ${runs.length} runs are done.`
      : `Not finished when this page was written: ${ended} of ${runs.length} runs are done.`,
    isFinished,
  };
}

/**
 * Writes the report of an ablation as it stands, whole or not at all. It is made between two cells, when nothing trains.
 * @throws WsssError `WSSS_ERR_IO` if it can't be written; `WSSS_ERR_CANCELLED`.
 */
export async function writeAblationReport(
  root: string,
  ablation: Ablation,
  { file = join(root, reportFileName), known, signal }: AblationReportOptions = {},
): Promise<WrittenReport> {
  const charts = await openCharts();
  const differences = await differencesFromMethod(root, ablation, known, signal);
  const tables = tablesSection(ablation);
  const { text, missing } = await layOutPage(headOf(ablation), [
    { ...tables, missing: [...tables.missing, ...remarksOf(ablation)] },
    seedsSection(ablation, charts),
    differencesSection(differences),
    sourceSection(ablation),
  ]);
  await writeBytesAtomic(file, text);
  return { file, missing };
}
