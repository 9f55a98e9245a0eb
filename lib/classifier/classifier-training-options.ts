/** Options of the classifier's training: their types, their check, and all defaults filled in. */
import { z } from "zod";
import type { ClassifierBackbone } from "../model/backbones.js";
import { trainingOptionTable } from "../model/training-option-table.js";
import {
  checkTraining,
  circumstancesOf,
  type Complete,
  splitCall,
  type TrainingCallOptions,
  trainingCallShape,
  withBase,
} from "../model/training-options.js";
import { checkOptions } from "../options/check.js";
import { basesOf, rulesOf } from "../options/declared-option.js";
import { classifierOptionTable } from "./classifier-option-table.js";
import type { ClassifierTrainingSettings } from "./classifier-training-settings.js";

/** Options of `Classifier.train`. */
export interface ClassifierTrainingOptions extends ClassifierTrainingSettings, TrainingCallOptions {}

/** Complete options of stage 1, nothing left to choose: what a run records beside its results. */
export type ResolvedClassifierTraining = Omit<
  Complete<ClassifierTrainingSettings>,
  "freezeStem" | "freezeBatchNorm"
> & {
  /** Whether conv1a and the blocks b2, b2_1, b2_2 keep their weights. */
  readonly freezeStem: boolean;
  /** Whether batch norms keep their statistics, scales and shifts. */
  readonly freezeBatchNorm: boolean;
};

/** What the options of a training depend on. */
export interface TrainedNetwork {
  /** Whether the weights come from elsewhere. */
  readonly pretrained: boolean;
  /**
   * The network.
   * @defaultValue `"resnet38"`, as in `Classifier.create`
   */
  readonly backbone?: ClassifierBackbone;
}

/** All options of the classifier's training, those of both trainings first. */
export const classifierTrainingTable = { ...trainingOptionTable, ...classifierOptionTable } as const;

const schema = z.strictObject({ ...rulesOf(classifierTrainingTable, "classifier"), ...trainingCallShape });

/** What the schema lets through; its rules come from the table, as the interface of the settings does. */
type Checked = Complete<ClassifierTrainingSettings> & TrainingCallOptions;

/** A checked call of `Classifier.train`. */
export interface ClassifierTrainingCall extends TrainingCallOptions {
  readonly settings: ResolvedClassifierTraining;
}

/**
 * Fills in and checks options of stage 1, without touching a file or a device. Options of the call alone (`signal`,
 * `validation`, `checkpointFolder`) are checked too, and left out of what is returned.
 *
 * @param options - what the user chose.
 * @param model - the network, which decides what `"auto"` means and which learning rate is the default.
 * @returns complete options, frozen; a run records them beside its results.
 * @throws WsssError `WSSS_ERR_OPTION` naming option, bound and value.
 */
export function resolveClassifierTraining(
  options: ClassifierTrainingOptions = {},
  model: TrainedNetwork = { pretrained: false },
): ResolvedClassifierTraining {
  return checkClassifierTraining("Classifier.train", options, model).settings;
}

/** Like {@link resolveClassifierTraining}, with the options of the call beside the settings. */
export function checkClassifierTraining(
  call: string,
  options: ClassifierTrainingOptions | undefined,
  model: TrainedNetwork,
): ClassifierTrainingCall {
  const base = basesOf(classifierTrainingTable, "classifier", circumstancesOf(model.backbone, options));
  const checked = checkOptions(schema, call, withBase(base, options)) as Checked;
  checkTraining(call, checked, options);
  const { call: callOptions, settings: given } = splitCall(checked);
  const { freezeStem, freezeBatchNorm, ...rest } = given;
  const settings = Object.freeze({
    ...rest,
    freezeStem: freezeStem === "auto" ? model.pretrained : freezeStem,
    freezeBatchNorm: freezeBatchNorm === "auto" ? model.pretrained : freezeBatchNorm,
  });
  return { settings, ...callOptions };
}
