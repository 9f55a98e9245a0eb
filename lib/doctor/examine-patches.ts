/** Decodes every patch and mask of an examination and runs the checks that need one patch alone. */
import { type ItemProgress, mapConcurrently } from "../async/map-concurrently.js";
import type { DatasetDescription } from "../dataset/description.js";
import { labelsOfMask } from "../dataset/loaded-split.js";
import { meanColourOf } from "./colour-of-patch.js";
import type { MeanColour } from "./examination.js";
import { checkLabelAgainstMask } from "./check-label-against-mask.js";
import type { Finding } from "./finding.js";
import { nameOfPatch, type PatchToExamine } from "./patch-to-examine.js";
import { type MaskFacts, type MaskRead, readMask } from "./read-mask.js";
import type { PatchFacts, PatchRead } from "./read-patch.js";
import { PictureReader, SlideReader } from "./patch-reader.js";
import { whiteByIndex, type WhiteShare } from "./white-by-index.js";

/** What is kept of a patch once it was read. */
export interface ExaminedPatch extends PatchToExamine {
  readonly patch: PatchFacts | null;
  readonly mask: MaskFacts | null;
  /** The label in its name or, without one, that of its mask; undefined if neither is known. */
  readonly label: readonly number[] | undefined;
  /** How white it is under each index of its mask; empty where one of both could not be read, or without a description. */
  readonly white: readonly WhiteShare[];
  /** Null unless colours are measured. */
  readonly colour: MeanColour | null;
  readonly findings: readonly Finding[];
}

/** What an examination of patches needs to know. */
export interface PatchExamination {
  readonly description: DatasetDescription | null;
  /** Whether colours are measured. */
  readonly colours: boolean;
}

/**
 * Reads all patches and masks, in parallel, a bounded number at a time; nothing of their pixels is kept.
 * @throws WsssError `WSSS_ERR_CANCELLED`; whatever is wrong with a file is a finding.
 */
export async function examinePatches(
  patches: readonly PatchToExamine[],
  examination: PatchExamination,
  signal: AbortSignal | undefined,
  onProgress: (progress: ItemProgress) => void,
): Promise<ExaminedPatch[]> {
  const what = "the examination";
  const slides = new Set(patches.flatMap(({ imagePath, place }) => (place === undefined ? [] : [imagePath])));
  const examined = new Map<string, ExaminedPatch>();
  const total = patches.length;
  // Pictures, then slide after slide, each opened once.
  for (const slide of [undefined, ...slides]) {
    const some = patches.filter(({ imagePath, place }) => (place === undefined ? undefined : imagePath) === slide);
    const before = examined.size;
    const report = ({ done }: ItemProgress): void => onProgress({ done: before + done, total });
    await using reader = slide === undefined ? new PictureReader() : new SlideReader(slide);
    const work = async (one: PatchToExamine): Promise<ExaminedPatch> =>
      await examineOne(one, await reader.read(one), examination);
    const found = await mapConcurrently(some, work, { signal, onProgress: report, what });
    for (const one of found) examined.set(keyOf(one), one);
  }
  return patches.flatMap((one) => examined.get(keyOf(one)) ?? []);
}

function keyOf(one: PatchToExamine): string {
  return `${one.split}\t${nameOfPatch(one)}`;
}

async function examineOne(
  one: PatchToExamine,
  patch: PatchRead,
  { description, colours }: PatchExamination,
): Promise<ExaminedPatch> {
  const { split, maskPath, nameLabel } = one;
  const mask = maskPath === undefined ? null : await readMask(maskPath, split, description);
  const maskFacts = mask?.facts ?? null;
  const label = nameLabel ?? (maskFacts && description ? labelOfMask(maskFacts, description) : undefined);
  const findings = [
    ...patch.findings,
    ...checkBlank(one, patch.facts, label),
    ...(mask?.findings ?? []),
    ...checkMaskSize(one, patch.facts, maskFacts),
    ...(description === null ? [] : checkLabelAgainstMask(one, maskFacts, description)),
  ];
  const white = whiteOf(patch, mask, description);
  const colour = colours && patch.pixels !== null ? await meanColourOf(patch.pixels) : null;
  return { ...one, patch: patch.facts, mask: maskFacts, label, white, colour, findings };
}

/** The published limit, where a description looks for no glass: the masks may have it all the same. */
const publishedGreyAbove = 200;

function whiteOf(
  { pixels }: PatchRead,
  mask: MaskRead | null,
  description: DatasetDescription | null,
): readonly WhiteShare[] {
  if (pixels === null || !mask?.mask || description === null) return [];
  const greyAbove = description.glass?.greyAbove ?? publishedGreyAbove;
  return whiteByIndex(pixels, mask.mask, description.classes.length + 1, greyAbove);
}

function labelOfMask({ counts, height, width }: MaskFacts, { classes, labels }: DatasetDescription): number[] {
  return [...labelsOfMask({ counts, height, width }, classes.length, labels.minClassShare)];
}

function checkBlank(
  { split, ...patch }: PatchToExamine,
  facts: PatchFacts | null,
  label: readonly number[] | undefined,
): Finding[] {
  if (facts?.look !== "white" && facts?.look !== "flat") return [];
  const labelled = label?.includes(1) === true;
  const seen = facts.look === "white" ? "is white everywhere" : "has one colour everywhere";
  const problem = labelled ? `${seen}, but is labelled as tissue` : `${seen}: there is no tissue on it`;
  const severity = labelled ? "error" : "warning";
  return [{ check: "patch-blank", severity, split, files: [nameOfPatch(patch)], problem, remedy: "remove it" }];
}

function checkMaskSize(
  { maskPath, split, ...named }: PatchToExamine,
  patch: PatchFacts | null,
  mask: MaskFacts | null,
): Finding[] {
  if (patch === null || mask === null || maskPath === undefined) return [];
  if (patch.height === mask.height && patch.width === mask.width) return [];
  const problem =
    `is ${mask.height} px high and ${mask.width} px wide, but its patch is ` +
    `${patch.height} px high and ${patch.width} px wide`;
  const remedy = "make the mask in the size of the patch; resize masks without interpolation only";
  return [{ check: "mask-size", severity: "error", split, files: [maskPath, nameOfPatch(named)], problem, remedy }];
}
