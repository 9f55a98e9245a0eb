import sharp, { type Metadata } from "sharp";

import { WsssError } from "../errors.js";
import { readBytes } from "./file-access.js";

/** One decoded patch. */
export interface DecodedPatch {
  /** RGB uint8 [height, width, 3], interleaved, as stored in the file. */
  readonly data: Buffer;
  readonly height: number;
  readonly width: number;
}

/** File name endings of patches, lower case; the letters' case does not matter. */
export const patchExtensions = [".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"] as const;

/** Formats that are decoded, as sharp names them. */
const formats: readonly string[] = ["png", "jpeg", "tiff", "webp"];

/**
 * Decodes a patch: PNG, JPEG, TIFF or WebP with 8 bits a channel in RGB (a palette is looked up).
 *
 * The pixels are those that the file stores, as in the published code: an embedded colour profile is not applied. What
 * would need a decision about the colours or the geometry is refused instead of guessed: grey, CMYK, 16 bits, real
 * transparency, several pages, and a rotation tag. An alpha channel that is opaque everywhere is dropped.
 *
 * @throws WsssError `WSSS_ERR_IO` if the file can't be read; `WSSS_ERR_DATASET` if it is cut off, damaged, or not such
 *   a picture. Both name the file; the second says what to do.
 */
export async function decodePatch(path: string): Promise<DecodedPatch> {
  return await decodePatchBytes(await readBytes(path), path);
}

/** Size of a picture by its header, in px; null if there is none to be read, for which decoding it gives the reason. */
export async function readPatchSize(path: string): Promise<{ readonly height: number; readonly width: number } | null> {
  try {
    // From memory, since libvips keeps what it has read from a path, even when the file changes.
    const { height, width } = await sharp(await readBytes(path), inputOptions).metadata();
    return { height, width };
  } catch {
    return null;
  }
}

/** {@link decodePatch} for a file that is already in memory; `path` only names it in errors. */
export async function decodePatchBytes(bytes: Buffer, path: string): Promise<DecodedPatch> {
  if (bytes.length === 0) throw badPatch(path, "is empty", "copy the file again");
  const header = await headerOf(bytes, path);
  checkForm(header, path);
  if (header.format === "png" && !bytes.includes("IEND")) throw cutOff(path, "its end marker is missing");
  try {
    const image = sharp(bytes, inputOptions);
    if (header.channels === 4) {
      const alpha = await image.clone().extractChannel(3).raw().toBuffer();
      if (!alpha.equals(Buffer.alloc(alpha.length, 255))) throw transparent(path);
      image.removeAlpha();
    }
    const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`decoded to ${info.channels} channels`);
    return { data, height: info.height, width: info.width };
  } catch (error) {
    if (error instanceof WsssError) throw error;
    throw cutOff(path, messageOf(error), error);
  }
}

/** No colour management, no rotation (sharp rotates only when asked), and the slightest damage is an error. */
const inputOptions = { ignoreIcc: true, failOn: "warning" } as const;

async function headerOf(bytes: Buffer, path: string): Promise<Metadata> {
  try {
    return await sharp(bytes, inputOptions).metadata();
  } catch (error) {
    const known = hasKnownSignature(bytes);
    if (known) throw cutOff(path, messageOf(error), error);
    throw badPatch(path, "is not a picture that can be decoded", "patches are PNG, JPEG, TIFF or WebP files", error);
  }
}

/** Whether the first bytes are those of a format that is decoded, so that a failure means damage. */
function hasKnownSignature(bytes: Buffer): boolean {
  const start = bytes.toString("latin1", 0, 12);
  const tiff = start.startsWith("II*\0") || start.startsWith("MM\0*");
  const webp = start.startsWith("RIFF") && start.endsWith("WEBP");
  return start.startsWith("\x89PNG") || start.startsWith("\xff\xd8\xff") || tiff || webp;
}

function checkForm(header: Metadata, path: string): void {
  const { format, space, depth, channels } = header;
  if (!formats.includes(format)) {
    throw badPatch(path, `is a ${format} file`, "patches are PNG, JPEG, TIFF or WebP files; convert it");
  }
  if ((header.pages ?? 1) > 1) {
    throw badPatch(path, `holds ${header.pages} pages`, "save the page that is meant as a file of its own");
  }
  if (space === "b-w" || space === "grey16" || channels < 3) {
    throw badPatch(path, "is a grey picture", "stained tissue is RGB; a mask or a single channel may lie in its place");
  }
  if (space === "cmyk") throw badPatch(path, "is in CMYK colours", "convert it to RGB, 8 bits a channel");
  if (depth !== "uchar") {
    throw badPatch(path, `has ${depthInWords(depth)} a channel`, "convert it to RGB, 8 bits a channel");
  }
  if (space !== "srgb" || channels > 4) {
    throw badPatch(path, `has ${channels} channels in colour space ${space}`, "convert it to RGB, 8 bits a channel");
  }
  if ((header.orientation ?? 1) !== 1) {
    const problem = `carries the rotation tag ${header.orientation}, which says that it is stored turned or mirrored`;
    throw badPatch(path, problem, "rotate the pixels and drop the tag, so that patch and mask agree");
  }
}

function depthInWords(depth: string): string {
  const words: Readonly<Record<string, string>> = { ushort: "16 bits", short: "16 bits", float: "32-bit floats" };
  return words[depth] ?? `${depth} values`;
}

function transparent(path: string): WsssError {
  const advice = "flatten it onto the colour that is meant, or drop the alpha channel";
  return badPatch(path, "has pixels that are not opaque, so its colours depend on what lies behind", advice);
}

function cutOff(path: string, why: string, cause?: unknown): WsssError {
  return badPatch(path, `is cut off or damaged (${why})`, "copy it again from its source, or remove it", cause);
}

function badPatch(path: string, problem: string, advice: string, cause?: unknown): WsssError {
  return new WsssError("WSSS_ERR_DATASET", `patch ${path} ${problem}; ${advice}`, { path, problem }, { cause });
}

/** First line of a decoder's message: libvips appends every warning of the process. */
function messageOf(error: unknown): string {
  const text =
    typeof error === "object" && error !== null && "message" in error ? String(error.message) : String(error);
  return (text.split("\n")[0] ?? "").trim();
}
