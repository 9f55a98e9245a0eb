import type { SplitName } from "../dataset/split.js";
import type { Colour, TissueClass } from "../dataset/tissue-class.js";
import { ignoredIndex, readPngHeader } from "../image/index-png-codec.js";
import { readPngPalette } from "../image/png-chunks.js";
import type { CheckCode, Finding, Severity } from "./finding.js";

const inWords = (colour: Colour | undefined): string => `(${colour?.join(",") ?? ""})`;
const same = (one: Colour | undefined, other: Colour | undefined): boolean => inWords(one) === inWords(other);

/**
 * Compares a mask's palette with the description's colours. Indices count and colours do not, but colours show which
 * classes the author of the mask meant. Only colours of indices that occur are compared: many writers leave out the rest.
 *
 * @param counts - pixels of each index.
 * @param classes - of the indices 0..K, the last one background.
 */
export function checkPalette(
  bytes: Uint8Array,
  counts: Uint32Array,
  classes: readonly TissueClass[],
  file: string,
  split: SplitName,
): Finding[] {
  const colours = classes.map(({ colour }) => colour);
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
  const used = [...counts.keys()].filter((index) => counts[index] !== 0);
  const findings = checkEntries(palette, used, colours).flatMap((problem) => {
    const remedy = `write a palette of ${colours.length} colours: the classes in their order, then the background`;
    return found("mask-palette-entries", "warning", problem, remedy);
  });
  const differing = used.filter((index) => index < palette.length && index < colours.length);
  const wrong = differing.filter((index) => !same(palette[index], colours[index]));
  const [index] = wrong;
  if (index === undefined) return findings;
  const stranger = wrong.find((one) => colours.some((colour) => same(colour, palette[one])));
  if (stranger === undefined) {
    const named = `${index} (${classes[index]?.name})`;
    const problem = `draws index ${named} in ${inWords(palette[index])}, the description in ${inWords(colours[index])}`;
    const remedy = "make sure that the order of the classes is the same, then correct the colours of one of them";
    return [...findings, ...found("mask-palette", "warning", problem, remedy)];
  }
  const meant = classes.find(({ colour }) => same(colour, palette[stranger]));
  const named = `${stranger} (${classes[stranger]?.name})`;
  const problem = `draws index ${named} in ${inWords(palette[stranger])}, the description's colour of ${meant?.name}`;
  const remedy = "the order of the classes seems to differ: correct the description's, or renumber the masks";
  return [...findings, ...found("mask-palette-order", "error", problem, remedy)];
}

/** A palette that lacks colours, or has some for classes that there are not. */
function checkEntries(palette: readonly Colour[], used: readonly number[], colours: readonly Colour[]): string[] {
  const beyond = used.find((index) => index >= palette.length && index !== ignoredIndex);
  if (beyond !== undefined) return [`uses index ${beyond}, but its palette has only ${palette.length} colours`];
  const extra = palette.slice(colours.length);
  // A full palette, or one filled up with a single colour, says nothing about classes.
  const filled = fullSizes.includes(palette.length) || (extra.length > 1 && extra.every((one) => same(one, extra[0])));
  if (extra.length === 0 || filled) return [];
  const classes = `${colours.length - 1} classes and the background`;
  return [`has a palette of ${palette.length} colours for ${classes}`];
}

/** Sizes that writers fill a palette up to: all indices of 1, 2, 4 and 8 bits. */
const fullSizes: readonly number[] = [2, 4, 16, 256];
