/** The segmenter's training in the addon: masks and level weights checked, events handed on. */
import { truthOf } from "../dataset/loaded-split.js";
import type { Split } from "../dataset/split.js";
import { WsssError } from "../errors.js";
import type { MaskLevel } from "../pseudo-masks/mask-level.js";
import { prepareCheckpoints, prepareGroup } from "../model/checkpoints.js";
import { metadataOf, type ModelDescription } from "../model/model-description.js";
import {
  type NativeTraining,
  nativeTraining,
  oneOrAll,
  type TrainingSurroundings,
} from "../model/native-training-options.js";
import {
  segmenterEventOf,
  type SegmenterTrainingEvent,
  type TrainingSummary,
  trainingSummaryOf,
} from "../model/training-events.js";
import type { NativeMaskStore, NativeSegmenter } from "../native/addon.js";
import { jobEvents } from "../native/job.js";
import { refuseOption } from "../options/check.js";
import { recordedSettings } from "../options/declared-option.js";
import type { PseudoMasks } from "../pseudo-masks/pseudo-masks.js";
import {
  automaticLevelWeights,
  type SegmenterTrainingCall,
  segmenterTrainingTable,
} from "./segmenter-training-options.js";
import { mosaicShare } from "./mosaic-share.js";
import { patientNumbers } from "./patient-numbers.js";

/** What the addon is told of a segmenter's training: one factor for each level of the mask store, patients, and how many class maps to hand out. */
export type NativeSegmenterTraining = NativeTraining<
  Omit<SettingsForSplit, "levelWeights"> & {
    readonly levelWeights: readonly number[];
    /** Whom each train patch is of, in numbers; empty where nobody is known, or no mosaics are made. */
    readonly patients: readonly number[];
    readonly previews: number;
  }
>;

/** A checked call whose masks are there. */
export type SegmenterTrainingPlan = SegmenterTrainingCall & { readonly masks: PseudoMasks | "ground-truth" };

/** Settings for one split, by which the share of mosaics is decided. */
type SettingsForSplit = SegmenterTrainingPlan["settings"] & { readonly mosaic: number };

/**
 * The settings with what `mosaic: "auto"` means for the split, which is what the weights record.
 * @throws WsssError `WSSS_ERR_DATASET` if the mosaics that were asked for can't be made.
 */
export function settingsFor(
  call: string,
  split: Split,
  { settings, masks }: Pick<SegmenterTrainingPlan, "settings" | "masks">,
): SettingsForSplit {
  const { share } = mosaicShare(call, split, settings.mosaic, masks === "ground-truth" ? masks : "pseudo");
  return { ...settings, mosaic: share };
}

/**
 * Factors on the loss against each level, as the addon wants them; the masks need not be there yet.
 * @throws WsssError `WSSS_ERR_OPTION` if there are not as many weights as levels.
 * @param levels - levels of the pseudo masks; null for true masks.
 */
export function levelWeightsFor(
  call: string,
  levelWeights: SegmenterTrainingPlan["settings"]["levelWeights"],
  levels: readonly MaskLevel[] | null,
): readonly number[] {
  if (levelWeights === "auto") return levels === null ? [1] : automaticLevelWeights(levels);
  if (levelWeights.length === (levels?.length ?? 1)) return levelWeights;
  const bound = `${levels?.length ?? 1} long, one weight for each of ${levels?.join(", ") ?? "true masks"}`;
  throw refuseOption(call, "levelWeights", bound, levelWeights);
}

/** Stage 3: decodes the splits, then trains. */
export async function* trainSegmenter(
  call: string,
  native: NativeSegmenter,
  description: ModelDescription,
  split: Split,
  plan: SegmenterTrainingPlan & { readonly settings: SettingsForSplit; readonly levelWeights: readonly number[] },
  { trainings, precision, signal }: TrainingSurroundings,
): AsyncGenerator<SegmenterTrainingEvent, TrainingSummary, void> {
  const { settings, masks, validation, previews = 0, levelWeights } = plan;
  const recorded = recordedSettings(segmenterTrainingTable, settings);
  const configuration = { call, settings: recorded, precision, description, train: split, validation, masks };
  const checkpoints = await prepareCheckpoints(configuration, plan);
  const group = await prepareGroup(configuration, plan);
  const train = await split.load(signal, undefined, plan.group);
  const targets = masks === "ground-truth" ? await split.loadTruth(signal, undefined, plan.group) : masks.store;
  assertMaskSize(call, targets, train);
  const groups = validation === undefined ? [] : await validation.loadGroups(signal, undefined, plan.group);
  const scored = oneOrAll(groups.map((group) => ({ patches: group.patches, truth: truthOf(group) })));
  const metadata = metadataOf(description, trainings);
  const context = { split, checkpoints, metadata, precision, isValidated: scored !== null, group };
  const options: NativeSegmenterTraining = {
    ...nativeTraining(settings, context),
    ...{ levelWeights, patients: settings.mosaic > 0 ? patientNumbers(split.files) : [], previews },
  };
  const indexOf = (group: number, patch: number): number => groups[group]?.positions[patch] ?? -1;
  const summary = yield* jobEvents<SegmenterTrainingEvent, TrainingSummary>(
    (onEvent, done) =>
      native.train(options, train.patches, targets, scored, (event) => onEvent(segmenterEventOf(event, indexOf)), done),
    signal,
  );
  return trainingSummaryOf(summary);
}

function assertMaskSize(call: string, masks: NativeMaskStore, train: { height: number; width: number }): void {
  if (masks.height === train.height && masks.width === train.width) return;
  const message =
    `masks are ${masks.width}x${masks.height} px and patches ${train.width}x${train.height} px; ` +
    `draw the masks again (${call})`;
  throw new WsssError("WSSS_ERR_SHAPE", message, { call, height: masks.height, width: masks.width });
}
