/** Slides of the addon: opening, reading regions, finding tissue. */
import type { Done, NativeJob } from "./native-contract.js";

export interface NativeSlideOpening {
  readonly path: string;
  /** Path or soname of OpenSlide; empty = without it. */
  readonly openslide: string;
  /** Path of the libvips that sharp brings; empty = without it. */
  readonly vips: string;
  /** Decoded tiles that OpenSlide keeps. */
  readonly cacheBytes: number;
  /** Whether what can't be decoded is background, and counted, instead of an error. */
  readonly damagedIsBackground: boolean;
}

export interface NativeSlideLevel {
  readonly width: number;
  readonly height: number;
  readonly downsample: number;
  readonly usable: boolean;
}

export interface NativeSlideFacts {
  readonly vendor: string;
  readonly levels: readonly NativeSlideLevel[];
  /** What the file says, believable or not; um a pixel. */
  readonly scale: { readonly x: number; readonly y: number; readonly source: "slide" | "ome" | "resolution" } | null;
  readonly bounds: { readonly x: number; readonly y: number; readonly width: number; readonly height: number } | null;
}

/** A region by its corner in px of level 0, and its size in px that are `scaleX` times `scaleY` px of level 0 large. */
export interface NativeSlideRegion {
  readonly x: number;
  readonly y: number;
  readonly scaleX: number;
  readonly scaleY: number;
  readonly width: number;
  readonly height: number;
}

export interface NativeTissueSearch {
  /** Px of level 0 that a pixel of the mask is wide and high. */
  readonly scaleX: number;
  readonly scaleY: number;
  readonly closingPx: number;
  readonly smallestPx: number;
  readonly threads: number;
  /** Longer side of a picture of the slide with the tissue outlined; 0 = none. */
  readonly picturePx: number;
}

export interface NativeTissue {
  readonly width: number;
  readonly height: number;
  /** Part of the mask that is tissue. */
  readonly share: number;
  /** uint8 [height, width], 1 = tissue. */
  readonly tissue: ArrayBuffer;
  readonly picture: { readonly width: number; readonly height: number; readonly rgb: ArrayBuffer } | null;
  /** Since the slide was opened. */
  readonly damagedRegions: number;
}

export interface NativeSlide {
  open(opening: NativeSlideOpening, done: Done<NativeSlideFacts>): NativeJob;
  /** RGB uint8 [height, width, 3], and how many damaged regions there were since the slide was opened. */
  read(region: NativeSlideRegion, done: Done<{ rgb: ArrayBuffer; damagedRegions: number }>): NativeJob;
  findTissue(search: NativeTissueSearch, done: Done<NativeTissue>): NativeJob;
  close(done: () => void): NativeJob;
}

export interface NativeSlideFunctions {
  readonly Slide: new () => NativeSlide;
  /** The version of a library by its path or soname. */
  openSlideVersion(options: { path: string }, done: Done<string>): NativeJob;
}
