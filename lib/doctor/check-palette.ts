/** Findings on the palette of a true mask: other colours, swapped classes, too many or too few entries. */
import type { DatasetDescription } from "../dataset/description.js";
import { storedIndicesOf } from "../dataset/mask-indices.js";
import type { SplitName } from "../dataset/split.js";
import type { Colour, TissueClass } from "../dataset/tissue-class.js";
import { ignoredIndex } from "../image/index-png-codec.js";
import { readPngPalette } from "../image/png-chunks.js";
import { readPngHeader } from "../image/png-header.js";
import type { CheckCode, Finding, Severity } from "./finding.js";

const inWords = (colour: Colour | undefined): string => `(${colour?.join(",") ?? ""})`;
const same = (one: Colour | undefined, other: Colour | undefined): boolean => inWords(one) === inWords(other);

/** A mask whose palette is looked at. */
export interface PaletteSource {
  readonly bytes: Uint8Array;
  /** Pixels of each value that the file stores. */
  readonly storedCounts: Uint32Array;
  readonly file: string;
  readonly split: SplitName;
}

/**
 * Compares a mask's palette with the description's colours. Values count and colours do not, but colours show which
 * classes the author of the mask meant. Only colours of values that occur are compared: many writers leave out the rest.
 */
export function checkPalette(
  { bytes, storedCounts, file, split }: PaletteSource,
  description: DatasetDescription,
): Finding[] {
  const classes = [...description.classes, description.background];
  const found = (check: CheckCode, severity: Severity, problem: string, remedy: string): Finding[] => [
    { check, severity, split, files: [file], problem, remedy },
  ];
  const colourType = readPngHeader(bytes)?.colourType;
  if (colourType === 2 || colourType === 6) {
    const problem = "stores colours instead of indices; they are those of the description, so it can be used";
    return found("mask-rgb", "warning", problem, "save it as a palette PNG: smaller, and safe from wrong colours");
  }
  const palette = readPngPalette(bytes);
  if (colourType !== 3 || palette === null) return [];
  const stored = storedIndicesOf(description);
  const values = stored === undefined ? [...classes.keys()] : [...stored.keys()];
  const meaningOf = (value: number): TissueClass | undefined =>
    classes[stored === undefined ? value : (stored.get(value) ?? ignoredIndex)];
  const used = [...storedCounts.keys()].filter((value) => storedCounts[value] !== 0);
  const colours = Math.max(...values.filter((value) => value !== ignoredIndex)) + 1;
  const findings = checkEntries(palette, used, colours).flatMap((problem) => {
    const remedy = `write a palette of ${colours} colours: the classes in their order, then the background`;
    return found(
      "mask-palette-entries",
      "warning",
      problem,
      stored === undefined ? remedy : "write one colour a value",
    );
  });
  const wrong = used.filter((value) => {
    const meant = meaningOf(value);
    return value < palette.length && meant !== undefined && !same(palette[value], meant.colour);
  });
  const stranger = wrong.find((value) => classes.some(({ colour }) => same(colour, palette[value])));
  if (stranger !== undefined) {
    const drawn = classes.find(({ colour }) => same(colour, palette[stranger]));
    const named = `${stranger} (${meaningOf(stranger)?.name})`;
    const problem = `draws index ${named} in ${inWords(palette[stranger])}, the description's colour of ${drawn?.name}`;
    const order = "the order of the classes seems to differ: correct the description's, renumber the masks";
    const remedy = `${order}, or say in the description's ${stored === undefined ? "background or " : ""}maskIndices which value is what`;
    return [...findings, ...found("mask-palette-order", "error", problem, remedy)];
  }
  // Of several values that stand for one class each has a colour of its own.
  const index = wrong.find((value) => values.filter((one) => meaningOf(one) === meaningOf(value)).length === 1);
  if (index === undefined) return findings;
  const [named, colour] = [`${index} (${meaningOf(index)?.name})`, meaningOf(index)?.colour];
  const problem = `draws index ${named} in ${inWords(palette[index])}, the description in ${inWords(colour)}`;
  const remedy = "make sure that the order of the classes is the same, then correct the colours of one of them";
  return [...findings, ...found("mask-palette", "warning", problem, remedy)];
}

/** A palette that lacks colours, or has some for values that stand for nothing. */
function checkEntries(palette: readonly Colour[], used: readonly number[], colours: number): string[] {
  const beyond = used.find((index) => index >= palette.length && index !== ignoredIndex);
  if (beyond !== undefined) return [`uses index ${beyond}, but its palette has only ${palette.length} colours`];
  const extra = palette.slice(colours);
  // A full palette, or one filled up with a single colour, says nothing about classes.
  const filled = fullSizes.includes(palette.length) || (extra.length > 1 && extra.every((one) => same(one, extra[0])));
  if (extra.length === 0 || filled) return [];
  return [`has a palette of ${palette.length} colours for ${colours - 1} classes and the background`];
}

/** Sizes that writers fill a palette up to: all indices of 1, 2, 4 and 8 bits. */
const fullSizes: readonly number[] = [2, 4, 16, 256];
