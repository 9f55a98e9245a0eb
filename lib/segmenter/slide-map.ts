/** What a segmented slide comes to: areas of its classes, the files that show them, and what they were made with. */
import { createReadStream, createWriteStream } from "node:fs";
import { readFile, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { type Colour, paletteOf, type TissueClass } from "../dataset/tissue-class.js";
import { ioFailure, writeBytesAtomic } from "../files/file-access.js";
import { packageVersion } from "../files/package-version.js";
import { writeRgbPng } from "../image/rgb-png.js";
import type { NativeMapFiles, NativeMapSummary, NativeRowsFile } from "../native/addon.js";
import { runJob } from "../native/job.js";
import type { MicronsPerPixel } from "../slide/slide-scale.js";
import type { Slide } from "../slide/slide.js";
import type { SlideMapOptions } from "./slide-map-options.js";

/** Area of a class on a slide. */
export interface ClassArea {
  /** Name of the class. */
  readonly name: string;
  /** Its colour in the map. */
  readonly colour: Colour;
  /** In mm2. */
  readonly areaMm2: number;
  /** Part of the tissue that was segmented, 0 to 1. */
  readonly share: number;
}

/** A segmented slide, as `result.json` has it. */
export interface SlideMap {
  /** File name of the slide. */
  readonly slide: string;
  /** Width of the map, in px. */
  readonly width: number;
  /** Height of the map, in px. */
  readonly height: number;
  /** Micrometres a pixel of the map. */
  readonly mpp: MicronsPerPixel;
  /** Area of the tissue, in mm2: of all classes together. */
  readonly tissueMm2: number;
  /** Each class, in the order of the networks' outputs. */
  readonly classes: readonly ClassArea[];
  /** Polygons that were written. */
  readonly polygons: number;
  /** Regions of at most 64 px that could not be decoded and were taken for background. */
  readonly damagedRegions: number;
  /** File names in the folder of the results. */
  readonly files: readonly string[];
  /** What the map was made with. */
  readonly madeWith: Readonly<Record<string, unknown>>;
}

/** File names of the results. */
export const slideMapFiles = {
  rows: "rows.part",
  classes: "classes.ome.tif",
  probability: "probability.ome.tif",
  geojson: "classes.geojson",
  overlay: "overlay.png",
  heatmap: "heatmap.png",
  result: "result.json",
  scores: "scores.json",
} as const;

/** What the files of a map are made from. */
export interface FinishedRows {
  readonly slide: Slide;
  readonly mpp: MicronsPerPixel;
  readonly rows: NativeRowsFile;
  readonly classes: readonly TissueClass[];
  readonly background: TissueClass;
  readonly options: SlideMapOptions;
  readonly madeWith: Readonly<Record<string, unknown>>;
  readonly damagedRegions: number;
}

/** Writes the files of a finished map, each in one step, `result.json` last: where that is, all of it is. */
export async function writeSlideMap(finished: FinishedRows, signal: AbortSignal): Promise<SlideMap> {
  const { slide, mpp, rows, classes, background, options, madeWith, damagedRegions } = finished;
  const { output, probabilities, geojsonMpp, gzip, overlayPx, heatmap } = options;
  const place = (name: string): string => path.join(output, name);
  const unfinished = (name: string): string => place(`.part-${name}`);
  for (const name of [slideMapFiles.result, slideMapFiles.scores]) await rm(place(name), { force: true });
  const names = [
    slideMapFiles.classes,
    ...(probabilities ? [slideMapFiles.probability] : []),
    ...(geojsonMpp > 0 ? [slideMapFiles.geojson] : []),
  ];
  const longer = Math.max(rows.width, rows.height);
  const given: NativeMapFiles = {
    rows,
    names: [...classes, background].map(({ name }) => name),
    colours: paletteOf(classes, background).flat(),
    mppX: options.micronsPerPixel,
    mppY: options.micronsPerPixel,
    scaleX: options.micronsPerPixel / mpp.x,
    scaleY: options.micronsPerPixel / mpp.y,
    offsetX: slide.bounds?.x ?? 0,
    offsetY: slide.bounds?.y ?? 0,
    slideWidth: slide.width,
    slideHeight: slide.height,
    tiff: unfinished(slideMapFiles.classes),
    confidenceTiff: probabilities ? unfinished(slideMapFiles.probability) : "",
    geojson: geojsonMpp > 0 ? unfinished(slideMapFiles.geojson) : "",
    geojsonFactor: Math.max(1, Math.round(geojsonMpp / options.micronsPerPixel)),
    minAreaUm2: options.minAreaUm2,
    seed: seedOf(rows.fingerprint),
    hasHeat: heatmap !== undefined,
    pictureFactor: pictureFactorOf(longer, overlayPx, heatmap !== undefined),
    threads: options.threads ?? 1,
  };
  const files: string[] = [];
  const { pixels, polygons, picture, heat } = await runJob<NativeMapSummary>(
    (done) => slide.native.writeMap(given, done),
    signal,
  ).catch(async (error: unknown) => {
    // Half a file is of no use, and where the disk is full its room is.
    for (const name of names) await rm(unfinished(name), { force: true });
    throw error;
  });
  for (const name of names) {
    if (name === slideMapFiles.geojson && gzip) files.push(await pack(unfinished(name), place(`${name}.gz`)));
    else files.push(await put(unfinished(name), place(name)));
  }
  const pictures = [
    [slideMapFiles.overlay, overlayPx === 0 ? null : picture],
    [slideMapFiles.heatmap, heat],
  ] as const;
  for (const [name, drawn] of pictures) {
    if (drawn === null) continue;
    await writeRgbPng(place(name), { ...drawn, rgb: new Uint8Array(drawn.rgb) });
    files.push(name);
  }
  // What other options have left there does not belong to this map.
  const { probability, geojson, overlay, heatmap: heatFile } = slideMapFiles;
  for (const name of [probability, geojson, `${geojson}.gz`, overlay, heatFile]) {
    if (!files.includes(name)) await rm(place(name), { force: true });
  }
  const pixelMm2 = options.micronsPerPixel ** 2 / 1e6;
  const segmented = pixels.slice(0, classes.length).reduce((sum, count) => sum + count, 0);
  const map: SlideMap = {
    slide: path.basename(slide.path),
    width: rows.width,
    height: rows.height,
    mpp: { x: options.micronsPerPixel, y: options.micronsPerPixel },
    tissueMm2: segmented * pixelMm2,
    classes: classes.map(({ name, colour }, index) => ({
      ...{ name, colour },
      areaMm2: (pixels[index] ?? 0) * pixelMm2,
      share: segmented === 0 ? 0 : (pixels[index] ?? 0) / segmented,
    })),
    polygons,
    damagedRegions,
    files,
    madeWith: { package: packageVersion, ...madeWith },
  };
  await writeBytesAtomic(place(slideMapFiles.result), `${JSON.stringify(map, null, 2)}\n`);
  await rm(rows.path, { force: true });
  return map;
}

/** Longer side of a heat map where there is to be no overlay. */
const usualPicturePx = 2048;

/** So many px of the map become one of its pictures; 0 = no pictures. */
function pictureFactorOf(longer: number, overlayPx: number, hasHeat: boolean): number {
  const side = overlayPx === 0 && hasHeat ? usualPicturePx : overlayPx;
  return side === 0 ? 0 : Math.max(1, Math.ceil(longer / side));
}

async function put(from: string, to: string): Promise<string> {
  try {
    await rename(from, to);
  } catch (error) {
    throw ioFailure(error, "write", to);
  }
  return path.basename(to);
}

async function pack(from: string, to: string): Promise<string> {
  const packed = `${from}.gz`;
  try {
    await pipeline(createReadStream(from), createGzip(), createWriteStream(packed));
    await rm(from);
  } catch (error) {
    await rm(packed, { force: true });
    throw ioFailure(error, "write", to);
  }
  return await put(packed, to);
}

/** A whole number below 2^32 from a fingerprint's hexadecimal digits. */
function seedOf(fingerprint: string): number {
  return Number.parseInt(fingerprint.slice(0, 8), 16);
}

/**
 * The map that is in a folder, if it is whole and was made in the same way.
 * @param key - of {@link SlideMap.madeWith}.
 */
export async function finishedMap(output: string, key: string): Promise<SlideMap | null> {
  try {
    const map = JSON.parse(await readFile(path.join(output, slideMapFiles.result), "utf8")) as SlideMap;
    if (map.madeWith["key"] !== key) return null;
    for (const name of map.files) await stat(path.join(output, name));
    return map;
  } catch {
    return null; // Not there, or not whole: it is made.
  }
}

/** Size of a file, which tells copies of a slide from other slides well enough. */
export async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    throw ioFailure(error, "read", file);
  }
}
