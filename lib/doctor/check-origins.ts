/** Finds patients and source images that are in two splits, by `patches.csv` or by file names. */
import { type SplitName, splitNames } from "../dataset/split.js";
import type { ExaminedPatch } from "./examine-patches.js";
import type { Finding } from "./finding.js";
import { type Origin, originOf } from "./origin-of-patch.js";
import type { PatchOrigin } from "./patch-table.js";
import { nameOfPatch } from "./patch-to-examine.js";

/** Patients, or where they are not known images, whose patches lie in several splits. */
export function checkOrigins(patches: readonly ExaminedPatch[], table: ReadonlyMap<string, PatchOrigin>): Finding[] {
  const groups = new Map<string, { readonly origin: Origin; readonly patches: ExaminedPatch[] }>();
  for (const one of patches) {
    const origin = originOf(one, table);
    if (origin === null) continue;
    const key = `${origin.kind} ${origin.id}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { origin, patches: [one] });
    else group.patches.push(one);
  }
  // One origin for all is no patient but the name of the dataset.
  const guesses = [...groups.values()].filter(({ origin }) => !origin.certain).length;
  return [...groups.values()]
    .filter(({ origin }) => origin.certain || guesses > 1)
    .flatMap(({ origin, patches: all }) => findingOf(origin, all));
}

function findingOf({ kind, id, certain }: Origin, patches: readonly ExaminedPatch[]): Finding[] {
  const counts = splitNames.flatMap((split) => {
    const count = patches.filter((one) => one.split === split).length;
    return count === 0 ? [] : [`${count} in ${split}`];
  });
  if (counts.length < 2) return [];
  const first = (split: SplitName): string[] =>
    patches
      .filter((one) => one.split === split)
      .slice(0, 1)
      .map(nameOfPatch);
  const what = kind === "patient" ? "patient" : "image";
  const how = certain ? "the table of patches" : "their names";
  const problem = `show the same ${what} by ${how}: ${id}, with patches ${counts.join(" and ")}`;
  const remedy = certain
    ? `move all patches of a ${what} into one split`
    : `if the names mean that, move all patches of a ${what} into one split`;
  const check = kind === "patient" ? "patient-in-two-splits" : "source-in-two-splits";
  const severity = certain ? "error" : "warning";
  return [{ check, severity, split: null, files: splitNames.flatMap(first), problem, remedy }];
}
