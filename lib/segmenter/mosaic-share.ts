/** How many of a step's patches are mosaics, and what mosaics need of the train patches, by their labels and patients. */
import type { PatchFile } from "../dataset/patch-file.js";
import type { Split } from "../dataset/split.js";
import { WsssError } from "../errors.js";

/** What mosaics depend on of a patch. */
type LabelledPatch = Pick<PatchFile, "labels" | "patient">;

/** What is known of a split before it is loaded. */
export interface LabelledSplit extends Pick<Split, "classes" | "dataset"> {
  readonly files: readonly LabelledPatch[];
}

/** With fewer patches of its own a class would be on mosaics, half of all patches, by the same few pictures over and over. */
export const fewestPatches = 16;

/** The share of mosaics where nobody says another: as much is learned from pseudo masks, which show what no mosaic does. */
const usualShare = 0.5;

/** How many patches of a class can be pieces of mosaics. */
interface PieceCount {
  readonly name: string;
  readonly count: number;
}

/** A share, and why it is that. */
export interface MosaicChoice {
  /** Of a step's patches, 0 to 1. */
  readonly share: number;
  /** In words, half a sentence. */
  readonly reason: string;
}

/**
 * How many patches of each class can be pieces of mosaics: they are labelled with it alone, and where patients are known and one has
 * such patches of two classes, are of a patient like that. Null where labels are not known before masks are read.
 */
export function pieceCounts({ files, classes }: Omit<LabelledSplit, "dataset">): readonly PieceCount[] | null {
  if (files.some(({ labels }) => labels === undefined)) return null;
  const single = files.filter(({ labels = [] }) => labels.filter((one) => one === 1).length === 1);
  const mixed = ofPatientsOfTwoClasses(single);
  const pieces = mixed.length === 0 ? single : mixed;
  return classes.map(({ name }, index) => ({
    name,
    count: pieces.filter(({ labels }) => labels?.[index] === 1).length,
  }));
}

/** Patches of patients that have some of two classes. */
function ofPatientsOfTwoClasses(single: readonly LabelledPatch[]): readonly LabelledPatch[] {
  const classesOf = new Map<string, Set<number>>();
  for (const { patient, labels = [] } of single) {
    if (patient === undefined) continue;
    classesOf.set(patient, (classesOf.get(patient) ?? new Set()).add(labels.indexOf(1)));
  }
  return single.filter(({ patient }) => patient !== undefined && (classesOf.get(patient)?.size ?? 0) >= 2);
}

/**
 * What `mosaic` means for a split.
 * @param mosaic - share of a step's patches that are mosaics, or `"auto"`.
 * @throws WsssError `WSSS_ERR_DATASET` for a share above 0 if fewer than two classes have patches that can be pieces, or, where all
 *   patches are mosaics, one class has none. Where labels are not known yet, the training itself finds out.
 */
export function mosaicShare(
  call: string,
  split: LabelledSplit,
  mosaic: number | "auto",
  masks: "pseudo" | "ground-truth",
): MosaicChoice {
  const counts = pieceCounts(split);
  if (mosaic === "auto") return automaticShare(counts, masks);
  if (mosaic > 0 && counts !== null) assertPieces(call, split.dataset, counts, mosaic);
  return { share: mosaic, reason: `mosaic is ${mosaic}` };
}

/** What stands behind "mosaics:". */
export function describeMosaics({ share, reason }: MosaicChoice): string {
  return `${share === 0 ? "none" : `${share * 100} % of a segmenter's patches`} (${reason})`;
}

function automaticShare(counts: readonly PieceCount[] | null, masks: "pseudo" | "ground-truth"): MosaicChoice {
  if (masks === "ground-truth") return { share: 0, reason: "true masks have all borders" };
  if (counts === null) return { share: 0, reason: "labels are not known before masks are read" };
  const few = counts.filter(({ count }) => count < fewestPatches);
  const found = (few.length === 0 ? counts : few).map(({ name, count }) => `${count} of ${name}`).join(", ");
  const patches = `train patches that hold one class alone and can be pieces: ${found}`;
  if (few.length === 0 && counts.length >= 2) return { share: usualShare, reason: patches };
  return { share: 0, reason: `${patches}; ${fewestPatches} of each class are needed` };
}

function assertPieces(call: string, dataset: string, counts: readonly PieceCount[], mosaic: number): void {
  const without = counts.filter(({ count }) => count === 0);
  if (counts.length - without.length >= 2 && (mosaic < 1 || without.length === 0)) return;
  const found = counts.map(({ name, count }) => `${count} of ${name}`).join(", ");
  const need =
    mosaic < 1 ? "two classes at least have such patches" : "every class has such patches, or mosaic is below 1";
  const message =
    `mosaics are made of train patches that hold one class alone, and ${dataset} has ${found}; ${need}, ` +
    `or mosaic is 0 (${call})`;
  throw new WsssError("WSSS_ERR_DATASET", message, { call, option: "mosaic", value: mosaic });
}
