/** Index masks read from and written to PNG files, large ones on a thread. */
import { ThreadPool } from "../async/thread-pool.js";
import { WsssError } from "../errors.js";
import { readBytes, writeBytesAtomic } from "../files/file-access.js";
import {
  type Colour,
  damaged,
  type DecodedMask,
  decodeMask,
  encodeMask,
  type IndexMask,
  type MaskProblem,
  refuseForm,
  type StoredIndices,
} from "./index-png-codec.js";
import type { MaskRequest } from "./index-png-worker.js";
import { inflatesBeyondHeader } from "./png-chunks.js";
import { readPngHeader } from "./png-header.js";

export { type Colour, type DecodedMask, ignoredIndex, type IndexMask, type StoredIndices } from "./index-png-codec.js";

export interface ReadMaskOptions {
  /**
   * Colours of the indices 0..K, the last one background. Indices above K, except 255 (ignored), are then refused,
   * and RGB masks in exactly these colours accepted.
   * @defaultValue none: every index is accepted and RGB masks are refused
   */
  readonly palette?: readonly Colour[];
  /**
   * What the file's values stand for; those that are not named are then refused. Masks that this library has written never
   * need it.
   * @defaultValue none: they are the indices
   */
  readonly stored?: StoredIndices | undefined;
}

/**
 * Masks of this many pixels and more are coded on a thread of their own: from here on the event loop would wait for
 * about 10 ms (measured: 512x512 px take 8 ms to write and 4 ms to read, 2000x2000 px 110 ms and 40 ms).
 */
const threadFromPixels = 512 * 512;

/** Files up to this size are decoded as they are: they can't inflate to more than some 60 MiB. */
const harmlessBytes = 2 ** 16;

const threads = new ThreadPool<MaskRequest, DecodedMask | MaskProblem | Uint8Array>(
  new URL("./index-png-worker.js", import.meta.url),
);

/**
 * Reads an index mask. The indices are the pixel values of a palette PNG (1, 2, 4 or 8 bits) or a grey PNG (up to 8
 * bits); the colours in the file's palette do not matter. An RGB(A) PNG is accepted if each pixel has exactly a colour of `palette`.
 *
 * @throws WsssError `WSSS_ERR_IO` if the file can't be read; `WSSS_ERR_DATASET` naming the file, and the pixel and its
 *   value where there is one, if it is damaged, of another form, or has an index out of range.
 */
export async function readIndexPng(path: string, options: ReadMaskOptions = {}): Promise<DecodedMask> {
  return await decodeIndexPng(await readBytes(path), path, options);
}

/** {@link readIndexPng} for a file that is already in memory; `path` only names it in errors. */
export async function decodeIndexPng(
  bytes: Uint8Array,
  path: string,
  options: ReadMaskOptions = {},
): Promise<DecodedMask> {
  const { palette: colours = null, stored = null } = options;
  const header = readPngHeader(bytes);
  const decodable = header !== null && refuseForm(header, colours) === null;
  if (decodable && bytes.length > harmlessBytes && (await inflatesBeyondHeader(bytes))) {
    throw maskError(damaged("it holds far more pixels than its header says"), `mask ${path}`, { path });
  }
  const large = header !== null && header.width * header.height >= threadFromPixels;
  const decoded = large
    ? ((await threads.run({ kind: "decode", bytes, colours, stored })) as DecodedMask | MaskProblem)
    : decodeMask(bytes, colours, stored);
  if ("problem" in decoded) throw maskError(decoded, `mask ${path}`, { path });
  return decoded;
}

/**
 * The bytes of a palette PNG, 8 bits deep, with exactly these indices.
 *
 * @param palette - colours of the indices 0..K, the last one background.
 * @param ignoredColour - colour of the index 255, where it occurs; black by default.
 * @throws WsssError `WSSS_ERR_SHAPE` if there are not height * width indices, `WSSS_ERR_DATASET` if one is above K and not 255.
 */
export async function encodeIndexPng(
  mask: IndexMask,
  palette: readonly Colour[],
  ignoredColour: Colour = [0, 0, 0],
): Promise<Uint8Array> {
  const { indices, height, width } = mask;
  checkShape(mask);
  const large = indices.length >= threadFromPixels;
  const encoded = large
    ? ((await threads.run({ kind: "encode", mask: { indices, height, width }, palette, ignoredColour })) as
        Uint8Array | MaskProblem)
    : encodeMask(mask, palette, ignoredColour);
  if ("problem" in encoded) throw maskError(encoded, "the mask to be written", {});
  return encoded;
}

/**
 * Writes an index mask as a palette PNG; a reader never sees half a file.
 * @throws WsssError `WSSS_ERR_IO` if the file can't be written, and as {@link encodeIndexPng}.
 */
export async function writeIndexPng(path: string, mask: IndexMask, palette: readonly Colour[]): Promise<void> {
  await writeBytesAtomic(path, await encodeIndexPng(mask, palette));
}

function maskError(
  { failure, problem, advice, details }: MaskProblem,
  name: string,
  where: Readonly<Record<string, string>>,
): WsssError {
  const facts = { ...where, failure, problem, advice, ...details };
  return new WsssError("WSSS_ERR_DATASET", `${name} ${problem}; ${advice}`, facts);
}

function checkShape({ indices, height, width }: IndexMask): void {
  const whole = Number.isInteger(height) && Number.isInteger(width) && height > 0 && width > 0;
  if (whole && indices.length === height * width) return;
  const message = `a mask of ${height}x${width} px needs height * width indices, received ${indices.length}`;
  throw new WsssError("WSSS_ERR_SHAPE", message, { height, width, indices: indices.length });
}
