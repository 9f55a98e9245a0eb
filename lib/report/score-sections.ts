/** The scores of a run: test patches, pseudo masks and labels as a whole, then class by class. */
import { percent } from "../text/percent.js";
import type { Charts, DotRow } from "./chart.js";
import type { IntervalFacts, SegmentationFacts, TestFacts } from "./folder-schema.js";
import { type Content, html, type Markup } from "./markup.js";
import type { RunFacts } from "./run-facts.js";
import { type PageSection, tableRow, wideTable } from "./page-section.js";

/** Most classes of a plot; a table has room for all. */
const mostPlotted = 30;

const isKnown = (value: number | null | undefined): value is number => value !== null && value !== undefined;

/** A score in per cent, and its interval below it; the exact value on hover. */
function scoreCell(value: number | null | undefined, interval?: IntervalFacts): Content {
  if (!isKnown(value)) return "-";
  const [low, high] = interval ?? [null, null];
  const range = isKnown(low) && isKnown(high) ? html`<small>${percent(low)} to ${percent(high)}</small>` : null;
  return html`<span title="${String(value)}">${percent(value)}</span> ${range}`;
}

const wholes = [
  ["pixel accuracy", "accuracy"],
  ["mean class accuracy", "meanClassAccuracy"],
  ["mIoU", "mIoU"],
  ["FwIoU", "fwIoU"],
  ["boundary F1", "meanBoundaryF1"],
] as const;

function wholeRow(name: string, scores: SegmentationFacts, intervals: TestFacts["intervals"]): Markup {
  return tableRow(
    name,
    wholes.map(([, key]) => scoreCell(scores[key], intervals?.[key])),
  );
}

/** What the intervals are, in words; empty where there are none. */
function intervalNote(scores: TestFacts | null): string {
  const intervals = scores?.intervals;
  if (intervals?.level == null || intervals.units === null) return "";
  const level = Number((intervals.level * 100).toFixed(1));
  const units = intervals.by === "patient" ? "patients" : "patches";
  return `Below each score: the ${level} % confidence interval, by a bootstrap over ${intervals.units} ${units}. `;
}

/** The scores of the test patches, of the pseudo masks, and of the classifier's labels. */
export function scoresSection(facts: RunFacts): PageSection {
  const { plain, gated, pseudoMasks, labels, isStale } = facts;
  const rows = [
    ...(gated === null ? [] : [wholeRow("segmenter with class gate, test", gated, gated.intervals)]),
    ...(plain === null ? [] : [wholeRow("segmenter, test", plain, plain.intervals)]),
    ...Object.entries(pseudoMasks ?? {}).map(([level, one]) => wholeRow(`pseudo masks ${level}, train`, one, null)),
  ];
  const missing = [
    ...(plain === null ? [noScores(facts)] : []),
    ...(plain !== null && plain.intervals === null
      ? ["No confidence intervals: there are fewer than two patches, or patients, to draw from."]
      : []),
    ...(pseudoMasks === null && facts.stages.some(({ name, done }) => name === "pseudo-masks" && done)
      ? ["The pseudo masks have no scores: the train patches have no true masks."]
      : []),
    ...(isStale ? ["The scores are those of an earlier segmenter: it was, or is being, trained again since."] : []),
  ];
  const note = intervalNote(gated ?? plain);
  const body =
    rows.length === 0 && labels === null
      ? null
      : html`${
          rows.length > 0 &&
          html`<p>All numbers are per cent, over all tissue pixels of the split. ${note}</p>
            ${wideTable("Scores", ["", ...wholes.map(([name]) => name)], rows)}`
        }
        ${labels !== null && labelTable(facts, labels)}`;
  return { id: "scores", title: "Scores", body, missing };
}

function noScores({ record, stages }: RunFacts): string {
  if (record !== null && record.dataset.test?.masks == null) {
    return "No scores: there are no test patches with true masks.";
  }
  return stages.some(({ name }) => name === "evaluate")
    ? "No scores yet: the test patches have not been evaluated."
    : "No scores: the test patches were not evaluated.";
}

