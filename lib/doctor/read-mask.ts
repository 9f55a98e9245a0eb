import type { DatasetDescription } from "../dataset/description.js";
import type { SplitName } from "../dataset/split.js";
import { isWsssError } from "../errors.js";
import { type DecodedMask, decodeIndexPng, ignoredIndex } from "../image/index-png.js";
import { type MaskFailure, readPngHeader } from "../image/index-png-codec.js";
import { checkPalette } from "./check-palette.js";
import { digestOfPixels } from "./digest.js";
import type { CheckCode, Finding } from "./finding.js";
import { maxPixels, readDatasetFile, tooManyPixels } from "./read-file.js";

/** What is kept of a decoded mask; its indices are not. */
export interface MaskFacts {
  readonly height: number;
  readonly width: number;
  /** Pixels of the indices 0..K, the last one background; empty without a description. */
  readonly counts: readonly number[];
  /** Pixels of the index 255. */
  readonly ignored: number;
  /** Equal for equal indices. */
  readonly digest: string;
}

/** A true mask as far as it could be read. */
export interface MaskRead {
  readonly facts: MaskFacts | null;
  readonly findings: readonly Finding[];
}

/**
 * Reads one true mask and checks its form, indices and palette.
 * @param description - null if there is none: indices and colours are then not judged.
 */
export async function readMask(
  file: string,
  split: SplitName,
  description: DatasetDescription | null,
): Promise<MaskRead> {
  const bytes = await readDatasetFile(file, split);
  if (!Buffer.isBuffer(bytes)) return { facts: null, findings: [bytes] };
  const header = readPngHeader(bytes);
  if (header !== null && header.height * header.width > maxPixels) {
    return { facts: null, findings: [tooManyPixels(file, split, header.height, header.width)] };
  }
  const classes = description === null ? null : [...description.classes, description.background];
  const colours = classes?.map(({ colour }) => colour);
  try {
    const mask = await decodeIndexPng(bytes, file, colours === undefined ? {} : { palette: colours });
    const counts = Array.from(mask.counts.subarray(0, classes?.length ?? 0));
    const findings = classes === null ? [] : checkPalette(bytes, mask.counts, classes, file, split);
    const ignored = description === null ? [] : checkIgnored(mask, description, file, split);
    return { facts: await factsOf(mask, counts), findings: [...findings, ...ignored] };
  } catch (error) {
    if (!isWsssError(error, "WSSS_ERR_DATASET")) throw error;
    const { failure, problem, advice } = error.details as { failure: MaskFailure; problem: string; advice: string };
    // Without a description nothing says which index a colour stands for, and that it is missing has been said.
    if (description === null && failure === "form") return { facts: null, findings: [] };
    const check: CheckCode = `mask-${failure}`;
    return { facts: null, findings: [{ check, severity: "error", split, files: [file], problem, remedy: advice }] };
  }
}

async function factsOf(mask: DecodedMask, counts: readonly number[]): Promise<MaskFacts> {
  const { height, width, indices } = mask;
  const digest = await digestOfPixels(indices, height, width);
  return { height, width, counts, ignored: mask.counts[ignoredIndex] ?? 0, digest };
}

/** Share of a mask from which ignored pixels are suspicious. */
const mostlyIgnored = 0.5;

function checkIgnored(
  { counts, height, width }: DecodedMask,
  { ignoreIndex }: DatasetDescription,
  file: string,
  split: SplitName,
): Finding[] {
  if (ignoreIndex === undefined && (counts[ignoredIndex] ?? 0) > 0) {
    const problem = `has the value ${ignoredIndex}, which stands for no class`;
    const remedy = `if it marks pixels to leave out, say "ignoreIndex": ${ignoredIndex} in the description; else save the index of the class`;
    return [{ check: "mask-index", severity: "error", split, files: [file], problem, remedy }];
  }
  const share = (counts[ignoredIndex] ?? 0) / (height * width);
  if (share <= mostlyIgnored) return [];
  const problem = `has the value ${ignoredIndex} in ${(100 * share).toFixed(0)} % of its pixels, which is ignored`;
  const remedy = `if ${ignoredIndex} stands for a class, save the index of the class instead; else remove the patch`;
  return [{ check: "mask-ignored", severity: "warning", split, files: [file], problem, remedy }];
}
