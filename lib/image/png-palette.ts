import { type Colour, readPngHeader } from "./index-png-codec.js";

/** The colours of a PNG file's palette; null if it has none, or the file ends before it. */
export function readPngPalette(bytes: Uint8Array): Colour[] | null {
  if (readPngHeader(bytes) === null) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Behind the signature: chunks of length, type, content, checksum. The palette stands before the pixels.
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    const type = view.getUint32(at + 4);
    if (type === chunkTypes.pixels || at + 12 + length > bytes.length) return null;
    if (type === chunkTypes.palette) return coloursOf(bytes.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  return null;
}

/** `PLTE` and `IDAT`. */
const chunkTypes = { palette: 0x504c5445, pixels: 0x49444154 } as const;

function coloursOf(content: Uint8Array): Colour[] {
  return Array.from({ length: Math.floor(content.length / 3) }, (_, index) => {
    const [red = 0, green = 0, blue = 0] = content.subarray(3 * index);
    return [red, green, blue] as const;
  });
}
