/** Reads a run folder for its report, as far as it has got, and trusts nothing in it. */
import { basename, join, resolve } from "node:path";
import type { z } from "zod";
import { type StageName, stageNames, stageTitles } from "../text/stage-names.js";
import {
  countsSchema,
  markerSchema,
  maskResultSchema,
  picturesSchema,
  type RankedFacts,
  type RecordFacts,
  recordSchema,
  resultSchema,
  type SegmentationFacts,
  type TestFacts,
} from "./folder-schema.js";
import { entryOf, type Marker, readAs, resultOf } from "./folder-values.js";
import { poolCounts, type PooledCounts } from "./pixel-scores.js";
import { readRounds, type RoundFacts } from "./round-facts.js";
import type { StageFacts } from "./stage-facts.js";
import { type TrainingFacts, readTraining } from "./training-facts.js";

/** Everything that the report of a run is made of. */
export interface RunFacts {
  /** Absolute path. */
  readonly folder: string;
  readonly name: string;
  readonly record: RecordFacts | null;
  readonly stages: readonly StageFacts[];
  /** Those that have begun, in their order: that of each round before the last segmenter. */
  readonly trainings: readonly TrainingFacts[];
  readonly labels: z.output<typeof resultSchema>["classifier"];
  /** By feature level and, as `round 1`, by round. */
  readonly pseudoMasks: Readonly<Record<string, SegmentationFacts>> | null;
  readonly plain: TestFacts | null;
  readonly gated: TestFacts | null;
  /** The counts of the gated evaluation, or of the plain one where there is no other. */
  readonly counts: { readonly gated: boolean; readonly pooled: PooledCounts } | null;
  /** Whether the segmenter was, or is being, trained again since it was scored. */
  readonly isStale: boolean;
  readonly ranked: readonly RankedFacts[];
  /** Relative to the run folder. */
  readonly pictures: readonly string[];
}

type Markers = Readonly<Record<StageName, Marker | null>>;

/** The stages that the run's options speak of, and those that were done all the same; rounds before the last segmenter. */
function stagesOf(
  record: RecordFacts | null,
  markers: Markers,
  trainings: readonly TrainingFacts[],
  rounds: readonly RoundFacts[],
): StageFacts[] {
  const plan = record?.plan ?? {};
  const basis = entryOf(record, "basis");
  const supervised = entryOf(plan, "segmenter", "masks") === "ground-truth";
  const expected: Readonly<Record<StageName, boolean>> = {
    dataset: "demo" in plan,
    "train-classifier": "classifier" in plan && entryOf(basis, "classifier") === undefined,
    "pseudo-masks": "pseudoMasks" in plan && !supervised && entryOf(basis, "masks") === undefined,
    "train-segmenter": "segmenter" in plan && entryOf(basis, "segmenter") === undefined,
    // Without test patches there is nothing to evaluate; what is in the folder says so best.
    evaluate: "evaluation" in plan && record?.dataset.test?.masks !== null,
    pictures: "pictures" in plan,
  };
  // A folder of an earlier version may lack some.
  const names = stageNames.filter((name) => expected[name] || markers[name] !== null);
  return names.flatMap((name) => {
    const marker = markers[name];
    const training = trainings.find((one) => one.round === null && `train-${one.name}` === name);
    const stage = {
      name,
      title: stageTitles[name],
      done: marker && { finishedAt: marker.finishedAt, elapsedMs: marker.elapsedMs },
      ...(training !== undefined && { epochs: { done: training.epochs.length, planned: training.planned } }),
    };
    return name === "train-segmenter" ? [...rounds.flatMap(({ stages }) => stages), stage] : [stage];
  });
}

/** Scores of the pseudo masks of each level and each round, as their stages left them; null where the run did not draw any. */
function maskScoresOf(marker: Marker | null, rounds: readonly RoundFacts[]): RunFacts["pseudoMasks"] {
  const ofLevels = resultOf(marker, maskResultSchema)?.scores ?? null;
  const ofRounds = rounds.flatMap(({ name, score }) => (score === null ? [] : [[name, score] as const]));
  return ofLevels === null && ofRounds.length === 0 ? null : { ...ofLevels, ...Object.fromEntries(ofRounds) };
}

async function countsOf(root: string): Promise<RunFacts["counts"]> {
  for (const name of ["gated", "plain"]) {
    const saved = await readAs(join(root, "evaluation", `${name}.json`), countsSchema);
    if (saved !== null) return { gated: name === "gated", pooled: poolCounts(saved) };
  }
  return null;
}

/**
 * Reads what a run folder holds so far. Nothing is an error: what is not there, or can't be understood, is null or empty, and the
 * page says that it is missing.
 */
export async function readRunFacts(folder: string): Promise<RunFacts> {
  const root = resolve(folder);
  const record = await readAs(join(root, "run.json"), recordSchema);
  const found = await Promise.all(
    stageNames.map(async (name) => [name, await readAs(join(root, "stages", `${name}.json`), markerSchema)] as const),
  );
  const markers = Object.fromEntries(found) as Markers;
  const rounds = await readRounds(root, record);
  const trainings = [
    await readTraining(root, { name: "classifier", round: null }, record, markers["train-classifier"]),
    ...rounds.map(({ training }) => training),
    await readTraining(root, { name: "segmenter", round: null }, record, markers["train-segmenter"]),
  ].filter((training) => training !== null);
  // The markers are newer where a stage was done again by itself.
  const result = await readAs(join(root, "result.json"), resultSchema);
  const evaluated = resultOf(markers.evaluate, resultSchema) ?? result;
  const counts = await countsOf(root);
  const scored = counts?.pooled.segmenter ?? null;
  const drawn = resultOf(markers.pictures, picturesSchema);
  return {
    folder: root,
    name: basename(root),
    record,
    stages: stagesOf(record, markers, trainings, rounds),
    trainings,
    labels: evaluated?.classifier ?? null,
    pseudoMasks: maskScoresOf(markers["pseudo-masks"], rounds) ?? result?.pseudoMasks ?? null,
    plain: evaluated?.segmenter?.plain ?? null,
    gated: evaluated?.segmenter?.gated ?? null,
    counts,
    isStale: scored !== null && markers["train-segmenter"]?.id !== scored,
    ranked: drawn?.ranked ?? [],
    pictures: drawn?.pictures ?? [],
  };
}
