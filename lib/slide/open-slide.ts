/** `openSlide`: opens a whole-slide image by OpenSlide, or by libvips what that does not know. */
import { open, stat } from "node:fs/promises";
import path from "node:path";
import { throwIfAborted } from "../async/cancellation.js";
import { WsssError } from "../errors.js";
import { ioFailure } from "../files/file-access.js";
import { pictureFormat } from "../image/decode-patch.js";
import { libvipsFile } from "../image/libvips.js";
import type { NativeAddon, NativeSlideFacts } from "../native/addon.js";
import { runJob } from "../native/job.js";
import { loadAddon } from "../native/load.js";
import { plainCopy } from "../native/plain-copy.js";
import { findOrFetchOpenSlide } from "../openslide/find-openslide.js";
import { checkOptions, refuseOption } from "../options/check.js";
import * as fields from "../options/fields.js";
import { Slide } from "./slide.js";
import { type OpenSlideOptions, openSlideSchema } from "./slide-options.js";
import { judgeScale } from "./slide-scale.js";

const call = "openSlide";

/**
 * Opens a whole-slide image: everything that OpenSlide 4 reads (Aperio, Hamamatsu, Leica, MIRAX, Philips, Ventana, DICOM,
 * tiled TIFF, ...), and by libvips TIFF in strips, OME-TIFF, PNG and JPEG in RGB with 8 bits a channel.
 *
 * OpenSlide is looked for in `WSSS_OPENSLIDE`, the cache and the system, and fetched into the cache where it is in none, which
 * is said on standard error.
 *
 * @param file - path of the slide; of DICOM slides any file of the series, of MIRAX the `.mrxs`.
 * @throws WsssError `WSSS_ERR_OPTION`; `WSSS_ERR_IO` if the file can't be read; `WSSS_ERR_DATASET` if it is no slide, damaged, or not in RGB;
 *   `WSSS_ERR_BINARY_NOT_FOUND` if there is no OpenSlide and none can be fetched; `WSSS_ERR_CANCELLED`.
 *
 * @example
 * ```ts
 * await using slide = await openSlide("case-7.svs");
 * const patch = await slide.read({ x: 20_000, y: 14_000, width: 224, height: 224, micronsPerPixel: 0.5 });
 * ```
 */
export async function openSlide(file: string, options: OpenSlideOptions = {}): Promise<Slide> {
  const { micronsPerPixel, defaultMicronsPerPixel, damaged, cacheMiB, signal } = checkOptions(
    openSlideSchema,
    call,
    options,
  );
  const checked = fields.path.safeParse(file);
  if (!checked.success) throw refuseOption(call, "file", "a path", file);
  throwIfAborted(signal);
  const absolute = path.resolve(file);
  const isPicture = await isPlainPicture(absolute);
  const addon = await loadAddon();
  const vips = libvipsFile();
  if (vips === null && isPicture) throw noLibvips(absolute);
  const openslide = isPicture ? "" : await openSlideLibrary(addon, signal);
  const native = new addon.Slide();
  const opening = {
    path: absolute,
    openslide,
    vips: vips ?? "",
    cacheBytes: cacheMiB * 2 ** 20,
    damagedIsBackground: damaged === "background",
  };
  const facts = plainCopy(await runJob<NativeSlideFacts>((done) => native.open(opening, done), signal));
  return new Slide(native, absolute, facts, judgeScale(facts.scale, micronsPerPixel, defaultMicronsPerPixel));
}

function noLibvips(file: string): WsssError {
  const message =
    `slide ${file} is a picture, which libvips reads, and the one that sharp brings is not installed: install this package ` +
    "again without --omit=optional";
  return new WsssError("WSSS_ERR_BINARY_NOT_FOUND", message, { path: file });
}

let search: Promise<string> | undefined;

/** The OpenSlide of this process, found or fetched once; a failure is not remembered. */
async function openSlideLibrary(addon: NativeAddon, signal: AbortSignal | undefined): Promise<string> {
  search ??= findOrFetchOpenSlide(addon, {
    signal,
    onProgress: (message) => void process.stderr.write(`wsss-tissue: ${message}\n`),
  }).then(({ library }) => library);
  try {
    return await search;
  } catch (error) {
    search = undefined;
    throw error;
  }
}

/** Whether a file is a PNG or a JPEG, by its first bytes. The `.mrxs` of a MIRAX slide is a JPEG too, and no picture. */
async function isPlainPicture(file: string): Promise<boolean> {
  try {
    if ((await stat(file)).isDirectory()) {
      const advice = "name the file of the slide; of a DICOM slide any file of its series";
      throw new WsssError("WSSS_ERR_DATASET", `slide ${file} is a folder: ${advice}`, {
        path: file,
        failure: "folder",
      });
    }
    const handle = await open(file, "r");
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(12), 0, 12, 0);
      const format = pictureFormat(buffer.subarray(0, bytesRead));
      return format === "png" || (format === "jpeg" && path.extname(file).toLowerCase() !== ".mrxs");
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw ioFailure(error, "read", file);
  }
}
