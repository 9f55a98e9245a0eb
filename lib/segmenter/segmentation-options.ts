/** Options of predicting and evaluating with a segmenter: views, class gate, threshold, rule, tolerance. */
import { z } from "zod";
import { classifierField } from "../classifier/classifier-field.js";
import type { Classifier } from "../classifier/classifier.js";
import { boundaryTolerancePx } from "../evaluation/boundary-tolerance.js";
import type { EvaluationSettings } from "../evaluation/evaluation-settings.js";
import {
  type CheckedInference,
  type InferenceOptions,
  inferenceShape,
  type SharedInferenceOptions,
  withInferenceBase,
} from "../model/inference-options.js";
import { type Complete, withBase } from "../model/training-options.js";
import { checkOptions, refuseOption } from "../options/check.js";
import { basesOf, rulesOf, usualCircumstances } from "../options/declared-option.js";
import { groupField } from "../process-group/process-group.js";
import { withoutUndefined } from "../options/fields.js";
import { gateOptionTable } from "./gate-option-table.js";
import type { GateSettings } from "./gate-settings.js";
import { viewOptionTable } from "./view-option-table.js";
import type { ViewSettings } from "./view-settings.js";

/** Options of `Segmenter.predict`. */
export interface SegmentationOptions extends InferenceOptions, GateSettings, ViewSettings {
  /**
   * Classifier that says which classes a patch can have. It must know the same classes, and is busy meanwhile. `null`: none,
   * so that every class can win everywhere.
   * @defaultValue the bundle's own classifier for a segmenter that was loaded from a bundle, with the bundle's threshold
   *   and rule; otherwise none
   */
  readonly gate?: Classifier | null | undefined;
}

/** Options of `Segmenter.evaluate`. */
export interface EvaluationOptions extends SegmentationOptions, SharedInferenceOptions, EvaluationSettings {}

const gateBase = basesOf(gateOptionTable, "segmenter", usualCircumstances);
const viewBase = basesOf(viewOptionTable, "segmenter", usualCircumstances);
const base = basesOf({ ...gateOptionTable, ...viewOptionTable }, "segmenter", usualCircumstances);
const gateShape = rulesOf(gateOptionTable, "segmenter");
const viewShape = rulesOf(viewOptionTable, "segmenter");
const segmentationShape = { ...gateShape, ...viewShape, ...inferenceShape, gate: classifierField.nullish() };
const segmentationSchema = z.strictObject(segmentationShape);
const evaluationSchema = z.strictObject({ ...segmentationShape, boundaryTolerancePx, group: groupField.optional() });

/** What the schemas let through; their rules come from the table, as the interface of the settings does. */
type CheckedSegmentation = Complete<GateSettings> &
  Complete<ViewSettings> &
  CheckedInference & { readonly gate?: Classifier | null | undefined };
type CheckedEvaluation = CheckedSegmentation & Complete<EvaluationSettings> & Pick<EvaluationOptions, "group">;

/** Checks a call of `Segmenter.predict`. */
export function checkSegmentationOptions(call: string, options: SegmentationOptions | undefined): CheckedSegmentation {
  const checked = checkOptions(segmentationSchema, call, withInferenceBase(base, options));
  return assertGated(call, checked as CheckedSegmentation, options);
}

/** Checks a call of `Segmenter.evaluate`. */
export function checkEvaluationOptions(call: string, options: EvaluationOptions | undefined): CheckedEvaluation {
  const checked = checkOptions(evaluationSchema, call, withInferenceBase(base, options));
  return assertGated(call, checked as CheckedEvaluation, options);
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
  const checked = checkOptions(z.strictObject(gateShape), "Segmenter.evaluate", withBase(gateBase, options));
  return Object.freeze(checked as Complete<GateSettings>);
}

/** {@link resolveGate} for what the segmenter looks at. */
export function resolveViews(options: ViewSettings = {}): Complete<ViewSettings> {
  const given = { ...viewBase.default, ...withoutUndefined(options) };
  return Object.freeze(checkOptions(z.strictObject(viewShape), "Segmenter.evaluate", given) as Complete<ViewSettings>);
}
