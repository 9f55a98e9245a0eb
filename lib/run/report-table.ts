/** The result of a run as text: score tables in per cent, and intervals. */
import { formatDuration } from "../text/duration.js";
import { percent } from "../text/percent.js";
import type { IntervalResult, RunResult, SegmentationResult, TestResult } from "./result.js";

/** Lines of a table: the first column left, the others right aligned, two spaces between. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((text, i) => (widths[i] = Math.max(widths[i] ?? 0, text.length)));
  return rows.map((row) =>
    row
      .map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

function scoreRow(name: string, scores: SegmentationResult): string[] {
  return [
    name,
    percent(scores.accuracy),
    percent(scores.mIoU),
    percent(scores.fwIoU),
    percent(scores.meanBoundaryF1),
    ...scores.iou.map((value) => percent(value)),
  ];
}

const range = ([low, high]: IntervalResult): string =>
  low === null || high === null ? "-" : `${percent(low)} - ${percent(high)}`;

/** The scores of the test patches, and below them their confidence intervals. */
function testRows(name: string, scores: TestResult): string[][] {
  const { intervals } = scores;
  const row = scoreRow(name, scores);
  if (intervals === null) return [row];
  const { by, units, level, accuracy, mIoU, fwIoU, meanBoundaryF1, iou } = intervals;
  const drawn = `  ${Number((level * 100).toFixed(1))} % interval, ${units} ${by === "patient" ? "patients" : "patches"}`;
  return [row, [drawn, ...[accuracy, mIoU, fwIoU, meanBoundaryF1, ...iou].map(range)]];
}

function segmentationTable(rows: readonly (readonly string[])[], classNames: readonly string[]): string[] {
  const headings = ["", "Acc", "mIoU", "FwIoU", "Boundary F1", ...classNames.map((name) => `IoU ${name}`)];
  return ["Segmentation (per cent)", ...alignColumns([headings, ...rows]).map((line) => `  ${line}`)];
}

function pseudoMaskRows(scores: NonNullable<RunResult["pseudoMasks"]>): string[][] {
  return Object.entries(scores).map(([level, one]) => scoreRow(`pseudo masks ${level} (train)`, one));
}

/** Lines of the table of pseudo masks alone, in per cent. */
export function pseudoMaskTable(
  scores: NonNullable<RunResult["pseudoMasks"]>,
  classNames: readonly string[],
): string[] {
  return segmentationTable(pseudoMaskRows(scores), classNames);
}

/** The printed report of a run; all numbers in per cent. */
export function reportTable(result: RunResult, classNames: readonly string[]): string {
  const lines: string[] = [];
  if (result.classifier !== undefined) {
    const { exactMatch, jaccard, classAccuracy } = result.classifier;
    lines.push("Classifier, test patches (per cent)");
    const headings = ["", "exact match", "Jaccard", ...classNames];
    const row = ["labels", percent(exactMatch), percent(jaccard), ...classAccuracy.map((value) => percent(value))];
    lines.push(...alignColumns([headings, row]).map((line) => `  ${line}`), "");
  }
  const rows = pseudoMaskRows(result.pseudoMasks ?? {});
  if (result.segmenter !== undefined) {
    const { plain, gated } = result.segmenter;
    rows.push(...testRows("segmenter (test)", plain));
    if (gated !== undefined) rows.push(...testRows("segmenter, gated (test)", gated));
  }
  if (rows.length > 0) lines.push(...segmentationTable(rows, classNames), "");
  lines.push(`Took ${formatDuration(result.elapsedMs)}.`);
  return lines.join("\n");
}
