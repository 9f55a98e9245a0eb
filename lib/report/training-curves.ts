/** The curves of a training: loss, learning rate, gamma and scores over its epochs. */
import type { Charts, ChartPoint, LineChart, Series } from "./chart.js";
import { html, type Markup } from "./markup.js";
import type { MetricsRow } from "./metrics-table.js";
import { type PageSection, tableRow, wideTable } from "./page-section.js";
import type { TrainingFacts } from "./training-facts.js";

/** Most points of one line of steps; each stands for the mean of the steps around it. */
const mostPoints = 80;

const scores = {
  classifier: [
    ["train, exact match", "exactMatch"],
    ["train, Jaccard index", "jaccard"],
    ["val, exact match", "valExactMatch"],
    ["val, Jaccard index", "valJaccard"],
  ],
  segmenter: [
    ["val, pixel accuracy", "valAccuracy"],
    ["val, mIoU", "valMIoU"],
    ["val, FwIoU", "valFwIoU"],
  ],
} as const;

/** A number for people: four significant digits, no zeros behind. */
const short = (value: number): string => String(Number(value.toPrecision(4)));

/** Where each step stands on the axis of epochs: the first epoch ends at 1. */
function placesOf(steps: readonly MetricsRow[]): number[] {
  const lengths = new Map<number, number>();
  for (const row of steps) lengths.set(row.number("epoch"), (lengths.get(row.number("epoch")) ?? 0) + 1);
  // An epoch that is under way is as long as those before it.
  const length = Math.max(1, ...lengths.values());
  const seen = new Map<number, number>();
  return steps.map((row) => {
    const epoch = row.number("epoch");
    const position = (seen.get(epoch) ?? 0) + 1;
    seen.set(epoch, position);
    return epoch - 1 + position / length;
  });
}

/** A value over the steps, thinned out by means; values that are not finite are left out. */
function overSteps(steps: readonly MetricsRow[], places: readonly number[], name: string, heading: string): Series {
  const known = steps.flatMap((row, index) => {
    const value = row.number(heading);
    return Number.isFinite(value) ? [{ step: row.number("step"), x: places[index] ?? Number.NaN, value }] : [];
  });
  const size = Math.max(1, Math.ceil(known.length / mostPoints));
  const points: ChartPoint[] = [];
  for (let from = 0; from < known.length; from += size) {
    const part = known.slice(from, from + size);
    const mean = part.reduce((sum, { value }) => sum + value, 0) / part.length;
    const [first, last] = [part[0], part.at(-1)];
    if (first === undefined || last === undefined) continue;
    const where = first === last ? `step ${first.step}` : `steps ${first.step} to ${last.step}, mean`;
    points.push({ x: last.x, y: mean, title: `${name}: ${short(mean)} (${where})` });
  }
  return { name, points, marked: false };
}

function overEpochs(epochs: readonly MetricsRow[], name: string, heading: string, factor = 1, unit = ""): Series {
  const points = epochs.flatMap((row) => {
    const [x, y] = [row.number("epoch"), row.number(heading) * factor];
    return Number.isFinite(y) ? [{ x, y, title: `${name}: ${short(y)}${unit} (epoch ${x})` }] : [];
  });
  return { name, points, marked: true };
}

/** What a training is called: `segmenter of round 1`. */
function titleOf({ name, round }: TrainingFacts): string {
  return round === null ? name : `${name} of ${round}`;
}

const hasPoints = ({ points }: Series): boolean => points.length > 0;

