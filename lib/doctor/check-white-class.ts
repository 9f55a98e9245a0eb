/** Suspects masks of a wrong numbering where a tissue class is as white as glass. */
import type { DatasetDescription } from "../dataset/description.js";
import type { SplitName } from "../dataset/split.js";
import type { ExaminedPatch } from "./examine-patches.js";
import type { Finding } from "./finding.js";
import type { WhiteShare } from "./white-by-index.js";

/** Share of white pixels from which a class looks like glass. Lumina and gaps leave every tissue far below it. */
const almostAll = 0.9;

/** Share of white pixels below which the background is not glass. */
const half = 0.5;

/** Share of a split's mask pixels that must be white and of one class for a statement on it. */
const enoughWhite = 0.01;

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/**
 * A tissue class that is white nearly everywhere, beside a background that is not: the masks
 * seem to be numbered in another convention, such as 0 for the background. Every number in them is then valid and every score
 * wrong, so that nothing else would tell.
 */
export function checkWhiteClass(
  split: SplitName,
  patches: readonly ExaminedPatch[],
  description: DatasetDescription | null,
): Finding[] {
  if (description === null) return [];
  const { classes, background, maskIndices } = description;
  const shares = [...classes, background].map((_, index) => sumOf(patches.flatMap(({ white }) => white[index] ?? [])));
  const all = sumOf(shares);
  const whiteness = shares.map(({ seen, white }) => (white < enoughWhite * all.seen ? 0 : white / seen));
  const whitest = whiteness.indexOf(Math.max(...whiteness));
  const ofClass = shares[whitest];
  const ofBackground = shares.at(-1);
  if (ofClass === undefined || ofBackground === undefined || whitest === classes.length) return [];
  if (ofClass.white === 0 || ofClass.white < almostAll * ofClass.seen) return [];
  if (ofBackground.white >= half * Math.max(1, ofBackground.seen)) return [];
  // Without any background nothing tells glass from fat; only 0 is so common a choice that it is asked about all the same.
  if (ofBackground.seen === 0 && whitest !== 0) return [];
  const name = classes[whitest]?.name ?? "";
  const values = Object.entries(maskIndices ?? {}).flatMap(([key, meaning]) => (meaning === name ? [key] : []));
  const value = maskIndices === undefined ? String(whitest) : values.join(", ");
  const beside =
    ofBackground.seen === 0 ? `${background.name} never occurs` : `${background.name} in ${percentWhite(ofBackground)}`;
  const problem =
    `in its masks ${name} (${value}) is as white as glass in ${percentWhite(ofClass)} of its pixels, ${beside}; ` +
    `${percent(ofClass.white / all.white)} of all white pixels are ${name}: is ${value} the background?`;
  const way =
    maskIndices === undefined
      ? `if it is, say "background": ${value} in the description, and no mask has to be rewritten`
      : "if it is, correct maskIndices in the description";
  const remedy = `${way}; if ${name} is white by nature, as fat is, all is well`;
  return [{ check: "mask-white-class", severity: "warning", split, files: [], problem, remedy }];
}

const percentWhite = ({ seen, white }: WhiteShare): string => percent(white / seen);

function sumOf(shares: readonly WhiteShare[]): WhiteShare {
  const sum = (of: (share: WhiteShare) => number): number => shares.reduce((before, one) => before + of(one), 0);
  return { seen: sum(({ seen }) => seen), white: sum(({ white }) => white) };
}
