/** Options of a training call (validation, checkpoints, resuming), and rules that both trainings share. */
import { splitField } from "../dataset/is-split.js";
import type { Split } from "../dataset/split.js";
import { refuseOption } from "../options/check.js";
import type { Circumstances } from "../options/declared-option.js";
import * as fields from "../options/fields.js";
import type { Recipe } from "../options/fields.js";
import { groupField, type ProcessGroup } from "../process-group/process-group.js";
import { isSmallBackbone } from "./backbones.js";
import type { TrainingSettings } from "./training-settings.js";

/** How the learning rate runs over the training: see {@link TrainingSettings.schedule}. */
export type Schedule = NonNullable<TrainingSettings["schedule"]>;

/** Every option of `Settings`, none missing. */
export type Complete<Settings> = { readonly [Name in keyof Settings]-?: Exclude<Settings[Name], undefined> };

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
   * Processes that train together. `batchSize` counts the patches of all, so that a training means the same on any number of
   * processes; every process gets the same events, and process 0 writes the files. See {@link joinProcessGroup}.
   * @defaultValue this process alone
   */
  readonly group?: ProcessGroup | undefined;
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
  group: groupField.optional(),
  signal: fields.signal.optional(),
} as const;

/** Takes the options of the call out of checked options; the rest are settings. */
export function splitCall<Checked extends TrainingCallOptions>(
  checked: Checked,
): { call: TrainingCallOptions; settings: Omit<Checked, keyof TrainingCallOptions> } {
  const { validation, checkpointFolder, checkpointSteps, checkpointKeep, resume, group, signal, ...settings } = checked;
  return { call: { validation, checkpointFolder, checkpointSteps, checkpointKeep, resume, group, signal }, settings };
}

/** What `batchSize` `"auto"` asks for, as published. */
const largestAutomaticBatch = 20;

/** Patches of a step as far as they are known before the memory is. */
export function mostPatches(batchSize: number | "auto", patches: number): number {
  return batchSize === "auto" ? Math.min(largestAutomaticBatch, patches) : batchSize;
}

/**
 * The options of a caller on top of the base values of the recipe that they name. What is no object, and a recipe that
 * does not exist, is left for the schema to refuse.
 */
export function withBase(base: Readonly<Record<Recipe, object>>, options: unknown = {}): unknown {
  if (typeof options !== "object" || options === null || Array.isArray(options)) return options;
  const recipe: Recipe = "recipe" in options && options.recipe === "published" ? "published" : "default";
  return { recipe, ...base[recipe], ...fields.withoutUndefined(options) };
}

/** What the defaults of a training depend on, as far as it is known before the options are checked. */
export function circumstancesOf(backbone: string | undefined, options: unknown): Circumstances {
  const given = typeof options === "object" && options !== null ? (options as { optimizer?: unknown }) : {};
  return { isSmall: isSmallBackbone(backbone), isAdamW: given.optimizer === "adamw" };
}

/** Rules that tie options of one training to each other. */
export function checkTraining(
  call: string,
  checked: {
    optimizer: string;
    nesterov: boolean;
    momentum: number;
    warmupEpochs: number;
    epochs: number;
    scaleMin: number;
    scaleMax: number;
    validation?: unknown;
    checkpointFolder?: unknown;
    resume?: boolean | undefined;
  },
  given: { readonly keep?: unknown } | undefined,
): void {
  if (checked.nesterov && checked.optimizer !== "sgd") {
    throw refuseOption(call, "nesterov", `false with the optimizer ${checked.optimizer}`, true);
  }
  if (checked.nesterov && checked.momentum === 0)
    throw refuseOption(call, "nesterov", "false while momentum is 0", true);
  if (checked.warmupEpochs >= checked.epochs) {
    throw refuseOption(call, "warmupEpochs", `below epochs (${checked.epochs})`, checked.warmupEpochs);
  }
  if (checked.scaleMax < checked.scaleMin) {
    throw refuseOption(call, "scaleMax", `at least scaleMin (${checked.scaleMin})`, checked.scaleMax);
  }
  if (checked.resume === true && checked.checkpointFolder === undefined) {
    throw refuseOption(call, "resume", "false without a checkpointFolder", true);
  }
  if (given?.keep === "best" && checked.validation === undefined) {
    throw refuseOption(call, "keep", '"last" without a validation split', "best");
  }
}
