import type { PlanOptions } from "../run/plan-options.js";
import { planOf, section } from "./run-options.js";
import { classifierTrainingFlags, segmenterTrainingFlags, sharedTrainingFlags } from "./training-flags.js";
import { trainingOf } from "./training-options.js";

/** Flags of the classifier's training, in the order of the help. */
export const classifierFlags = [...sharedTrainingFlags, ...classifierTrainingFlags];
/** Flags of the segmenter's training, in the order of the help. */
export const segmenterFlags = [...sharedTrainingFlags, ...segmenterTrainingFlags];

type Given = Readonly<Record<string, unknown>>;

/** The classifier's section of the plan, from options with or without its prefix. */
export function classifierOf(given: Given): PlanOptions["classifier"] {
  return section({
    width: given["classifierWidth"] ?? given["width"],
    backbone: given["classifierBackbone"] ?? given["backbone"],
    weights: given["classifierWeights"] ?? given["weights"],
    foldNormalization: given["foldNormalization"],
    training: trainingOf(given, classifierFlags, "classifier"),
  });
}

/** The segmenter's section of the plan, from options with or without its prefix. */
export function segmenterOf(given: Given): PlanOptions["segmenter"] {
  return section({
    width: given["segmenterWidth"] ?? given["width"],
    backbone: given["segmenterBackbone"] ?? given["backbone"],
    weights: given["segmenterWeights"] ?? given["weights"],
    foldNormalization: given["foldNormalization"],
    outputStride: given["outputStride"],
    headWidth: given["headWidth"],
    masks: given["masks"],
    training: trainingOf(given, segmenterFlags, "segmenter"),
  });
}

/** The plan of a command that does all stages. */
export function planOfRun(given: Given): PlanOptions {
  return { ...planOf(given), classifier: classifierOf(given), segmenter: segmenterOf(given) };
}
