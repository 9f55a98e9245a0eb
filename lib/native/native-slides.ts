/** Slides of the addon: opening, reading regions, finding tissue. */
import type { PatchViews } from "./patch-views.js";
import type { Done, NativeJob } from "./native-contract.js";
import type { NativePatchStore } from "./native-stores.js";

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

/** Patches of a slide by their corners, in px of level 0. */
export interface NativePatchPlaces {
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** Px of level 0 that a pixel of a patch is wide and high. */
  readonly scaleX: number;
  readonly scaleY: number;
  /** Side of a patch, in its own px. */
  readonly patchPx: number;
}

/** Where patches are looked for: on one grid, where there is tissue. */
export interface NativePatchPlan {
  readonly scaleX: number;
  readonly scaleY: number;
  readonly patchPx: number;
  readonly stridePx: number;
  /** Share of a patch that must be tissue. */
  readonly minTissue: number;
  readonly tissue: NativeTissueSearch;
  readonly threads: number;
}

/** The corners of the patches that were found, float64. */
export interface NativePlannedPatches {
  readonly x: ArrayBuffer;
  readonly y: ArrayBuffer;
  /** Since the slide was opened. */
  readonly damagedRegions: number;
}

/** Patches that are read into a store. */
export interface NativePatchReading {
  readonly store: NativePatchStore;
  /** Where in the store each goes. */
  readonly positions: Float64Array;
  readonly patches: NativePatchPlaces;
  readonly threads: number;
}

/** Polygons on a slide, in px of level 0. */
export interface NativePolygons {
  /** x, y of all points, ring after ring; the last point of a ring is not its first once more. */
  readonly points: Float64Array;
  /** Points of each ring, at least 3. */
  readonly rings: Float64Array;
  /** Rings of each polygon: its shell, then its holes. */
  readonly polygons: Float64Array;
  /** What its pixels are in a mask, 0 to 255. */
  readonly values: Float64Array;
}

export interface NativeSlide {
  open(opening: NativeSlideOpening, done: Done<NativeSlideFacts>): NativeJob;
  /** RGB uint8 [height, width, 3], and how many damaged regions there were since the slide was opened. */
  read(region: NativeSlideRegion, done: Done<{ rgb: ArrayBuffer; damagedRegions: number }>): NativeJob;
  findTissue(search: NativeTissuePicture, done: Done<NativeTissue>): NativeJob;
  /** Finds the patches with enough tissue. */
  planPatches(plan: NativePatchPlan, done: Done<NativePlannedPatches>): NativeJob;
  /** Reads patches into a store. */
  readPatches(reading: NativePatchReading, done: Done<null>): NativeJob;
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
  /** Whether the last plane is the probability of one class. */
  readonly hasHeat: boolean;
  /** So many px of the map become one of the overlay; 0 = none. */
  readonly pictureFactor: number;
  readonly threads: number;
}

export interface NativeMapSummary {
  /** Pixels of each class and of background. */
  readonly pixels: readonly number[];
  readonly polygons: number;
  /** The slide with that probability over it; null without. */
  readonly heat: { readonly width: number; readonly height: number; readonly rgb: ArrayBuffer } | null;
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
  /** Class whose probability is a plane of its own, the last one; below 0: none. */
  readonly heatClass: number;
  /** The rows file. */
  readonly path: string;
  readonly fingerprint: string;
  readonly views: PatchViews;
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

/** A tile of a map that is on the disk. */
export interface NativeMapTileRequest {
  readonly path: string;
  /** 0 = the finest. */
  readonly level: number;
  readonly column: number;
  readonly row: number;
  /** [r, g, b, a] of each value, one behind the other; others are transparent. */
  readonly colours: readonly number[];
}

export interface NativeMapTile {
  readonly width: number;
  readonly height: number;
  /** uint8 [height, width, 4] */
  readonly rgba: ArrayBuffer;
}

/** A map and what was drawn on its slide. */
export interface NativeMapScoring {
  readonly path: string;
  readonly polygons: NativePolygons;
  /** Px of level 0 that a pixel of the map is wide and high. */
  readonly scaleX: number;
  readonly scaleY: number;
  readonly classCount: number;
}

export interface NativeSlideFunctions {
  readonly Slide: new () => NativeSlide;
  /** The version of a library by its path or soname. */
  openSlideVersion(options: { path: string }, done: Done<string>): NativeJob;
  /** Pixels of each class and of background in the mask of each patch, float64 [N, K + 1]; the others are not annotated. */
  countAnnotated(
    options: { polygons: NativePolygons; patches: NativePatchPlaces; classCount: number },
    done: Done<ArrayBuffer>,
  ): NativeJob;
  /** The masks of patches, uint8 [N, patchPx, patchPx]; 255 = not annotated. */
  drawAnnotated(options: { polygons: NativePolygons; patches: NativePatchPlaces }, done: Done<ArrayBuffer>): NativeJob;
  /** The levels of a map that `Slide.writeMap` wrote, the finest first. */
  describeMap(
    options: { path: string },
    done: Done<readonly { readonly width: number; readonly height: number }[]>,
  ): NativeJob;
  /** A tile of 512 px of such a map, in colours. */
  readMapTile(request: NativeMapTileRequest, done: Done<NativeMapTile>): NativeJob;
  /** Pixels of a map by true class and found one, [K, K + 1]; the last column is background. */
  scoreMap(scoring: NativeMapScoring, done: Done<readonly number[]>): NativeJob;
  /** Index, x and y, float64, for each polygon of which a line crosses itself. */
  findCrossings(options: { polygons: NativePolygons }, done: Done<ArrayBuffer>): NativeJob;
}
