/** The codec of index masks as PNG files in memory: palettes, bit depths, colours, numberings, errors. */
import { decode, encode } from "fast-png";
import type { Colour } from "./colour.js";
import { countPngFrames, withoutAncillaryChunks } from "./png-chunks.js";
import { type PngHeader, readPngHeader } from "./png-header.js";

export type { Colour };

/** An index mask. */
export interface IndexMask {
  /** uint8 [height, width]: 0..K-1 tissue, K background, 255 ignored. */
  readonly indices: Uint8Array;
  readonly height: number;
  readonly width: number;
}

/** An index mask as it was decoded. */
export interface DecodedMask extends IndexMask {
  /** uint32 [256]: pixels of each index. */
  readonly counts: Uint32Array;
  /** uint32 [256]: pixels of each value that the file stores; other than {@link counts} under {@link StoredIndices}. */
  readonly storedCounts: Uint32Array;
}

/**
 * What the values of a mask that was numbered elsewhere stand for: value in the file -> index here, 0..K or 255. A value that
 * is not among them is refused.
 */
export type StoredIndices = ReadonlyMap<number, number>;

/** What kind of trouble a {@link MaskProblem} is. */
export type MaskFailure =
  /** Zero bytes. */
  | "empty"
  /** Something else than a PNG file. */
  | "not-png"
  /** Cut off, a checksum that does not agree, or a header that can't be true. */
  | "damaged"
  /** A form of PNG that holds no indices. */
  | "form"
  /** An index above K that is not 255. */
  | "index"
  /** A colour that belongs to no class. */
  | "colour";

