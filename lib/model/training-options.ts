import { splitField } from "../dataset/is-split.js";
import { z } from "zod";
import type { Split } from "../dataset/split.js";
import { refuseOption } from "../options/check.js";
import type { Recipe } from "../options/fields.js";
import * as fields from "../options/fields.js";

/** How the learning rate runs over the training: see {@link TrainingSettings.schedule}. */
export type Schedule = "poly" | "cosine" | "step";

/** Every option of `Settings`, none missing. */
export type Complete<Settings> = { readonly [Name in keyof Settings]-?: Exclude<Settings[Name], undefined> };

/** Options that both trainings share and that a run records. Bounds are inclusive where not said otherwise. */
export interface TrainingSettings {
  /**
   * Base values of all other options.
   * @defaultValue `"default"`, the method with its known defects repaired
   */
  readonly recipe?: Recipe | undefined;
  /**
   * Passes over the training split, at least 1.
   * @defaultValue classifier `20`, segmenter `30`, as published
   */
  readonly epochs?: number | undefined;
  /**
   * Patches in one optimiser step, at least 1 (segmenter: 2, since its pooled branch normalises over the batch). `"auto"`: 20, or
   * as many as memory has room for, which small steps before the first find out. The number of steps, and so the result, then depends on the
   * machine; a resumed training takes as many patches as before.
   * @defaultValue `20`, as published
   */
  readonly batchSize?: number | "auto" | undefined;
  /**
   * Whether the blocks of the network keep their inputs alone and compute what is inside twice (gradient checkpointing): less memory
   * for more time, and the same result but for rounding.
   * @defaultValue `false`
   */
  readonly gradientCheckpointing?: boolean | undefined;
  /**
   * Learning rate of the first step for the backbone, above 0, at most 100.
   * @defaultValue classifier `0.01`, as published, but `0.001` for MobileNetV2, which diverges at more. Segmenter `5e-4`: the published 0.01 acts on a loss that is divided by
   *   the batch size of 20 once more, so its true rate on the mean loss is 0.01 / 20; `0.004` for MobileNetV2, whose head has more to
   *   learn in fewer steps; recipe `"published"` `0.01`
   */
  readonly learningRate?: number | undefined;
  /**
   * Factor on the learning rate of the new layers (classifier: fc8; segmenter: ASPP and decoder), above 0, at most 1000.
   * @defaultValue `10`, as published
   */
  readonly headLearningRateFactor?: number | undefined;
  /**
   * Momentum of SGD, at least 0 and below 1.
   * @defaultValue `0.9`; in recipe `"published"` the classifier has `5e-4`, because the published code passes the weight
   *   decay in momentum's place
   */
  readonly momentum?: number | undefined;
  /**
   * Nesterov's variant of momentum; needs a momentum above 0.
   * @defaultValue `false`, as published
   */
  readonly nesterov?: boolean | undefined;
  /**
   * L2 penalty, added to the gradient as `weightDecay * weight`, 0..1.
   * @defaultValue classifier `5e-4`, as published. Segmenter `0.01`: with the learning rate divided by 20 it must be 20
   *   times the published 5e-4 to shrink the weights as much per step; `5e-4` for MobileNetV2; recipe `"published"` `5e-4`
   */
  readonly weightDecay?: number | undefined;
  /**
   * `"poly"`: rate * (1 - step / steps) ^ power. `"cosine"`: half a cosine down to 0. `"step"`: a tenth after every
   * `stepEpochs`.
   * @defaultValue `"poly"`, as published
   */
  readonly schedule?: Schedule | undefined;
  /**
   * Exponent of the poly schedule, above 0, at most 10.
   * @defaultValue `0.9`, as published
   */
  readonly power?: number | undefined;
  /**
   * Epochs between two drops of the step schedule, at least 1.
   * @defaultValue `10`, hence a hundredth of the rate in the last third of 30 epochs
   */
  readonly stepEpochs?: number | undefined;
  /**
   * Epochs in which the rate rises linearly from 0 to its schedule, at least 0. The very first step then has rate 0.
   * @defaultValue `0`, as published
   */
  readonly warmupEpochs?: number | undefined;
  /**
   * Largest L2 norm of the gradient over all parameters; longer ones are scaled down to it. At least 0; 0 clips nothing.
   * @defaultValue `5`: normal steps stay well below it, while the rare huge one, which ends in NaN without it, is tamed.
   *   Recipe `"published"` `0`
   */
  readonly gradientClipNorm?: number | undefined;
  /**
   * Share of its old value that a running average of the weights and batch-norm statistics keeps at each step, at least 0 and
   * below 1. Above 0 the average is what is validated, saved and kept; while the rate is high it scores far better than
   * the weights themselves. About 1 - 1 / (steps of one epoch) is a good value.
   * @defaultValue `0`, no average, as published; `0.98` for a segmenter with MobileNetV2, since wrong pseudo masks pull each step another way
   */
  readonly emaDecay?: number | undefined;
  /**
   * Whether the last patches of an epoch that don't fill a batch are left out (others every epoch, by the shuffle).
   * @defaultValue `true`: a tiny last batch has a noisy gradient and noisy batch statistics just before validation. Recipe
   *   `"published"` keeps it in the segmenter
   */
  readonly dropLastBatch?: boolean | undefined;
  /**
   * Files made for inference have their batch norms folded into the convolutions: norms of such a start have no statistics of their own.
   * With `true`, those that learn in this training get them back before the first step, from 64 training patches, in a way that
   * leaves what the network computes in evaluation as it is. With `false` the first training step throws the pretrained
   * features away, since it normalises them anew. Other starts are not touched.
   * @defaultValue `true`; recipe `"published"` `false`
   */
  readonly unfoldBatchNorm?: boolean | undefined;
  /**
   * Seed of shuffle, augmentation and dropout, an integer 0..4294967295. One seed on one device gives one result.
   * @defaultValue `0`
   */
  readonly seed?: number | undefined;
  /**
   * Probability that a patch is mirrored left to right, 0..1.
   * @defaultValue `0.5`, as published
   */
  readonly horizontalFlip?: number | undefined;
  /**
   * Probability that a patch is mirrored top to bottom, 0..1.
   * @defaultValue classifier `0.5`, segmenter `0`, as published
   */
  readonly verticalFlip?: number | undefined;
  /**
   * Factor on every dropout probability of the network, 0..1; 0 turns dropout off.
   * @defaultValue `1`, the paper's probabilities
   */
  readonly dropoutFactor?: number | undefined;
  /**
   * The weights that the model holds when training ends: those of the best epoch on the validation split, or the last.
   * `"best"` can't be asked for without a validation split.
   * @defaultValue `"best"` with a validation split, otherwise `"last"`. Recipe `"published"` keeps the classifier's last
   */
  readonly keep?: "best" | "last" | undefined;
}

