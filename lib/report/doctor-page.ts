/** What the doctor found in a dataset, as a page: findings with pictures, balance of the classes, colours by patient. */
import { splitNames } from "../dataset/split.js";
import type { ExaminationWithPlaces } from "../doctor/examine-dataset.js";
import type { DatasetExamination, SplitExamination } from "../doctor/examination.js";
import { describeMosaics } from "../segmenter/mosaic-share.js";
import { percent } from "../text/percent.js";
import { openCharts } from "./chart.js";
import { colourSection } from "./colour-section.js";
import { findingsSection } from "./finding-section.js";
import { html } from "./markup.js";
import { type PageSection, tableRow, wideTable } from "./page-section.js";
import { layOutPage, type ReportPage } from "./report-page.js";

/** The examination of a dataset as a page. Pictures are read from the dataset's folder and slides; those that can't be are left out. */
export async function doctorPage({ examination, places }: ExaminationWithPlaces): Promise<ReportPage> {
  const { name, errors, warnings } = examination;
  const counts = `${errors} ${errors === 1 ? "error" : "errors"}, ${warnings} ${warnings === 1 ? "warning" : "warnings"}`;
  const head = {
    title: name === null ? "Examination of a dataset without valid description" : `${name}: examination`,
    state: errors + warnings === 0 ? "Nothing is wrong." : `${counts}.`,
    isFinished: errors === 0,
  };
  const charts = await openCharts();
  return await layOutPage(head, [
    await findingsSection(examination, places),
    splitsSection(examination),
    balanceSection(examination),
    colourSection(examination, charts),
    memorySection(examination),
  ]);
}

function sizeOf({ size }: SplitExamination): string {
  return size === null ? "-" : `${size.width} x ${size.height}`;
}

function splitsSection({ splits }: DatasetExamination): PageSection {
  const rows = splitNames.map((split) => {
    const { patches, decoded, masks, labelled } = splits[split];
    return tableRow(split, [patches, decoded, sizeOf(splits[split]), labelled, masks]);
  });
  const headings = ["Split", "Patches", "Decoded", "Size, px", "With classes known", "True masks"];
  return { id: "splits", title: "Splits", body: wideTable("Splits", headings, rows), missing: [] };
}

function balanceSection({ splits, mosaics }: DatasetExamination): PageSection {
  const about = { id: "balance", title: "Balance of the classes" };
  const present = splitNames.filter((split) => splits[split].labelled > 0);
  const classes = splits[present[0] ?? "train"].classes;
  if (present.length === 0 || classes.length === 0) {
    return { ...about, body: null, missing: ["No balance of classes: no patch's classes are known."] };
  }
  const headings = ["Class", ...present.flatMap((split) => [`${split}: patches`, "% of them", "% of pixels"])];
  const rows = classes.map(({ name }, index) =>
    tableRow(
      name,
      present.flatMap((split) => {
        const { patches = 0, pixelShare = null } = splits[split].classes[index] ?? {};
        return [patches, percent(patches / splits[split].labelled), percent(pixelShare)];
      }),
    ),
  );
  const note = html`<p>
    A patch may have several classes. Pixels are those of true masks; background has
    ${present.map((split) => `${percent(splits[split].backgroundShare)} % in ${split}`).join(", ")}.
  </p>`;
  const joined = mosaics === null ? "" : html`<p>Mosaics: ${describeMosaics(mosaics)}.</p>`;
  return { ...about, body: html`${wideTable("Balance of the classes", headings, rows)}${note}${joined}`, missing: [] };
}

function memorySection({ memory }: DatasetExamination): PageSection {
  const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GiB`;
  const body = html`<p>
    The pixels take ${gibibytes(memory.pixelBytes)} in a run, the networks come on top; ${gibibytes(memory.freeBytes)}
    were free when this was written.
  </p>`;
  return { id: "memory", title: "Memory", body, missing: [] };
}