function chartsOf(training: TrainingFacts): LineChart[] {
  const { name, steps, epochs, planned } = training;
  const title = titleOf(training);
  const places = placesOf(steps);
  const furthest = Math.max(1, planned ?? 0, ...epochs.map((row) => row.number("epoch") || 0));
  const common = { xLabel: "epoch", xDomain: [0, furthest] } as const;
  const perEpoch = scores[name].map(([label, heading]) => overEpochs(epochs, label, heading, 100, " %"));
  const gamma = epochs.some((row) => row.text("pda") === "true") ? [overEpochs(epochs, "gamma", "gamma")] : [];
  const all: LineChart[] = [
    {
      title: `Loss of the ${title}`,
      yLabel: "loss",
      series: [overEpochs(epochs, "mean of an epoch", "meanLoss"), overSteps(steps, places, "steps", "loss")],
      ...common,
    },
    {
      title: `Learning rate of the ${title}`,
      yLabel: "learning rate",
      series: [overSteps(steps, places, "learning rate", "learningRate")],
      ...common,
    },
    { title: "Gamma of progressive dropout attention", yLabel: "gamma", series: gamma, ...common },
    { title: `Scores of the ${title}`, yLabel: "per cent", yDomain: [0, 100], series: perEpoch, ...common },
  ];
  return all
    .map((chart) => ({ ...chart, series: chart.series.filter(hasPoints) }))
    .filter(({ series }) => series.length > 0);
}

/** The same numbers as a table, for whoever can't use the curves. */
function epochTable(training: TrainingFacts): Markup {
  const { name, epochs, bestEpoch } = training;
  const title = titleOf(training);
  const columns = [["mean loss", "meanLoss", 1], ...scores[name].map(([label, heading]) => [label, heading, 100])];
  const shown = columns.filter(([, heading]) => epochs.some((row) => Number.isFinite(row.number(String(heading)))));
  const rows = epochs.map((row) => {
    const epoch = row.number("epoch");
    const cells = shown.map(([, heading, factor]) => {
      const value = row.number(String(heading)) * Number(factor);
      return Number.isFinite(value) ? short(value) : "-";
    });
    return tableRow(epoch === bestEpoch ? `${epoch}, kept` : String(epoch), cells);
  });
  const headings = ["epoch", ...shown.map(([label, , factor]) => `${String(label)}${factor === 100 ? ", %" : ""}`)];
  return html`<details>
    <summary>Every epoch of the ${title} as a table</summary>
    ${wideTable(`Epochs of the ${title}`, headings, rows)}
  </details>`;
}

function missingOf(training: TrainingFacts): string[] {
  const { name, steps, epochs } = training;
  const title = titleOf(training);
  const lost = steps.filter((row) => !Number.isFinite(row.number("loss"))).length;
  const hasVal = scores[name].some(
    ([, heading]) => heading.startsWith("val") && epochs.some((row) => !Number.isNaN(row.number(heading))),
  );
  return [
    ...(epochs.length === 0 ? [`The ${title} has ended no epoch yet.`] : []),
    ...(lost > 0
      ? [`The loss of the ${title} is no finite number at ${lost} of ${steps.length} steps; they are not drawn.`]
      : []),
    ...(epochs.length > 0 && !hasVal
      ? [`The ${title} has no scores on val: there are no val patches that it could be scored on.`]
      : []),
  ];
}

function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** What is written above the curves: how far the training is, and which epoch was kept. */
function captionOf({ epochs, planned, bestEpoch }: TrainingFacts): string {
  const done = `${epochs.length}${planned === null ? "" : ` of ${planned}`} epochs`;
  return bestEpoch === null ? `${done}.` : `${done}; the weights of epoch ${bestEpoch} were kept, the best on val.`;
}

/** The curves of all trainings. */
export function trainingSection(trainings: readonly TrainingFacts[], charts: Charts): PageSection {
  const missing =
    trainings.length === 0 ? ["No training has begun: there are no curves."] : trainings.flatMap(missingOf);
  const parts = trainings.map(
    (training) =>
      html`<h3>${capitalised(titleOf(training))}</h3>
        <p>${captionOf(training)}</p>
        <div class="charts">${chartsOf(training).map((chart) => charts.lines(chart))}</div>
        ${training.epochs.length > 0 && epochTable(training)}`,
  );
  return { id: "training", title: "Training", body: parts.length === 0 ? null : html`${parts}`, missing };
}
