import { z } from "zod";
import type { Classifier } from "../classifier.js";
import type { GlassRule } from "../dataset/tissue-class.js";
import type { BoundaryTolerance } from "../evaluation/segmentation-evaluation.js";
import type { OnProgress } from "../progress.js";
import { checkOptions, refuseOption } from "./check.js";
import { type ClassifierBackbone, type FeatureLevel, featureLevels, featureLevelsOf } from "./backbones.js";
import type { Recipe } from "./fields.js";
import * as fields from "./fields.js";
import type { Complete } from "./training.js";
import { withBase } from "./training.js";

/** Options of every call that goes over patches without learning from them. */
export interface InferenceOptions {
  /**
   * Patches in one forward pass, 1..65536. Has no influence on the results beyond rounding.
   * @defaultValue `20`, as in training: where that fits into memory, this does
   */
  readonly batchSize?: number | undefined;
  /** Aborting it stops the work at the next batch; the promise then rejects with `WSSS_ERR_CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
  /** Called after every batch. What it throws stops the work and comes out of the call. */
  readonly onProgress?: OnProgress | undefined;
}

/** How the class gate is applied (paper section 3.3); what a run records. */
export interface GateSettings {
  /**
   * Base values of the options below.
   * @defaultValue `"default"`
   */
  readonly recipe?: Recipe | undefined;
  /**
   * A class is open where the classifier's probability for the patch is above this (strictly), 0..1.
   * @defaultValue `0.1`, as published: low, since a class that is wrongly closed is lost for the whole patch
   */
  readonly gateThreshold?: number | undefined;
  /**
   * `"exclude"`: closed classes can't win, unless all are closed. `"multiply"`: logits of closed classes become 0, which
   * still beats negative ones.
   * @defaultValue `"exclude"`; recipe `"published"` `"multiply"`
   */
  readonly gateRule?: "exclude" | "multiply" | undefined;
}

/** Options of `Segmenter.predict`. */
export interface SegmentationOptions extends InferenceOptions, GateSettings {
  /**
   * Classifier that says which classes a patch can have. It must know the same classes, and is busy meanwhile. `null`: none,
   * so that every class can win everywhere.
   * @defaultValue the bundle's own classifier for a segmenter that was loaded from a bundle, with the bundle's threshold
   *   and rule; otherwise none
   */
  readonly gate?: Classifier | null | undefined;
}

/** Options of `Segmenter.evaluate`. */
export interface EvaluationOptions extends SegmentationOptions {
  /**
   * How far a boundary may be off to count as met, in pixels of the patch, 0..64, for the boundary F1.
   * @defaultValue `"auto"`, 0.75 per cent of the patch's diagonal, the custom since Csurka et al. 2013: 2.4 pixels of a patch of 224
   */
  readonly boundaryTolerancePx?: BoundaryTolerance | undefined;
}

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
   * masks of MobileNetV2 gain about 3 points of mIoU (docs/results.md) for four times the work.
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

const inferenceShape = {
  batchSize: fields.count.max(65_536),
  signal: fields.signal.optional(),
  onProgress: fields.callback<OnProgress>().optional(),
} as const;

const inferenceBase = { batchSize: 20 } as const;

/** Rules and defaults of {@link InferenceOptions}. */
export const inferenceSchema = z.strictObject({
  ...inferenceShape,
  batchSize: inferenceShape.batchSize.default(inferenceBase.batchSize),
});

/** Base values of the gate by recipe. */
export const gateBase = {
  default: { gateThreshold: 0.1, gateRule: "exclude" },
  published: { gateThreshold: 0.1, gateRule: "multiply" },
} as const satisfies Record<Recipe, Omit<Complete<GateSettings>, "recipe">>;

const gateShape = {
  recipe: fields.recipe,
  gateThreshold: fields.probability,
  gateRule: z.enum(["exclude", "multiply"]),
} as const;

const segmentationSchema = z.strictObject({ ...inferenceShape, ...gateShape, gate: fields.gate.nullish() });

/** The rule of {@link EvaluationOptions.boundaryTolerancePx}. */
export const boundaryTolerancePx = z.union([z.literal("auto"), z.number().min(0).max(64)]).default("auto");

/** The tolerance as the addon wants it: below 0 for `"auto"`. */
export function nativeTolerance(tolerance: BoundaryTolerance): number {
  return tolerance === "auto" ? -1 : tolerance;
}

const evaluationSchema = segmentationSchema.extend({ boundaryTolerancePx });

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

/** Checks a call of `Segmenter.predict`. */
export function checkSegmentationOptions(
  call: string,
  options: SegmentationOptions | undefined,
): z.output<typeof segmentationSchema> {
  return assertGated(call, checkOptions(segmentationSchema, call, withInferenceBase(gateBase, options)), options);
}

/** Checks a call of `Segmenter.evaluate`. */
export function checkEvaluationOptions(
  call: string,
  options: EvaluationOptions | undefined,
): z.output<typeof evaluationSchema> {
  return assertGated(call, checkOptions(evaluationSchema, call, withInferenceBase(gateBase, options)), options);
}

/** @throws WsssError `WSSS_ERR_OPTION` for settings of a gate that is not there. */
function assertGated<Checked extends { readonly gate?: unknown }>(
  call: string,
  checked: Checked,
  options: SegmentationOptions | undefined,
): Checked {
  for (const name of ["gateThreshold", "gateRule"] as const) {
    if (checked.gate === undefined && options?.[name] !== undefined) {
      throw refuseOption(call, name, "left out without a gate classifier", options[name]);
    }
  }
  return checked;
}

/**
 * Fills in and checks options of the class gate, without touching a file or a device.
 * @returns complete options, frozen; a run records them beside its results.
 * @throws WsssError `WSSS_ERR_OPTION` naming option, bound and value.
 */
export function resolveGate(options: GateSettings = {}): Complete<GateSettings> {
  const schema = z.strictObject(gateShape);
  return Object.freeze(checkOptions(schema, "Segmenter.evaluate", withBase(gateBase, options)));
}

function withInferenceBase(base: Readonly<Record<Recipe, object>>, options: unknown): unknown {
  return withBase(
    { default: { ...inferenceBase, ...base.default }, published: { ...inferenceBase, ...base.published } },
    options,
  );
}
