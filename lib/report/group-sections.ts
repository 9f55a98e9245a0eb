/** Scores by patient, and how they spread over patches. */
import { percent } from "../text/percent.js";
import type { Charts, DotRow } from "./chart.js";
import { html, type Markup } from "./markup.js";
import type { ScoredGroup } from "./pixel-scores.js";
import type { RunFacts } from "./run-facts.js";
import { type PageSection, tableRow, wideTable } from "./page-section.js";

/** Most patients of the plot and of the table: those with the lowest scores. */
const [mostPlotted, mostListed] = [30, 300];

const byScore = (one: ScoredGroup, other: ScoredGroup): number =>
  (one.scores.mIoU ?? 2) - (other.scores.mIoU ?? 2) || (one.name < other.name ? -1 : 1);

const patchesOf = (count: number): string => `${count} ${count === 1 ? "patch" : "patches"}`;

/** Scores of each patient of the test patches. */
export function patientsSection({ counts, record }: RunFacts, charts: Charts): PageSection {
  const about = { id: "patients", title: "Patient by patient" } as const;
  if (counts === null) return { ...about, body: null, missing: [] };
  const { patients, classes } = counts.pooled;
  if (patients === null) {
    return { ...about, body: null, missing: ["No scores by patient: the dataset does not say whom each patch is of."] };
  }
  const sorted = [...patients].sort(byScore);
  const listed = sorted.slice(0, mostListed);
  const names = classes.map((name, index) => record?.dataset.classes[index]?.name ?? name);
  const rows = listed.map(({ name, patches, scores }) =>
    tableRow(name, [
      patches,
      percent(scores.mIoU),
      percent(scores.accuracy),
      ...(classes.length > mostPlotted ? [] : scores.iou.map((value) => percent(value))),
    ]),
  );
  const classHeadings = classes.length > mostPlotted ? [] : names.map((name) => `IoU ${name}`);
  const plotted = sorted.filter(({ scores }) => scores.mIoU !== null).slice(0, mostPlotted);
  const less = plotted.length < sorted.length ? `, the ${plotted.length} lowest` : "";
  const chart = charts.dots({
    title: `mIoU of each patient${less}`,
    xLabel: "mIoU, per cent",
    xDomain: [0, 100],
    rows: plotted.map(({ name, patches, scores }): DotRow => {
      const title = `${name}: mIoU ${percent(scores.mIoU)} %, ${patchesOf(patches)}`;
      return { label: name, value: 100 * (scores.mIoU ?? 0), title };
    }),
  });
  const table = wideTable("Scores of each patient", ["patient", "patches", "mIoU", "accuracy", ...classHeadings], rows);
  return {
    ...about,
    body: html`<p>Each over all pixels of the patient's test patches, in per cent, the lowest mIoU first.</p>
      <div class="charts">${plotted.length > 0 && chart}</div>
      ${
        rows.length > mostPlotted
          ? html`<details>
              <summary>${rows.length} patients as a table</summary>
              ${table}
            </details>`
          : table
      }`,
    missing:
      sorted.length > listed.length
        ? [`The table of patients ends after the ${listed.length} with the lowest mIoU, of ${sorted.length}.`]
        : [],
  };
}

/** How the mIoU of single patches spreads, as counts by ten per cent. */
export function patchSpread({ counts }: RunFacts): Markup | null {
  const known = counts?.pooled.patches.flatMap(({ scores }) => scores.mIoU ?? []) ?? [];
  if (known.length === 0) return null;
  const bins = Array.from(
    { length: 10 },
    (_, bin) => known.filter((value) => Math.min(9, Math.floor(value * 10)) === bin).length,
  );
  const most = Math.max(...bins);
  const rows = bins.map((count, bin) => {
    const share = Math.round((100 * count) / most);
    return tableRow(`${bin * 10} to ${bin * 10 + 10} %`, [
      count,
      html`<span class="bar" style="--share:${share}%"></span>`,
    ]);
  });
  return html`<h3>Patches by their mIoU</h3>
    <div class="spread">${wideTable("Patches by their mIoU", ["mIoU", "patches", ""], rows)}</div>`;
}
