/** What the first picture of a TIFF file says about how it is stored. */
export interface TiffEncoding {
  /** Number in the tag Compression; 1, none, where it is not there. */
  readonly compression: number;
  /** Number in the tag PhotometricInterpretation; null where it is not there. */
  readonly photometric: number | null;
  /** Bits of the first channel; 1 where it is not there. */
  readonly bits: number;
  /** Whether strips or tiles lie behind the end of the file. */
  readonly cutOff: boolean;
}

/** Why a TIFF file with sound tags can't be decoded, to be read behind its name. */
export interface TiffRefusal {
  readonly problem: string;
  readonly advice: string;
}

/** Compressions by number, as TIFF 6, libtiff and vendors have given them. */
const compressions: Readonly<Record<number, string>> = {
  2: "CCITT RLE",
  3: "CCITT Group 3",
  4: "CCITT Group 4",
  6: "old-style JPEG",
  9: "JBIG",
  10: "JBIG",
  22610: "JPEG XR",
  32766: "NeXT RLE",
  32771: "CCITT RLE",
  32809: "ThunderScan",
  32908: "Pixar film",
  32909: "Pixar log",
  33003: "JPEG 2000",
  33004: "JPEG 2000",
  33005: "JPEG 2000",
  33007: "JPEG",
  34661: "JBIG",
  34676: "SGI LogLuv",
  34677: "SGI LogLuv",
  34712: "JPEG 2000",
  34713: "Nikon NEF",
  34715: "JBIG2",
  34887: "LERC",
  34892: "lossy JPEG of DNG",
  34925: "LZMA",
  34926: "ZSTD",
  34927: "WebP",
  34933: "PNG",
  34934: "JPEG XR",
  48124: "Jetraw",
  50000: "ZSTD",
  50001: "WebP",
  50002: "JPEG XL",
  52546: "JPEG XL",
};

/** Compressions that are decoded: none, LZW, JPEG, deflate (two numbers), PackBits and WebP. Failures of these are damage. */
const decodedCompressions: readonly number[] = [1, 5, 7, 8, 32946, 32773, 50001];

/** Colour spaces, by number, that hold no RGB and are not turned into it. */
const colourSpaces: Readonly<Record<number, string>> = {
  8: "CIE Lab colours",
  9: "ICC Lab colours",
  10: "ITU Lab colours",
  32803: "raw sensor colours (CFA)",
  32844: "LogL colours",
  32845: "LogLuv colours",
  34892: "raw linear colours",
};

const saveAs = "save it as TIFF with LZW or deflate compression, or as PNG, in RGB with 8 bits a channel";

/**
 * Why a TIFF file that a decoder has refused was refused, if it is by the way in which it is stored; null if that is one that
 * is decoded, so that it is damaged.
 */
export function refusalOfTiff({ compression, photometric, bits }: TiffEncoding): TiffRefusal | null {
  if (!decodedCompressions.includes(compression)) {
    const name = compressions[compression];
    const scheme = name === undefined ? `scheme ${compression}` : `${name} (scheme ${compression})`;
    return { problem: `is a TIFF file compressed by ${scheme}, which is not decoded here`, advice: saveAs };
  }
  const space = photometric === null ? undefined : colourSpaces[photometric];
  if (space !== undefined) {
    return { problem: `is a TIFF file in ${space}, which are not decoded here`, advice: saveAs };
  }
  if (bits !== 8)
    return { problem: `is a TIFF file with ${bits} bits a channel, which is not decoded here`, advice: saveAs };
  return null;
}

/** The tags that are read. */
const tags = {
  bits: 258,
  compression: 259,
  photometric: 262,
  stripAt: 273,
  stripBytes: 279,
  tileAt: 324,
  tileBytes: 325,
};

/** Bytes of a value by its type: 8, 16, 32 and 64 bits; other types do not occur here. */
const sizeOfType: Readonly<Record<number, number>> = { 1: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8 };

/** The tags of the first directory of a TIFF or BigTIFF file in either order of bytes; null if they can't be read. */
export function readTiffEncoding(bytes: Uint8Array): TiffEncoding | null {
  try {
    return new TiffDirectory(bytes).encoding();
  } catch (error) {
    // Reading beyond the end of the file; all else is a defect.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** The first directory of a TIFF file. Reading beyond the end throws a RangeError. */
class TiffDirectory {
  readonly #view: DataView;
  readonly #little: boolean;
  readonly #big: boolean;
  readonly #values = new Map<number, readonly number[]>();

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#little = this.#view.getUint16(0) === 0x4949;
    const version = this.#number(2, 2);
    this.#big = version === 43;
    if ((!this.#little && this.#view.getUint16(0) !== 0x4d4d) || (version !== 42 && version !== 43)) {
      throw new RangeError("no TIFF file");
    }
    const wanted = Object.values(tags);
    const at = this.#big ? this.#number(8, 8) : this.#number(4, 4);
    const count = this.#number(at, this.#big ? 8 : 2);
    const entryBytes = this.#big ? 20 : 12;
    let entry = at + (this.#big ? 8 : 2);
    for (let index = 0; index < count; index++, entry += entryBytes) {
      const tag = this.#number(entry, 2);
      if (wanted.includes(tag)) this.#values.set(tag, this.#valuesOf(entry));
    }
  }

  encoding(): TiffEncoding {
    const first = (tag: number): number | undefined => this.#values.get(tag)?.[0];
    return {
      compression: first(tags.compression) ?? 1,
      photometric: first(tags.photometric) ?? null,
      bits: first(tags.bits) ?? 1,
      cutOff: this.#beyondEnd(tags.stripAt, tags.stripBytes) || this.#beyondEnd(tags.tileAt, tags.tileBytes),
    };
  }

  #beyondEnd(offsets: number, byteCounts: number): boolean {
    const lengths = this.#values.get(byteCounts) ?? [];
    const ends = (this.#values.get(offsets) ?? []).map((offset, index) => offset + (lengths[index] ?? 0));
    return ends.some((end) => end > this.#view.byteLength);
  }

  #valuesOf(entry: number): number[] {
    const size = sizeOfType[this.#number(entry + 2, 2)];
    const wide = this.#big ? 8 : 4;
    const count = this.#number(entry + 4, wide);
    if (size === undefined) return [];
    // Small values stand in the entry itself, others where it says.
    const at = count * size <= wide ? entry + 4 + wide : this.#number(entry + 4 + wide, wide);
    if (at + count * size > this.#view.byteLength) throw new RangeError("values beyond the end");
    return Array.from({ length: count }, (_, index) => this.#number(at + index * size, size));
  }

  #number(at: number, size: number): number {
    if (size === 1) return this.#view.getUint8(at);
    if (size === 2) return this.#view.getUint16(at, this.#little);
    if (size === 4) return this.#view.getUint32(at, this.#little);
    return Number(this.#view.getBigUint64(at, this.#little));
  }
}
