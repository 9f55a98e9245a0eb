import { z } from "zod";
import { masksField } from "../pseudo-masks/masks-field.js";
import type { PseudoMasks } from "../pseudo-masks/pseudo-masks.js";
import { checkOptions } from "../options/check.js";
import { classifierBackbones, type FeatureLevel, featureLevelsOf, type SegmenterBackbone } from "../model/backbones.js";
import type { Recipe } from "../options/fields.js";
import * as fields from "../options/fields.js";
import {
  batchSizeFrom,
  checkTraining,
  sharedTrainingBase,
  splitCall,
  trainingCallShape,
  trainingShape,
  withBase,
} from "../model/training-options.js";
import type { Complete, TrainingCallOptions, TrainingSettings } from "../model/training-options.js";

/** Options of stage 2, the segmenter's training, that a run records. Bounds are inclusive where not said otherwise. */
export interface SegmenterTrainingSettings extends TrainingSettings {
  /**
   * Factor on the loss against each level of the masks, in the order of `masks.levels`, each at least 0, not all 0; or
   * `"auto"`.
   * @defaultValue `"auto"`: the paper's 0.6 for the deepest level (bn7) and 0.2 for each other, scaled to sum to 1 over the levels that
   *   are there; 1 for true masks
   */
  readonly levelWeights?: readonly number[] | "auto" | undefined;
  /**
   * What background pixels of a mask do. `"ignore"`: nothing. `"fifth-logit"`: the published constant channel K of 100 where
   * the first level says background and 0 elsewhere, which counts in the mean and competes with every tissue class.
   * @defaultValue `"ignore"`: background is never scored, so it should not teach; recipe `"published"` `"fifth-logit"`
   */
  readonly background?: "ignore" | "fifth-logit" | undefined;
  /**
   * Whether the mean loss over pixels is divided by the batch size once more.
   * @defaultValue `false`, hence a learning rate that does not depend on the batch size; recipe `"published"` `true`
   */
  readonly divideByBatch?: boolean | undefined;
  /**
   * `"cross-entropy"`, or `"focal"`: the published form, computed from the batch's mean cross-entropy (gamma 2, alpha 0.5).
   * @defaultValue `"cross-entropy"`, as published
   */
  readonly loss?: "cross-entropy" | "focal" | undefined;
  /**
   * Probability that a patch is blurred, with a Gaussian radius drawn from 0 (inclusive) to 1 (exclusive) pixels; 0..1.
   * @defaultValue `0.5`, as published
   */
  readonly blur?: number | undefined;
  /**
   * Whether the batch norms of the backbone keep their statistics, scales and shifts; those of ASPP and decoder always learn. `"auto"`:
   * exactly if the weights come from elsewhere. Statistics of small batches of a few patients unlearn what ImageNet taught.
   * @defaultValue `"auto"`; recipe `"published"` `false`
   */
  readonly freezeBatchNorm?: boolean | "auto" | undefined;
}

/** Options of `Segmenter.train`. */
export interface SegmenterTrainingOptions extends SegmenterTrainingSettings, TrainingCallOptions {
  /** What to learn from: pseudo masks of the split that is trained on, or `"ground-truth"`, its true masks. */
  readonly masks: PseudoMasks | "ground-truth";
}

/** Complete options of stage 2, nothing left to choose but `levelWeights: "auto"`, which needs the masks. */
export type ResolvedSegmenterTraining = Omit<Complete<SegmenterTrainingSettings>, "freezeBatchNorm"> & {
  /** Whether the batch norms of the backbone keep their statistics, scales and shifts. */
  readonly freezeBatchNorm: boolean;
};

/** Base values of stage 2 by recipe. */
export const segmenterTrainingBase = {
  default: {
    ...sharedTrainingBase,
    epochs: 30,
    learningRate: 5e-4,
    weightDecay: 0.01,
    gradientClipNorm: 5,
    dropLastBatch: true,
    unfoldBatchNorm: true,
    verticalFlip: 0,
    keep: "best",
    levelWeights: "auto",
    background: "ignore",
    divideByBatch: false,
    loss: "cross-entropy",
    blur: 0.5,
    freezeBatchNorm: "auto",
  },
  published: {
    ...sharedTrainingBase,
    epochs: 30,
    learningRate: 0.01,
    weightDecay: 5e-4,
    gradientClipNorm: 0,
    dropLastBatch: false,
    unfoldBatchNorm: false,
    verticalFlip: 0,
    keep: "best",
    levelWeights: "auto",
    background: "fifth-logit",
    divideByBatch: true,
    loss: "cross-entropy",
    blur: 0.5,
    freezeBatchNorm: false,
  },
} as const satisfies Record<Recipe, Omit<Complete<SegmenterTrainingSettings>, "recipe">>;

