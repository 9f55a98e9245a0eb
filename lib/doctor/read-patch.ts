/** Decodes a patch under examination, and finds what is wrong with its form and its ending. */
import { parse } from "node:path";
import { minPatchSidePx } from "../dataset/loaded-split.js";
import type { SplitName } from "../dataset/split.js";
import { isWsssError } from "../errors.js";
import {
  type DecodedPatch,
  decodePatchBytes,
  type PatchFailure,
  type PictureFormat,
  pictureFormat,
} from "../image/decode-patch.js";
import { readPngHeader } from "../image/png-header.js";
import sharp from "../image/sharp.js";
import { digestOfPixels } from "./digest.js";
import type { CheckCode, Finding, Severity } from "./finding.js";
import { type EmptyLook, lookOfPatch } from "./look-of-patch.js";
import { maxPixels, readDatasetFile, tooManyPixels } from "./read-file.js";

/** What is kept of a decoded patch; its pixels are not. */
export interface PatchFacts {
  readonly height: number;
  readonly width: number;
  /** Equal for equal pixels. */
  readonly digest: string;
  readonly look: EmptyLook | null;
}

/** A patch as far as it could be read. */
export interface PatchRead {
  readonly facts: PatchFacts | null;
  /** For what is looked at together with its mask. */
  readonly pixels: DecodedPatch | null;
  readonly findings: readonly Finding[];
}

/** Reads and decodes one patch and checks its form. */
export async function readPatch(file: string, split: SplitName): Promise<PatchRead> {
  const bytes = await readDatasetFile(file, split);
  if (!Buffer.isBuffer(bytes)) return { facts: null, pixels: null, findings: [bytes] };
  const claim = await claimedSize(bytes);
  if (claim !== null && claim.height * claim.width > maxPixels) {
    return { facts: null, pixels: null, findings: [tooManyPixels(file, split, claim.height, claim.width)] };
  }
  try {
    const patch = await decodePatchBytes(bytes, file);
    const facts = await factsOf(patch);
    return { facts, pixels: patch, findings: formFindings(bytes, facts, file, split) };
  } catch (error) {
    if (!isWsssError(error, "WSSS_ERR_DATASET")) throw error;
    const { failure, problem, advice } = error.details as { failure: PatchFailure; problem: string; advice: string };
    const check: CheckCode = `patch-${failure}`;
    return {
      facts: null,
      pixels: null,
      findings: [{ check, severity: "error", split, files: [file], problem, remedy: advice }],
    };
  }
}

/** What is kept of decoded pixels. */
export async function factsOf(patch: DecodedPatch): Promise<PatchFacts> {
  const { data, height, width } = patch;
  return { height, width, digest: await digestOfPixels(data, height, width), look: await lookOfPatch(patch) };
}

/** The size in the header; null where there is none to read, which the decoding will explain. */
async function claimedSize(bytes: Buffer): Promise<{ readonly height: number; readonly width: number } | null> {
  const png = readPngHeader(bytes);
  if (png !== null) return png;
  try {
    return await sharp(bytes, { limitInputPixels: false }).metadata();
  } catch {
    return null;
  }
}

/** What a patch that can be decoded should still not be. */
function formFindings(bytes: Buffer, facts: PatchFacts, file: string, split: SplitName): Finding[] {
  const found = (check: CheckCode, severity: Severity, problem: string, remedy: string): Finding[] => [
    { check, severity, split, files: [file], problem, remedy },
  ];
  const findings: Finding[] = [];
  const format = pictureFormat(bytes);
  const ending = parse(file).ext.toLowerCase();
  if (format !== null && !endings[format].includes(ending)) {
    const remedy = "give it the ending of its format; if it was to be lossless, write it again from its source";
    findings.push(...found("ending-content", "warning", `is a ${format.toUpperCase()} file under this ending`, remedy));
  }
  if (readPngHeader(bytes)?.colourType === 3) {
    const problem = "stores at most 256 colours in a palette, so its stain was reduced, or it is a mask";
    findings.push(...found("patch-palette", "warning", problem, "export it again as RGB, 8 bits a channel"));
  }
  if (facts.look === "colourless") {
    const problem = "is RGB but without any colour, as a grey scan saved in colour";
    findings.push(...found("patch-colourless", "warning", problem, "use the stained scan itself, or remove it"));
  }
  const { height, width } = facts;
  if (Math.min(height, width) < minPatchSidePx) {
    const problem = `is ${height} px high and ${width} px wide; the networks need ${minPatchSidePx} px on each side`;
    findings.push(...found("patch-small", "error", problem, "cut larger patches, or remove it"));
  }
  return findings;
}

const endings: Readonly<Record<PictureFormat, readonly string[]>> = {
  png: [".png"],
  jpeg: [".jpg", ".jpeg"],
  tiff: [".tif", ".tiff"],
  webp: [".webp"],
};
