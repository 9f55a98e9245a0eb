/** Index masks as pictures to lay over others: one index is transparent. */
import { crc32 } from "node:zlib";

/**
 * A palette PNG of which one index is transparent, by a chunk of its own behind the palette; the pixels stay as they are.
 * @param png - of this library's making: its palette is one chunk.
 */
export function withTransparentIndex(png: Uint8Array, index: number): Uint8Array {
  const buffer = Buffer.from(png.buffer, png.byteOffset, png.byteLength);
  const at = buffer.indexOf("PLTE", 0, "latin1");
  if (at < 0) return png;
  // Behind length, type, content and checksum.
  const end = at + 8 + buffer.readUInt32BE(at - 4);
  const typed = Buffer.concat([Buffer.from("tRNS", "latin1"), Buffer.alloc(index, 255), Buffer.alloc(1, 0)]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(index + 1);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(typed));
  return Buffer.concat([buffer.subarray(0, end), length, typed, checksum, buffer.subarray(end)]);
}
