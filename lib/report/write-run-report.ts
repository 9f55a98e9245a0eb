/** Writes the report of a run folder, at any time. */
import { join } from "node:path";
import { writeBytesAtomic } from "../files/file-access.js";
import { reportFileName } from "./report-file.js";
import { runPage } from "./run-page.js";

/** A report that was written. */
export interface WrittenReport {
  readonly file: string;
  /** What the page could not show, and why; a sentence each. */
  readonly missing: readonly string[];
}

/**
 * Writes the report of a run folder as it is now, whole or not at all.
 * @param file - where to. Default: `report.html` in the run folder.
 * @throws WsssError `WSSS_ERR_IO` if it can't be written.
 */
export async function writeRunReport(folder: string, file = join(folder, reportFileName)): Promise<WrittenReport> {
  const { text, missing } = await runPage(folder);
  await writeBytesAtomic(file, text);
  return { file, missing };
}
