/** A first description of a dataset that has none, from what its names, masks and pixels show; to be edited by a person. */
import { basename, join, resolve } from "node:path";
import { throwIfAborted } from "../async/cancellation.js";
import { type DatasetDescriptionInput, descriptionFileName } from "../dataset/description.js";
import { type ListedFile, surveyFolder } from "../dataset/list-files.js";
import { readManifestTable } from "../dataset/manifest/manifest-table.js";
import { checkFolder } from "../dataset/open-dataset.js";
import { ColourChoice } from "../dataset/spare-colours.js";
import { maskFolder, patchFolder, splitNames } from "../dataset/split.js";
import type { Colour, TissueClass } from "../dataset/tissue-class.js";
import { WsssError } from "../errors.js";
import { readBytes } from "../files/file-access.js";
import { decodePatch, patchExtensions } from "../image/decode-patch.js";
import { decodeIndexPng, ignoredIndex } from "../image/index-png.js";
import { readPngPalette } from "../image/png-chunks.js";
import { whiteByIndex } from "./white-by-index.js";

/** A first description, and what it was made from. */
export interface DescriptionDraft {
  readonly description: DatasetDescriptionInput;
  /** What was seen and what it was taken for, a sentence each. */
  readonly seen: readonly string[];
}

const mostClasses = 254;
const backgroundName = "background";

/** Columns of a manifest that are no classes. */
const ownColumns: readonly string[] = [
  ...["image", "slide", "x", "y", "mpp", "mask", "split", "patient", "labels"],
  "source_image",
];

/** So many masks and their patches are looked at: enough to meet every class of most sets. */
const mostMasks = 60;

/** Grey value above which a pixel is white, and what share of white pixels makes an index glass: the published rule, and most of it. */
const greyAbove = 200;
const mostlyWhite = 0.9;
const halfWhite = 0.5;

/** How the names of train patches spell labels. */
interface SpelledLabels {
  readonly rule: "separated" | "characters";
  readonly entries: number;
}

/** What masks showed, by the values that they store. */
interface SeenMasks {
  readonly looked: number;
  readonly palette: readonly Colour[];
  readonly pixels: readonly number[];
  readonly white: readonly number[];
}

/**
 * Drafts a description; reads names, and some masks with their patches.
 *
 * @param folder - the dataset's folder.
 * @throws WsssError `WSSS_ERR_DATASET` if neither names nor masks nor a manifest tell how many classes there are; `WSSS_ERR_IO`;
 *   `WSSS_ERR_CANCELLED`.
 */
export async function draftDescription(folder: string, signal?: AbortSignal): Promise<DescriptionDraft> {
  const root = resolve(folder);
  await checkFolder(root);
  const seen: string[] = [];
  const manifest = await manifestOf(root, seen);
  const spelled = manifest === null ? await spelledLabels(root, seen) : null;
  const masks = await lookAtMasks(root, signal);
  const values = masks.pixels.flatMap((count, value) => (count > 0 && value !== ignoredIndex ? [value] : []));
  const told = manifest?.names.length ?? spelled?.entries;
  const background = backgroundAmong(values, masks, told);
  const count = told ?? values.filter((value) => value !== background).length;
  if (count < 2 || count > mostClasses) {
    const what =
      count < 2 ? "does not show which classes it has" : `has masks of ${count} values, more than classes can be`;
    const message =
      `${root} ${what}: no train patch has a label such as [1 0 1] at the end of its name, and its masks do not tell; ` +
      "write wsss-dataset.json by hand (docs/own-data.md)";
    throw new WsssError("WSSS_ERR_DATASET", message, { path: root });
  }
  const ofClasses = values.filter((value) => value !== background);
  // Values with gaps between them stand for the classes in their order.
  const isNumberedElsewhere = ofClasses.length === count && Math.max(...values) > count;
  const classValues = isNumberedElsewhere ? ofClasses : indicesBeside(count, background ?? count);
  const classes = classesOf(manifest?.names, classValues, masks.palette);
  if (masks.looked > 0) seen.push(`${masks.looked} masks hold the values ${values.join(", ")}`);
  if (background !== undefined && background !== count) {
    seen.push(`value ${background} is white nearly everywhere: taken for the background`);
  }
  if (manifest !== null) seen.push("a manifest does not say the order of the classes in masks: put them into it");
  const glass = isGlass(background ?? count, masks);
  seen.push(glass ? "the background is white: glass is looked for in pseudo masks" : "no glass is looked for");
  const numbering = isNumberedElsewhere
    ? { maskIndices: numberingOf(classes, classValues, background) }
    : background !== undefined && background !== count && { background };
  if (isNumberedElsewhere) seen.push("maskIndices names the classes once more: change both");
  return {
    description: {
      name: basename(root),
      classes,
      ...numbering,
      ...((masks.pixels[ignoredIndex] ?? 0) > 0 && { ignoreIndex: ignoredIndex }),
      labels: manifest === null ? { rule: spelled?.rule ?? "separated" } : { rule: "manifest", file: manifest.file },
      glass: glass ? {} : null,
    },
    seen,
  };
}

/** Indices 0, 1, ... of so many classes, without that of the background. */
function indicesBeside(count: number, background: number): number[] {
  return Array.from({ length: count }, (_, index) => (index < background ? index : index + 1));
}

function numberingOf(
  classes: readonly TissueClass[],
  values: readonly number[],
  background: number | undefined,
): Record<string, string> {
  const named = values.map((value, index) => [value, classes[index]?.name ?? ""] as const);
  return Object.fromEntries(background === undefined ? named : [...named, [background, backgroundName] as const]);
}

