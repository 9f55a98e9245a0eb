/** Brings OpenSlide into the cache: by pip, or from the wheel that a user brought. */
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import path from "node:path";
import { throwIfAborted } from "../async/cancellation.js";
import { isWsssError, WsssError } from "../errors.js";
import { fileSource } from "../fetch/file-source.js";
import { formatBytes } from "../fetch/format-bytes.js";
import { pipSource } from "../fetch/pip-source.js";
import { openScratchFolder } from "../fetch/scratch-folder.js";
import { unpackWheel } from "../fetch/unpack-wheel.js";
import {
  cachedOpenSlide,
  openSlideErrand,
  openSlideFolder,
  openSlideLicence,
  openSlideWheel,
  placeOfOpenSlide,
} from "./pinned-openslide.js";

/** What {@link installOpenSlide} is told. */
export interface OpenSlideInstallation {
  /** Called for every step, with a sentence: nothing is ever fetched in silence. */
  readonly onProgress: (message: string) => void;
  /** The wheel that was brought by hand, or folders that hold it; none = it is fetched by pip. @defaultValue `[]` */
  readonly from?: readonly string[] | undefined;
  /** Whether pip's own words and progress bars are shown. @defaultValue whether standard error is a terminal */
  readonly aloud?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Puts the pinned OpenSlide into the cache, in one step: a reader sees all of it or nothing.
 *
 * @returns the path of its library.
 * @throws WsssError `WSSS_ERR_BINARY_NOT_FOUND` when it can't be had, `WSSS_ERR_IO` when the cache can't be written,
 *   `WSSS_ERR_CANCELLED`.
 */
export async function installOpenSlide(installation: OpenSlideInstallation): Promise<string> {
  const { onProgress, from = [], aloud = process.stderr.isTTY, signal } = installation;
  const target = openSlideFolder();
  try {
    throwIfAborted(signal);
    const source =
      from.length > 0 ? fileSource(from, openSlideErrand) : await pipSource({ errand: openSlideErrand, aloud, signal });
    const { requirement, sizeBytes } = openSlideWheel;
    onProgress(
      `fetching ${requirement} (${formatBytes(sizeBytes)}, licence ${openSlideLicence}) from ${source.name} for ${target}`,
    );
    await mkdir(path.dirname(target), { recursive: true });
    // Two megabytes are fetched again rather than taken over.
    const scratch = await openScratchFolder(
      path.dirname(target),
      ".openslide",
      async () => await Promise.resolve(true),
    );
    try {
      const { file } = await source.fetch([openSlideWheel], await mkdtemp(path.join(scratch, "wheel-")), signal);
      const unpacked = path.join(scratch, "openslide");
      await unpackWheel(file, unpacked, placeOfOpenSlide, openSlideErrand, signal);
      await rename(target, path.join(scratch, "old")).catch(() => undefined);
      await rename(unpacked, target);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  } catch (error) {
    throw asWsssError(error, target, signal);
  }
  onProgress(`OpenSlide is ready in ${target}`);
  return cachedOpenSlide();
}

function asWsssError(error: unknown, target: string, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) {
    const message = "the fetching of OpenSlide was cancelled";
    return new WsssError("WSSS_ERR_CANCELLED", message, {}, { cause: signal.reason });
  }
  if (isWsssError(error) || typeof error !== "object" || error === null || !("message" in error)) return error;
  const message = `OpenSlide could not be put into ${target}: ${String(error.message)}. Set WSSS_CACHE to use another folder`;
  return new WsssError("WSSS_ERR_IO", message, { folder: target }, { cause: error });
}
