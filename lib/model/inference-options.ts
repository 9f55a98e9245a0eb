/** The options of predictions, evaluations and pseudo masks: batch size, signal, progress. */
import { z } from "zod";
import type { OnProgress } from "../async/progress.js";
import * as fields from "../options/fields.js";
import type { Recipe } from "../options/fields.js";
import { groupField, type ProcessGroup } from "../process-group/process-group.js";
import { withBase } from "./training-options.js";

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

/** Options of calls whose patches several processes can share out. */
export interface SharedInferenceOptions extends InferenceOptions {
  /**
   * Processes that do the work together, each for a part of the patches; every one gets the whole result. All must make the same call; one
   * that fails or is cancelled leaves the group. See `joinProcessGroup`.
   * @defaultValue this process alone
   */
  readonly group?: ProcessGroup | undefined;
}

/** The rules of {@link InferenceOptions} that schemas of more options take over. */
export const inferenceShape = {
  batchSize: fields.count.max(65_536),
  signal: fields.signal.optional(),
  onProgress: fields.callback<OnProgress>().optional(),
} as const;

/** What {@link inferenceShape} lets through. */
export interface CheckedInference extends Omit<InferenceOptions, "batchSize"> {
  readonly batchSize: number;
}

const inferenceBase = { batchSize: 20 } as const;

/** Rules and defaults of {@link InferenceOptions}. */
export const inferenceSchema = z.strictObject({
  ...inferenceShape,
  batchSize: inferenceShape.batchSize.default(inferenceBase.batchSize),
});

/** {@link inferenceSchema} with the one of {@link SharedInferenceOptions}. */
export const sharedInferenceSchema = inferenceSchema.extend({ group: groupField.optional() });

/** Options on the base values of their recipe, those of {@link InferenceOptions} included. */
export function withInferenceBase(base: Readonly<Record<Recipe, object>>, options: unknown): unknown {
  return withBase(
    { default: { ...inferenceBase, ...base.default }, published: { ...inferenceBase, ...base.published } },
    options,
  );
}
