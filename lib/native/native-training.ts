/** Trainings of the addon: options, events, scores. */
import type { NativeMaskStore, NativePatchStore } from "./native-stores.js";

/** What both trainers share. */
export interface NativeTrainingOptions {
  readonly epochs: number;
  readonly batchSize: number;
  /** Take fewer patches a step if memory has no room for as many. */
  readonly fitBatch: boolean;
  /** Memory of the host that the training may take. */
  readonly freeHostBytes: number;
  readonly gradientCheckpointing: boolean;
  readonly learningRate: number;
  /** Factor on the learning rate of the new layers (fc8; ASPP and decoder). */
  readonly headLearningRateFactor: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
  /** `"poly"`, `"cosine"` or `"step"`. */
  readonly schedule: string;
  /** Exponent of the poly schedule. */
  readonly power: number;
  /** Epochs between two drops of the step schedule. */
  readonly stepEpochs: number;
  readonly warmupEpochs: number;
  /** Largest L2 norm of the gradient over all parameters; 0 = no clipping. */
  readonly gradientClipNorm: number;
  /** Decay of the weight average that is validated, saved and kept; 0 = none. */
  readonly emaDecay: number;
  /** Whether a last batch smaller than batchSize is left out. */
  readonly dropLastBatch: boolean;
  /** Give folded batch norms that learn their statistics back first. */
  readonly unfoldBatchNorm: boolean;
  /** In what this training multiplies. */
  readonly precision: "float32" | "bfloat16";
  readonly seed: number;
  readonly horizontalFlip: number;
  readonly verticalFlip: number;
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
  /** Weights that the object holds at the end: of the best validation score, or the last. */
  readonly keep: "best" | "last";
}

export interface NativeClassifierTrainingOptions extends NativeTrainingOptions {
  /** PDA is on from this epoch, counted from 0; a value of `epochs` or more turns it off. */
  readonly pdaStartEpoch: number;
  readonly gammaInitial: number;
  readonly gammaDecay: number;
  readonly gammaFloor: number;
  /** Published: gamma decays from epoch 0 on; paper: from the start of PDA. */
  readonly gammaDecaysFrom: "start" | "pda";
  /** Divisor of the PDA map; 0 = the number of classes. The published code divides by 4. */
  readonly pdaDivisor: number;
  readonly freezeStem: boolean;
  readonly freezeBatchNorm: boolean;
  /** Factor on all dropout probabilities, 1 = the paper's. */
  readonly dropoutFactor: number;
}

export interface NativeSegmenterTrainingOptions extends NativeTrainingOptions {
  /** One factor for each level of the mask store. */
  readonly levelWeights: readonly number[];
  /** `"ignore"`: background has no loss. `"fifth-logit"`: the published constant channel of 100 and 0. */
  readonly background: "ignore" | "fifth-logit";
  /** Published: the mean cross-entropy is divided by the batch size once more. */
  readonly divideByBatch: boolean;
  /** `"cross-entropy"` or `"focal"`. */
  readonly loss: "cross-entropy" | "focal";
  /** Probability that a patch is blurred, with a radius drawn from [0, 1). */
  readonly blur: number;
  /** Of the backbone; those of ASPP and decoder always learn. */
  readonly freezeBatchNorm: boolean;
  readonly dropoutFactor: number;
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
