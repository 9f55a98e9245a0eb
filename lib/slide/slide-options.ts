/** Options of opening and reading slides, and their rules. */
import { z } from "zod";
import * as fields from "../options/fields.js";
import { believableMpp } from "./slide-scale.js";

/** Options of {@link openSlide}. */
export interface OpenSlideOptions {
  /**
   * Micrometres that a pixel of the finest level is wide and high, 0.05 to 20, whatever the slide says.
   * @defaultValue what the slide says; without it work that needs a scale is refused
   */
  readonly micronsPerPixel?: number | undefined;
  /**
   * The same where the slide does not say it believably; a slide that does keeps its own.
   * @defaultValue none
   */
  readonly defaultMicronsPerPixel?: number | undefined;
  /**
   * What becomes of pixels that can't be decoded: `"error"` ends the reading with their position, `"background"` takes the
   * background's colour and counts them in {@link Slide.damagedRegions}.
   * @defaultValue `"error"` (nothing wrong is ever taken for tissue or glass in silence)
   */
  readonly damaged?: "error" | "background" | undefined;
  /**
   * Memory for decoded tiles of this slide, in MiB, 1 to 4096.
   * @defaultValue `64` (two rows of tiles of a large slide)
   */
  readonly cacheMiB?: number | undefined;
  /** Aborting it ends the opening with `WSSS_ERR_CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
}

/** What {@link Slide.read} reads. */
export interface SlideRegion {
  /** Left edge, in pixels of the finest level; fractions count, and what lies beyond the slide is background. */
  readonly x: number;
  /** Upper edge, likewise. */
  readonly y: number;
  /** Width of the result, in its own pixels. */
  readonly width: number;
  /** Height of the result, in its own pixels. */
  readonly height: number;
  /**
   * Scale of the result, in micrometres a pixel, 0.05 to 2000.
   * @defaultValue that of the finest level: its pixels as they are stored
   */
  readonly micronsPerPixel?: number | undefined;
  /** Aborting it ends the reading with `WSSS_ERR_CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@link Slide.findTissue}. */
export interface FindTissueOptions {
  /**
   * Longer side of a picture of the whole slide with the tissue outlined, in pixels, 64 to 8192; 0 = no picture.
   * @defaultValue `0`
   */
  readonly picturePx?: number | undefined;
  /**
   * Threads that read the slide, at least 1.
   * @defaultValue all cores that the process may use
   */
  readonly threads?: number | undefined;
  /** Aborting it ends the search with `WSSS_ERR_CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
}

/** Largest region that is read at once, in px: 384 MiB of RGB. */
export const largestRegionPx = 2 ** 27;

/** Micrometres a pixel. */
export const microns = z.number().min(believableMpp.least).max(believableMpp.most);

export const openSlideSchema = z.strictObject({
  micronsPerPixel: microns.optional(),
  defaultMicronsPerPixel: microns.optional(),
  damaged: z.enum(["error", "background"]).default("error"),
  cacheMiB: z.int().min(1).max(4096).default(64),
  signal: fields.signal.optional(),
});

/** Farther away there is no slide. */
const coordinate = z
  .number()
  .min(-(2 ** 31))
  .max(2 ** 31);
const side = z.int().min(1).max(largestRegionPx);

export const slideRegionSchema = z.strictObject({
  x: coordinate,
  y: coordinate,
  width: side,
  height: side,
  micronsPerPixel: z.number().min(believableMpp.least).max(2000).optional(),
  signal: fields.signal.optional(),
});

export const findTissueSchema = z.strictObject({
  picturePx: z.union([z.literal(0), z.int().min(64).max(8192)]).default(0),
  threads: fields.count.optional(),
  signal: fields.signal.optional(),
});
