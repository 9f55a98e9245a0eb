/** Finds patients and source images that are in two splits, by `patches.csv` or by file names. */
import { stemWithoutLabel } from "../dataset/labels.js";
import { type SplitName, splitNames } from "../dataset/split.js";
import type { ExaminedPatch } from "./examine-patches.js";
import type { Finding } from "./finding.js";
import { type PatchOrigin, tableKey } from "./patch-table.js";
import { nameOfPatch } from "./patch-to-examine.js";

/** Whose tissue a patch shows. */
interface Origin {
  readonly kind: "patient" | "source";
  readonly id: string;
  /** Whether the table of patches says so, or it was read off the name. */
  readonly certain: boolean;
}

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

function originOf({ split, stem }: ExaminedPatch, table: ReadonlyMap<string, PatchOrigin>): Origin | null {
  const bare = stemWithoutLabel(stem);
  const trimmed = bare.replace(/[-_ ]+$/, "");
  const keys = [stem, bare, trimmed].flatMap((name) => [tableKey(split, name), tableKey("", name)]);
  const entry = keys.map((key) => table.get(key)).find((one) => one !== undefined);
  if (entry?.patient !== undefined) return { kind: "patient", id: entry.patient, certain: true };
  if (entry?.source !== undefined) return { kind: "source", id: entry.source, certain: true };
  return originInName(trimmed);
}

/** Names of TCGA carry the patient: project, site and participant. */
const tcgaPatient = /^TCGA-[0-9A-Z]{2}-[0-9A-Z]{4}(?![0-9A-Z])/i;

/** An image and the place of the patch in it: `1031280-2300-27920`, `slide7_x1200_y800`. */
const imageAndPlace = /^(.*?[0-9].*?)[-_ ]+[xy]?(?:min)?-?[0-9]+[-_ ]+[xy]?(?:min)?-?[0-9]+$/i;

/** What a name without label tells; null if it follows neither of the customs, or the image has no number. */
function originInName(name: string): Origin | null {
  const patient = tcgaPatient.exec(name)?.[0];
  if (patient !== undefined) return { kind: "patient", id: patient.toUpperCase(), certain: false };
  const image = imageAndPlace.exec(name)?.[1];
  return image === undefined ? null : { kind: "source", id: image, certain: false };
}
