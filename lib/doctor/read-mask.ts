/** Decodes a true mask under examination, and finds what is wrong with its form, indices and palette. */
import type { DatasetDescription } from "../dataset/description.js";
import { trueMaskReading } from "../dataset/mask-indices.js";
import type { SplitName } from "../dataset/split.js";
import { isWsssError } from "../errors.js";
import type { MaskFailure } from "../image/index-png-codec.js";
import { type DecodedMask, decodeIndexPng, ignoredIndex } from "../image/index-png.js";
import { readPngHeader } from "../image/png-header.js";
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
  /** Its indices; for what is looked at together with its patch. Null without a description. */
  readonly mask: DecodedMask | null;
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
  if (!Buffer.isBuffer(bytes)) return { facts: null, mask: null, findings: [bytes] };
  const header = readPngHeader(bytes);
  if (header !== null && header.height * header.width > maxPixels) {
    return { facts: null, mask: null, findings: [tooManyPixels(file, split, header.height, header.width)] };
  }
  try {
    const mask = await decodeIndexPng(bytes, file, description === null ? {} : trueMaskReading(description));
    if (description === null) return { facts: await factsOf(mask, []), mask: null, findings: [] };
    const counts = Array.from(mask.counts.subarray(0, description.classes.length + 1));
    const { storedCounts } = mask;
    const findings = [
      ...checkPalette({ bytes, storedCounts, file, split }, description),
      ...checkIgnored(mask, description, file, split),
    ];
    return { facts: await factsOf(mask, counts), mask, findings };
  } catch (error) {
    if (!isWsssError(error, "WSSS_ERR_DATASET")) throw error;
    const { failure, problem, advice } = error.details as { failure: MaskFailure; problem: string; advice: string };
    // Without a description nothing says which index a colour stands for, and that it is missing has been said.
    if (description === null && failure === "form") return { facts: null, mask: null, findings: [] };
    const check: CheckCode = `mask-${failure}`;
    return {
      facts: null,
      mask: null,
      findings: [{ check, severity: "error", split, files: [file], problem, remedy: advice }],
    };
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
  { ignoreIndex, maskIndices }: DatasetDescription,
  file: string,
  split: SplitName,
): Finding[] {
  if (ignoreIndex === undefined && maskIndices === undefined && (counts[ignoredIndex] ?? 0) > 0) {
    const problem = `has the value ${ignoredIndex}, which stands for no class`;
    const remedy =
      `if it marks pixels to leave out, say "ignoreIndex": ${ignoredIndex} in the description; if it is the background, ` +
      `say "background": ${ignoredIndex}; else save the index of the class`;
    return [{ check: "mask-index", severity: "error", split, files: [file], problem, remedy }];
  }
  const share = (counts[ignoredIndex] ?? 0) / (height * width);
  if (share <= mostlyIgnored) return [];
  const which = maskIndices === undefined ? `the value ${ignoredIndex}, which is ignored,` : "values that are ignored";
  const problem = `has ${which} in ${(100 * share).toFixed(0)} % of its pixels`;
  const remedy = "if that stands for a class, say so in the masks or the description; else remove the patch";
  return [{ check: "mask-ignored", severity: "warning", split, files: [file], problem, remedy }];
}
