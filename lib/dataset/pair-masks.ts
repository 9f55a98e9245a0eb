/** Pairs patches with true masks by file name, and tells what stays without a partner. */
import { matchByAccents, withAccentForm } from "../files/accent-match.js";
import { stemWithoutLabel } from "./labels.js";
import type { ListedFile } from "./list-files.js";
import type { SplitName } from "./split-name.js";

/** Which mask belongs to which patch. */
export interface MaskPairs {
  /** Path of the mask of each patch's stem. */
  readonly maskOf: ReadonlyMap<string, string>;
  /** Patches without mask. */
  readonly bare: readonly ListedFile[];
  /** Masks without patch. */
  readonly lonely: readonly ListedFile[];
  /** Patches whose mask was found only because accents may be stored in two ways. */
  readonly byAccents: readonly ListedFile[];
  /** Patches for which several masks would do, or that share one with another patch, but for how accents are stored. */
  readonly ambiguous: readonly AmbiguousMask[];
}

/** A patch, and the masks that may be its own. */
export interface AmbiguousMask {
  readonly file: ListedFile;
  readonly masks: readonly ListedFile[];
}

/**
 * Pairs patches with their true masks by their names. Names that differ only in how accents are stored (NFC and NFD) are
 * paired where nothing fits exactly, and only one would do.
 */
export function pairMasks(patches: readonly ListedFile[], masks: readonly ListedFile[], name: SplitName): MaskPairs {
  const pathOfMask = new Map(masks.map(({ stem, path }) => [stem, path]));
  const maskOf = new Map<string, string>();
  // Masks of train may be named with or without the label that is in the patch's name.
  const keysOf = ({ stem }: ListedFile): string[] => [stem, ...(name === "train" ? [stemWithoutLabel(stem)] : [])];
  const inexact: ListedFile[] = [];
  for (const file of patches) {
    const key = keysOf(file).find((one) => pathOfMask.has(one));
    const path = key === undefined ? undefined : pathOfMask.get(key);
    if (path === undefined) inexact.push(file);
    else maskOf.set(file.stem, path);
  }
  const exact = new Set(maskOf.values());
  const unpaired = masks.filter(({ path }) => !exact.has(path));
  const { matches, ambiguous } = matchByAccents(inexact, unpaired, keysOf, ({ stem }) => stem);
  for (const [{ stem }, { path }] of matches) maskOf.set(stem, path);
  const taken = new Set([...matches.values(), ...[...ambiguous.values()].flat()]);
  return {
    maskOf,
    bare: inexact.filter((file) => !matches.has(file) && !ambiguous.has(file)),
    lonely: unpaired.filter((mask) => !taken.has(mask)),
    byAccents: [...matches.keys()],
    ambiguous: [...ambiguous].map(([file, of]) => ({ file, masks: of })),
  };
}

/** Why it can't be told which mask belongs to a patch, to be read behind its name. */
export function ambiguityProblem({ file, masks }: AmbiguousMask): string {
  const names = masks.map((mask) => withAccentForm(mask.name)).join(" or ");
  const own = withAccentForm(file.name);
  return `could have the mask ${names}; ${own} differs from them only in how accents are stored`;
}
