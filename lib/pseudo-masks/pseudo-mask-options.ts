/** Options of drawing pseudo masks: feature levels, glass, scaling, views; and their check. */
import { z } from "zod";
import type { GlassRule } from "../dataset/tissue-class.js";
import { type ClassifierBackbone, type FeatureLevel, featureLevels, featureLevelsOf } from "../model/backbones.js";
import { type InferenceOptions, inferenceShape, withInferenceBase } from "../model/inference-options.js";
import type { Complete } from "../model/training-options.js";
import { checkOptions, refuseOption } from "../options/check.js";
import * as fields from "../options/fields.js";
import type { Recipe } from "../options/fields.js";

/** How pseudo masks are drawn; what a run records. */
export interface PseudoMaskSettings {
  /**
   * Base values of the options below.
   * @defaultValue `"default"`
   */
  readonly recipe?: Recipe | undefined;
  /**
   * Feature levels to draw from, at least one, none twice. Their order is that of the masks and of `levelWeights`.
   * @defaultValue `"all"`, the three of the classifier's network, deepest first: for ResNet38 `["bn7", "b5_2", "b4_5"]`, as in the paper
   */
  readonly levels?: readonly FeatureLevel[] | "all" | undefined;
  /**
   * White areas that become background: the dataset's own rule, none (`false`), or this one: grey value above
   * `greyAbove` (0..255) in 4-connected areas of at least `minAreaPx` pixels of the patch.
   * @defaultValue `"dataset"`: in LUAD-HistoSeg glass is background, in BCSS-WSSS it is not
   */
  readonly glass?: "dataset" | false | GlassRule | undefined;
  /**
   * `"present"`: the class with the highest raw map among those of the patch's label. `"published"`: maps scaled jointly over
   * all classes first, which differs at the one pixel where a present class holds the joint minimum.
   * @defaultValue `"present"`; recipe `"published"` `"published"`
   */
  readonly scaling?: "present" | "published" | undefined;
  /**
   * What the classifier looks at: the patch alone, as published (`"one"`), or the patch and its three mirror images
   * (`"flips"`), whose maps are averaged. Tissue has no left or right, so what the mirror images do not share is noise: on real tissue the
   * masks of MobileNetV2 gain about 3 points of mIoU (docs/notes/real-tissue.md) for four times the work.
   * @defaultValue `"flips"`; recipe `"published"` `"one"`
   */
  readonly views?: "one" | "flips" | undefined;
}

/** Options of `Classifier.generatePseudoMasks`. */
export interface PseudoMaskOptions extends InferenceOptions, PseudoMaskSettings {
  /**
   * Folder to write the masks into, as `PM_<level>/<stem>.png`; made if it is not there. Each level appears whole or not at
   * all, and replaces an older one.
   * @defaultValue none: the masks are kept in memory only
   */
  readonly output?: string | undefined;
}

/** Base values of pseudo masks by recipe. */
export const pseudoMaskBase = {
  default: { levels: "all", glass: "dataset", scaling: "present", views: "flips" },
  published: { levels: "all", glass: "dataset", scaling: "published", views: "one" },
} as const satisfies Record<Recipe, Omit<Complete<PseudoMaskSettings>, "recipe">>;

/** The rule of a list of feature levels. */
export const levels = z
  .array(z.enum(featureLevels))
  .min(1)
  .readonly()
  .refine((list) => new Set(list).size === list.length, "levels of which none is named twice");

const glassRule = z.strictObject({
  greyAbove: z.number().min(0).max(255),
  minAreaPx: z
    .int()
    .min(0)
    .max(2 ** 31 - 1),
});

const pseudoMaskSchema = z.strictObject({
  ...inferenceShape,
  recipe: fields.recipe,
  levels: z.union([z.literal("all"), levels]),
  glass: z.union([z.literal("dataset"), z.literal(false), glassRule]),
  scaling: z.enum(["present", "published"]),
  views: z.enum(["one", "flips"]),
  output: fields.path.optional(),
});

/**
 * The feature levels of a call, all of them the classifier's own.
 * @throws WsssError `WSSS_ERR_OPTION` for a level of another network.
 */
export function levelsOf(
  call: string,
  backbone: ClassifierBackbone,
  chosen: readonly FeatureLevel[] | "all",
): readonly FeatureLevel[] {
  const own: readonly FeatureLevel[] = featureLevelsOf[backbone];
  if (chosen === "all") return own;
  if (chosen.every((level) => own.includes(level))) return chosen;
  throw refuseOption(call, "levels", `levels of the ${backbone} classifier (${own.join(", ")})`, chosen);
}

/** Checks a call of `Classifier.generatePseudoMasks`. */
export function checkPseudoMaskOptions(call: string, options: unknown): z.output<typeof pseudoMaskSchema> {
  return checkOptions(pseudoMaskSchema, call, withInferenceBase(pseudoMaskBase, options));
}

/**
 * Fills in and checks options of pseudo masks, without touching a file or a device.
 * @returns complete options, frozen; a run records them beside its results.
 * @throws WsssError `WSSS_ERR_OPTION` naming option, bound and value.
 */
export function resolvePseudoMasks(options: PseudoMaskOptions = {}): Complete<PseudoMaskSettings> {
  const checked = checkPseudoMaskOptions("Classifier.generatePseudoMasks", options);
  const { recipe, levels: chosen, glass, scaling, views } = checked;
  return Object.freeze({ recipe, levels: chosen, glass, scaling, views });
}
