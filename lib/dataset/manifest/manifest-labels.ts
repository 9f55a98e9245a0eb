/** The patch-level label of a manifest row, from class names, digits, or one column for each class. */
import { nearestName } from "../../text/nearest-name.js";
import type { TissueClass } from "../tissue-class.js";
import type { ManifestColumns } from "./manifest-columns.js";
import type { ManifestRow } from "./manifest-table.js";

/** The label of a row: 0 or 1 for each class, null where the row says nothing, or why it can't be read. */
export type RowLabel = { readonly labels: number[] | null } | { readonly problem: string };

/** The classes of a manifest and its background, with composed accents (NFC), as names are compared. */
export interface LabelNames {
  readonly classes: readonly TissueClass[];
  readonly background: string;
}

/** Reads the label of a row of a manifest. The name of the background, alone, says that none of the classes is there. */
export function readRowLabel({ cells }: ManifestRow, form: ManifestColumns["labels"], names: LabelNames): RowLabel {
  const { classes } = names;
  if (form === "classes") return labelOfColumns(cells, classes);
  const cell = cells.get("labels");
  if (cell === undefined) return { labels: null };
  if (typeof cell === "string") return labelOfNames(namesIn(cell), names);
  if (!Array.isArray(cell))
    return { problem: `has the labels ${JSON.stringify(cell)}; a list of class names is expected` };
  const entries: readonly unknown[] = cell;
  if (entries.every((entry) => typeof entry === "string")) return labelOfNames(entries, names);
  return labelOfDigits(entries, classes);
}

/** Names between `;`; an entry without a name is none, so that a list may end with one. */
function namesIn(cell: string): string[] {
  return cell
    .split(";")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

function labelOfNames(given: readonly string[], { classes, background }: LabelNames): RowLabel {
  const names = given.map((name) => name.normalize("NFC"));
  const known = classes.map(({ name }) => name);
  if (names.length === 1 && names[0] === background) return { labels: classes.map(() => 0) };
  if (names.includes(background)) {
    return { problem: `names the background, "${background}", beside others; alone it says that no class is there` };
  }
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const meant = nearestName(unknown, known);
    const parts = unknown.split(/[,|+/]/).map((part) => part.trim());
    const separated = parts.length > 1 && parts.every((part) => known.includes(part));
    const hint = separated ? "; names are separated by ;" : meant === undefined ? "" : `; did you mean "${meant}"?`;
    return { problem: `names ${JSON.stringify(unknown)}, which is no class${hint}` };
  }
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) return { problem: `names "${twice}" twice` };
  return { labels: known.map((name) => (names.includes(name) ? 1 : 0)) };
}

function labelOfDigits(entries: readonly unknown[], classes: readonly TissueClass[]): RowLabel {
  const strange = entries.find((entry) => entry !== 0 && entry !== 1);
  if (strange !== undefined) {
    return { problem: `has ${JSON.stringify(strange)} in its labels; they are class names, or 0 or 1 for each class` };
  }
  if (entries.length !== classes.length) {
    return { problem: `has a label of ${entries.length} entries for ${classes.length} classes` };
  }
  return { labels: entries.map(Number) };
}

function labelOfColumns(cells: ManifestRow["cells"], classes: readonly TissueClass[]): RowLabel {
  const found = classes.map(({ name }) => cells.get(name));
  if (found.every((cell) => cell === undefined)) return { labels: null };
  const at = found.findIndex((cell) => !["0", "1"].includes(String(cell)));
  if (at === -1) return { labels: found.map(Number) };
  const name = classes[at]?.name ?? "";
  if (found[at] === undefined) return { problem: `has nothing in the column "${name}", where 0 or 1 is expected` };
  return { problem: `has ${JSON.stringify(found[at])} in the column "${name}", where 0 or 1 is expected` };
}
