/** The patches that are to be labelled: those of a manifest, or all pictures of a folder. */
import path from "node:path";
import { WsssError } from "../errors.js";
import { readText } from "../files/file-access.js";
import { patchExtensions } from "../image/decode-patch.js";
import { type DatasetDescription, descriptionFileName } from "../dataset/description.js";
import { manifestPlace } from "../dataset/manifest/list-manifest.js";
import { checkColumns } from "../dataset/manifest/manifest-columns.js";
import { ManifestFindings } from "../dataset/manifest/manifest-findings.js";
import { readEntries } from "../dataset/manifest/manifest-rows.js";
import { type ManifestTable, readManifestTable } from "../dataset/manifest/manifest-table.js";
import { type PatchPlace, stemOnSlide } from "../dataset/patch-file.js";
import type { TissueClass } from "../dataset/tissue-class.js";
import { assertNameableInManifest, picturesInFolder } from "./pictures-in-folder.js";

/** A patch that is to be labelled. */
export interface PatchToLabel {
  /** What the journal calls it: its path as in the manifest, or slide and place. */
  readonly name: string;
  /** The picture, or the slide. */
  readonly imagePath: string;
  readonly place?: PatchPlace;
  /** Whether each class is there, by its name, as the manifest says it; null where it says nothing. */
  readonly given: Readonly<Record<string, 0 | 1>> | null;
  /** Its row in the manifest. */
  readonly row: number;
}

/** Manifest of a folder of pictures that had none. */
const newManifest = "patches.csv";
/** The background of such a folder. */
const usualBackground: TissueClass = { name: "background", colour: [255, 255, 255] };

/** A dataset as it was found, with its manifest as a table. */
export interface DatasetParts {
  readonly folder: string;
  readonly title: string;
  readonly patches: readonly PatchToLabel[];
  /** Pictures beside those of the manifest, which no row names. */
  readonly unlisted: readonly string[];
  readonly classes: readonly TissueClass[];
  readonly background: TissueClass;
  readonly manifest: string;
  readonly columns: readonly string[];
  readonly rows: readonly ReadonlyMap<string, string>[];
  readonly description: Record<string, unknown>;
}

/**
 * All pictures of a folder and those below.
 * @throws WsssError `WSSS_ERR_DATASET` if it holds none, or what does not go together.
 */
export async function partsOfFolder(folder: string): Promise<DatasetParts> {
  const names = await picturesInFolder(folder);
  const refuse = (problem: string): WsssError =>
    new WsssError("WSSS_ERR_DATASET", `${folder} ${problem}`, { path: folder });
  if (names.some((name) => name.startsWith("train/"))) {
    throw refuse(
      "looks like a dataset with folders for its splits, and nothing describes it: " +
        `put a ${descriptionFileName} into it (wsss-tissue doctor --init), or label one folder of it: ${path.join(folder, "train")}`,
    );
  }
  if (names.length === 0) {
    const slides = "of slides patches are cut first: wsss-tissue label SLIDES... --out DATASET --classes NAMES";
    throw refuse(`holds no patches (files ending with ${patchExtensions.join(" ")}); ${slides}`);
  }
  assertNameableInManifest(folder, names);
  const description = {
    name: path.basename(folder),
    classes: [],
    background: usualBackground,
    labels: { rule: "manifest", file: newManifest },
  };
  return {
    folder,
    title: description.name,
    patches: names.map((name, row) => ({ name, imagePath: path.join(folder, name), given: null, row })),
    unlisted: [],
    classes: [],
    background: usualBackground,
    manifest: path.join(folder, newManifest),
    columns: ["image", "split", "labels"],
    rows: names.map(
      (name) =>
        new Map([
          ["image", name],
          ["split", "train"],
        ]),
    ),
    description,
  };
}

/** How the rows of a manifest are read. */
export interface ManifestReading {
  /** What tells a class by any name that it ever had. */
  readonly classOf: (name: string) => string | undefined;
  /** Whether pictures that no row names get a row each, as patches of train. */
  readonly addsNew: boolean;
}

/**
 * The rows of a manifest: those of train, and those of val and test that have no true mask.
 * @throws WsssError `WSSS_ERR_DATASET` if labels can't be written into it.
 */