/** Options of one training call that are not part of the recipe, and that a run does not record. */
export interface TrainingCallOptions {
  /** Scored after every epoch; needs labels (classifier) or true masks (segmenter). Never trained on. */
  readonly validation?: Split | undefined;
  /**
   * Folder for `last.safetensors` (after every epoch), `best.safetensors` (whenever validation improves) and the checkpoints that
   * `resume` goes on from: weights, optimizer, meters and all; made if it is not there. Each file replaces the one
   * before it in one step, so that an interruption never leaves half a file.
   */
  readonly checkpointFolder?: string | undefined;
  /**
   * A checkpoint every so many steps, beside the one after each epoch, at least 0.
   * @defaultValue `0`, only after epochs
   */
  readonly checkpointSteps?: number | undefined;
  /**
   * So many of the newest checkpoints are kept, at least 1.
   * @defaultValue `2`, so that one is left if a disk damages the other
   */
  readonly checkpointKeep?: number | undefined;
  /**
   * Whether to go on from the newest checkpoint in `checkpointFolder`, if there is one. The training then ends as the
   * undisturbed one would have: on the CPU, with the same number of threads, to the last bit. What was reported before the
   * checkpoint is reported again first, with `again: true`. Other options or other data than the checkpoint's are
   * refused with the differences. With `false` the folder must hold no checkpoints, so that none is ever lost by mistake.
   * @defaultValue `false`
   */
  readonly resume?: boolean | undefined;
  /**
   * Aborting it stops the training; the loop then throws `WSSS_ERR_CANCELLED`. With a `checkpointFolder` the step under way is
   * finished and saved first.
   */
  readonly signal?: AbortSignal | undefined;
}

/** The rules of {@link TrainingCallOptions}. */
export const trainingCallShape = {
  validation: splitField.optional(),
  checkpointFolder: fields.path.optional(),
  checkpointSteps: fields.countOrNone.optional(),
  checkpointKeep: fields.count.max(1_000_000).optional(),
  resume: fields.flag.optional(),
  signal: fields.signal.optional(),
} as const;

