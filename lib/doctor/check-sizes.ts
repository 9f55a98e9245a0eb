/** Findings on patches and splits whose size differs from the others. */
import { type SplitName, splitNames } from "../dataset/split.js";
import type { ExaminedPatch } from "./examine-patches.js";
import type { Finding } from "./finding.js";
import { nameOfPatch } from "./patch-to-examine.js";

/** Height and width in px. */
export interface Size {
  readonly height: number;
  readonly width: number;
}

const inWords = ({ height, width }: Size): string => `${height} px high and ${width} px wide`;
const same = (one: Size, other: Size): boolean => one.height === other.height && one.width === other.width;

/** The size that most of the decoded patches have, the first such one; null if there are none. */
export function commonestSize(patches: readonly ExaminedPatch[]): Size | null {
  const sizes = new Map<string, { readonly size: Size; count: number }>();
  for (const { patch } of patches) {
    if (patch === null) continue;
    const { height, width } = patch;
    const entry = sizes.get(`${height}x${width}`);
    if (entry === undefined) sizes.set(`${height}x${width}`, { size: { height, width }, count: 1 });
    else entry.count++;
  }
  const ranked = [...sizes.values()].sort((one, other) => other.count - one.count);
  return ranked[0]?.size ?? null;
}

/** Patches of another size than the others of their split, and splits of another size than train. */
export function checkSizes(bySplit: Readonly<Record<SplitName, readonly ExaminedPatch[]>>): Finding[] {
  const ofTrain = commonestSize(bySplit.train);
  return splitNames.flatMap((split) => {
    const size = commonestSize(bySplit[split]);
    if (size === null) return [];
    const findings = bySplit[split].flatMap(({ patch, ...named }): Finding[] => {
      if (patch === null || same(patch, size)) return [];
      const problem = `is ${inWords(patch)}, but most patches of ${split} are ${inWords(size)}`;
      const remedy = "cut all patches of a split in one size, from the same magnification";
      return [{ check: "patch-size", severity: "error", split, files: [nameOfPatch(named)], problem, remedy }];
    });
    if (ofTrain === null || same(size, ofTrain)) return findings;
    const problem = `its patches are ${inWords(size)}, those of train ${inWords(ofTrain)}`;
    const remedy = "check that both have the same magnification; scores of other sizes do not compare";
    return [...findings, { check: "split-size", severity: "warning", split, files: [], problem, remedy } as const];
  });
}
