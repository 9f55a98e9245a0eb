/** Draws procedural whole slides in the addon, and writes each with what is on it as annotations and as a mask. */
import { join } from "node:path";
import { throwIfAborted } from "../async/cancellation.js";
import type { SplitName } from "../dataset/split-name.js";
import { paletteOf } from "../dataset/tissue-class.js";
import { writeBytesAtomic } from "../files/file-access.js";
import { makeFolder } from "../files/make-folder.js";
import { writeIndexPng } from "../image/index-png.js";
import sharp from "../image/sharp.js";
import type { NativeSyntheticSlide } from "../native/addon.js";
import { runJob } from "../native/job.js";
import { loadAddon } from "../native/load.js";
import { demoDescription } from "./tissue.js";

/** Micrometres a pixel of the procedural tissue. */
export const demoMpp = 1;
/** Of the slides' JPEG: scanners write about as much. */
const quality = 90;

/** Slides to draw. */
export interface SlideSettings {
  readonly seed: number;
  /** In px of 1 um. */
  readonly width: number;
  /** In px of 1 um. */
  readonly height: number;
  /** Slides of each split. */
  readonly slides: Readonly<Record<SplitName, number>>;
}

/** A slide that was drawn. */
export interface DrawnSlide {
  readonly split: SplitName;
  /** Of its files: `NAME.tif` is a pyramidal TIFF in JPEG, as scanners write. */
  readonly name: string;
}

/** Files of one slide, by its name: the slide, what is on it, and the same as a mask. */
function filesOf(
  folder: string,
  name: string,
): { readonly slide: string; readonly geojson: string; readonly mask: string } {
  return {
    slide: join(folder, `${name}.tif`),
    geojson: join(folder, "annotations", `${name}.geojson`),
    mask: join(folder, "masks", `${name}.png`),
  };
}

/**
 * Writes slides into a folder: `NAME.tif`, `annotations/NAME.geojson`, `masks/NAME.png`. One seed gives the same slides on every machine, up to
 * how JPEG rounds.
 * @throws WsssError `WSSS_ERR_IO` if they can't be written; `WSSS_ERR_OPTION` for a size out of bounds; `WSSS_ERR_CANCELLED`.
 */
export async function writeDemoSlides(
  folder: string,
  { seed, width, height, slides }: SlideSettings,
  options: { readonly signal?: AbortSignal; readonly onProgress?: (done: number, total: number) => void } = {},
): Promise<DrawnSlide[]> {
  const addon = await loadAddon();
  const { classes, background } = demoDescription;
  for (const part of ["annotations", "masks"]) await makeFolder(join(folder, part));
  const wanted = (["train", "val", "test"] as const).flatMap((split) =>
    Array.from({ length: slides[split] }, (_, index) => ({ split, name: `${split}-${index + 1}` })),
  );
  const drawn: DrawnSlide[] = [];
  for (const [index, { split, name }] of wanted.entries()) {
    throwIfAborted(options.signal, "drawing slides");
    const files = filesOf(folder, name);
    const request = {
      ...{ seed, slide: index, width, height, geojson: files.geojson },
      names: classes.map((one) => one.name),
      colours: classes.flatMap(({ colour }) => [...colour]),
    };
    const { rgb, mask } = await runJob<NativeSyntheticSlide>(
      (done) => addon.synthesizeSlide(request, done),
      options.signal,
    );
    await writeBytesAtomic(files.slide, await pyramid(new Uint8Array(rgb), width, height));
    const indices = new Uint8Array(mask);
    await writeIndexPng(files.mask, { indices, width, height }, paletteOf(classes, background));
    drawn.push({ split, name });
    options.onProgress?.(index + 1, wanted.length);
  }
  return drawn;
}

/** A tiled pyramid with its scale, which OpenSlide reads from the resolution. */
async function pyramid(rgb: Uint8Array, width: number, height: number): Promise<Buffer> {
  const perMm = 1000 / demoMpp;
  const tiff = { compression: "jpeg", quality, tile: true, tileWidth: 256, tileHeight: 256, pyramid: true } as const;
  return await sharp(rgb, { raw: { width, height, channels: 3 }, limitInputPixels: false })
    .tiff({ ...tiff, xres: perMm, yres: perMm })
    .toBuffer();
}

/** The first slide of a split of {@link writeDemoSlides}, with its annotations. */
export function firstSlideOf(folder: string, split: SplitName): { readonly slide: string; readonly geojson: string } {
  return filesOf(folder, `${split}-1`);
}