export async function partsOfDataset(
  folder: string,
  description: DatasetDescription,
  file: string,
  { classOf, addsNew }: ManifestReading,
): Promise<DatasetParts> {
  const { labels, classes: declared, background } = description;
  const refuse = (problem: string): WsssError =>
    new WsssError("WSSS_ERR_DATASET", `${folder} can't be labelled as it is: ${problem}`, { path: folder });
  if (labels.rule !== "manifest") {
    throw refuse(
      `its labels are in the names of its files; to label the pictures anew, name their folder: ${path.join(folder, "train")}`,
    );
  }
  const place = manifestPlace(folder, folder, labels.file);
  if (!/\.csv$/i.test(place.path)) throw refuse(`its manifest ${labels.file} is no CSV file; save it as one`);
  const written = withDeclaredNames(await readManifestTable(place.path), declared, classOf);
  const classes = declared.map((one) => ({ ...one, name: one.name.normalize("NFC") }));
  const columns = checkColumns(written, classes);
  if (columns.labels === "classes") {
    throw refuse(
      `its manifest ${labels.file} has a column for each class; bring them together in one, labels, with ; between the names`,
    );
  }
  const unlisted = columns.patches === "pictures" ? await unlistedPictures(place.base, written) : [];
  if (addsNew && unlisted.length > 0 && columns.patient) {
    throw refuse(
      `its manifest ${labels.file} names the patient of each patch, which for ${unlisted[0]} only you know; add its row there`,
    );
  }
  const table = addsNew ? withRowsFor(unlisted, written) : written;
  if (addsNew && unlisted.length > 0) assertNameableInManifest(place.base, textsIn(table, "image"));
  const findings = new ManifestFindings();
  const entries = readEntries(table.rows, columns, { classes, background: background.name.normalize("NFC") }, findings);
  findings.throwIfAny(place.path, table.rows.length);
  const patches = entries.flatMap((entry, row): PatchToLabel[] => {
    const { image = "", place: spot, namesMask, labels: given, split } = entry;
    if (namesMask && split !== undefined && split !== "train") return [];
    const { patchPx = 0, micronsPerPixel = 0 } = description;
    const answers =
      given === null || given === undefined
        ? null
        : Object.fromEntries(classes.map(({ name }, index) => [name, given[index] === 1 ? 1 : 0] as const));
    if (spot === undefined) return [{ name: image, imagePath: path.resolve(place.base, image), given: answers, row }];
    const { x, y, mpp } = spot;
    return [
      {
        name: stemOnSlide(image, spot),
        imagePath: path.resolve(place.base, image),
        place: { x, y, patchPx, micronsPerPixel, ...(mpp !== undefined && { slideMpp: mpp }) },
        given: answers,
        row,
      },
    ];
  });
  const first = new Map<string, number>();
  for (const { name, row } of patches) {
    const earlier = first.get(name);
    const where = (index: number): string => table.rows[index]?.where ?? "";
    if (earlier !== undefined)
      throw refuse(`${where(row)} and ${where(earlier)} of its manifest are one patch, ${name}`);
    first.set(name, row);
  }
  if (patches.length === 0) throw refuse("all patches of its manifest have true masks, which say what they show");
  return {
    folder,
    title: description.name,
    patches,
    unlisted: addsNew ? [] : unlisted,
    classes,
    background,
    manifest: place.path,
    columns: table.columns.includes("labels") ? table.columns : [...table.columns, "labels"],
    rows: table.rows.map(({ cells }) => new Map([...cells].map(([column, cell]) => [column, String(cell)]))),
    description: await descriptionAsWritten(file, description),
  };
}

/** Texts of a column, of the rows that have one there. */
function textsIn({ rows }: ManifestTable, column: string): string[] {
  return rows.flatMap(({ cells }) => {
    const cell = cells.get(column);
    return typeof cell === "string" ? [cell] : [];
  });
}

/** Pictures of a folder that no row of its manifest names, as patch or as mask. */
async function unlistedPictures(base: string, table: ManifestTable): Promise<string[]> {
  const named = ["image", "mask"].flatMap((column) => textsIn(table, column));
  const known = new Set(named.map((name) => path.resolve(base, name)));
  return (await picturesInFolder(base)).filter((name) => !known.has(path.resolve(base, name)));
}

function withRowsFor(pictures: readonly string[], table: ManifestTable): ManifestTable {
  const added = pictures.map((image) => ({
    where: `the new row of ${image}`,
    cells: new Map([
      ["image", image],
      ["split", "train"],
    ]),
  }));
  return { ...table, rows: [...table.rows, ...added] };
}

/** The table with every class called as the description calls it, by whatever name of its past it stands there. */
function withDeclaredNames(
  table: ManifestTable,
  declared: readonly TissueClass[],
  classOf: (name: string) => string | undefined,
): ManifestTable {
  const names = new Set(declared.map(({ name }) => name.normalize("NFC")));
  const byClass = new Map([...names].flatMap((name) => (classOf(name) === undefined ? [] : [[classOf(name), name]])));
  const called = (part: string): string => {
    const name = part.trim().normalize("NFC");
    return names.has(name) ? part : (byClass.get(classOf(name)) ?? part);
  };
  const rows = table.rows.map((row) => {
    const cell = row.cells.get("labels");
    if (typeof cell !== "string") return row;
    return { ...row, cells: new Map(row.cells).set("labels", cell.split(";").map(called).join(";")) };
  });
  return { ...table, rows };
}

/** The description with nothing filled in, so that it is written again as its author has written it. */
async function descriptionAsWritten(file: string, checked: DatasetDescription): Promise<Record<string, unknown>> {
  const read = await readText(file);
  // It was read and checked a moment ago; changed since, it is written as it was then.
  if ("problem" in read) return { ...checked };
  try {
    return JSON.parse(read.text) as Record<string, unknown>;
  } catch {
    return { ...checked };
  }
}