/** Why a file is not a usable index mask; plain data, since it may come from a worker thread. */
export interface MaskProblem {
  readonly failure: MaskFailure;
  readonly problem: string;
  readonly advice: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Index of a pixel that is neither trained on nor scored. */
export const ignoredIndex = 255;

/** Most pixels of one mask, the limit that sharp sets for pictures: beyond it a header is more likely broken. */
const maxPixels = 0x3fff * 0x3fff;

/**
 * Decodes an index mask: a palette or grey PNG whose pixel values are the indices, or an RGB(A) PNG whose colours are
 * exactly those of `colours`, in index order. Only what holds the pixels is looked at, as for patches.
 *
 * @param colours - of the indices 0..K, the last one background; indices above K other than 255 are refused. Null:
 *   every index is accepted, and RGB(A) refused.
 * @param stored - how the file's values are numbered; null: as here. Colours of RGB(A) masks stand for themselves.
 */
export function decodeMask(
  bytes: Uint8Array,
  colours: readonly Colour[] | null,
  stored: StoredIndices | null = null,
): DecodedMask | MaskProblem {
  const header = readPngHeader(bytes);
  if (header === null) return notPng(bytes);
  const refused = refuseForm(header, colours) ?? refuseFrames(bytes);
  if (refused !== null) return refused;
  let data: Uint8Array;
  try {
    const decoded = decode(withoutAncillaryChunks(bytes), { checkCrc: true });
    data = decoded.data as Uint8Array;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return damaged(/outside the bounds|filter: undefined/.test(why) ? "it ends too early" : why);
  }
  const { width, height, bitDepth, colourType } = header;
  const channels = colourType === 2 ? 3 : colourType === 6 ? 4 : 1;
  if (data.length !== Math.ceil((width * bitDepth) / 8) * channels * height) return damaged("it holds too few pixels");
  if (channels > 1) return coloursToIndices(data, width, height, channels, colours ?? []);
  const indices = bitDepth === 8 ? data : unpackIndices(data, width, height, bitDepth);
  const counts = countIndices(indices);
  if (stored !== null) return translate({ indices, height, width, counts, storedCounts: counts }, stored);
  const wrong = colours && indexOutOfRange(indices, counts, width, colours.length - 1);
  return wrong ?? { indices, height, width, counts, storedCounts: counts };
}

/** A mask with its values replaced by what they stand for, or the problem of one with a value that stands for nothing. */
function translate(mask: DecodedMask, stored: StoredIndices): DecodedMask | MaskProblem {
  const { indices, width, storedCounts } = mask;
  const found = [...storedCounts.keys()].filter((value) => storedCounts[value] !== 0);
  const wrong = found.filter((value) => !stored.has(value));
  if (wrong.length > 0) {
    const values = [...stored.keys()].join(", ");
    return {
      failure: "index",
      ...firstPixelOf(wrong, indices, width, found),
      advice: `by the dataset's description (maskIndices) its masks hold ${values}; name this one there too, or correct the mask`,
    };
  }
  const table = Uint8Array.from({ length: 256 }, (_, value) => stored.get(value) ?? 0);
  const translated = indices.map((value) => table[value] ?? 0);
  return { ...mask, indices: translated, counts: countIndices(translated) };
}

/**
 * Encodes indices as a palette PNG, 8 bits deep.
 *
 * @param palette - colours of the indices 0..K. Where 255 (ignored) occurs it is filled up to 256 entries with
 *   `ignoredColour`, as a PNG must not refer to a missing one.
 */
export function encodeMask(
  { indices, height, width }: IndexMask,
  palette: readonly Colour[],
  ignoredColour: Colour,
): Uint8Array | MaskProblem {
  const outOfRange = indexOutOfRange(indices, countIndices(indices), width, palette.length - 1);
  if (outOfRange !== null) return outOfRange;
  const colours = palette.map((colour) => [...colour]);
  if (indices.includes(ignoredIndex)) while (colours.length < 256) colours.push([...ignoredColour]);
  return encode({ width, height, data: indices, depth: 8, channels: 1, palette: colours });
}

/**
 * One index a byte, from rows of 1, 2 or 4 bits an index; the first pixel sits in the highest bits, rows begin on a byte.
 * @returns uint8 [height, width]
 */
export function unpackIndices(packed: Uint8Array, width: number, height: number, bitDepth: number): Uint8Array {
  const indices = new Uint8Array(width * height);
  const perByte = 8 / bitDepth;
  const rowBytes = Math.ceil(width / perByte);
  const lowBits = (1 << bitDepth) - 1;
  let out = 0;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const byte = packed[row * rowBytes + Math.floor(column / perByte)] ?? 0;
      indices[out++] = (byte >> (8 - bitDepth * ((column % perByte) + 1))) & lowBits;
    }
  }
  return indices;
}

/** Pixels of each index, uint32 [256]. */
export function countIndices(indices: Uint8Array): Uint32Array {
  const counts = new Uint32Array(256);
  for (const index of indices) counts[index] = (counts[index] ?? 0) + 1;
  return counts;
}

/** The problem of a mask with an index above `background` other than 255: its first such pixel. */
function indexOutOfRange(
  indices: Uint8Array,
  counts: Uint32Array,
  width: number,
  background: number,
): MaskProblem | null {
  const found = [...counts.keys()].filter((index) => counts[index] !== 0);
  const wrong = found.filter((index) => index > background && index !== ignoredIndex);
  if (wrong.length === 0) return null;
  const { problem, details } = firstPixelOf(wrong, indices, width, found);
  return {
    failure: "index",
    problem,
    advice: `indices are 0 to ${background - 1} for tissue, ${background} for background, ${ignoredIndex} for ignored pixels`,
    details: { ...details, maximum: background },
  };
}

/** Where the first of some values is in a mask. */
function firstPixelOf(
  values: readonly number[],
  indices: Uint8Array,
  width: number,
  found: readonly number[],
): Pick<MaskProblem, "problem" | "details"> {
  const pixel = Math.min(...values.map((value) => indices.indexOf(value)));
  const at = { x: pixel % width, y: Math.floor(pixel / width) };
  const index = indices[pixel];
  return { problem: `has the index ${index} at pixel x ${at.x}, y ${at.y}`, details: { index, ...at, found } };
}

