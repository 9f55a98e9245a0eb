/** Work in a run folder whose report grows with it: each stage and each epoch that ends is written down. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { reportFileName } from "../report/report-file.js";
import { ReportWriter } from "../report/report-writer.js";
import type { RunReporter } from "./reporter.js";

/** What a run's report needs of its surroundings. */
export interface ReportSurroundings {
  /** The run folder. */
  readonly root: string;
  readonly signal: AbortSignal;
  readonly reporter: RunReporter;
}

/** Passes everything on, and asks for a report when there is something new to be seen. */
function followedBy(reporter: RunReporter, wish: () => void): RunReporter {
  return {
    stageStarted: (stage, reason) => {
      reporter.stageStarted(stage, reason);
      wish();
    },
    stageSkipped: (stage) => reporter.stageSkipped(stage),
    stageFinished: (stage, elapsedMs) => {
      reporter.stageFinished(stage, elapsedMs);
      wish();
    },
    progress: (progress) => reporter.progress(progress),
    epoch: (notice) => {
      reporter.epoch(notice);
      wish();
    },
    note: (text) => reporter.note(text),
    warn: (text) => reporter.warn(text),
  };
}

/**
 * Does the work of a command in a run folder, and keeps `report.html` beside it.
 *
 * @param work - gets a reporter that it is to tell its stages and epochs.
 * @throws what the work throws. A report that can't be written is a warning, and no error.
 */
export async function whileReporting<Result>(
  { root, signal, reporter }: ReportSurroundings,
  work: (reporter: RunReporter) => Promise<Result>,
): Promise<Result> {
  const writer = new ReportWriter(root, (problem) => reporter.warn(`${reportFileName} is not up to date: ${problem}`));
  let hasNews = false;
  const wish = (): void => {
    hasNews = true;
    writer.request();
  };
  try {
    const result = await work(followedBy(reporter, wish));
    // A folder of before there were reports gets one, even if everything was done.
    hasNews ||= !existsSync(join(root, reportFileName));
    return result;
  } finally {
    // The result is written after the last stage has told its end.
    if (hasNews && !signal.aborted) writer.request();
    await endUnlessAborted(writer, signal);
  }
}

/** Waits for the last page, but not for longer than the user does. */
async function endUnlessAborted(writer: ReportWriter, signal: AbortSignal): Promise<void> {
  if (signal.aborted) {
    await writer.abandon();
    return;
  }
  const abandon = (): void => void writer.abandon();
  signal.addEventListener("abort", abandon);
  try {
    await writer.end();
  } finally {
    signal.removeEventListener("abort", abandon);
  }
}
