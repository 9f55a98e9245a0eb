/** The comparison of two runs as a table: scores, differences, intervals and p-values. */
import type { Interval } from "../evaluation/confidence-intervals.js";
import type { Score } from "../evaluation/score-table.js";
import type { ComparedRun, RunComparison } from "../run/compare-runs.js";
import { alignColumns } from "../run/report-table.js";
import { percent } from "../text/percent.js";

const points = (value: Score): string => (value !== null && value > 0 ? `+${percent(value)}` : percent(value));
const range = ({ low, high }: Interval): string =>
  low === null || high === null ? "-" : `${points(low)} to ${points(high)}`;

function chance(pValue: Score): string {
  if (pValue === null) return "-";
  return pValue < 0.001 ? "< 0.001" : pValue.toFixed(3);
}

/** How its masks were made, where that is not from each patch alone. */
function viewsNote({ views }: ComparedRun): string {
  return views === "one" ? "" : ` (--tta ${views})`;
}

/** The printed comparison of two runs: scores in per cent, differences in points. */
export function comparisonReport({ dataset, classes, first, second, comparison }: RunComparison): string {
  const { by, units, level, permutations, exact, difference, intervals, pValues, patches } = comparison;
  const row = (
    name: string,
    of: (table: RunComparison["first"]["scores"]) => Score,
    interval: Interval | undefined,
    pValue: Score | undefined,
  ): string[] => [
    name,
    percent(of(first.scores)),
    percent(of(second.scores)),
    points(of(difference)),
    interval === undefined ? "-" : range(interval),
    chance(pValue ?? null),
  ];
  const rows = [
    row("Acc", ({ pixelAccuracy }) => pixelAccuracy, intervals.pixelAccuracy, pValues.pixelAccuracy),
    row("mIoU", ({ mIoU }) => mIoU, intervals.mIoU, pValues.mIoU),
    row("FwIoU", ({ fwIoU }) => fwIoU, intervals.fwIoU, pValues.fwIoU),
    row("Boundary F1", ({ meanBoundaryF1 }) => meanBoundaryF1, intervals.meanBoundaryF1, pValues.meanBoundaryF1),
    ...classes.map((name, index) =>
      row(`IoU ${name}`, ({ iou }) => iou[index] ?? null, intervals.iou[index], pValues.iou[index]),
    ),
  ];
  const drawn = `${units} ${by === "patient" ? "patients" : "patches"}`;
  const looked = exact ? `all ${permutations} permutations` : `${permutations} permutations`;
  const inside = `${Number((level * 100).toFixed(1))} %`;
  const headings = ["", "first", "second", "difference", `${inside} interval`, "p"];
  return [
    `${dataset}, test patches (per cent; differences in points)`,
    `  first:  ${first.path}${viewsNote(first)}`,
    `  second: ${second.path}${viewsNote(second)}`,
    ...alignColumns([headings, ...rows]).map((line) => `  ${line}`),
    `In the second more pixels are right on ${patches.better} patches, fewer on ${patches.worse}, as many on ${patches.equal}.`,
    `Paired by ${by}: ${drawn}; ${looked}, p-values not corrected for their number.`,
  ].join("\n");
}
