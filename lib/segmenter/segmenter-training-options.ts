/** Options of the segmenter's training: types, check, defaults, and the paper's level weights. */
import { z } from "zod";
import { classifierBackbones, featureLevelsOf, type SegmenterBackbone } from "../model/backbones.js";
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
import { checkOptions, refuseOption } from "../options/check.js";
import { basesOf, rulesOf } from "../options/declared-option.js";
import { countOrNone } from "../options/fields.js";
import type { MaskLevel } from "../pseudo-masks/mask-level.js";
import { masksField } from "../pseudo-masks/masks-field.js";
import type { PseudoMasks } from "../pseudo-masks/pseudo-masks.js";
import { segmenterOptionTable } from "./segmenter-option-table.js";
import type { SegmenterTrainingSettings } from "./segmenter-training-settings.js";

/** Options of `Segmenter.train`. */
export interface SegmenterTrainingOptions extends SegmenterTrainingSettings, TrainingCallOptions {
  /** What to learn from: pseudo masks of the split that is trained on, or `"ground-truth"`, its true masks. */
  readonly masks: PseudoMasks | "ground-truth";
  /**
   * So many patches of the validation split have their class map in the event of each epoch, to look at while it trains: 0 to
   * 64, and above 0 only with `validation`. Each takes a byte a pixel until its event is taken.
   * @defaultValue `0`
   */
  readonly previews?: number | undefined;
}

/** Complete options of stage 3, nothing left to choose but `levelWeights: "auto"`, which needs the masks, and `mosaic: "auto"`, which needs the labels. */
export type ResolvedSegmenterTraining = Omit<Complete<SegmenterTrainingSettings>, "freezeBatchNorm"> & {
  /** Whether the batch norms of the backbone keep their statistics, scales and shifts. */
  readonly freezeBatchNorm: boolean;
};

/** What the options of a segmenter's training depend on. */
export interface TrainedSegmenter {
  /** Whether the weights come from elsewhere. */
  readonly pretrained: boolean;
  /**
   * Network below ASPP and decoder.
   * @defaultValue `"resnet101"`, as in `Segmenter.create`
   */
  readonly backbone?: SegmenterBackbone;
}

/** All options of the segmenter's training, those of both trainings first. */
export const segmenterTrainingTable = { ...trainingOptionTable, ...segmenterOptionTable } as const;

const schema = z.strictObject({
  ...rulesOf(segmenterTrainingTable, "segmenter"),
  ...trainingCallShape,
  masks: masksField.optional(),
  previews: countOrNone.max(64).optional(),
});

/** What the schema lets through; its rules come from the table, as the interface of the settings does. */
type Checked = Complete<SegmenterTrainingSettings> & TrainingCallOptions & OwnCallOptions;

/** Options of one call that only the segmenter's training has. */
interface OwnCallOptions {
  readonly masks: PseudoMasks | "ground-truth" | undefined;
  readonly previews?: number | undefined;
}

/** A checked call of `Segmenter.train`. */
export interface SegmenterTrainingCall extends TrainingCallOptions, OwnCallOptions {
  readonly settings: ResolvedSegmenterTraining;
}

/**
 * Fills in and checks options of stage 3, without touching a file or a device. Options of the call alone (`masks`, `signal`,
 * `validation`, `previews`, `checkpointFolder`) are checked too, and left out of what is returned.
 *
 * @param options - what the user chose; `masks` may be missing, since nothing is trained here.
 * @param model - the network, which decides what `"auto"` means and which learning rate and weight decay are the defaults.
 * @returns complete options, frozen; a run records them beside its results.
 * @throws WsssError `WSSS_ERR_OPTION` naming option, bound and value.
 */
export function resolveSegmenterTraining(
  options: Partial<SegmenterTrainingOptions> = {},
  model: TrainedSegmenter = { pretrained: false },
): ResolvedSegmenterTraining {
  return checkSegmenterTraining("Segmenter.train", options, model).settings;
}

/** Like {@link resolveSegmenterTraining}, with the options of the call beside the settings. */
export function checkSegmenterTraining(
  call: string,
  options: Partial<SegmenterTrainingOptions> | undefined,
  model: TrainedSegmenter,
): SegmenterTrainingCall {
  const base = basesOf(segmenterTrainingTable, "segmenter", circumstancesOf(model.backbone, options));
  const checked = checkOptions(schema, call, withBase(base, options)) as Checked;
  checkTraining(call, checked, options);
  const { call: callOptions, settings: given } = splitCall(checked);
  const { masks, previews, freezeBatchNorm, ...rest } = given;
  if (previews !== undefined && previews > 0 && checked.validation === undefined) {
    throw refuseOption(call, "previews", "0 without a validation split", previews);
  }
  const settings = Object.freeze({
    ...rest,
    freezeBatchNorm: freezeBatchNorm === "auto" ? model.pretrained : freezeBatchNorm,
  });
  return { settings, masks, previews, ...callOptions };
}

const deepestWeight = 0.6;
const otherWeight = 0.2;

/** The paper's weights of the given levels, scaled to sum to 1. */
export function automaticLevelWeights(levels: readonly MaskLevel[]): number[] {
  const deepest: readonly MaskLevel[] = classifierBackbones.map((name) => featureLevelsOf[name][0]);
  const raw = levels.map((level) => (deepest.includes(level) ? deepestWeight : otherWeight));
  const sum = raw.reduce((total, each) => total + each, 0);
  return raw.map((each) => each / sum);
}
