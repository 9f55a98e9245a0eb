/** Draws patients into train, val and test, so that no patient is in two splits. */
import { createHash } from "node:crypto";
import { compareCodePoints } from "./list-files.js";
import { type SplitName, splitNames } from "./split-name.js";
import type { PatientSplit } from "./tissue-class.js";

/** What a draw works with: patches by patient, in all, and how many each split should have. */
interface Draw {
  readonly sizes: ReadonlyMap<string, number>;
  readonly total: number;
  readonly wanted: Readonly<Record<SplitName, number>>;
}

/** A difference between two costs that is more than rounding. */
const epsilon = 1e-9;

/**
 * Assigns whole patients to splits, the same on every machine: in the order of a seeded hash of their names, each goes to
 * the split that lacks most patches; then single patients move as long as that brings the shares closer.
 *
 * @param sizes - patches of each patient. At least as many patients as splits that are wanted.
 * @returns the split of each patient; each split that is wanted has one.
 */
export function splitPatients(
  sizes: ReadonlyMap<string, number>,
  { val, test, seed }: PatientSplit,
): ReadonlyMap<string, SplitName> {
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const draw = { sizes, total, wanted: { train: (1 - val - test) * total, val: val * total, test: test * total } };
  const order = inHashOrder([...sizes.keys()], seed);
  const splitOf = new Map<string, SplitName>();
  const lacks = { ...draw.wanted };
  for (const patient of order) {
    const neediest = splitNames.reduce((one, other) => (lacks[other] > lacks[one] + epsilon ? other : one));
    splitOf.set(patient, neediest);
    lacks[neediest] -= sizes.get(patient) ?? 0;
  }
  while (moveBest(draw, splitOf, order));
  return splitOf;
}

/** Splits that a draw must fill: train, and those with a share. */
export function wantedSplits({ val, test }: PatientSplit): SplitName[] {
  return splitNames.filter((name) => name === "train" || (name === "val" ? val : test) > 0);
}

function inHashOrder(patients: readonly string[], seed: number): string[] {
  const keyed = patients.map((patient) => {
    return { patient, key: createHash("sha256").update(`${seed}\t${patient}`).digest("hex") };
  });
  return keyed.sort((one, other) => compareCodePoints(one.key, other.key)).map(({ patient }) => patient);
}

/** Patches that each split lacks; negative where it has too many. */
function missing({ sizes, wanted }: Draw, splitOf: ReadonlyMap<string, SplitName>): Record<SplitName, number> {
  const lacks = { ...wanted };
  for (const [patient, split] of splitOf) lacks[split] -= sizes.get(patient) ?? 0;
  return lacks;
}

/** How far the splits are from their shares, in patches; one that is wanted and empty costs more than any share can gain. */
function costOf({ total, wanted }: Draw, lacks: Readonly<Record<SplitName, number>>): number {
  return splitNames.reduce((sum, name) => {
    const empty = wanted[name] > 0 && Math.abs(lacks[name] - wanted[name]) < epsilon;
    return sum + Math.abs(lacks[name]) + (empty ? 4 * total : 0);
  }, 0);
}

/** Moves the one patient who brings the shares closest, the first in the order among equals. @returns false if nobody does. */
function moveBest(draw: Draw, splitOf: Map<string, SplitName>, order: readonly string[]): boolean {
  const lacks = missing(draw, splitOf);
  let lowest = costOf(draw, lacks);
  let best: { readonly patient: string; readonly to: SplitName } | undefined;
  for (const patient of order) {
    const from = splitOf.get(patient) ?? "train";
    const size = draw.sizes.get(patient) ?? 0;
    for (const to of splitNames.filter((name) => name !== from && draw.wanted[name] > 0)) {
      const cost = costOf(draw, { ...lacks, [from]: lacks[from] + size, [to]: lacks[to] - size });
      if (cost < lowest - epsilon) [lowest, best] = [cost, { patient, to }];
    }
  }
  if (best !== undefined) splitOf.set(best.patient, best.to);
  return best !== undefined;
}
