/** How {@link rawTiff} writes; what is left out is a plain RGB file of 8 bits a channel, little-endian. */
export interface RawTiff {
  readonly height: number;
  readonly width: number;
  /** The pixels as they are stored, in one strip. */
  readonly strip: Uint8Array;
  readonly compression?: number;
  readonly photometric?: number;
  readonly bits?: number;
  readonly bigEndian?: boolean;
  /** BigTIFF: 64-bit offsets. */
  readonly big?: boolean;
  /** Where the strip ends, if not where it does. */
  readonly claimedBytes?: number;
}

/** A TIFF file of three channels, written by hand, since no library here writes all these forms. The directory comes first. */
export function rawTiff(form: RawTiff): Buffer {
  const { height, width, strip, compression = 1, photometric = 2, bits = 8, bigEndian = false, big = false } = form;
  const wide = big ? 8 : 4;
  const [countBytes, entryBytes, directoryAt] = big ? [8, 20, 16] : [2, 12, 8];
  const bitsAt = directoryAt + countBytes + entryBytes * 10 + wide;
  const stripAt = bitsAt + 6;
  // Tag, type (3 = 16 bits, 4 = 32 bits), value or place of the values, count.
  const entries: readonly (readonly [number, number, number, number?])[] = [
    [256, 4, width],
    [257, 4, height],
    big ? [258, 3, bits] : [258, 3, bitsAt, 3],
    [259, 3, compression],
    [262, 3, photometric],
    [273, 4, stripAt],
    [277, 3, 3],
    [278, 4, height],
    [279, 4, form.claimedBytes ?? strip.length],
    [284, 3, 1],
  ];
  const bytes = Buffer.alloc(stripAt + strip.length);
  const write = (at: number, size: number, value: number): void => {
    if (size === 8) {
      if (bigEndian) bytes.writeBigUInt64BE(BigInt(value), at);
      else bytes.writeBigUInt64LE(BigInt(value), at);
    } else if (bigEndian) bytes.writeUIntBE(value, at, size);
    else bytes.writeUIntLE(value, at, size);
  };
  bytes.write(bigEndian ? "MM" : "II", 0, "latin1");
  write(2, 2, big ? 43 : 42);
  if (big) write(4, 2, 8);
  write(big ? 8 : 4, wide, directoryAt);
  write(directoryAt, countBytes, entries.length);
  for (const [index, [tag, type, value, count = 1]] of entries.entries()) {
    const at = directoryAt + countBytes + entryBytes * index;
    write(at, 2, tag);
    write(at + 2, 2, type);
    if (big && tag === 258) {
      // Three values of 16 bits fit into the entry.
      write(at + 4, 8, 3);
      for (const channel of [0, 1, 2]) write(at + 12 + 2 * channel, 2, bits);
      continue;
    }
    write(at + 4, wide, count);
    write(at + 4 + wide, count > 1 ? wide : type === 3 ? 2 : 4, value);
  }
  for (const channel of [0, 1, 2]) write(bitsAt + 2 * channel, 2, bits);
  bytes.set(strip, stripAt);
  return bytes;
}