function labelTable({ record }: RunFacts, labels: NonNullable<RunFacts["labels"]>): Markup {
  const names = record?.dataset.classes.map(({ name }) => name) ?? [];
  const worst = labels.classAccuracy.map((_, index) => names[index] ?? `class ${index}`);
  const row = tableRow("labels, test", [
    scoreCell(labels.exactMatch),
    scoreCell(labels.jaccard),
    ...labels.classAccuracy.map((value) => scoreCell(value)),
  ]);
  return html`<h3>What the classifier sees</h3>
    <p>
      Share of patches whose whole label is right, the Jaccard index of labels, and the share of patches on which each
      class was judged right.
    </p>
    ${wideTable("Scores of the classifier", ["", "exact match", "Jaccard index", ...worst], [row])}`;
}

/** A class by its colour and its name. */
function classHeading(record: RunFacts["record"], name: string, index: number): Markup {
  const [red = 0, green = 0, blue = 0] = record?.dataset.classes[index]?.colour ?? [];
  const known = record?.dataset.classes[index] !== undefined;
  return html`${known && html`<span class="swatch" style="background:rgb(${red},${green},${blue})"></span>`}${name}`;
}

/** IoU, Dice and boundary F1 of each class of the test patches. */
export function classesSection(facts: RunFacts, charts: Charts): PageSection {
  const { record, gated, plain } = facts;
  const scores = gated ?? plain;
  if (scores === null) return { id: "classes", title: "Class by class", body: null, missing: [] };
  const name = (index: number): string => record?.dataset.classes[index]?.name ?? `class ${index}`;
  const of = scores.intervals;
  const rows = scores.iou.map((iou, index) =>
    tableRow(classHeading(record, name(index), index), [
      scoreCell(iou, of?.iou[index]),
      scoreCell(scores.dice[index], of?.dice[index]),
      scoreCell(scores.boundaryF1[index], of?.boundaryF1[index]),
      ...(gated !== null && plain !== null ? [scoreCell(plain.iou[index], plain.intervals?.iou[index])] : []),
    ]),
  );
  const plotted = scores.iou
    .map((value, index) => ({ value, index }))
    .filter(({ value }) => value !== null)
    .sort((one, other) => Number(one.value) - Number(other.value))
    .slice(0, mostPlotted)
    .sort((one, other) => one.index - other.index);
  const absent = scores.iou.filter((value) => value === null).length;
  const table = wideTable(
    "Scores of each class",
    ["class", "IoU", "Dice", "boundary F1", ...(gated !== null && plain !== null ? ["IoU without gate"] : [])],
    rows,
  );
  const less = plotted.length < rows.length - absent ? `, the ${plotted.length} lowest` : "";
  const chart = charts.dots({
    title: `IoU of each class${of === null ? "" : ", with intervals"}${less}`,
    xLabel: "IoU, per cent",
    xDomain: [0, 100],
    rows: plotted.map(({ value, index }): DotRow => {
      const [low, high] = of?.iou[index] ?? [null, null];
      const range = isKnown(low) && isKnown(high) ? ` (${percent(low)} to ${percent(high)})` : "";
      const scaled = (one: number | null): number | null => (one === null ? null : 100 * one);
      return {
        label: name(index),
        value: scaled(value),
        low: scaled(low),
        high: scaled(high),
        title: `${name(index)}: IoU ${percent(value)} %${range}`,
      };
    }),
  });
  return {
    id: "classes",
    title: "Class by class",
    body: html`<p>The segmenter${gated !== null && " with class gate"} on the test patches, in per cent.</p>
      <div class="charts">${plotted.length > 0 && chart}</div>
      ${
        rows.length > mostPlotted
          ? html`<details>
              <summary>All ${rows.length} classes as a table</summary>
              ${table}
            </details>`
          : table
      }`,
    missing:
      absent > 0
        ? [`${absent} of ${rows.length} classes have no score: they are in no test patch and were never predicted.`]
        : [],
  };
}
