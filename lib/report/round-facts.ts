/** The rounds of self-training of a run folder, as far as they have got. */
import { join } from "node:path";
import { stageTitles } from "../text/stage-names.js";
import { markerSchema, maskResultSchema, type RecordFacts, type SegmentationFacts } from "./folder-schema.js";
import { entryOf, readAs, resultOf } from "./folder-values.js";
import type { StageFacts } from "./stage-facts.js";
import { type TrainingFacts, readTraining } from "./training-facts.js";

/** What a round has done. */
export interface RoundFacts {
  /** Such as `round 1`. */
  readonly name: string;
  readonly stages: readonly StageFacts[];
  /** Of its segmenter; null before it has begun. */
  readonly training: TrainingFacts | null;
  /** Of the masks that it drew; null without true masks, or before it is done. */
  readonly score: SegmentationFacts | null;
}

/** As many as a run takes: what a damaged record says beyond that is not looked for. */
const mostRounds = 20;

async function readRound(root: string, round: number, record: RecordFacts | null): Promise<RoundFacts> {
  const folder = join(root, `round-${round}`);
  const name = `round ${round}`;
  const parts = await Promise.all(
    (["train-segmenter", "pseudo-masks"] as const).map(async (stage) => {
      return { stage, marker: await readAs(join(folder, "stages", `${stage}.json`), markerSchema) };
    }),
  );
  const [trained] = parts;
  const training = await readTraining(folder, { name: "segmenter", round: name }, record, trained?.marker ?? null);
  const stages = parts.map(({ stage, marker }) => ({
    name: `${name}, ${stage}`,
    title: `${name}: ${stageTitles[stage]}`,
    done: marker && { finishedAt: marker.finishedAt, elapsedMs: marker.elapsedMs },
    ...(stage === "train-segmenter" &&
      training !== null && { epochs: { done: training.epochs.length, planned: training.planned } }),
  }));
  const masks = parts.find(({ stage }) => stage === "pseudo-masks")?.marker ?? null;
  const [score = null] = Object.values(resultOf(masks, maskResultSchema)?.scores ?? {});
  return { name, stages, training, score };
}

/** The rounds that the run's options speak of. */
export async function readRounds(root: string, record: RecordFacts | null): Promise<RoundFacts[]> {
  const wanted = entryOf(record?.plan, "segmenter", "rounds");
  const count = typeof wanted === "number" ? Math.min(Math.floor(wanted), mostRounds) : 0;
  const rounds: RoundFacts[] = [];
  for (let round = 1; round <= count; round += 1) rounds.push(await readRound(root, round, record));
  return rounds;
}
