/** Counts the white pixels of a patch under each index of its mask. */
import type { DecodedPatch } from "../image/decode-patch.js";
import type { IndexMask } from "../image/index-png.js";

/** Pixels of one index of a mask, and how many of them are as white as glass in the patch. */
export interface WhiteShare {
  readonly seen: number;
  readonly white: number;
}

/** Most pixels of a patch that are looked at, in evenly spaced rows: shares need no more. */
const mostPixels = 2 ** 16;

/**
 * How white a patch is under each index of its mask, by the description's glass rule but for the size of white areas.
 * Counted here and not in the core, since the examination works where LibTorch is not installed.
 * @param indexCount - indices that are told apart, K + 1; others, as 255, are left out.
 * @returns one entry for each index; nothing is seen where patch and mask differ in size.
 */
export function whiteByIndex(
  { data, height, width }: DecodedPatch,
  mask: IndexMask,
  indexCount: number,
  greyAbove: number,
): WhiteShare[] {
  const seen = new Uint32Array(256);
  const white = new Uint32Array(256);
  const same = height === mask.height && width === mask.width;
  // Whole rows, since a step along the pixels would visit few columns of some sizes.
  const step = Math.max(1, Math.ceil((height * width) / mostPixels));
  for (let row = 0; same && row < height; row += step) {
    for (let pixel = row * width; pixel < (row + 1) * width; pixel++) {
      const index = mask.indices[pixel] ?? 0;
      const [red = 0, green = 0, blue = 0] = [data[3 * pixel], data[3 * pixel + 1], data[3 * pixel + 2]];
      seen[index] = (seen[index] ?? 0) + 1;
      if (0.299 * red + 0.587 * green + 0.114 * blue > greyAbove) white[index] = (white[index] ?? 0) + 1;
    }
  }
  return Array.from({ length: indexCount }, (_, index) => ({ seen: seen[index] ?? 0, white: white[index] ?? 0 }));
}