function coloursToIndices(
  data: Uint8Array,
  width: number,
  height: number,
  channels: number,
  colours: readonly Colour[],
): DecodedMask | MaskProblem {
  const indexOfColour = new Map(colours.map(([red, green, blue], index) => [(red << 16) | (green << 8) | blue, index]));
  const indices = new Uint8Array(width * height);
  for (let pixel = 0, at = 0; pixel < indices.length; pixel++, at += channels) {
    const colour = ((data[at] ?? 0) << 16) | ((data[at + 1] ?? 0) << 8) | (data[at + 2] ?? 0);
    const index = indexOfColour.get(colour);
    const opaque = channels === 3 || data[at + 3] === 255;
    if (index === undefined || !opaque) {
      const rgb = [...data.subarray(at, at + channels)];
      const pixelAt = { x: pixel % width, y: Math.floor(pixel / width) };
      return unknownColour(rgb, pixelAt, colours);
    }
    indices[pixel] = index;
  }
  const counts = countIndices(indices);
  return { indices, height, width, counts, storedCounts: counts };
}

/** Why a file with this header holds no indices that can be read; null if it may. */
export function refuseForm(header: PngHeader, colours: readonly Colour[] | null): MaskProblem | null {
  const { width, height, bitDepth, colourType, interlaced } = header;
  const details = { bitDepth, colourType };
  const failure = "form";
  if (width === 0 || height === 0 || width * height > maxPixels)
    return damaged(`its header says ${width}x${height} px`);
  if (bitDepth === 16) {
    return { failure, problem: "has 16 bits a channel", advice: "save it as a palette PNG with 8 bits", details };
  }
  if (colourType === 4) {
    return { failure, problem: "is grey with an alpha channel", advice: "save it as a palette PNG", details };
  }
  if ((colourType === 2 || colourType === 6) && colours === null) {
    return { failure, problem: "stores colours, not indices", advice: "save it as a palette PNG", details };
  }
  if (interlaced && bitDepth < 8) {
    const problem = `is interlaced with ${bitDepth} bits an index, which can't be decoded`;
    return { failure, problem, advice: "save it without interlacing", details };
  }
  return null;
}

/** An animated PNG holds several masks, of which a plain decoder takes the first. */
function refuseFrames(bytes: Uint8Array): MaskProblem | null {
  const frames = countPngFrames(bytes);
  if (frames === 1) return null;
  const advice = "save the frame that is meant as a file of its own";
  return { failure: "form", problem: `is an animated PNG of ${frames} frames`, advice, details: { frames } };
}

function notPng(bytes: Uint8Array): MaskProblem {
  const details = { bytes: bytes.length };
  if (bytes.length === 0) return { failure: "empty", problem: "is empty", advice: "copy the file again", details };
  if (bytes[0] === 0x89 && bytes[1] === 0x50) return damaged("it ends too early");
  const advice = "masks are palette PNG files; lossy formats change classes";
  return { failure: "not-png", problem: "is not a PNG file", advice, details };
}

/** The problem of a file whose content can't be what was written. */
export function damaged(why: string): MaskProblem {
  const advice = "copy it again from its source, or make it again";
  return { failure: "damaged", problem: `is cut off or damaged (${why})`, advice, details: { why } };
}

function unknownColour(rgb: number[], at: { x: number; y: number }, colours: readonly Colour[]): MaskProblem {
  const known = colours.map((colour) => `(${colour.join(",")})`).join(" ");
  return {
    failure: "colour",
    problem: `has the colour (${rgb.join(",")}) at pixel x ${at.x}, y ${at.y}, which belongs to no class`,
    advice: `the colours of this dataset are ${known}; save the mask as a palette PNG, or correct the colours`,
    details: { colour: rgb, ...at },
  };
}
