/** Trainings of the addon: options, events, scores. */
import type { NativeProcessGroup } from "./native-process-group.js";
import type { NativeMaskStore, NativePatchStore } from "./native-stores.js";

/**
 * What the addon is told of a training beside its settings, which go to it whole: see `nativeClassifierTraining` and
 * `nativeSegmenterTraining`. `scripts/check-native-fields.mjs` holds both against what `binding/` reads.
 */
export interface NativeTrainingSurroundings {
  /** Patches of a full step. */
  readonly batchSize: number;
  /** Take fewer patches a step if memory has no room for as many. */
  readonly fitBatch: boolean;
  /** Memory of the host that the training may take. */
  readonly freeHostBytes: number;
  /** In what this training multiplies. */
  readonly precision: "float32" | "bfloat16";
  /**
   * Folder for `last.safetensors` (every epoch), `best.safetensors` (whenever validation improves) and the checkpoints that a
   * run resumes from; `""` = none.
   */
  readonly checkpointFolder: string;
  /** A checkpoint every so many steps, beside the one of each epoch; 0 = none. */
  readonly checkpointSteps: number;
  /** So many of the newest checkpoints stay; at least 1. */
  readonly checkpointKeep: number;
  /** Options and data of the run as text; a resumed run must have the same. */
  readonly checkpointConfig: string;
  /** Checkpoint to go on from; `""` = from the start. */
  readonly resumeFrom: string;
  /** Written into every checkpoint. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The processes that train together; null for one alone. */
  readonly group: NativeProcessGroup | null;
  /** What all of them must agree in, as text. */
  readonly groupConfig: string;
  /** Batch norms that learn take the statistics of all processes' patches. */
  readonly syncBatchNorm: boolean;
  /** Processes send each other their gradients in bfloat16. */
  readonly bfloat16Gradients: boolean;
}

/** Patches of one size to choose the best epoch by, with their true masks. */
export interface NativeValidation {
  readonly patches: NativePatchStore;
  readonly truth: NativeMaskStore;
}

/** How well patch-level labels were predicted: labels against probabilities above 0.5, as fractions 0..1. */
export interface LabelScores {
  /** Share of patches of which every class was judged right. */
  readonly exactMatch: number;
  /** Mean over patches of |shared classes| / |named classes|; 1 where neither names any. */
  readonly jaccard: number;
  /** Share of patches on which the class was judged right, one per class. */
  readonly classAccuracy: readonly number[];
}

export interface NativeScores {
  /** float64 [K, K + 1], rows = ground truth, columns = prediction; the last column counts tissue predicted as background. */
  readonly confusion: ArrayBuffer;
  readonly pixelAccuracy: number;
  readonly meanClassAccuracy: number;
  readonly mIoU: number;
  readonly fwIoU: number;
  /** Per class; NaN where a class is in neither truth nor prediction. */
  readonly iou: readonly number[];
  readonly dice: readonly number[];
}

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

/** What the segmenter makes of one validation patch. */
export interface NativeClassMapPreview {
  /** Which part of the validation the patch is of. */
  readonly part: number;
  /** Its index in there. */
  readonly patch: number;
  readonly height: number;
  readonly width: number;
  readonly classMap: Uint8Array;
}

/** One epoch of the segmenter as the addon tells of it. */
export interface NativeSegmenterEpochEvent extends EpochEvent {
  readonly scoredPixels: number;
  readonly validation?: NativeScores;
  readonly previews: readonly NativeClassMapPreview[];
}

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
