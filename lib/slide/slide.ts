/** `Slide`: an open whole-slide image, of which regions are read at any scale. */
import { WsssError } from "../errors.js";
import type { RgbPixels } from "../image/rgb-png.js";
import { usableCores } from "../machine/usable-cores.js";
import type { NativeSlide, NativeSlideFacts, NativeSlideRegion, NativeTissue } from "../native/addon.js";
import { nativeCall, runJob } from "../native/job.js";
import { checkOptions, refuseOption } from "../options/check.js";
import {
  type FindTissueOptions,
  findTissueSchema,
  largestRegionPx,
  type SlideRegion,
  slideRegionSchema,
} from "./slide-options.js";
import { type MicronsPerPixel, type MppSource, scaleMissing, type SlideScale } from "./slide-scale.js";
import { type SlideTissue, tissueOf, tissueSearch } from "./slide-tissue.js";

/** One resolution of a slide. */
export interface SlideLevel {
  /** In its own pixels. */
  readonly width: number;
  /** In its own pixels. */
  readonly height: number;
  /** Pixels of the finest level that one of its pixels is wide. */
  readonly downsample: number;
  /** Whether it can be read and shows what the finest shows; a level that does not is left alone. */
  readonly usable: boolean;
}

/** A part of a slide, in px of the finest level. */
export interface SlideBounds {
  /** Left edge. */
  readonly x: number;
  /** Upper edge. */
  readonly y: number;
  /** In px. */
  readonly width: number;
  /** In px. */
  readonly height: number;
}

/**
 * A slide that is open; made by `openSlide`. Calls may run at once; they are worked off one after the other, on a native
 * thread. Label and macro images and the other properties of the file, which may name a patient, are never read.
 */
export class Slide implements AsyncDisposable {
  readonly #native: NativeSlide;
  readonly #facts: NativeSlideFacts;
  readonly #scale: SlideScale;
  #damagedRegions = 0;
  #closing: Promise<void> | undefined;

  /** Absolute path of the file. */
  readonly path: string;

  /** @internal */
  constructor(native: NativeSlide, path: string, facts: NativeSlideFacts, scale: SlideScale) {
    this.#native = native;
    this.#facts = facts;
    this.#scale = scale;
    this.path = path;
  }

  /** @internal */
  get native(): NativeSlide {
    this.#assertOpen("work with a slide");
    return this.#native;
  }

  /** The format as OpenSlide names it, for example `"aperio"`; `"tiff"`, `"png"` or `"jpeg"` for others. */
  get vendor(): string {
    return this.#facts.vendor;
  }

  /** Width of the finest level, in px. */
  get width(): number {
    return this.levels[0]?.width ?? 0;
  }

  /** Height of the finest level, in px. */
  get height(): number {
    return this.levels[0]?.height ?? 0;
  }

  /** All levels, the finest first. */
  get levels(): readonly SlideLevel[] {
    return this.#facts.levels;
  }

  /** Micrometres a pixel of the finest level; null if nobody says it believably. */
  get mpp(): MicronsPerPixel | null {
    return this.#scale.mpp;
  }

  /** Who says {@link mpp}; null if nobody does. */
  get mppSource(): MppSource | null {
    return this.#scale.source;
  }

  /** Why there is no {@link mpp}, to be read behind the slide's name; null if there is one. */
  get mppProblem(): string | null {
    return this.#scale.problem;
  }

  /** The part in which something was scanned, in px of the finest level; null where that is all of it. QuPath shows this part only. */
  get bounds(): SlideBounds | null {
    return this.#facts.bounds;
  }

  /** Regions of at most 64 px that could not be decoded and were taken for background so far; see {@link OpenSlideOptions.damaged}. */
  get damagedRegions(): number {
    return this.#damagedRegions;
  }

  /**
   * Reads a region at a scale: from the level above it, brought there once by a low-pass, with fractions of its position kept.
   *
   * @returns RGB uint8, ready for `Segmenter.predict`.
   * @throws WsssError `WSSS_ERR_OPTION`; `WSSS_ERR_DATASET` for pixels that can't be decoded (`details` has their position), or for a scale
   *   where the slide's is not known; `WSSS_ERR_IO` if the file has gone; `WSSS_ERR_CANCELLED`; `WSSS_ERR_DISPOSED`.
   */
  async read(region: SlideRegion): Promise<RgbPixels> {
    const call = "Slide.read";
    const { x, y, width, height, micronsPerPixel, signal } = checkOptions(slideRegionSchema, call, region);
    if (width * height > largestRegionPx) {
      throw refuseOption(call, "width", `at most ${largestRegionPx} px together with height`, width);
    }
    this.#assertOpen(call);
    const scale = micronsPerPixel === undefined ? { x: 1, y: 1 } : this.scaleFor(micronsPerPixel);
    return await this.#readRegion({ ...{ x, y, width, height }, scaleX: scale.x, scaleY: scale.y }, signal);
  }

  /**
   * {@link read} at a scale in pixels, for pictures of slides whose micrometres nobody knows.
   * @param scale - pixels of the finest level that a pixel of the result is wide and high.
   * @internal
   */
  async readScaled(
    { x, y, width, height }: Omit<SlideRegion, "micronsPerPixel" | "signal">,
    scale: number,
    signal?: AbortSignal,
  ): Promise<RgbPixels> {
    return await this.#readRegion({ ...{ x, y, width, height }, scaleX: scale, scaleY: scale }, signal);
  }

  /**
   * Finds the tissue at 8 um a pixel: what has colour, without pen marks, without pieces below 0.01 mm2.
   *
   * @throws WsssError like {@link read}.
   */
  async findTissue(options: FindTissueOptions = {}): Promise<SlideTissue> {
    const call = "Slide.findTissue";
    const { picturePx, threads = usableCores(), signal } = checkOptions(findTissueSchema, call, options);
    this.#assertOpen(call);
    const search = { ...tissueSearch(this, this.mpp), threads, picturePx };
    const found = await runJob<NativeTissue>((done) => this.#native.findTissue(search, done), signal);
    this.#damagedRegions = found.damagedRegions;
    return tissueOf(found, search, this, this.mpp);
  }

  /** Stops what runs and closes the file; resolves when the native thread is idle. Calling it again waits for the same. */
  async close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => nativeCall(() => this.#native.close(() => resolve())));
    await this.#closing;
  }

  /** {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Pixels of the finest level that a pixel at a scale is wide and high.
   * @throws WsssError `WSSS_ERR_DATASET` if the slide's own scale is not known.
   * @internal
   */
  scaleFor(micronsPerPixel: number): MicronsPerPixel {
    if (this.mpp === null) throw scaleMissing(this.path, this.#scale.problem ?? "");
    return { x: micronsPerPixel / this.mpp.x, y: micronsPerPixel / this.mpp.y };
  }

  async #readRegion(wanted: NativeSlideRegion, signal: AbortSignal | undefined): Promise<RgbPixels> {
    const { rgb, damagedRegions } = await runJob<{ rgb: ArrayBuffer; damagedRegions: number }>(
      (done) => this.native.read(wanted, done),
      signal,
    );
    this.#damagedRegions = damagedRegions;
    return { rgb: new Uint8Array(rgb), width: wanted.width, height: wanted.height };
  }

  #assertOpen(call: string): void {
    if (this.#closing === undefined) return;
    throw new WsssError("WSSS_ERR_DISPOSED", `${call} came after close: open the slide again`, { call });
  }
}
