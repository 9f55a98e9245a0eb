/** The patches that are to be labelled: those of a manifest, or all pictures of a folder. */
import path from "node:path";
import { WsssError } from "../errors.js";
import { readText } from "../files/file-access.js";
import { readFolder } from "../files/read-folder.js";
import { patchExtensions } from "../image/decode-patch.js";
import { type DatasetDescription, descriptionFileName } from "../dataset/description.js";
import { pathProblem } from "../dataset/inner-path.js";
import { compareCodePoints } from "../dataset/list-files.js";
import { manifestPlace } from "../dataset/manifest/list-manifest.js";
import { checkColumns } from "../dataset/manifest/manifest-columns.js";
import { ManifestFindings } from "../dataset/manifest/manifest-findings.js";
import { readEntries } from "../dataset/manifest/manifest-rows.js";
import { type ManifestTable, readManifestTable } from "../dataset/manifest/manifest-table.js";
import { type PatchPlace, stemOnSlide } from "../dataset/patch-file.js";
import type { TissueClass } from "../dataset/tissue-class.js";

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
  readonly classes: readonly TissueClass[];
  readonly background: TissueClass;
  readonly manifest: string;
  readonly columns: readonly string[];
  readonly rows: readonly ReadonlyMap<string, string>[];
  readonly description: Record<string, unknown>;
}

/** Folders of a dataset that hold no patches. */
const otherFolders = ["labels", "mask", "masks", "train_mask", "node_modules"];

/**
 * All pictures of a folder and those below.
 * @throws WsssError `WSSS_ERR_DATASET` if it holds none, or what does not go together.
 */
export async function partsOfFolder(folder: string): Promise<DatasetParts> {
  const names = await picturesIn(folder);
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
  for (const name of names) {
    const problem = name === name.trim() ? pathProblem(name) : "must not begin or end with blanks";
    if (problem !== null)
      throw refuse(`holds ${JSON.stringify(name)}, which a manifest can't name: it ${problem}; rename it`);
  }
  const first = new Map<string, string>();
  for (const name of names) {
    const stem = path.posix.parse(name).name;
    const earlier = first.get(stem);
    if (earlier !== undefined) {
      throw refuse(`holds both ${earlier} and ${name}; masks are called after names without ending, so rename one`);
    }
    first.set(stem, name);
  }
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

/** Pictures of a folder and those below, in the same order on every machine. */
async function picturesIn(folder: string, below = ""): Promise<string[]> {
  const entries = await readFolder(path.join(folder, below));
  const found: string[] = [];
  for (const { name, isFolder, isLink, foreign } of entries) {
    const inside = below === "" ? name : `${below}/${name}`;
    if (name.startsWith(".") || foreign !== undefined) continue;
    // A link to a folder above would never end.
    if (isFolder && !isLink && !otherFolders.includes(name)) found.push(...(await picturesIn(folder, inside)));
    else if (!isFolder && (patchExtensions as readonly string[]).includes(path.extname(name).toLowerCase()))
      found.push(inside);
  }
  return found.sort(compareCodePoints);
}

/**
 * The rows of a manifest: those of train, and those of val and test that have no true mask.
 * @throws WsssError `WSSS_ERR_DATASET` if labels can't be written into it.
 */
export async function partsOfDataset(
  folder: string,
  description: DatasetDescription,
  file: string,
  classOf: (name: string) => string | undefined,
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
  const table = withDeclaredNames(await readManifestTable(place.path), declared, classOf);
  const classes = declared.map((one) => ({ ...one, name: one.name.normalize("NFC") }));
  const columns = checkColumns(table, classes);
  if (columns.labels === "classes") {
    throw refuse(
      `its manifest ${labels.file} has a column for each class; bring them together in one, labels, with ; between the names`,
    );
  }
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
    classes,
    background,
    manifest: place.path,
    columns: table.columns.includes("labels") ? table.columns : [...table.columns, "labels"],
    rows: table.rows.map(({ cells }) => new Map([...cells].map(([column, cell]) => [column, String(cell)]))),
    description: await descriptionAsWritten(file, description),
  };
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
