/** Whose tissue a patch shows: by `patches.csv`, or by customs of naming. */
import { stemWithoutLabel } from "../dataset/labels.js";
import { type PatchOrigin, tableKey } from "./patch-table.js";
import type { PatchToExamine } from "./patch-to-examine.js";

/** Whose tissue a patch shows. */
export interface Origin {
  readonly kind: "patient" | "source";
  readonly id: string;
  /** Whether the table of patches says so, or it was read off the name. */
  readonly certain: boolean;
}

/** The patient of a patch, or the image it was cut from, by the table of patches or its name; null if neither tells. */
export function originOf(
  { split, stem }: Pick<PatchToExamine, "split" | "stem">,
  table: ReadonlyMap<string, PatchOrigin>,
): Origin | null {
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
