/** The dataset that patches are written into: a new one, or one of the same form that gets more. */
import { readdir, realpath } from "node:fs/promises";
import path from "node:path";
import {
  type DatasetDescription,
  type DatasetDescriptionInput,
  descriptionFileName,
  readDatasetDescription,
  writeDatasetDescription,
} from "../dataset/description.js";
import { type ManifestTable, readManifestTable } from "../dataset/manifest/manifest-table.js";
import type { TissueClass } from "../dataset/tissue-class.js";
import { WsssError } from "../errors.js";
import { ioFailure, systemCode, writeBytesAtomic } from "../files/file-access.js";
import { csvLine } from "../text/csv-line.js";
import { backgroundName } from "./annotation-classes.js";

/** File name of the manifest. */
export const patchManifestName = "patches.csv";

/** One patch, as its row says it; by column. */
export type PatchRow = Readonly<Record<string, string | number>>;

/** A dataset that is there already. */
export interface DatasetThere {
  readonly description: DatasetDescription;
  readonly table: ManifestTable;
}

/** What the patches of a dataset have in common. */
export interface PatchForm {
  readonly micronsPerPixel: number;
  readonly patchPx: number;
  readonly minClassShare: number;
  readonly splitBy: "slide" | "patient" | undefined;
  readonly seed: number;
}

/**
 * The dataset in a folder, if there is one of patches of slides.
 * @throws WsssError `WSSS_ERR_OPTION` if the folder holds something else; `WSSS_ERR_DATASET` if the dataset can't be read.
 */
export async function findPatchDataset(folder: string): Promise<DatasetThere | null> {
  const entries = await entriesOf(folder);
  if (entries.length === 0) return null;
  const refuse = (problem: string): WsssError => {
    const message = `${folder} ${problem}; choose another folder (extractPatches)`;
    return new WsssError("WSSS_ERR_OPTION", message, { option: "output", path: folder });
  };
  // What a run that was stopped has left.
  const leftovers = ["images", "masks", patchManifestName];
  if (!entries.includes(descriptionFileName)) {
    if (entries.every((name) => leftovers.includes(name) || name.startsWith(".part-"))) return null;
    throw refuse("is not empty and holds no dataset of patches");
  }
  const description = await readDatasetDescription(path.join(folder, descriptionFileName));
  const { labels, patchPx } = description;
  if (labels.rule !== "manifest" || labels.file !== patchManifestName || patchPx === undefined) {
    throw refuse("holds a dataset that was not cut from slides");
  }
  return { description, table: await readManifestTable(path.join(folder, patchManifestName)) };
}

async function entriesOf(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw ioFailure(error, "list", folder);
  }
}

/**
 * Refuses patches that would not fit the dataset that is there.
 * @param rows - one for each slide at least.
 * @throws WsssError `WSSS_ERR_OPTION` with what differs; `WSSS_ERR_DATASET` for slides that are in it already.
 */
