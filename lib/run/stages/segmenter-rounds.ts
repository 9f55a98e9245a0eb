/** Stage 3 with its rounds of self-training: in each a segmenter learns from the masks so far and draws them again for the next. */
import { segmenterLevel } from "../../pseudo-masks/mask-level.js";
import { type RunContext, sectionOf } from "../context.js";
import type { TrainingRecord } from "../follow-training.js";
import type { RunResult } from "../result.js";
import { contextOfRound, learningFrom } from "../rounds.js";
import type { StageOutcome } from "../stage.js";
import { performRedrawStage } from "./redraw-stage.js";
import { performSegmenterStage } from "./segmenter-stage.js";

/** What the trainings of a run's segmenter came to. */
export interface SegmenterRounds {
  /** What the last segmenter has learned from. */
  readonly learning: RunContext;
  /** Scores of the masks of each round, where train has true masks. */
  readonly scores: NonNullable<RunResult["pseudoMasks"]>;
  /** Stages of the rounds. */
  readonly stages: readonly StageOutcome<unknown>[];
  /** The last training. */
  readonly last: StageOutcome<TrainingRecord>;
}

/** Trains the segmenters of all rounds, and last the one of the run. What is done is skipped. */
export async function performSegmenterRounds(context: RunContext): Promise<SegmenterRounds> {
  const { rounds = 0 } = sectionOf(context, "segmenter");
  const stages: StageOutcome<unknown>[] = [];
  const scores: Record<string, SegmenterRounds["scores"][string]> = {};
  let learning = context;
  // Rounds read the masks of those before from files: those of the classifier need not be held all the time.
  if (rounds > 0) delete context.memory.pseudoMasks;
  for (let round = 1; round <= rounds; round += 1) {
    const inRound = contextOfRound(learning, context.root, round, rounds);
    const segmenter = await performSegmenterStage(inRound);
    const masks = await performRedrawStage(inRound);
    stages.push(segmenter, masks);
    const score = masks.result.scores?.[segmenterLevel];
    if (score !== undefined) scores[`round ${round}`] = score;
    learning = learningFrom(context, inRound);
  }
  return { learning, scores, stages, last: await performSegmenterStage(learning) };
}
