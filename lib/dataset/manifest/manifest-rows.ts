/** Reads the rows of a manifest one by one: paths of patch and mask, label, split, patient. */
import path from "node:path";
import { patchExtensions } from "../../image/decode-patch.js";
import { believableMpp, isBelievableMpp } from "../../slide/slide-scale.js";
import { pathProblem } from "../inner-path.js";
import { type SplitName, splitNames } from "../split-name.js";
import type { ManifestColumns } from "./manifest-columns.js";
import type { ManifestFindings } from "./manifest-findings.js";
import { type LabelNames, readRowLabel } from "./manifest-labels.js";
import type { ManifestRow } from "./manifest-table.js";

/** Where on its slide a patch of a manifest is. */
export interface PlaceOnSlide {
  readonly x: number;
  readonly y: number;
  /** Micrometres a pixel of the slide's finest level, where the row says it. */
  readonly mpp?: number;
}

/** One patch of a manifest, as far as its row could be read; what could not is among the findings. */
export interface ManifestEntry {
  /** Where it stands in the manifest, for messages. */
  readonly where: string;
  /** The picture, relative to the manifest's base folder, or the slide, which may be anywhere; without needless parts; undefined if it can't be used. */
  readonly image: string | undefined;
  /** Where on the slide; undefined for a picture. */
  readonly place: PlaceOnSlide | undefined;
  /** Relative like a picture; undefined if there is none or it can't be used. */
  readonly mask: string | undefined;
  /** Whether the row names a mask, usable or not. */
  readonly namesMask: boolean;
  /** 0 or 1 for each class; null where the row says nothing; undefined if it can't be read. */
  readonly labels: readonly number[] | null | undefined;
  readonly split: SplitName | undefined;
  readonly patient: string | undefined;
}

/** Reads all rows of a manifest by themselves: whether they agree with one another is for others to see. */
export function readEntries(
  rows: readonly ManifestRow[],
  columns: ManifestColumns,
  names: LabelNames,
  findings: ManifestFindings,
): ManifestEntry[] {
  const entries: ManifestEntry[] = [];
  for (const row of rows) {
    if (row.problem === undefined) entries.push(readEntry(row, columns, names, findings));
    else findings.add("row", row.where, row.problem);
  }
  return entries;
}

function readEntry(
  row: ManifestRow,
  columns: ManifestColumns,
  names: LabelNames,
  findings: ManifestFindings,
): ManifestEntry {
  const { where } = row;
  const label = readRowLabel(row, columns.labels, names);
  if ("problem" in label) findings.add("label", where, label.problem);
  const source = columns.patches === "slides" ? placeIn(row, findings) : { image: pathIn(row, "image", findings) };
  return {
    where,
    image: source?.image,
    place: source !== undefined && "place" in source ? source.place : undefined,
    mask: row.cells.has("mask") ? pathIn(row, "mask", findings) : undefined,
    namesMask: row.cells.has("mask"),
    labels: "problem" in label ? undefined : label.labels,
    split: columns.split ? splitIn(row, findings) : undefined,
    patient: columns.patient ? patientIn(row, findings) : undefined,
  };
}

/** Largest coordinate of a slide that is believed. */
const farthest = 2 ** 31;

/** Slide and place of a row; undefined if they can't be used. */
function placeIn(
  { where, cells }: ManifestRow,
  findings: ManifestFindings,
): { readonly image: string; readonly place: PlaceOnSlide } | undefined {
  const slide = cells.get("slide");
  const [x, y] = (["x", "y"] as const).map((name) => numberIn(cells.get(name)));
  const mpp = cells.has("mpp") ? numberIn(cells.get("mpp")) : undefined;
  const wrong = (name: string, expected: string): string =>
    `has ${cells.has(name) ? JSON.stringify(cells.get(name)) : "nothing"} as ${name}; it must be ${expected}`;
  const problems = [
    ...(typeof slide === "string" && !slide.includes("\0") ? [] : [wrong("slide", "the path of a slide")]),
    ...(isPlace(x) ? [] : [wrong("x", "a whole number of pixels of the slide's finest level")]),
    ...(isPlace(y) ? [] : [wrong("y", "a whole number of pixels of the slide's finest level")]),
    ...(mpp === undefined || isBelievableMpp(mpp) ? [] : [wrong("mpp", scaleBounds)]),
  ];
  for (const problem of problems) findings.add("slide", where, problem);
  if (problems.length > 0 || x === undefined || y === undefined) return undefined;
  return { image: path.posix.normalize(String(slide)), place: { x, y, ...(mpp !== undefined && { mpp }) } };
}

const scaleBounds = `${believableMpp.least} to ${believableMpp.most}, the micrometres that a pixel of the slide's finest level is wide`;

/** The number of a cell; NaN if it holds none. */
function numberIn(cell: unknown): number {
  return typeof cell === "number" ? cell : typeof cell === "string" ? Number(cell) : Number.NaN;
}

function isPlace(value: number | undefined): boolean {
  return Number.isSafeInteger(value) && Math.abs(value ?? 0) <= farthest;
}

function pathIn(
  { where, cells }: ManifestRow,
  column: "image" | "mask",
  findings: ManifestFindings,
): string | undefined {
  const cell = cells.get(column);
  const problem = problemOfPath(cell, column);
  if (problem === null) return path.posix.normalize(String(cell));
  findings.add(column, where, problem);
  return undefined;
}

function problemOfPath(cell: unknown, column: "image" | "mask"): string | null {
  if (cell === undefined) return `names no ${column}`;
  if (typeof cell !== "string") return `has the ${column} ${JSON.stringify(cell)}, which is no path`;
  const problem = pathProblem(cell);
  if (problem !== null) return `${column} ${JSON.stringify(cell)} ${problem}`;
  const ending = path.posix.extname(cell).toLowerCase();
  if (column === "mask") {
    return ending === ".png"
      ? null
      : `mask ${cell} is no PNG file; masks are index PNGs, as lossy formats change classes`;
  }
  const known = (patchExtensions as readonly string[]).includes(ending);
  return known ? null : `image ${cell} does not end with ${patchExtensions.join(", ")}`;
}

function splitIn({ where, cells }: ManifestRow, findings: ManifestFindings): SplitName | undefined {
  const cell = cells.get("split");
  const split = splitNames.find((name) => name === cell);
  if (split !== undefined) return split;
  const found = cell === undefined ? "names no split" : `has the split ${JSON.stringify(cell)}`;
  findings.add("split", where, `${found}; it must be train, val or test`);
  return undefined;
}

function patientIn({ where, cells }: ManifestRow, findings: ManifestFindings): string | undefined {
  const cell = cells.get("patient");
  // One patient, however the accents are stored.
  if (typeof cell === "string") return cell.normalize("NFC");
  // Numbers of a JSON file are the same patients as their digits in a CSV file.
  if (typeof cell === "number" && Number.isFinite(cell)) return String(cell);
  const found = cell === undefined ? "names no patient" : `has the patient ${JSON.stringify(cell)}`;
  findings.add("patient", where, `${found}; name one in each row, or drop the column`);
  return undefined;
}
