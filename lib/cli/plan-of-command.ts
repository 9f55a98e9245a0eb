/** From the given flags to the plan of a run: the sections of classifier and segmenter. */
import { type NetworkPreset, presetPlans } from "../run/network-presets.js";
import type { NetworkOptions, PlanOptions } from "../run/plan-options.js";
import { trainingOf } from "./add-declared-options.js";
import { planOf } from "./run-options.js";
import { section } from "./section.js";
import { classifierTrainingFlags, segmenterTrainingFlags, sharedTrainingFlags } from "./declared-flags.js";

/** Flags of the classifier's training, in the order of the help. */
export const classifierFlags = [...sharedTrainingFlags, ...classifierTrainingFlags];
/** Flags of the segmenter's training, in the order of the help. */
export const segmenterFlags = [...sharedTrainingFlags, ...segmenterTrainingFlags];

type Given = Readonly<Record<string, unknown>>;

/** How a stage's weight file is read. A file without a key is meant as a whole, whatever the run folder was given before. */
function loadingOf(given: Given, stage: "classifier" | "segmenter"): Pick<NetworkOptions, "weightsKey" | "strict"> {
  const weights = given[`${stage}Weights`] ?? given["weights"];
  const key = given[`${stage}WeightsKey`] ?? given["weightsKey"] ?? (weights === undefined ? undefined : "");
  const partial = given["partialLoad"];
  return {
    weightsKey: key as string | undefined,
    strict: typeof partial === "boolean" ? !partial : undefined,
  };
}

/** The classifier's section of the plan, from options with or without its prefix. */
export function classifierOf(given: Given): PlanOptions["classifier"] {
  return section({
    width: given["classifierWidth"] ?? given["width"],
    backbone: given["classifierBackbone"] ?? given["backbone"],
    weights: given["classifierWeights"] ?? given["weights"],
    ...loadingOf(given, "classifier"),
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
    ...loadingOf(given, "segmenter"),
    foldNormalization: given["foldNormalization"],
    outputStride: given["outputStride"],
    headWidth: given["headWidth"],
    masks: given["masks"],
    rounds: given["rounds"],
    training: trainingOf(given, segmenterFlags, "segmenter"),
  });
}

/** The plan of a command that does all stages. */
export function planOfRun(given: Given): PlanOptions {
  return { ...planOf(given), classifier: classifierOf(given), segmenter: segmenterOf(given) };
}

/** What stands under the options of a command that names a preset of networks; undefined where none is named. */
export function presetOf(given: Given): PlanOptions | undefined {
  const preset = given["networks"] as NetworkPreset | undefined;
  return preset === undefined ? undefined : presetPlans[preset];
}
