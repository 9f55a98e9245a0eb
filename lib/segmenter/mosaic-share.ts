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

/**
 * Of each class, for `"auto"`. Mosaics are half of what the segmenter sees, and classes come evenly: one of ten pieces would show the
 * same ten pictures over and over, which has brought nothing (docs/notes/real-tissue.md).
 */
export const fewestPieces = 16;

/** The share that `"auto"` stands for. The other half of the patches stay as they are, and show what no mosaic does. */
const usualShare = 0.5;

/** How many patches of a class can be pieces of mosaics. */
interface PieceCount {
  readonly name: string;
  readonly count: number;
}

/** Which patches can be pieces. */
interface Pieces {
  /** In the order of the classes. */
  readonly counts: readonly PieceCount[];
  /** What these patches are, in words. */
  readonly words: string;
}

/** A share, and why it is that. */
export interface MosaicChoice {
  /** Of a step's patches, 0 to 1. */
  readonly share: number;
  /** In words, half a sentence. */
  readonly reason: string;
}

/**
 * The patches that can be pieces of mosaics: they are labelled with one class alone, and where patients are known and one has such
 * patches of two classes, are of a patient like that. Null for patches whose labels are read from masks, as those of val and test may be.
 */
export function mosaicPieces({ files, classes }: Omit<LabelledSplit, "dataset">): Pieces | null {
  if (files.some(({ labels }) => labels === undefined)) return null;
  const single = files.filter(({ labels = [] }) => labels.filter((one) => one === 1).length === 1);
  const mixed = ofPatientsOfTwoClasses(single);
  const pieces = mixed.length === 0 ? single : mixed;
  const counts = classes.map(({ name }, index) => ({
    name,
    count: pieces.filter(({ labels }) => labels?.[index] === 1).length,
  }));
  const alone = "patches labelled with one class alone";
  return { counts, words: mixed.length === 0 ? alone : `${alone}, of patients who have such patches of two classes` };
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

const inWords = (counts: readonly PieceCount[]): string =>
  counts.map(({ name, count }) => `${count} of ${name}`).join(", ");

/**
 * What `mosaic` means for a split.
 * @param mosaic - share of a step's patches that are mosaics, or `"auto"`.
 * @throws WsssError `WSSS_ERR_DATASET` for a share above 0 if fewer than two classes have patches that can be pieces, or, where all
 *   patches are mosaics, one class has none. Where labels are read from masks, the training itself finds out.
 */
export function mosaicShare(
  call: string,
  split: LabelledSplit,
  mosaic: number | "auto",
  masks: "pseudo" | "ground-truth",
): MosaicChoice {
  const pieces = mosaicPieces(split);
  if (mosaic === "auto") return automaticShare(pieces, masks);
  if (mosaic > 0 && pieces !== null) assertPieces(call, split.dataset, pieces, mosaic);
  return { share: mosaic, reason: `mosaic is ${mosaic}` };
}

/** The words after "mosaics:". */
export function describeMosaics({ share, reason }: MosaicChoice): string {
  return `${share === 0 ? "none" : `${share * 100} % of a segmenter's patches`} (${reason})`;
}

function automaticShare(pieces: Pieces | null, masks: "pseudo" | "ground-truth"): MosaicChoice {
  if (masks === "ground-truth") return { share: 0, reason: "true masks show every border" };
  if (pieces === null) return { share: 0, reason: "labels are read from masks" };
  const { counts, words } = pieces;
  const few = counts.filter(({ count }) => count < fewestPieces);
  if (few.length === 0) return { share: usualShare, reason: `${words}: ${inWords(counts)}` };
  return { share: 0, reason: `${words}: ${inWords(few)}; ${fewestPieces} of each class are needed` };
}

function assertPieces(call: string, dataset: string, { counts, words }: Pieces, mosaic: number): void {
  const without = counts.filter(({ count }) => count === 0);
  if (counts.length - without.length >= 2 && (mosaic < 1 || without.length === 0)) return;
  const need =
    mosaic < 1 ? "two classes at least have such patches" : "every class has such patches, or mosaic is below 1";
  const message = `mosaics are made of ${words}, and ${dataset} has ${inWords(counts)}; ${need}, or mosaic is 0 (${call})`;
  throw new WsssError("WSSS_ERR_DATASET", message, { call, option: "mosaic", value: mosaic });
}
