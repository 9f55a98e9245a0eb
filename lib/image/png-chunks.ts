import { promisify } from "node:util";
import { inflate } from "node:zlib";

import { type Colour, readPngHeader } from "./index-png-codec.js";

interface Chunk {
  /** `"PLTE"`, `"IDAT"`, ... */
  readonly type: string;
  readonly content: Uint8Array;
}

/** The chunks of a PNG file behind its signature; ends where the file does. Checksums are not compared. */
function* chunksOf(bytes: Uint8Array): Generator<Chunk> {
  if (readPngHeader(bytes) === null) return;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Length, type, content, checksum.
  for (let at = 8; at + 12 <= buffer.length;) {
    const length = buffer.readUInt32BE(at);
    yield { type: buffer.toString("latin1", at + 4, at + 8), content: buffer.subarray(at + 8, at + 8 + length) };
    at += 12 + length;
  }
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
