/** Options of drawing pseudo masks: feature levels, glass, scaling, views; and their check. */
import { z } from "zod";
import { type ClassifierBackbone, type FeatureLevel, featureLevelsOf } from "../model/backbones.js";
import {
  type CheckedInference,
  inferenceShape,
  type SharedInferenceOptions,
  withInferenceBase,
} from "../model/inference-options.js";
import type { Complete } from "../model/training-options.js";
import { checkOptions, refuseOption } from "../options/check.js";
import { basesOf, rulesOf, usualCircumstances } from "../options/declared-option.js";
import * as fields from "../options/fields.js";
import { ruleOf } from "../options/kinds.js";
import { groupField } from "../process-group/process-group.js";
import { levelsKind, pseudoMaskOptionTable } from "./pseudo-mask-option-table.js";
import type { PseudoMaskSettings } from "./pseudo-mask-settings.js";

/** Options of `Classifier.generatePseudoMasks`. */
export interface PseudoMaskOptions extends SharedInferenceOptions, PseudoMaskSettings {
  /**
   * Folder to write the masks into, as `PM_<level>/<stem>.png`; made if it is not there. Each level appears whole or not at
   * all, and replaces an older one.
   * @defaultValue none: the masks are kept in memory only
   */
  readonly output?: string | undefined;
}

/** The rule of a list of feature levels. */
export const levels = ruleOf(levelsKind) as z.ZodType<readonly FeatureLevel[], readonly FeatureLevel[]>;

const base = basesOf(pseudoMaskOptionTable, "classifier", usualCircumstances);

const schema = z.strictObject({
  ...inferenceShape,
  ...rulesOf(pseudoMaskOptionTable, "classifier"),
  output: fields.path.optional(),
  group: groupField.optional(),
});

/** What the schema lets through; its rules come from the table, as the interface of the settings does. */
type Checked = Complete<PseudoMaskSettings> & CheckedInference & Pick<PseudoMaskOptions, "output" | "group">;

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

/** @throws WsssError `WSSS_ERR_OPTION` for a mirrored border that is as wide as the patches. */
export function assertPadding(
  call: string,
  paddingPx: number,
  { height, width }: { readonly height: number; readonly width: number },
): void {
  if (paddingPx < Math.min(height, width)) return;
  throw refuseOption(call, "paddingPx", `narrower than the patches of ${width}x${height} px`, paddingPx);
}

/** Checks a call of `Classifier.generatePseudoMasks`. */
export function checkPseudoMaskOptions(call: string, options: unknown): Checked {
  return checkOptions(schema, call, withInferenceBase(base, options)) as Checked;
}

/**
 * Fills in and checks options of pseudo masks, without touching a file or a device.
 * @returns complete options, frozen; a run records them beside its results.
 * @throws WsssError `WSSS_ERR_OPTION` naming option, bound and value.
 */
export function resolvePseudoMasks(options: PseudoMaskOptions = {}): Complete<PseudoMaskSettings> {
  const checked = checkPseudoMaskOptions("Classifier.generatePseudoMasks", options);
  const settings = Object.entries(checked).filter(([name]) => name in pseudoMaskOptionTable);
  return Object.freeze(Object.fromEntries(settings) as Complete<PseudoMaskSettings>);
}
