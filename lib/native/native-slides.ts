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
}

export interface NativeTissuePicture extends NativeTissueSearch {
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
  findTissue(search: NativeTissuePicture, done: Done<NativeTissue>): NativeJob;
  /** Makes the files of a finished map. */
  writeMap(files: NativeMapFiles, done: Done<NativeMapSummary>): NativeJob;
  close(done: () => void): NativeJob;
}

/** The file of finished rows of a map: its place and form. */
export interface NativeRowsFile {
  readonly path: string;
  readonly width: number;
  readonly height: number;
  readonly bandRows: number;
  readonly planes: number;
  readonly fingerprint: string;
}

/** What is made of a map. An empty path: none. */
export interface NativeMapFiles {
  readonly rows: NativeRowsFile;
  /** Of the K classes and of background. */
  readonly names: readonly string[];
  /** [r, g, b] of each, one behind the other. */
  readonly colours: readonly number[];
  readonly mppX: number;
  readonly mppY: number;
  /** Px of level 0 that a pixel of the map is wide and high. */
  readonly scaleX: number;
  readonly scaleY: number;
  /** Of the slide's bounds. */
  readonly offsetX: number;
  readonly offsetY: number;
  readonly slideWidth: number;
  readonly slideHeight: number;
  readonly tiff: string;
  readonly confidenceTiff: string;
  readonly geojson: string;
  /** So many px of the map become one of the polygons. */
  readonly geojsonFactor: number;
  readonly minAreaUm2: number;
  readonly seed: number;
  /** So many px of the map become one of the overlay; 0 = none. */
  readonly pictureFactor: number;
  readonly threads: number;
}

export interface NativeMapSummary {
  /** Pixels of each class and of background. */
  readonly pixels: readonly number[];
  readonly polygons: number;
  readonly picture: { readonly width: number; readonly height: number; readonly rgb: ArrayBuffer } | null;
}

export interface NativeSlideWork {
  readonly scaleX: number;
  readonly scaleY: number;
  readonly tile: number;
  readonly overlap: number;
  readonly batchSize: number;
  readonly threads: number;
  readonly confidence: boolean;
  /** The rows file. */
  readonly path: string;
  readonly fingerprint: string;
}

export interface NativeSlideGate {
  /** A native classifier. */
  readonly classifier: object;
  readonly patch: number;
  readonly threshold: number;
  readonly rule: "exclude" | "multiply";
}

export interface NativeSegmentedSlide {
  readonly width: number;
  readonly height: number;
  readonly bandRows: number;
  readonly planes: number;
  readonly tissueShare: number;
  readonly damagedRegions: number;
}

export interface NativeSlideFunctions {
  readonly Slide: new () => NativeSlide;
  /** The version of a library by its path or soname. */
  openSlideVersion(options: { path: string }, done: Done<string>): NativeJob;
}
