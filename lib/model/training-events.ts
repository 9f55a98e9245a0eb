import {
  type LabelScores,
  labelScoresOf,
  type SegmentationScores,
  segmentationScoresOf,
} from "../evaluation/scores.js";
import type { NativeEpochEvent, NativeStepEvent, NativeTrainingEvent, NativeTrainingSummary } from "../native/addon.js";

/** One optimiser step has been done. */
export interface StepEvent {
  /** Tells it from an {@link EpochEvent}. */
  readonly kind: "step";
  /** Counted from 0. */
  readonly epoch: number;
  /** Steps done, counted from 1 over the whole training. */
  readonly step: number;
  /** Steps of the whole training. */
  readonly steps: number;
  /** Loss of this step's batch, in nats. */
  readonly loss: number;
  /** Learning rate of the backbone in this step. */
  readonly learningRate: number;
  /** Patches in this step's batch. */
  readonly patches: number;
  /** Time since the training began, in milliseconds, without the time between an interruption and its resumption. */
  readonly elapsedMs: number;
  /** Whether it happened before the checkpoint that this training resumed from, and is reported once more. */
  readonly again: boolean;
  /** Whether it was replayed from a recording of the GPU's work (a CUDA graph), instead of being launched operation by operation. */
  readonly fromRecording: boolean;
}

/** One optimiser step of the classifier. */
export interface ClassifierStepEvent extends StepEvent {
  /** Share of this epoch's patches so far whose whole label was predicted (under augmentation and dropout), 0..1. */
  readonly exactMatch: number;
  /** Mean Jaccard index of the labels of this epoch's patches so far, 0..1. */
  readonly jaccard: number;
}

/** One epoch has ended, its validation included. */
export interface EpochEvent {
  /** Tells it from a {@link StepEvent}. */
  readonly kind: "epoch";
  /** Counted from 0. */
  readonly epoch: number;
  /** Mean loss of the epoch's steps, in nats. */
  readonly meanLoss: number;
  /** Time since the training began, in milliseconds. */
  readonly elapsedMs: number;
  /** Whether this epoch's validation score is the best so far; `false` without validation. */
  readonly best: boolean;
  /** Like {@link StepEvent.again}. */
  readonly again: boolean;
  /** Steps of this epoch that were replayed from a recording, as {@link StepEvent.fromRecording} says. */
  readonly replayedSteps: number;
  /** Why its last steps were not recorded, in words; `""` if they were, and where the epoch is reported again. */
  readonly whyNotRecorded: string;
}

/** One epoch of the classifier. */
export interface ClassifierEpochEvent extends EpochEvent {
  /** Whether progressive dropout attention was on in this epoch. */
  readonly pdaEnabled: boolean;
  /** Gamma that this epoch used (or would have used, with PDA off). */
  readonly gamma: number;
  /** Share of the epoch's training patches whose whole label was predicted, 0..1. */
  readonly exactMatch: number;
  /** Mean Jaccard index of the epoch's training patches, 0..1. */
  readonly jaccard: number;
  /** Scores on the validation split, where there is one. */
  readonly labelValidation?: LabelScores;
}

/** One epoch of the segmenter. */
export interface SegmenterEpochEvent extends EpochEvent {
  /**
   * Pixels of the epoch's masks, of all levels together, that the loss was of: neither ignored nor, but for
   * `background: "fifth-logit"`, background. With 0 the loss is 0, and nothing was learned.
   */
  readonly scoredPixels: number;
  /** Scores on the validation split without a gate, where there is one. */
  readonly validation?: SegmentationScores;
}

/** What `Classifier.train` reports; told apart by `kind`. */
export type ClassifierTrainingEvent = ClassifierStepEvent | ClassifierEpochEvent;

/** What `Segmenter.train` reports; told apart by `kind`. */
export type SegmenterTrainingEvent = StepEvent | SegmenterEpochEvent;

/** How a training ended: the return value of the training's generator. */
export interface TrainingSummary {
  /** Optimiser steps done. */
  readonly steps: number;
  /** Epochs done. */
  readonly epochs: number;
  /** Epoch of the best validation score, counted from 0; -1 without validation. */
  readonly bestEpoch: number;
  /** Best validation score: Jaccard index (classifier) or mIoU (segmenter); NaN without validation. */
  readonly bestScore: number;
  /** Patches of a full step: what was asked for, or what `"auto"` came to. */
  readonly batchSize: number;
  /** Loss of the last step, in nats. */
  readonly lastLoss: number;
  /** Time from the first step to the end, validation included, in milliseconds. */
  readonly elapsedMs: number;
  /** Steps that were replayed from a recording of the GPU's work (a CUDA graph); those of before a resumption are not counted. */
  readonly replayedSteps: number;
  /**
   * Why steps were not recorded at the end of the training, in words, as `"the device is the CPU"`; `""` if they were. On a GPU a
   * training that does not record is slower: each of a step's operations is launched by the processor.
   */
  readonly whyNotRecorded: string;
}

/** The classifier's event as public plain data. */
export function classifierEventOf(event: NativeTrainingEvent): ClassifierTrainingEvent {
  const { exactMatch = NaN, jaccard = NaN } = event;
  if (event.kind === "step") return { ...stepOf(event), exactMatch, jaccard };
  const { pdaEnabled = false, gamma = NaN, labelValidation } = event;
  const epoch = { ...epochOf(event), pdaEnabled, gamma, exactMatch, jaccard };
  return labelValidation === undefined ? epoch : { ...epoch, labelValidation: labelScoresOf(labelValidation) };
}

/** The segmenter's event as public plain data. */
export function segmenterEventOf(event: NativeTrainingEvent): SegmenterTrainingEvent {
  if (event.kind === "step") return stepOf(event);
  const { scoredPixels = 0, validation } = event;
  const epoch = { ...epochOf(event), scoredPixels };
  return validation === undefined ? epoch : { ...epoch, validation: segmentationScoresOf(validation) };
}

/** The summary as public plain data. */
export function trainingSummaryOf(summary: NativeTrainingSummary): TrainingSummary {
  const { steps, epochs, bestEpoch, bestScore, batchSize, lastLoss, elapsedMs, replayedSteps, whyNotRecorded } =
    summary;
  const score = bestEpoch < 0 ? NaN : bestScore;
  return { steps, epochs, bestEpoch, bestScore: score, batchSize, lastLoss, elapsedMs, replayedSteps, whyNotRecorded };
}

function stepOf(event: NativeStepEvent): StepEvent {
  const { kind, epoch, step, steps, loss, learningRate, patches, elapsedMs, again, fromRecording } = event;
  return { kind, epoch, step, steps, loss, learningRate, patches, elapsedMs, again, fromRecording };
}

function epochOf(event: NativeEpochEvent): EpochEvent {
  const { kind, epoch, meanLoss, elapsedMs, best, again, replayedSteps, whyNotRecorded } = event;
  return { kind, epoch, meanLoss, elapsedMs, best, again, replayedSteps, whyNotRecorded };
}
