// A dataset without defects, as files in which tests plant some.
import sharp, { type Sharp } from "sharp";

import { datasetFolder, patchPng, pixels, rawPng, twoClasses, writeTree } from "./dataset-folder.js";

/** Size of the patches of {@link cleanFiles}, in px. */
export const [cleanHeight, cleanWidth] = [40, 36] as const;

type Rgb = readonly [number, number, number];

/** Colours of the indices of {@link cleanFiles}: gland, stroma, background. */
export const cleanColours: readonly Rgb[] = [...twoClasses.classes.map(({ colour }) => colour), [255, 255, 255]];

/** An index mask as a palette PNG of 8 bits. */
export function paletteMask(
  indices: Uint8Array,
  colours: readonly Rgb[] = cleanColours,
  [height, width]: readonly [number, number] = [cleanHeight, cleanWidth],
): Buffer {
  const palette = Uint8Array.from(colours.flat());
  return rawPng({ height, width, bitDepth: 8, colourType: 3, rows: indices, palette });
}

/** Indices in which each of `present` covers about the same share, in rows. */
export function bands(
  present: readonly number[],
  height: number = cleanHeight,
  width: number = cleanWidth,
): Uint8Array {
  return Uint8Array.from({ length: height * width }, (_, at) => {
    const row = Math.floor(at / width);
    return present[Math.floor((row * present.length) / height)] ?? 0;
  });
}

/** A mask that fits a label of `classes` entries: the classes named, and background. */
export function maskFor(label: readonly number[], colours: readonly Rgb[] = cleanColours): Buffer {
  const present = label.flatMap((digit, index) => (digit === 1 ? [index] : []));
  return paletteMask(bands([...present, label.length]), colours);
}

const trainNames = ["a[1 0]", "b[0 1]", "c[1 1]", "d[1 0]", "e[0 1]", "f[1 1]"];
const labelOf = (name: string): number[] => [...name.matchAll(/[01]/g)].map(([digit]) => Number(digit));

/** A dataset without any defect: 6 train patches with masks, 3 val and 3 test patches, as path -> bytes. */
export async function cleanFiles(): Promise<Record<string, Buffer | string>> {
  const files: Record<string, Buffer | string> = { "wsss-dataset.json": JSON.stringify(twoClasses) };
  let seed = 0;
  for (const name of trainNames) {
    files[`train/${name}.png`] = await patchPng(cleanHeight, cleanWidth, ++seed);
    files[`train_mask/${name}.png`] = maskFor(labelOf(name));
  }
  for (const split of ["val", "test"]) {
    for (const name of ["x", "y", "z"]) {
      files[`${split}/img/${name}.png`] = await patchPng(cleanHeight, cleanWidth, ++seed);
      files[`${split}/mask/${name}.png`] = maskFor([1, 1]);
    }
  }
  return files;
}

/** A folder with these files. */
export async function folderOf(files: Readonly<Record<string, Buffer | string>>): Promise<string> {
  const folder = await datasetFolder();
  await writeTree(folder, files);
  return folder;
}

/** A synthetic patch for sharp to write in any format. */
export function patchImage(seed: number, height: number = cleanHeight, width: number = cleanWidth): Sharp {
  return sharp(pixels(height, width, seed), { raw: { height, width, channels: 3 } });
}