/**
 * MobileNetV2 is meant to start from ImageNet weights on small sets: what is there is to be kept, hence the weight decay, and pseudo masks
 * that are wrong in many pixels pull each step another way, hence the average.
 */
const mobileNetBase = {
  default: { ...segmenterTrainingBase.default, learningRate: 0.004, weightDecay: 5e-4, emaDecay: 0.98 },
  published: segmenterTrainingBase.published,
} as const;

/** What the options of a segmenter's training depend on. */
export interface TrainedSegmenter {
  /** Whether the weights come from elsewhere. */
  readonly pretrained: boolean;
  /**
   * Network below ASPP and decoder.
   * @defaultValue `"resnet101"`, as in `Segmenter.create`
   */
  readonly backbone?: SegmenterBackbone;
}

const weight = z.number().min(0).max(1000);

const schema = z.strictObject({
  ...trainingShape,
  ...trainingCallShape,
  batchSize: batchSizeFrom(2),
  masks: masksField.optional(),
  levelWeights: z.union([
    z.literal("auto"),
    z
      .array(weight)
      .min(1)
      .refine((weights) => weights.length === 0 || weights.some((each) => each > 0), "numbers of which one is above 0"),
  ]),
  background: z.enum(["ignore", "fifth-logit"]),
  divideByBatch: fields.flag,
  loss: z.enum(["cross-entropy", "focal"]),
  blur: fields.probability,
  freezeBatchNorm: fields.autoOrFlag,
});

/** A checked call of `Segmenter.train`. */
export interface SegmenterTrainingCall extends TrainingCallOptions {
  readonly settings: ResolvedSegmenterTraining;
  readonly masks: PseudoMasks | "ground-truth" | undefined;
}

/**
 * Fills in and checks options of stage 2, without touching a file or a device. Options of the call alone (`masks`, `signal`,
 * `validation`, `checkpointFolder`) are checked too, and left out of what is returned.
 *
 * @param options - what the user chose; `masks` may be missing, since nothing is trained here.
 * @param model - the network, which decides what `"auto"` means and which learning rate and weight decay are the defaults.
 * @returns complete options, frozen; a run records them beside its results.
 * @throws WsssError `WSSS_ERR_OPTION` naming option, bound and value.
 */
export function resolveSegmenterTraining(
  options: Partial<SegmenterTrainingOptions> = {},
  model: TrainedSegmenter = { pretrained: false },
): ResolvedSegmenterTraining {
  return checkSegmenterTraining("Segmenter.train", options, model).settings;
}

/** Like {@link resolveSegmenterTraining}, with the options of the call beside the settings. */
export function checkSegmenterTraining(
  call: string,
  options: Partial<SegmenterTrainingOptions> | undefined,
  model: TrainedSegmenter,
): SegmenterTrainingCall {
  const base = model.backbone === "mobilenet" ? mobileNetBase : segmenterTrainingBase;
  const checked = checkOptions(schema, call, withBase(base, options));
  checkTraining(call, checked, options);
  const { call: callOptions, settings: given } = splitCall(checked);
  const { masks, freezeBatchNorm, ...rest } = given;
  const settings = Object.freeze({
    ...rest,
    freezeBatchNorm: freezeBatchNorm === "auto" ? model.pretrained : freezeBatchNorm,
  });
  return { settings, masks, ...callOptions };
}

const deepestWeight = 0.6;
const otherWeight = 0.2;

/** The paper's weights of the given levels, scaled to sum to 1. */
export function automaticLevelWeights(levels: readonly FeatureLevel[]): number[] {
  const deepest: readonly FeatureLevel[] = classifierBackbones.map((name) => featureLevelsOf[name][0]);
  const raw = levels.map((level) => (deepest.includes(level) ? deepestWeight : otherWeight));
  const sum = raw.reduce((total, each) => total + each, 0);
  return raw.map((each) => each / sum);
}
