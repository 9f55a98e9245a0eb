// Made by `npm run generate` from the table of options beside it; changed there, not here.
import type { GlassRule } from "../dataset/tissue-class.js";
import type { FeatureLevel } from "../model/backbones.js";

/** How pseudo masks are drawn; what a run records. */
export interface PseudoMaskSettings {
  /**
   * Base values of the options below.
   * @defaultValue `"default"` (the method with its known defects repaired)
   */
  readonly recipe?: "default" | "published" | undefined;
  /**
   * Feature levels to draw from. Their order is that of the masks and of `levelWeights`. Bounds: `"all"`, or at least
   * one, none twice.
   * @defaultValue `"all"` (the three of the classifier's network, deepest first: for ResNet38 `bn7`, `b5_2` and `b4_5`,
   *   as in the paper)
   */
  readonly levels?: readonly FeatureLevel[] | "all" | undefined;
  /**
   * White areas that become background: by the dataset's own rule, none (`false`), or by this one: grey value above
   * `greyAbove` (0 to 255) in 4-connected areas of at least `minAreaPx` pixels of the patch.
   * @defaultValue `"dataset"` (in LUAD-HistoSeg glass is background, in BCSS-WSSS it is not)
   */
  readonly glass?: "dataset" | false | GlassRule | undefined;
  /**
   * `"present"`: the class with the highest raw map among those of the patch's label. `"published"`: maps scaled
   * jointly over all classes first, which differs at the one pixel where a present class holds the joint minimum.
   * @defaultValue `"present"`, recipe `"published"` `"published"` (what the map of an absent class holds should not
   *   decide between present ones)
   */
  readonly scaling?: "present" | "published" | undefined;
  /**
   * What the classifier looks at: the patch alone, as published (`"one"`), the patch and its three mirror images
   * (`"flips"`), whose maps are averaged, at four times the work, or all eight ways to lay a square patch
   * (`"symmetries"`), at eight times.
   * @defaultValue `"flips"`, recipe `"published"` `"one"` (tissue has no left or right, so what the mirror images do
   *   not share is noise: on real tissue the masks of MobileNetV2 gain about 3 points of mIoU
   *   (docs/notes/real-tissue.md))
   */
  readonly views?: "one" | "flips" | "symmetries" | undefined;
  /**
   * The patch goes on mirrored by so many pixels on each side while its maps are drawn; below its size. Networks that
   * pad with zeros see where a patch ends, and their maps are biased by it. Bounds: an integer of 0 to 1024.
   * @defaultValue `0` (as published)
   */
  readonly paddingPx?: number | undefined;
}
