/** Sections of an ablation's page: tables, a plot of the seeds, differences that are more than chance, and where all of it comes from. */
import type { Charts, DotRow } from "../report/chart.js";
import { html, type Markup } from "../report/markup.js";
import { type PageSection, tableRow, wideTable } from "../report/page-section.js";
import { percent } from "../text/percent.js";
import { seedsInWords, tablesOf } from "./ablation-tables.js";
import type { Ablation, CellReport } from "./ablation.js";
import { wholeMethod } from "./cells.js";
import type { CellDifference, DifferenceReport, SeedDifference } from "./differences.js";
import { statisticOf } from "./statistics.js";

/** A difference of fractions in points, with its sign. */
const points = (value: number | null): string => (value !== null && value > 0 ? `+${percent(value)}` : percent(value));

const chanceOf = (pValue: number): string => (pValue < 0.001 ? "< 0.001" : pValue.toFixed(3));

/** The tables of `ablation.md`. */
export function tablesSection(ablation: Ablation): PageSection {
  const tables = tablesOf(ablation).map(({ title, headings, rows }): Markup => {
    const lines = rows.map(([heading = "", ...cells]) => tableRow(heading, cells));
    return html`<h3>${title}</h3>
      ${wideTable(title, headings, lines)}`;
  });
  const isScored = ablation.cells.some(({ summary }) => summary !== null);
  return {
    id: "tables",
    title: "Tables",
    body: html`<p>Scores are ${seedsInWords(ablation)}.</p>
      ${tables}
      <h3>What the cells are</h3>
      <ul>
        ${ablation.cells.map(({ name, title }) => html`<li><code>${name}</code>: ${title}</li> `)}
      </ul>`,
    missing: isScored ? [] : ["No cell is done yet: there are no scores."],
  };
}

function mIoUOf(outcome: CellReport["seeds"][number]["outcome"], gated: boolean): number | null {
  if (outcome?.status !== "done") return null;
  return (gated ? outcome.segmenter.gated : outcome.segmenter.plain)?.mIoU ?? null;
}

/** The mIoU of each cell with each seed, and their mean. */
export function seedsSection({ cells }: Ablation, charts: Charts): PageSection {
  const about = { id: "seeds", title: "mIoU of every seed" } as const;
  const gated = cells.some(({ summary }) => summary?.gated);
  const rows = cells.flatMap(({ name, seeds }): DotRow[] => {
    const scored = seeds.flatMap(({ seed, outcome }) => {
      const value = mIoUOf(outcome, gated);
      return value === null ? [] : [{ seed, value }];
    });
    const { mean, n } = statisticOf(scored.map(({ value }) => value));
    if (mean === null) return [];
    const others = scored.map(({ seed, value }) => ({
      value: 100 * value,
      title: `${name}, seed ${seed}: mIoU ${percent(value)} %`,
    }));
    const title = `${name}: mean mIoU ${percent(mean)} % of ${n} ${n === 1 ? "seed" : "seeds"}`;
    return [{ label: name, value: 100 * mean, others, title }];
  });
  if (rows.length === 0) return { ...about, body: null, missing: [] };
  const chart = charts.dots({ title: "Mean (dot) and seeds (squares)", xLabel: "mIoU, per cent", rows });
  return {
    ...about,
    body: html`<p>On the test patches${gated && ", with class gate"}. The axis does not begin at 0.</p>
      <div class="charts">${chart}</div>`,
    missing: [],
  };
}

/** `in all 3 seeds`, `in 1 of 3 seeds` or `no`. */
function chanceInWords(seeds: readonly SeedDifference[]): string {
  const beyond = seeds.filter(({ isMoreThanChance }) => isMoreThanChance).length;
  if (beyond === 0) return "no";
  if (seeds.length === 1) return "yes";
  return beyond === seeds.length ? `in all ${beyond} seeds` : `in ${beyond} of ${seeds.length} seeds`;
}

/** Which way the seeds point. */
function agreementOf(seeds: readonly SeedDifference[]): string {
  const lower = seeds.filter(({ difference }) => difference < 0).length;
  const higher = seeds.filter(({ difference }) => difference > 0).length;
  return [
    ...(lower > 0 ? [`${lower} lower`] : []),
    ...(higher > 0 ? [`${higher} higher`] : []),
    ...(lower + higher < seeds.length ? [`${seeds.length - lower - higher} equal`] : []),
  ].join(", ");
}

function differenceRow({ name, seeds }: CellDifference): Markup {
  const { mean } = statisticOf(seeds.map(({ difference }) => difference));
  const each = seeds.map(({ seed, difference, low, high, pValue }) => {
    const range = low === null || high === null ? "" : ` (${points(low)} to ${points(high)})`;
    return html`<div class="seed">seed ${seed}: ${points(difference)}${range}, p ${chanceOf(pValue)}</div>`;
  });
  return tableRow(name, [points(mean), agreementOf(seeds), chanceInWords(seeds), html`${each}`]);
}

/** Each cell against the whole method, and whether that could be chance. */
export function differencesSection({ cells, tests, by, gated, problems }: DifferenceReport): PageSection {
  const about = { id: "differences", title: `Differences from ${wholeMethod}` } as const;
  const missing = [...problems];
  if (cells.length === 0) {
    missing.push(`No differences yet: neither cell has been scored with the same seed as ${wholeMethod}.`);
    return { ...about, body: null, missing };
  }
  const unit = by === "patient" ? "patient" : "patch";
  const body = html`<p>
      Each cell is held against <code>${wholeMethod}</code> of the same seed, on the same test patches: by how many
      points its mIoU${gated && " with class gate"} is higher or lower, the 95 % interval of that (bootstrap), and p of
      a paired randomisation test. It swaps the two results of a ${unit} at random, and counts how often a difference as
      large comes out.
    </p>
    <p>
      A difference is called more than chance if its p, corrected for the ${tests} ${tests === 1 ? "test" : "tests"} of
      this table by Holm's method, is below 0.05. That speaks of other test ${unit === "patch" ? "patches" : "patients"}
      with these networks. Whether other trainings would differ alike is seen only from how the seeds agree.
    </p>
    ${wideTable("Differences", ["cell", "mean, points", "seeds", "more than chance", "each seed"], cells.map(differenceRow))}`;
  return { ...about, body, missing };
}

/** Dataset, commands and versions. */
export function sourceSection({ dataset, commands, versions, startedAt }: Ablation): PageSection {
  const splits = (["train", "val", "test"] as const).map((name) => tableRow(name, [dataset[name].count]));
  const rows = [
    tableRow("wsss-tissue-native", [versions.package]),
    tableRow("LibTorch", [versions.libtorch]),
    tableRow("Node", [versions.node]),
    tableRow("begun", [startedAt.replace("T", " ").replace(/\.\d+Z$/, " UTC")]),
  ];
  return {
    id: "source",
    title: "Where it comes from",
    body: html`<h3>Dataset: ${dataset.name}</h3>
      ${wideTable("Splits", ["split", "patches"], splits)}
      ${
        commands.length > 0 &&
        html`<h3>Commands</h3>
          <pre><code>${commands.join("\n")}</code></pre>`
      }
      <h3>Versions</h3>
      ${wideTable("Versions", ["", ""], rows)}`,
    missing: [],
  };
}
