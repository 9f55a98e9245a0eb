/** The map of a slide as `segment` has left it on the disk: found, read and checked. */
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { isWsssError, WsssError } from "../errors.js";
import { ioFailure, readText } from "../files/file-access.js";
import type { NativeAddon } from "../native/addon.js";
import { runJob } from "../native/job.js";
import { type ClassArea, slideMapFiles } from "../segmenter/slide-map.js";
import type { Slide } from "../slide/slide.js";

const side = z.int().min(1);
const scale = z.object({ x: z.number().gt(0), y: z.number().gt(0) });
const byte = z.int().min(0).max(255);
const resultSchema = z.object({
  slide: z.string(),
  ...{ width: side, height: side, mpp: scale },
  tissueMm2: z.number(),
  classes: z.array(
    z.object({ name: z.string(), colour: z.tuple([byte, byte, byte]), areaMm2: z.number(), share: z.number() }),
  ),
  madeWith: z.object({ slideMpp: scale }),
});

/** A map on the disk. */
export interface SavedMap {
  /** `classes.ome.tif`. */
  readonly file: string;
  /** In px. */
  readonly width: number;
  readonly height: number;
  /** Resolutions, each half as large as the one before. */
  readonly levels: number;
  /** Micrometres a pixel. */
  readonly mpp: { readonly x: number; readonly y: number };
  /** Pixels of the slide's finest level that a pixel of the map is wide and high. */
  readonly scale: { readonly x: number; readonly y: number };
  readonly tissueMm2: number;
  readonly classes: readonly ClassArea[];
}

/**
 * The map of a slide, in the folder of its results or in the one above, as `segment` has written them.
 * @throws WsssError `WSSS_ERR_DATASET` if there is none, it is of another slide, or it can't be read; `WSSS_ERR_IO`.
 */
export async function openSavedMap(addon: NativeAddon, folder: string, slide: Slide): Promise<SavedMap> {
  const { base, name } = path.parse(slide.path);
  const place = await placeOfMap(folder, name);
  const result = await readResult(path.join(place, slideMapFiles.result));
  if (result.slide !== base) {
    const message = `the map in ${place} is of slide ${result.slide}, not of ${base}`;
    throw new WsssError("WSSS_ERR_DATASET", message, { path: place, slide: slide.path });
  }
  const file = path.join(place, slideMapFiles.classes);
  const levels = await runJob<readonly { width: number; height: number }[]>((done) =>
    addon.describeMap({ path: file }, done),
  );
  const { width, height, mpp, tissueMm2, classes, madeWith } = result;
  if (levels[0]?.width !== width || levels[0].height !== height) {
    const message = `${file} is not the map that ${slideMapFiles.result} beside it speaks of; segment the slide again`;
    throw new WsssError("WSSS_ERR_DATASET", message, { path: file });
  }
  const onSlide = { x: mpp.x / madeWith.slideMpp.x, y: mpp.y / madeWith.slideMpp.y };
  return { file, width, height, levels: levels.length, mpp, scale: onSlide, tissueMm2, classes };
}

async function placeOfMap(folder: string, name: string): Promise<string> {
  for (const place of [folder, path.join(folder, name)]) {
    const isThere = await stat(path.join(place, slideMapFiles.result)).then(
      () => true,
      () => false,
    );
    if (isThere) return place;
  }
  try {
    await readdir(folder);
  } catch (error) {
    throw ioFailure(error, "read", folder);
  }
  const message = `${folder} holds no map of ${name} (${slideMapFiles.result}); wsss-tissue segment writes one when a slide is done`;
  throw new WsssError("WSSS_ERR_DATASET", message, { path: folder });
}

async function readResult(file: string): Promise<z.output<typeof resultSchema>> {
  try {
    const read = await readText(file);
    if ("problem" in read) throw new Error(read.problem);
    return resultSchema.parse(JSON.parse(read.text));
  } catch (error) {
    if (isWsssError(error)) throw error;
    const message = `${file} is not what this version of wsss-tissue segment writes; segment the slide again`;
    throw new WsssError("WSSS_ERR_DATASET", message, { path: file }, { cause: error });
  }
}
