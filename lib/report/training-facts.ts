/** What a run folder, or that of a round, holds of a training. */
import { type RecordFacts, trainingResultSchema } from "./folder-schema.js";
import { entryOf, type Marker, resultOf } from "./folder-values.js";
import { type MetricsRow, readMetrics } from "./metrics-table.js";

/** A training as far as it has got. */
export interface TrainingFacts {
  readonly name: "classifier" | "segmenter";
  /** Of a round of self-training, such as `round 1`; null for a training of the run itself. */
  readonly round: string | null;
  readonly steps: readonly MetricsRow[];
  readonly epochs: readonly MetricsRow[];
  readonly planned: number | null;
  /** Counted from 1; null without validation, or while it goes on. */
  readonly bestEpoch: number | null;
}

/** @returns null if it has not begun. */
export async function readTraining(
  folder: string,
  { name, round }: Pick<TrainingFacts, "name" | "round">,
  record: RecordFacts | null,
  marker: Marker | null,
): Promise<TrainingFacts | null> {
  const steps = await readMetrics(folder, `${name}-steps.csv`);
  const epochs = await readMetrics(folder, `${name}-epochs.csv`);
  if (steps === null && epochs === null) return null;
  const planned = entryOf(record?.plan, name, "training", "epochs");
  return {
    name,
    round,
    steps: steps ?? [],
    epochs: epochs ?? [],
    planned: typeof planned === "number" ? planned : null,
    bestEpoch: resultOf(marker, trainingResultSchema)?.bestEpoch ?? null,
  };
}
