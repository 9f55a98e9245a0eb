/** Chunks of a PNG file: the palette, the frames of an animation, what is ancillary, and the inflated size. */
import { promisify } from "node:util";
import { inflate } from "node:zlib";
import type { Colour } from "./colour.js";
import { readPngHeader } from "./png-header.js";

interface Chunk {
  /** `"PLTE"`, `"IDAT"`, ... */
  readonly type: string;
  readonly content: Uint8Array;
  /** The chunk as it stands in the file: length, type, content, checksum. Cut off where the file is. */
  readonly whole: Uint8Array;
}

/** Bytes before the first chunk. */
const signatureBytes = 8;

/** The chunks of a PNG file; ends with its end chunk, or where the file does. Checksums are not compared. */
function* chunksOf(bytes: Uint8Array): Generator<Chunk> {
  if (readPngHeader(bytes) === null) return;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Length, type, content, checksum.
  for (let at = signatureBytes; at + 12 <= buffer.length;) {
    const length = buffer.readUInt32BE(at);
    const type = buffer.toString("latin1", at + 4, at + 8);
    const next = at + 12 + length;
    yield { type, content: buffer.subarray(at + 8, at + 8 + length), whole: buffer.subarray(at, next) };
    if (type === "IEND") return;
    at = next;
  }
}

/**
 * A PNG file without its ancillary chunks: comments, times, profiles and other things that say nothing about the pixels.
 * A decoder that checks them refuses files whose pixels are whole, over a comment that an editor has changed.
 */
export function withoutAncillaryChunks(bytes: Uint8Array): Uint8Array {
  const critical: Uint8Array[] = [bytes.subarray(0, signatureBytes)];
  let others = 0;
  for (const { type, whole } of chunksOf(bytes)) {
    // The case of the first letter tells the two kinds apart.
    if (/^[a-z]/.test(type)) others++;
    else critical.push(whole);
  }
  return others === 0 ? bytes : Buffer.concat(critical);
}

/**
 * How many pictures a PNG file holds: more than 1 if it is animated. Decoders that know nothing of animation take the first,
 * in silence.
 */
export function countPngFrames(bytes: Uint8Array): number {
  let said = 0;
  let found = 1;
  let seesPixels = false;
  for (const { type, content } of chunksOf(bytes)) {
    if (type === "IDAT") seesPixels = true;
    // Behind the pixels it means nothing: the file is a still picture.
    if (type === "acTL" && !seesPixels && content.length >= 4) said = Buffer.from(content).readUInt32BE(0);
    // The frame control before the pixels is that of the first frame, which they are.
    if (type === "fcTL" && seesPixels) found++;
  }
  return said === 0 ? 1 : Math.max(said, found);
}

/** The colours of a PNG file's palette; null if it has none. */
export function readPngPalette(bytes: Uint8Array): Colour[] | null {
  for (const { type, content } of chunksOf(bytes)) {
    if (type === "PLTE") {
      return Array.from({ length: Math.floor(content.length / 3) }, (_, index) => {
        const [red = 0, green = 0, blue = 0] = content.subarray(3 * index);
        return [red, green, blue] as const;
      });
    }
  }
  return null;
}

/** Samples of a pixel by colour type. */
const samples: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/**
 * Whether a PNG file's pixels, once inflated, are more than its header says: two megabytes can hold gigabytes.
 * Inflates on a thread, and no further than the header allows.
 */
export async function inflatesBeyondHeader(bytes: Uint8Array): Promise<boolean> {
  const header = readPngHeader(bytes);
  if (header === null) return false;
  const { width, height, bitDepth, colourType } = header;
  // Rows begin with a byte for their filter; interlacing adds rows, but never doubles them.
  const rowBytes = Math.ceil((width * bitDepth * (samples[colourType] ?? 1)) / 8) + 1;
  const maxOutputLength = 2 * rowBytes * (height + 8);
  const pixels = [...chunksOf(bytes)].filter(({ type }) => type === "IDAT").map(({ content }) => content);
  try {
    await promisify(inflate)(Buffer.concat(pixels), { maxOutputLength });
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
  }
}
