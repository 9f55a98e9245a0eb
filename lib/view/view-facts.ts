/** What the page is told of a slide and its map; the page's own code has this type too. */

/** A class of a map. */
export interface ViewedClass {
  readonly name: string;
  /** Red, green, blue, 0 to 255. */
  readonly colour: readonly [number, number, number];
  /** In mm2. */
  readonly areaMm2: number;
  /** Part of the tissue, 0 to 1. */
  readonly share: number;
}

/** A pyramid of tiles: level 0 is the coarsest, each is twice as large as the one before. */
export interface TilePyramid {
  /** Of the finest level, in px. */
  readonly width: number;
  readonly height: number;
  readonly tilePx: number;
  readonly maxLevel: number;
}

/** A slide with its map. */
export interface ViewFacts {
  /** File name of the slide. */
  readonly title: string;
  readonly slide: TilePyramid & {
    /** Micrometres a pixel; null if nobody says it. */
    readonly mpp: number | null;
  };
  /** Null where the slide is shown alone. */
  readonly map:
    | (TilePyramid & {
        /** What it covers of the slide, from its corner on, in px of the slide. */
        readonly widthOnSlide: number;
        readonly tissueMm2: number;
        readonly classes: readonly ViewedClass[];
      })
    | null;
}