/** Takes the options of the call out of checked options; the rest are settings. */
export function splitCall<Checked extends TrainingCallOptions>(
  checked: Checked,
): { call: TrainingCallOptions; settings: Omit<Checked, keyof TrainingCallOptions> } {
  const { validation, checkpointFolder, checkpointSteps, checkpointKeep, resume, signal, ...settings } = checked;
  return { call: { validation, checkpointFolder, checkpointSteps, checkpointKeep, resume, signal }, settings };
}

/** The rule of {@link TrainingSettings.batchSize}. @param smallest - patches without which there is no step. */
export function batchSizeFrom(smallest: 1 | 2): z.ZodType<number | "auto"> {
  return z.union([z.literal("auto"), z.int().min(smallest).max(65_536)]);
}

/** What `batchSize` `"auto"` asks for, as published. */
const largestAutomaticBatch = 20;

/** Patches of a step as far as they are known before the memory is. */
export function mostPatches(batchSize: number | "auto", patches: number): number {
  return batchSize === "auto" ? Math.min(largestAutomaticBatch, patches) : batchSize;
}

/** The rules of {@link TrainingSettings}; nothing is optional, since base values are filled in before the check. */
export const trainingShape = {
  recipe: fields.recipe,
  epochs: fields.count.max(1_000_000),
  batchSize: batchSizeFrom(1),
  gradientCheckpointing: fields.flag,
  learningRate: z.number().gt(0).max(100),
  headLearningRateFactor: z.number().gt(0).max(1000),
  momentum: z.number().min(0).lt(1),
  nesterov: fields.flag,
  weightDecay: z.number().min(0).max(1),
  schedule: z.enum(["poly", "cosine", "step"]),
  power: z.number().gt(0).max(10),
  stepEpochs: fields.count,
  warmupEpochs: fields.countOrNone,
  gradientClipNorm: z.number().min(0).max(1e9),
  emaDecay: z.number().min(0).lt(1),
  dropLastBatch: fields.flag,
  unfoldBatchNorm: fields.flag,
  seed: fields.seed,
  horizontalFlip: fields.probability,
  verticalFlip: fields.probability,
  dropoutFactor: fields.probability,
  keep: z.enum(["best", "last"]),
} as const;

/** Base values on which both recipes and both trainings agree, and which stand in the published code. */
export const sharedTrainingBase = {
  batchSize: 20,
  gradientCheckpointing: false,
  headLearningRateFactor: 10,
  momentum: 0.9,
  nesterov: false,
  schedule: "poly",
  power: 0.9,
  stepEpochs: 10,
  warmupEpochs: 0,
  emaDecay: 0,
  seed: 0,
  horizontalFlip: 0.5,
  dropoutFactor: 1,
} as const;

/**
 * The options of a caller on top of the base values of the recipe that they name. What is no object, and a recipe that
 * does not exist, is left for the schema to refuse.
 */
export function withBase(base: Readonly<Record<Recipe, object>>, options: unknown = {}): unknown {
  if (typeof options !== "object" || options === null || Array.isArray(options)) return options;
  const recipe: Recipe = "recipe" in options && options.recipe === "published" ? "published" : "default";
  return { recipe, ...base[recipe], ...fields.withoutUndefined(options) };
}

/** Rules that tie options of one training to each other. */
export function checkTraining(
  call: string,
  checked: {
    nesterov: boolean;
    momentum: number;
    warmupEpochs: number;
    epochs: number;
    validation?: unknown;
    checkpointFolder?: unknown;
    resume?: boolean | undefined;
  },
  given: { readonly keep?: unknown } | undefined,
): void {
  if (checked.nesterov && checked.momentum === 0)
    throw refuseOption(call, "nesterov", "false while momentum is 0", true);
  if (checked.warmupEpochs >= checked.epochs) {
    throw refuseOption(call, "warmupEpochs", `below epochs (${checked.epochs})`, checked.warmupEpochs);
  }
  if (checked.resume === true && checked.checkpointFolder === undefined) {
    throw refuseOption(call, "resume", "false without a checkpointFolder", true);
  }
  if (given?.keep === "best" && checked.validation === undefined) {
    throw refuseOption(call, "keep", '"last" without a validation split', "best");
  }
}