/** The first CSV or JSON file with a column `image` that names classes: in a column `labels`, or as columns of 0 and 1. */
async function manifestOf(root: string, seen: string[]): Promise<{ file: string; names: readonly string[] } | null> {
  const survey = await surveyFolder(root, [".csv", ".json"]);
  for (const { name, path } of survey?.files ?? []) {
    const table = name === descriptionFileName ? null : await readManifestTable(path).catch(() => null);
    if (table?.columns.includes("image") !== true) continue;
    const named = table.rows.flatMap(({ cells }) => textsOf(cells.get("labels")));
    const isMark = (value: unknown): boolean => value === undefined || ["0", "1"].includes(String(Number(value)));
    const columns = table.columns.filter(
      (column) => !ownColumns.includes(column) && table.rows.every(({ cells }) => isMark(cells.get(column))),
    );
    const found = named.length > 0 ? [...new Set(named)].sort() : columns;
    const names = found.filter((one) => one !== "" && one.toLowerCase() !== backgroundName);
    if (names.length < 2) continue;
    seen.push(`${name} is a manifest and names ${names.join(", ")}`);
    return { file: name, names };
  }
  return null;
}

/** Names in a cell of a manifest: a list, or a text with semicolons between. */
function textsOf(cell: unknown): string[] {
  if (Array.isArray(cell)) return cell.map(String);
  return typeof cell === "string" ? cell.split(";").map((one) => one.trim()) : [];
}

/** The commonest form of labels at the end of the names of train patches. */
async function spelledLabels(root: string, seen: string[]): Promise<SpelledLabels | null> {
  const survey = await surveyFolder(join(root, patchFolder("train")), patchExtensions);
  const forms = new Map<string, number>();
  for (const { stem } of survey?.files ?? []) {
    const label = /\[([^[\]]*)\]$/.exec(stem)?.[1];
    if (label === undefined || !/^[01](?:(?:, ?| )?[01])*$/.test(label)) continue;
    const rule = /[, ]/.test(label) ? "separated" : "characters";
    const form = `${rule} ${label.replaceAll(/[, ]/g, "").length}`;
    forms.set(form, (forms.get(form) ?? 0) + 1);
  }
  const [commonest] = [...forms].sort(([, one], [, other]) => other - one);
  if (commonest === undefined) return null;
  const [rule, entries] = commonest[0].split(" ");
  seen.push(`${commonest[1]} train patches have a label of ${entries} entries, ${rule}, at the end of their names`);
  return { rule: rule === "separated" ? "separated" : "characters", entries: Number(entries) };
}

/** Evenly spaced items of a list. */
function spread<Item>(items: readonly Item[], most: number): Item[] {
  const step = Math.max(1, items.length / most);
  return Array.from({ length: Math.min(most, items.length) }, (_, at) => items[Math.floor(at * step)] as Item);
}

async function lookAtMasks(root: string, signal: AbortSignal | undefined): Promise<SeenMasks> {
  const pixels = new Array<number>(256).fill(0);
  const white = new Array<number>(256).fill(0);
  let palette: readonly Colour[] = [];
  let looked = 0;
  for (const split of splitNames) {
    const masks = await surveyFolder(join(root, maskFolder(split)), [".png"]);
    const patches = await surveyFolder(join(root, patchFolder(split)), patchExtensions);
    const patchOf = new Map((patches?.files ?? []).map((file) => [file.stem, file]));
    for (const mask of spread(masks?.files ?? [], mostMasks / splitNames.length)) {
      throwIfAborted(signal);
      const shares = await lookAtMask(mask, patchOf.get(mask.stem));
      if (shares === null) continue;
      looked += 1;
      if (shares.palette.length > palette.length) palette = shares.palette;
      shares.seen.forEach((count, value) => (pixels[value] = (pixels[value] ?? 0) + count));
      shares.white.forEach((count, value) => (white[value] = (white[value] ?? 0) + count));
    }
  }
  return { looked, palette, pixels, white };
}

/** One mask over its patch; null for what is no index mask, which the examination will say. */
async function lookAtMask(
  { path }: ListedFile,
  patch: ListedFile | undefined,
): Promise<{ palette: readonly Colour[]; seen: readonly number[]; white: readonly number[] } | null> {
  try {
    const bytes = await readBytes(path);
    const mask = await decodeIndexPng(bytes, path);
    const palette = readPngPalette(bytes) ?? [];
    const shares = patch === undefined ? [] : whiteByIndex(await decodePatch(patch.path), mask, 256, greyAbove);
    if (shares.some(({ seen }) => seen > 0)) {
      return { palette, seen: shares.map(({ seen }) => seen), white: shares.map(({ white }) => white) };
    }
    return { palette, seen: [...mask.counts], white: [] };
  } catch {
    return null;
  }
}

/**
 * The value that is white nearly everywhere, if there is just one.
 * @param classes - how many classes there are, if that is known: where there are no more values, white is a tissue, as fat is.
 */
function backgroundAmong(
  values: readonly number[],
  { pixels, white }: SeenMasks,
  classes: number | undefined,
): number | undefined {
  if (classes !== undefined && values.length <= classes) return undefined;
  const whites = values.filter((value) => (white[value] ?? 0) >= mostlyWhite * (pixels[value] ?? 1));
  return whites.length === 1 ? whites[0] : undefined;
}

function isGlass(background: number, { pixels, white }: SeenMasks): boolean {
  const count = pixels[background] ?? 0;
  return count > 0 && (white[background] ?? 0) >= halfWhite * count;
}

function classesOf(
  names: readonly string[] | undefined,
  values: readonly number[],
  palette: readonly Colour[],
): TissueClass[] {
  const choice = new ColourChoice();
  return values.map((value, index) => {
    return { name: names?.[index] ?? `class ${index + 1}`, colour: choice.next(palette[value]) };
  });
}
