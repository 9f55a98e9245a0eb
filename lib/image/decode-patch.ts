/** Decodes patches from PNG, JPEG, TIFF and WebP, and refuses pictures whose pixels would be a guess. */
import type { Metadata } from "sharp";
import { WsssError } from "../errors.js";
import { readBytes } from "../files/file-access.js";
import { countPngFrames } from "./png-chunks.js";
import sharp from "./sharp.js";
import { readTiffEncoding, refusalOfTiff } from "./tiff-encoding.js";

/** One decoded patch. */
export interface DecodedPatch {
  /** RGB uint8 [height, width, 3], interleaved, as stored in the file. */
  readonly data: Buffer;
  readonly height: number;
  readonly width: number;
}

/** Why a file is no usable patch; `details.failure` of the error. */
export type PatchFailure =
  /** Zero bytes. */
  | "empty"
  /** None of the formats that are decoded. */
  | "not-a-picture"
  /** Cut off, or a checksum that does not agree. */
  | "damaged"
  /** Several pages, or an animation. */
  | "pages"
  | "grey"
  | "cmyk"
  /** More than 8 bits a channel. */
  | "depth"
  | "channels"
  /** A TIFF file whose compression or colours are not decoded here. */
  | "encoding"
  /** A rotation tag. */
  | "rotated"
  | "transparent";

/** File name endings of patches, lower case; the letters' case does not matter. */
export const patchExtensions = [".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"] as const;

/** A format that is decoded, as sharp names it. */
export type PictureFormat = "png" | "jpeg" | "tiff" | "webp";

const formats: readonly string[] = ["png", "jpeg", "tiff", "webp"] satisfies PictureFormat[];

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
  if (bytes.length === 0) throw badPatch("empty", path, "is empty", "copy the file again");
  const header = await headerOf(bytes, path);
  // What has no name among the decoder's colour spaces may have one among TIFF's.
  const unusual = header.space === "multiband" ? refusalOf(bytes, path) : null;
  if (unusual !== null) throw unusual;
  checkForm(header, path);
  checkFrames(bytes, header, path);
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
    throw undecodable(bytes, path, error);
  }
}

/** No colour management, no rotation (sharp rotates only when asked), and the slightest damage is an error. */
const inputOptions = { ignoreIcc: true, failOn: "warning" } as const;

async function headerOf(bytes: Buffer, path: string): Promise<Metadata> {
  try {
    return await sharp(bytes, inputOptions).metadata();
  } catch (error) {
    // The first bytes of a known format: a failure means damage.
    if (pictureFormat(bytes) !== null) throw undecodable(bytes, path, error);
    const advice = "patches are PNG, JPEG, TIFF or WebP files";
    throw badPatch("not-a-picture", path, "is not a picture that can be decoded", advice, error);
  }
}

/** The format that the first bytes are of, whatever the file is called; null if it is none that is decoded. */
export function pictureFormat(bytes: Buffer): PictureFormat | null {
  const start = bytes.toString("latin1", 0, 12);
  if (start.startsWith("\x89PNG")) return "png";
  if (start.startsWith("\xff\xd8\xff")) return "jpeg";
  // The last two are BigTIFF.
  if (["II*\0", "MM\0*", "II+\0", "MM\0+"].some((magic) => start.startsWith(magic))) return "tiff";
  return start.startsWith("RIFF") && start.endsWith("WEBP") ? "webp" : null;
}

function checkForm(header: Metadata, path: string): void {
  const { format, space, depth, channels } = header;
  if (!formats.includes(format)) {
    const advice = "patches are PNG, JPEG, TIFF or WebP files; convert it";
    throw badPatch("not-a-picture", path, `is a ${format} file`, advice);
  }
  if ((header.pages ?? 1) > 1) {
    const advice = "save the page that is meant as a file of its own";
    throw badPatch("pages", path, `holds ${header.pages} pages`, advice);
  }
  if (space === "b-w" || space === "grey16" || channels < 3) {
    const advice = "stained tissue is RGB; a mask or a single channel may lie in its place";
    throw badPatch("grey", path, "is a grey picture", advice);
  }
  const convert = "convert it to RGB, 8 bits a channel";
  if (space === "cmyk") throw badPatch("cmyk", path, "is in CMYK colours", convert);
  if (depth !== "uchar") {
    throw badPatch("depth", path, `has ${depthInWords(depth)} a channel`, convert);
  }
  if (space !== "srgb" || channels > 4) {
    throw badPatch("channels", path, `has ${channels} channels in colour space ${space}`, convert);
  }
  if ((header.orientation ?? 1) !== 1) {
    const problem = `carries the rotation tag ${header.orientation}, which says that it is stored turned or mirrored`;
    throw badPatch("rotated", path, problem, "rotate the pixels and drop the tag, so that patch and mask agree");
  }
}

/** The decoder takes an animated PNG for its first frame. */
function checkFrames(bytes: Buffer, { format }: Metadata, path: string): void {
  const frames = format === "png" ? countPngFrames(bytes) : 1;
  if (frames === 1) return;
  const advice = "save the frame that is meant as a file of its own";
  throw badPatch("pages", path, `is an animated PNG of ${frames} frames`, advice);
}

function depthInWords(depth: string): string {
  const words: Readonly<Record<string, string>> = { ushort: "16 bits", short: "16 bits", float: "32-bit floats" };
  return words[depth] ?? `${depth} values`;
}

function transparent(path: string): WsssError {
  const advice = "flatten it onto the colour that is meant, or drop the alpha channel";
  const problem = "has pixels that are not opaque, so its colours depend on what lies behind";
  return badPatch("transparent", path, problem, advice);
}

/** A file of a known format that the decoder has refused: stored in a way that is not decoded, or damaged. */
function undecodable(bytes: Buffer, path: string, error: unknown): WsssError {
  const encoding = pictureFormat(bytes) === "tiff" ? readTiffEncoding(bytes) : null;
  if (encoding?.cutOff === true) return cutOff(path, "it ends before its pixels do", error);
  return refusalOf(bytes, path, error) ?? cutOff(path, messageOf(error), error);
}

/** The error of a TIFF file that is stored in a way that is not decoded; null for any other file. */
function refusalOf(bytes: Buffer, path: string, cause?: unknown): WsssError | null {
  const encoding = pictureFormat(bytes) === "tiff" ? readTiffEncoding(bytes) : null;
  const refusal = encoding === null ? null : refusalOfTiff(encoding);
  return refusal === null ? null : badPatch("encoding", path, refusal.problem, refusal.advice, cause);
}

function cutOff(path: string, why: string, cause?: unknown): WsssError {
  const advice = "copy it again from its source, or remove it";
  return badPatch("damaged", path, `is cut off or damaged (${why})`, advice, cause);
}

function badPatch(failure: PatchFailure, path: string, problem: string, advice: string, cause?: unknown): WsssError {
  const details = { path, failure, problem, advice };
  return new WsssError("WSSS_ERR_DATASET", `patch ${path} ${problem}; ${advice}`, details, { cause });
}

/** First line of a decoder's message: libvips appends every warning of the process. */
function messageOf(error: unknown): string {
  const text =
    typeof error === "object" && error !== null && "message" in error ? String(error.message) : String(error);
  return (text.split("\n")[0] ?? "").trim();
}
