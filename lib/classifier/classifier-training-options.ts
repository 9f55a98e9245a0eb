import { z } from "zod";
import type { ClassifierBackbone } from "../model/backbones.js";
import { checkOptions } from "../options/check.js";
import type { Recipe } from "../options/fields.js";
import * as fields from "../options/fields.js";
import {
  checkTraining,
  sharedTrainingBase,
  splitCall,
  trainingCallShape,
  trainingShape,
  withBase,
} from "../model/training-options.js";
import type { Complete, TrainingCallOptions, TrainingSettings } from "../model/training-options.js";

/** Options of stage 1, the classifier's training, that a run records. Bounds are inclusive where not said otherwise. */
export interface ClassifierTrainingSettings extends TrainingSettings {
  /**
   * Progressive dropout attention (PDA, paper section 3.1) is on from this epoch, counted from 0, or `"never"`.
   * @defaultValue `3`, the fourth epoch, as published: the attention maps must mean something first
   */
  readonly pdaStartEpoch?: number | "never" | undefined;
  /**
   * Gamma at its start, 0..1: activations above gamma x maximum are dropped.
   * @defaultValue `1`, which drops nothing yet
   */
  readonly gammaInitial?: number | undefined;
  /**
   * Factor on gamma after every epoch, above 0, at most 1.
   * @defaultValue `0.985`, the paper's; recipe `"published"` `0.98`, the code's
   */
  readonly gammaDecay?: number | undefined;
  /**
   * Gamma shrinks only while it is above this, 0..1.
   * @defaultValue `0.65`, the paper's
   */
  readonly gammaFloor?: number | undefined;
  /**
   * Whether gamma shrinks from the first epoch (`"start"`) or from the start of PDA (`"pda"`).
   * @defaultValue `"pda"`, the paper's; recipe `"published"` `"start"`, so that PDA begins at 0.941 instead of 1
   */
  readonly gammaDecaysFrom?: "start" | "pda" | undefined;
  /**
   * Divisor of the sum of the class maps: the number of classes, or a number above 0.
   * @defaultValue `"classes"`, a mean as the paper has it; recipe `"published"` `4` for any number of classes
   */
  readonly pdaDivisor?: number | "classes" | undefined;
  /**
   * Whether conv1a and the blocks b2, b2_1, b2_2 keep their weights. `"auto"`: exactly if the weights come from elsewhere;
   * frozen random filters learn nothing.
   * @defaultValue `"auto"`
   */
  readonly freezeStem?: boolean | "auto" | undefined;
  /**
   * Whether batch norms keep their statistics, scales and shifts. `"auto"`: exactly if the weights come from elsewhere.
   * @defaultValue `"auto"`
   */
  readonly freezeBatchNorm?: boolean | "auto" | undefined;
}

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

/** Base values of stage 1 by recipe. */
export const classifierTrainingBase = {
  default: {
    ...sharedTrainingBase,
    epochs: 20,
    learningRate: 0.01,
    weightDecay: 5e-4,
    gradientClipNorm: 5,
    dropLastBatch: true,
    unfoldBatchNorm: true,
    verticalFlip: 0.5,
    keep: "best",
    pdaStartEpoch: 3,
    gammaInitial: 1,
    gammaDecay: 0.985,
    gammaFloor: 0.65,
    gammaDecaysFrom: "pda",
    pdaDivisor: "classes",
    freezeStem: "auto",
    freezeBatchNorm: "auto",
  },
  published: {
    ...sharedTrainingBase,
    epochs: 20,
    learningRate: 0.01,
    momentum: 5e-4,
    weightDecay: 5e-4,
    gradientClipNorm: 0,
    dropLastBatch: true,
    unfoldBatchNorm: false,
    verticalFlip: 0.5,
    keep: "last",
    pdaStartEpoch: 3,
    gammaInitial: 1,
    gammaDecay: 0.98,
    gammaFloor: 0.65,
    gammaDecaysFrom: "start",
    pdaDivisor: 4,
    freezeStem: "auto",
    freezeBatchNorm: "auto",
  },
} as const satisfies Record<Recipe, Omit<Complete<ClassifierTrainingSettings>, "recipe">>;

/**
 * MobileNetV2 has 1280 deep features that batch norms scale to about 1, and no width to average steps out: at the rate of
 * ResNet38 its ImageNet start diverges within an epoch.
 */
const mobileNetBase = {
  default: { ...classifierTrainingBase.default, learningRate: 0.001 },
  published: classifierTrainingBase.published,
} as const;

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

const schema = z.strictObject({
  ...trainingShape,
  ...trainingCallShape,
  pdaStartEpoch: z.union([z.literal("never"), fields.countOrNone]),
  gammaInitial: fields.probability,
  gammaDecay: z.number().gt(0).max(1),
  gammaFloor: fields.probability,
  gammaDecaysFrom: z.enum(["start", "pda"]),
  pdaDivisor: z.union([z.literal("classes"), z.number().gt(0).max(1e6)]),
  freezeStem: fields.autoOrFlag,
  freezeBatchNorm: fields.autoOrFlag,
});

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
  const base = model.backbone === "mobilenet" ? mobileNetBase : classifierTrainingBase;
  const checked = checkOptions(schema, call, withBase(base, options));
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
