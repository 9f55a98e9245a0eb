/** The table of slides (`slides.csv`): which there are, and what is known of each beside its file. */
import path from "node:path";
import { readManifestTable } from "../dataset/manifest/manifest-table.js";
import { type SplitName, splitNames } from "../dataset/split-name.js";
import { WsssError } from "../errors.js";
import { believableMpp, isBelievableMpp } from "../slide/slide-scale.js";
import { nearestName } from "../text/nearest-name.js";

/** A slide, and what is known of it. */
export interface SlideEntry {
  /** Absolute path. */
  readonly file: string;
  /** Micrometres a pixel of its finest level, whatever its own file says. */
  readonly mpp?: number;
  readonly patient?: string;
  readonly split?: SplitName;
}

const columns = ["wsi", "mpp", "patient", "split"] as const;

/**
 * Reads a table of slides: CSV with a column `wsi` (path relative to the table, or file name) and, if need be, `mpp`, `patient` and `split`.
 * @throws WsssError `WSSS_ERR_IO`; `WSSS_ERR_DATASET` naming the line that can't be read.
 */
export async function readSlidesTable(file: string): Promise<SlideEntry[]> {
  const refuse = (problem: string): WsssError =>
    new WsssError("WSSS_ERR_DATASET", `slides ${file}: ${problem}`, { path: file, problem });
  const table = await readManifestTable(file);
  if (!table.columns.includes("wsi")) throw refuse(`there is no column wsi; columns are ${columns.join(", ")}`);
  for (const name of table.columns.filter((one) => !(columns as readonly string[]).includes(one))) {
    const meant = nearestName(
      name,
      columns.filter((one) => !table.columns.includes(one)),
    );
    if (meant !== undefined) throw refuse(`the column "${name}" is not known; did you mean "${meant}"?`);
  }
  return table.rows.map(({ where, cells, problem }) => {
    if (problem !== undefined) throw refuse(`${where} ${problem}`);
    const wsi = cells.get("wsi");
    if (typeof wsi !== "string") throw refuse(`${where} names no slide`);
    const mpp = cells.has("mpp") ? Number(cells.get("mpp")) : undefined;
    if (mpp !== undefined && !isBelievableMpp(mpp)) {
      const bound = `${believableMpp.least} to ${believableMpp.most} micrometres a pixel`;
      throw refuse(`${where} has the mpp ${JSON.stringify(cells.get("mpp"))}; it must be ${bound}`);
    }
    const given = cells.get("split");
    const split = splitNames.find((name) => name === given);
    if (given !== undefined && split === undefined) {
      throw refuse(`${where} has the split ${JSON.stringify(given)}; it must be train, val or test`);
    }
    const patient = cells.get("patient");
    if (patient !== undefined && typeof patient !== "string") throw refuse(`${where} has a patient that is no text`);
    return {
      file: path.resolve(path.dirname(file), wsi),
      ...(mpp !== undefined && { mpp }),
      ...(patient !== undefined && { patient: patient.normalize("NFC") }),
      ...(split !== undefined && { split }),
    };
  });
}

/**
 * The slides to work on, each with what a table knows of it; all of the table where none is named. A named slide is looked up by its
 * path, then by its file name.
 * @param table - null without one.
 * @throws WsssError `WSSS_ERR_OPTION` if there is none, two have one name, which the names of their patches could not tell apart, or
 *   the table does not say which of its rows is of a slide.
 */
export function slidesToCut(named: readonly string[], table: readonly SlideEntry[] | null): SlideEntry[] {
  const of = (given: string): SlideEntry => {
    const file = path.resolve(given);
    return table === null ? { file } : { ...rowOfSlide(file, table), file };
  };
  const slides = named.length === 0 ? (table ?? []) : named.map(of);
  if (slides.length === 0) {
    throw new WsssError("WSSS_ERR_OPTION", "extractPatches: slides must name at least one slide", { option: "slides" });
  }
  const seen = new Map<string, string>();
  return slides.map((slide) => {
    const { name } = path.parse(slide.file);
    const other = seen.get(name);
    if (other !== undefined) {
      const message = `${other} and ${slide.file} have one name, and so would their patches; rename one`;
      throw new WsssError("WSSS_ERR_OPTION", message, { option: "slides", paths: [other, slide.file] });
    }
    seen.set(name, slide.file);
    return slide;
  });
}

function rowOfSlide(file: string, table: readonly SlideEntry[]): SlideEntry {
  const { base, name } = path.parse(file);
  const ways = [
    (row: SlideEntry) => row.file === file,
    (row: SlideEntry) => path.basename(row.file) === base,
    (row: SlideEntry) => [path.basename(row.file), path.parse(row.file).name].includes(name),
  ];
  for (const way of ways) {
    const [row, ...others] = table.filter(way);
    if (row !== undefined && others.length === 0) return row;
    if (row === undefined) continue;
    const message = `the table of slides has ${others.length + 1} rows that could be of ${file}; write its path there`;
    throw new WsssError("WSSS_ERR_OPTION", message, { option: "slidesTable", path: file });
  }
  const message = `the table of slides has no row of ${file}; add it, or leave the table out`;
  throw new WsssError("WSSS_ERR_OPTION", message, { option: "slidesTable", path: file });
}
