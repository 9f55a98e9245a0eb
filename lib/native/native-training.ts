/** Trainings of the addon: options, events, scores. */
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
}

/** Patches of one size to choose the best epoch by, with their true masks. */
export interface NativeValidation {
  readonly patches: NativePatchStore;
  readonly truth: NativeMaskStore;
}

/** Labels against probabilities > 0.5, as fractions. */
export interface NativeLabelScores {
  readonly exactMatch: number;
  readonly jaccard: number;
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

export interface NativeStepEvent {
  readonly kind: "step";
  readonly epoch: number;
  /** Optimiser steps done, 1-based over the whole run. */
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  readonly learningRate: number;
  /** Patches trained on in this step. */
  readonly patches: number;
  readonly elapsedMs: number;
  /** Reported once more, from before the checkpoint that the run resumed from. */
  readonly again: boolean;
  /** Replayed from a recording of the device's work. */
  readonly fromRecording: boolean;
  /** Classifier only: running means of this epoch. */
  readonly exactMatch?: number;
  readonly jaccard?: number;
}

export interface NativeEpochEvent {
  readonly kind: "epoch";
  readonly epoch: number;
  readonly meanLoss: number;
  readonly elapsedMs: number;
  /** Whether this epoch's validation score is the best so far. */
  readonly best: boolean;
  readonly again: boolean;
  readonly replayedSteps: number;
  /** `""` if its steps are recorded, and where it is reported again. */
  readonly whyNotRecorded: string;
  readonly pdaEnabled?: boolean;
  readonly gamma?: number;
  readonly exactMatch?: number;
  readonly jaccard?: number;
  readonly labelValidation?: NativeLabelScores;
  /** Segmenter only: pixels of the epoch's masks, of all levels, that the loss was of. */
  readonly scoredPixels?: number;
  readonly validation?: NativeScores;
}

export type NativeTrainingEvent = NativeStepEvent | NativeEpochEvent;

export interface NativeTrainingSummary {
  readonly steps: number;
  readonly epochs: number;
  /** 0-based; -1 without validation. */
  readonly bestEpoch: number;
  readonly bestScore: number;
  /** Patches of a full step. */
  readonly batchSize: number;
  readonly lastLoss: number;
  readonly elapsedMs: number;
  readonly replayedSteps: number;
  /** `""` if steps are recorded. */
  readonly whyNotRecorded: string;
}
