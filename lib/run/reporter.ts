/** The interface through which a run tells its stages, progress, epochs, notes and warnings. */
import type { StageName } from "../text/stage-names.js";

/** How far a stage is. */
export interface StageProgress {
  /** A stage of a run, or a command that is none. */
  readonly stage: StageName | "predict" | "doctor" | "patches" | "segment";
  /** What is counted and worked on now, for example `epoch 3/16` or `reading train`. */
  readonly label: string;
  /** Patches done so far, of {@link total}; in training over all epochs. */
  readonly done: number;
  readonly total: number;
  /** Training loss of the last step, in nats. */
  readonly loss?: number;
}

/** An epoch that has ended. */
export interface EpochNotice {
  readonly stage: StageName;
  /** 1-based. */
  readonly epoch: number;
  readonly epochs: number;
  /** Ready to print: losses, scores, whether it is the best so far. */
  readonly text: string;
}

/** Whoever shows a run to a person; every call returns at once and never fails. */
export interface RunReporter {
  /** A stage begins; `reason` says why it could not be skipped. */
  stageStarted(stage: StageName, reason: string): void;
  /** A stage was found done and valid. */
  stageSkipped(stage: StageName): void;
  stageFinished(stage: StageName, elapsedMs: number): void;
  progress(progress: StageProgress): void;
  epoch(notice: EpochNotice): void;
  /** Something worth a line. */
  note(text: string): void;
  /** Something that a person should look at. */
  warn(text: string): void;
}

/** A reporter that says nothing. */
export const silentReporter: RunReporter = {
  stageStarted: () => undefined,
  stageSkipped: () => undefined,
  stageFinished: () => undefined,
  progress: () => undefined,
  epoch: () => undefined,
  note: () => undefined,
  warn: () => undefined,
};
