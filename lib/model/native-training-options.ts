/** Resolved training settings as the addon wants them, with checkpoints, memory and precision. */
import type { Split } from "../dataset/split.js";
import { freeMemoryBytes } from "../machine/free-memory.js";
import type { NativeTrainingSurroundings } from "../native/addon.js";
import type { NativeCheckpointOptions, NativeGroupOptions } from "./checkpoints.js";
import type { ModelPrecision } from "./precision.js";
import type { TrainingHistory } from "./training-history.js";
import { type Complete, mostPatches } from "./training-options.js";
import type { TrainingSettings } from "./training-settings.js";

/** Settings that the addon does not know by their names. */
type Renamed = "recipe" | "batchSize";

/** What both trainings tell the addon: resolved settings, and what the call adds. */
export type NativeTraining<Settings> = Omit<Settings, Renamed> & NativeTrainingSurroundings;

/** What a training needs beside its data and options. */
export interface TrainingSurroundings {
  /** Trainings that led to the weights. */
  readonly trainings: readonly TrainingHistory[];
  readonly precision: ModelPrecision["training"];
  readonly signal: AbortSignal;
}

/** What the addon validates on: patches of one size by themselves, of several as a list; null for none. */
export function oneOrAll<Part>(parts: readonly Part[]): Part | readonly Part[] | null {
  const [first] = parts;
  if (first === undefined) return null;
  return parts.length === 1 ? first : parts;
}

/** What a training tells the addon beside its settings. */
export interface TrainingContext {
  readonly split: Pick<Split, "count">;
  readonly checkpoints: NativeCheckpointOptions;
  readonly metadata: Readonly<Record<string, string>>;
  readonly precision: NativeTrainingSurroundings["precision"];
  /** Whether there is a validation: without one nothing is best. */
  readonly isValidated: boolean;
  readonly group: NativeGroupOptions;
}

/** The options of a training as the addon reads them. */
export function nativeTraining<Settings extends Complete<TrainingSettings>>(
  settings: Settings,
  { split, checkpoints, metadata, precision, isValidated, group }: TrainingContext,
): NativeTraining<Settings> {
  const told = Object.entries(settings).filter(([name]) => name !== "recipe" && name !== "batchSize");
  return {
    ...(Object.fromEntries(told) as Omit<Settings, Renamed>),
    keep: isValidated ? settings.keep : "last",
    batchSize: mostPatches(settings.batchSize, split.count),
    fitBatch: settings.batchSize === "auto",
    freeHostBytes: freeMemoryBytes(),
    precision,
    ...checkpoints,
    ...group,
    metadata,
  };
}
