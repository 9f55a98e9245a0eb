/** Numberings of true masks other than our own: their check, and what each stored value stands for. */
import { type Colour, ignoredIndex, type StoredIndices } from "../image/index-png.js";
import { type MaskIndices, paletteOf, type TissueClass } from "./tissue-class.js";

/** What stands in {@link MaskIndices} for pixels that are neither scored nor trained on. */
export const ignoredName = "ignored";

/** Largest value of a pixel of an index mask. */
const largestValue = 255;

/** What of a description decides how its true masks are numbered. */
export interface NumberedClasses {
  readonly classes: readonly Pick<TissueClass, "name">[];
  readonly background: Pick<TissueClass, "name">;
  readonly ignoreIndex?: 255 | undefined;
  readonly maskIndices?: MaskIndices | undefined;
}

/**
 * The numbering in which the background has an index of its choice: the classes take the others, from 0 on, in their order.
 * @returns undefined if that is the library's own numbering, in which the background is behind the last class.
 */
export function indicesAround(
  backgroundIndex: number,
  { classes, background }: Pick<NumberedClasses, "classes" | "background">,
): MaskIndices | undefined {
  if (backgroundIndex === classes.length) return undefined;
  const ofClasses = classes.map(({ name }, index) => [index < backgroundIndex ? index : index + 1, name] as const);
  return Object.fromEntries([...ofClasses, [backgroundIndex, background.name]]);
}

/** What is wrong with a numbering, each to be read behind `maskIndices`; empty if nothing is. */
export function problemsOfIndices(
  indices: MaskIndices,
  { classes, background, ignoreIndex }: NumberedClasses,
): readonly string[] {
  const names = [...classes, background].map(({ name }) => name);
  const known = [...names, ignoredName].map((name) => `"${name}"`).join(", ");
  const problems = Object.entries(indices).flatMap(([key, name]) => {
    if (!/^(0|[1-9]\d{0,2})$/.test(key) || Number(key) > largestValue) {
      return [`has the entry ${JSON.stringify(key)}; its keys are the values in the masks, 0 to ${largestValue}`];
    }
    if (!names.includes(name) && name !== ignoredName) {
      return [`calls ${key} ${JSON.stringify(name)}, which is none of ${known}`];
    }
    if (Number(key) === ignoredIndex && ignoreIndex !== undefined && name !== ignoredName) {
      return [`calls ${key} "${name}", which ignoreIndex says is ignored; leave one out`];
    }
    return [];
  });
  const meant = Object.values(indices);
  const missing = classes.filter(({ name }) => !meant.includes(name)).map(({ name }) => `"${name}"`);
  if (missing.length > 0) problems.push(`leaves out ${missing.join(", ")}; every class needs a value in the masks`);
  return problems;
}

/** What the values of a dataset's true masks stand for; undefined if they are the library's own indices. */
export function storedIndicesOf({
  classes,
  background,
  ignoreIndex,
  maskIndices,
}: NumberedClasses): StoredIndices | undefined {
  if (maskIndices === undefined) return undefined;
  const names = [...classes, background].map(({ name }) => name);
  const indexOf = (name: string): number => (names.includes(name) ? names.indexOf(name) : ignoredIndex);
  const stored = new Map(Object.entries(maskIndices).map(([key, name]) => [Number(key), indexOf(name)]));
  if (ignoreIndex !== undefined) stored.set(ignoredIndex, ignoredIndex);
  return stored;
}

/** How the true masks of a dataset are read; masks that this library has written are read without it. */
export interface TrueMaskReading {
  /** Colours of the indices 0..K. */
  readonly palette: readonly Colour[];
  /** Whether 255 may occur where the values are indices. */
  readonly mayIgnore: boolean;
  /** What the values stand for, where they are not indices. */
  readonly stored: StoredIndices | undefined;
}

/** How the true masks of a dataset are read. */
export function trueMaskReading(
  description: NumberedClasses & { readonly classes: readonly TissueClass[]; readonly background: TissueClass },
): TrueMaskReading {
  const { classes, background, ignoreIndex } = description;
  const stored = storedIndicesOf(description);
  return { palette: paletteOf(classes, background), mayIgnore: ignoreIndex !== undefined, stored };
}
