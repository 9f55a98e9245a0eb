/** The confusion matrix: what the pixels of each class were taken for. */
import { percent } from "../text/percent.js";
import { shortened } from "./chart.js";
import { html, type Markup } from "./markup.js";
import type { PooledCounts } from "./pixel-scores.js";
import type { RunFacts } from "./run-facts.js";
import { type PageSection, tableRow, wideTable } from "./page-section.js";

/** Larger matrices are no help to the eye: then the commonest confusions are listed. */
const mostClasses = 20;
const mostConfusions = 30;

const grouped = (pixels: number): string => pixels.toLocaleString("en");

/** A cell as dark as its share of the row. */
function matrixCell(truth: string, predicted: string, pixels: number, rowSum: number): Markup {
  const share = rowSum === 0 ? null : pixels / rowSum;
  const title = `true ${truth}, predicted ${predicted}: ${grouped(pixels)} px, ${percent(share)} %`;
  // Never so dark that the number is hard to read.
  const depth = Math.round(45 * (share ?? 0));
  return html`<td title="${title}" style="--depth:${depth}%">${percent(share)}</td>`;
}

function matrixOf({ classes, confusion }: PooledCounts): Markup {
  // Only pseudo masks take tissue for background.
  const usesBackground = confusion.some((row) => (row[classes.length] ?? 0) > 0);
  const columns = usesBackground ? [...classes, "background"] : classes;
  const headings = [
    "true class",
    ...columns.map((name) => html`<span title="${name}">${shortened(name, 16)}</span>`),
    "pixels",
  ];
  const rows = confusion.map((row, index) => {
    const sum = row.reduce((total, pixels) => total + pixels, 0);
    const cells = columns.map((name, column) => matrixCell(classes[index] ?? "", name, row[column] ?? 0, sum));
    return html`<tr>
      <th scope="row">${classes[index]}</th>
      ${cells}
      <td>${grouped(sum)}</td>
    </tr>`;
  });
  return html`<div class="matrix">${wideTable("Confusion matrix", headings, rows)}</div>`;
}

/** The pairs of classes that are mixed up most, by pixels. */
function commonest({ classes, confusion }: PooledCounts): Markup {
  const pairs = confusion
    .flatMap((row, truth) => row.map((pixels, predicted) => ({ truth, predicted, pixels })))
    .filter(({ truth, predicted, pixels }) => truth !== predicted && pixels > 0)
    .sort((one, other) => other.pixels - one.pixels)
    .slice(0, mostConfusions);
  const rows = pairs.map(({ truth, predicted, pixels }) => {
    const sum = confusion[truth]?.reduce((total, one) => total + one, 0) ?? 0;
    return tableRow(classes[truth], [classes[predicted] ?? "background", grouped(pixels), percent(pixels / sum)]);
  });
  return wideTable("Commonest confusions", ["true class", "predicted", "pixels", "% of the class"], rows);
}

/** What the pixels of each class of the test patches were taken for. */
export function confusionSection({ counts, plain }: RunFacts): PageSection {
  const about = { id: "confusion", title: "Confusion" } as const;
  if (counts === null) {
    const missing =
      plain === null
        ? []
        : ["The confusion matrix and the scores of patches are missing: evaluation/ is not there, or damaged."];
    return { ...about, body: null, missing };
  }
  const { pooled, gated } = counts;
  const isLarge = pooled.classes.length > mostClasses;
  const file = `evaluation/${gated ? "gated" : "plain"}-confusion.csv`;
  const body = isLarge
    ? html`<p>
          The ${mostConfusions} commonest confusions of ${pooled.classes.length} classes; all of them are in
          <code>${file}</code>.
        </p>
        ${commonest(pooled)}`
    : html`<p>
          Rows are true classes, columns predictions; each number is the share of the row's pixels, in per cent.
          Segmenter${gated && " with class gate"}, test patches.
        </p>
        ${matrixOf(pooled)}`;
  return { ...about, body, missing: [] };
}
