/** Options of predicting and evaluating with a segmenter: class gate, threshold, rule, tolerance. */
import { z } from "zod";
import { classifierField } from "../classifier/classifier-field.js";
import type { Classifier } from "../classifier/classifier.js";
import { boundaryTolerancePx } from "../evaluation/boundary-tolerance.js";
import type { BoundaryTolerance } from "../evaluation/segmentation-evaluation.js";
import { type InferenceOptions, inferenceShape, withInferenceBase } from "../model/inference-options.js";
import { type Complete, withBase } from "../model/training-options.js";
import { checkOptions, refuseOption } from "../options/check.js";
import * as fields from "../options/fields.js";
import type { Recipe } from "../options/fields.js";

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

const segmentationSchema = z.strictObject({ ...inferenceShape, ...gateShape, gate: classifierField.nullish() });

const evaluationSchema = segmentationSchema.extend({ boundaryTolerancePx });

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