export async function assertFits(
  { description, table }: DatasetThere,
  form: PatchForm,
  classes: readonly TissueClass[],
  rows: readonly PatchRow[],
  folder: string,
): Promise<void> {
  const differences: string[] = [];
  const differ = (what: string, there: unknown, here: unknown): void => {
    if (there !== here) differences.push(`${what} ${String(there)} there, ${String(here)} here`);
  };
  const inOrder = (some: readonly TissueClass[]): string => some.map(({ name }) => name).join(", ");
  differ("patchPx", description.patchPx, form.patchPx);
  differ("micronsPerPixel", description.micronsPerPixel, form.micronsPerPixel);
  differ("minClassShare", description.labels.minClassShare, form.minClassShare);
  differ("classes", inOrder(description.classes), inOrder(classes));
  differ("splitBy", splitOf({ description, table }), form.splitBy ?? "none");
  if (form.splitBy !== undefined) differ("seed", description.split?.seed, form.seed);
  const columns = Object.keys(rows[0] ?? {});
  for (const column of ["image", "patient", "mask"]) {
    const inWords = (has: boolean): string => (has ? "there" : "none");
    const [there, here] = [table.columns.includes(column), columns.includes(column)];
    if (there !== here)
      differences.push(`column ${column}: ${inWords(there)} in it, ${inWords(here)} among the new ones`);
  }
  if (differences.length > 0) {
    const message = `the patches do not fit the dataset in ${folder}: ${differences.join("; ")} (extractPatches)`;
    throw new WsssError("WSSS_ERR_OPTION", message, { option: "output", path: folder, differences });
  }
  const present = [...new Set(table.rows.map(({ cells }) => textOf(cells.get("slide"))))];
  const realOf = async (slide: string): Promise<string> => {
    const file = path.resolve(folder, slide);
    return await realpath(file).catch(() => file);
  };
  const real = new Set(await Promise.all(present.map(realOf)));
  const names = new Map(present.map((slide) => [path.parse(slide).name, slide]));
  for (const slide of new Set(rows.map((row) => String(row["slide"])))) {
    const twin = names.get(path.parse(slide).name);
    // Files of patches are called after their slide.
    const problem = real.has(await realOf(slide))
      ? `holds patches of slide ${slide} already; take its rows out of ${patchManifestName}`
      : twin === undefined
        ? null
        : `holds patches of another slide of that name, ${twin}; rename ${slide}`;
    if (problem === null) continue;
    const message = `${folder} ${problem}, or choose another folder`;
    throw new WsssError("WSSS_ERR_DATASET", message, { path: folder, slide });
  }
}

/** How a dataset of patches is split: where each patient is a slide, by slide. */
function splitOf({ description, table }: DatasetThere): "slide" | "patient" | "none" {
  if (description.split === undefined) return "none";
  const isSlide = table.rows.every(
    ({ cells }) => textOf(cells.get("patient")) === path.parse(textOf(cells.get("slide"))).name,
  );
  return isSlide ? "slide" : "patient";
}

/** Writes the manifest, and the description of a new dataset. @throws WsssError `WSSS_ERR_IO`; `WSSS_ERR_BUSY` if another process has changed it meanwhile */
export async function writePatchDataset(
  folder: string,
  there: DatasetThere | null,
  input: { readonly name: string; readonly form: PatchForm; readonly classes: readonly TissueClass[] },
  rows: readonly PatchRow[],
): Promise<void> {
  const now = await findPatchDataset(folder);
  if (now?.table.rows.length !== there?.table.rows.length) {
    const message = `another process has written into ${folder} meanwhile; nothing was added, run this again`;
    throw new WsssError("WSSS_ERR_BUSY", message, { path: folder });
  }
  const own = Object.keys(rows[0] ?? {});
  const columns = [
    ...(there?.table.columns ?? []),
    ...own.filter((one) => there?.table.columns.includes(one) !== true),
  ];
  const before = there?.table.rows.map(({ cells }) => columns.map((column) => textOf(cells.get(column)))) ?? [];
  const added = rows.map((row) => columns.map((column) => row[column] ?? ""));
  await writeBytesAtomic(
    path.join(folder, patchManifestName),
    [columns, ...before, ...added].map((cells) => csvLine(cells)).join(""),
  );
  if (there === null) await writeDatasetDescription(folder, describePatchDataset(input));
}

/** The description of a new dataset. */
export function describePatchDataset({
  name,
  form: { micronsPerPixel, patchPx, minClassShare, splitBy, seed },
  classes,
}: {
  readonly name: string;
  readonly form: PatchForm;
  readonly classes: readonly TissueClass[];
}): DatasetDescriptionInput {
  return {
    name,
    classes,
    background: { name: backgroundName, colour: [255, 255, 255] },
    ignoreIndex: 255,
    labels: { rule: "manifest", file: patchManifestName, minClassShare },
    ...{ micronsPerPixel, patchPx },
    ...(splitBy !== undefined && { split: { by: "patient", seed } }),
    // Slides have glass between their pieces of tissue.
    glass: {},
  };
}

/** A cell of a CSV file is a text, or not there. */
function textOf(cell: unknown): string {
  return typeof cell === "string" ? cell : "";
}
