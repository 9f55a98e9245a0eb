/** The shape of `ablation.json`: cells, how each ended with each seed, and scores over the seeds. */
import type { DatasetFingerprint } from "../dataset/dataset-fingerprint.js";
import type { RunDevice } from "../run/context.js";
import type { PlanOptions } from "../run/plan-options.js";
import type { PlanSections } from "../run/plan.js";
import type { ClassifierResult, SegmentationResult } from "../run/result.js";
import type { DataLocation } from "../run/data-location.js";
import type { RunVersions } from "../run/run-record.js";
import type { StageName } from "../text/stage-names.js";
import type { CellName } from "./cells.js";
import type { Statistic } from "./statistics.js";

/** A cell that came to its end with one seed. Scores of the test patches, but those of the pseudo masks of the train patches. */
export interface DoneOutcome {
  readonly status: "done";
  readonly classifier: ClassifierResult;
  /** By feature level; only of a cell that draws its own masks, and where the train patches have true ones. */
  readonly pseudoMasks?: Readonly<Record<string, SegmentationResult>>;
  /** Without and with the class gate; `gated` is absent with `--no-gate`. */
  readonly segmenter: { readonly plain: SegmentationResult; readonly gated?: SegmentationResult };
  /** Time that the cell's own stages took when they were done, in milliseconds. */
  readonly elapsedMs: number;
}

/** A cell whose loss became NaN or infinite. That is a result: with these options the training does not hold. */
export interface DivergedOutcome {
  readonly status: "diverged";
  readonly stage: StageName;
  /** Training step, counted from 1. */
  readonly step: number;
  readonly message: string;
}

/** A cell that could not be done because what it shares with `multi-layer` diverged. */
export interface BlockedOutcome {
  readonly status: "blocked";
  readonly message: string;
}

/** How a cell ended with one seed. */
export type CellOutcome = DoneOutcome | DivergedOutcome | BlockedOutcome;

/** One cell with one seed. */
export interface SeedOutcome {
  readonly seed: number;
  /** Run folder, relative to that of the ablation. */
  readonly folder: string;
  /** Null while it is not done. */
  readonly outcome: CellOutcome | null;
}

/** Scores over the seeds that are done. */
export interface ScoreSummary {
  readonly accuracy: Statistic;
  readonly mIoU: Statistic;
  readonly fwIoU: Statistic;
  /** One per class. */
  readonly iou: readonly Statistic[];
}

/** A cell over the seeds that are done. */
export interface CellSummary {
  readonly plain: ScoreSummary;
  /** Null with `--no-gate`. */
  readonly gated: ScoreSummary | null;
  /** By feature level; null where nothing was scored. */
  readonly pseudoMasks: Readonly<Record<string, ScoreSummary>> | null;
  /**
   * mIoU of full supervision less that of this cell, over the seeds that both have done; fractions, of which 0.01 is a point. Null
   * for full supervision itself.
   */
  readonly gap: { readonly plain: Statistic; readonly gated: Statistic | null } | null;
}

/** One line of the table. */
export interface CellReport {
  readonly name: CellName;
  readonly title: string;
  /** One for each seed of the ablation, in their order. */
  readonly seeds: readonly SeedOutcome[];
  /** Null while no seed is done. */
  readonly summary: CellSummary | null;
}

/** `ablation.json`: what was asked, and what came out so far. */
export interface Ablation {
  readonly format: 1;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly versions: RunVersions;
  /** Command lines that worked on it, in their order, each once. */
  readonly commands: readonly string[];
  readonly data: DataLocation;
  readonly dataset: DatasetFingerprint;
  /** As far as it was given. */
  readonly device: Partial<RunDevice>;
  /** Options as they were given, for all cells. */
  readonly given: PlanOptions;
  /** The same with every default filled in, as `multi-layer` has them, without the seeds. */
  readonly plan: Partial<PlanSections>;
  readonly seeds: readonly number[];
  readonly cells: readonly CellReport[];
  /** What is not in the table, and why. */
  readonly notes: readonly string[];
}
