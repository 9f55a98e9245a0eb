// A small training of the test-only addon whose steps may be recorded (test/addon/recording_operations.cpp), for the CPU, where
// graphs are pretended, and for GPUs.
import type { Workspace } from "./test-addon.js";

/** `device`: what the device has. `none`: none. The others are pretended, on the CPU. */
export type Graphs =
  "device" | "none" | "records" | "refuses" | "breaks" | "breaks-ours" | "has-no-room" | "has-room-once";

/** Everything that a small training can be asked for. */
export interface RecordedTraining {
  readonly stage: "classifier" | "segmenter";
  readonly backbone: string;
  readonly device: string;
  readonly graphs: Graphs;
  /** Losses are read every so many steps; with 1 nothing is recorded. */
  readonly interval: number;
  readonly size: number;
  readonly count: number;
  readonly batchSize: number;
  readonly dropLast: boolean;
  readonly epochs: number;
  readonly lr: number;
  readonly warmupEpochs: number;
  readonly optimizer: "sgd" | "adamw";
  readonly momentum: number;
  readonly clipNorm: number;
  readonly averageDecay: number;
  readonly precision: "float32" | "bfloat16";
  readonly gradientCheckpointing: boolean;
  readonly dropoutFactor: number;
  /** Probability of each flip. */
  readonly flips: number;
  readonly blur: number;
  /** Decay of gamma in each epoch; PDA begins in the second. */
  readonly gamma: number;
  readonly freezeNorms: boolean;
  readonly validates: boolean;
  /** Whether cuDNN looks for the fastest way of a convolution. */
  readonly search: boolean;
  /** Whether float32 convolutions on a GPU may multiply in TF32. */
  readonly tf32: boolean;
  /** Fills the memory that LibTorch holds ready with NaN between steps. */
  readonly poison: boolean;
  /** Cancels after so many steps; 0 never. */
  readonly stopAfter: number;
  readonly folder: string;
  readonly resumeFrom: string;
}

/** How it ended. */
export interface Outcome {
  readonly losses: readonly number[];
  readonly weights: Float64Array;
  /** Running means and variances of the batch norms. */
  readonly statistics: Float64Array;
  /** With a folder alone, as the average. */
  readonly momenta: Float64Array;
  readonly average: Float64Array;
  readonly replayed: number;
  readonly replayedInEvents: number;
  /** Graphs that were asked for, where they are pretended. */
  readonly recordings: number;
  readonly whyNotRecorded: string;
}

const usual: RecordedTraining = {
  stage: "classifier",
  backbone: "mobilenet",
  device: "cpu",
  graphs: "none",
  interval: 3,
  size: 32,
  count: 8,
  batchSize: 2,
  dropLast: true,
  epochs: 3,
  lr: 0.01,
  warmupEpochs: 0,
  optimizer: "sgd",
  momentum: 0,
  clipNorm: 0,
  averageDecay: 0,
  precision: "float32",
  gradientCheckpointing: false,
  dropoutFactor: 1,
  flips: 0.5,
  blur: 0,
  gamma: 0.9,
  freezeNorms: false,
  validates: false,
  search: false,
  tf32: false,
  poison: false,
  stopAfter: 0,
  folder: "",
  resumeFrom: "",
};

/** Runs it. */
export function runRecorded(workspace: Workspace, given: Partial<RecordedTraining>): Outcome {
  workspace.clear();
  workspace.run("recorded_training", { ...usual, ...given });
  const numbers = (name: string): Float64Array =>
    workspace.has(name) ? new Float64Array(workspace.get(name).data) : new Float64Array(0);
  return {
    losses: [...numbers("losses")],
    weights: numbers("weights"),
    statistics: numbers("statistics"),
    momenta: numbers("momenta"),
    average: numbers("average"),
    replayed: numbers("replayed")[0]!,
    replayedInEvents: numbers("replayedInEvents")[0]!,
    recordings: numbers("recordings")[0]!,
    whyNotRecorded: textOf(workspace, "whyNotRecorded"),
  };
}

/** A text that an operation left. */
export function textOf(workspace: Workspace, name: string): string {
  return Buffer.from(workspace.get(name).data).toString("utf8");
}
