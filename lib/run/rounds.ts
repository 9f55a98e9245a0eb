/** Rounds of self-training: what the segmenter's training of each round learns from, and where a round leaves what it makes. */
import { join } from "node:path";
import { type RunContext, sectionOf } from "./context.js";
import { pseudoMaskFolder } from "./sources.js";
import type { StageName } from "../text/stage-names.js";

/** Most of a step's patches that are mosaics where masks are to be learned from that a segmenter has drawn. */
const mostMosaics = 0.5;

/** What the stages of a round do, for people. */
const partsOfRound: Readonly<Partial<Record<StageName, string>>> = {
  "train-segmenter": "the segmenter that draws the masks again",
  "pseudo-masks": "its masks, which the next segmenter learns from",
};

/** A round of the run folder, counted from 1: a folder of its own, like a run's, in which a segmenter learns from the masks so far. */
export function contextOfRound(learning: RunContext, runFolder: string, round: number, rounds: number): RunContext {
  const { sources, reporter } = learning;
  const beforeWork = async (stage: StageName): Promise<void> => {
    reporter.note(`self-training, round ${round} of ${rounds}: ${partsOfRound[stage] ?? stage}`);
    await learning.beforeWork?.(stage);
  };
  const masks = sources.masks ?? join(runFolder, pseudoMaskFolder);
  return { ...learning, root: join(runFolder, `round-${round}`), sources: { ...sources, masks }, beforeWork };
}

/**
 * The run, whose segmenter learns from the masks that a round has drawn: of one level, whatever levels there were before, and with
 * mosaics in the place of half of the patches at most, since else no mask would be learned from.
 */
export function learningFrom(context: RunContext, { root }: RunContext): RunContext {
  const segmenter = sectionOf(context, "segmenter");
  const { training } = segmenter;
  const mosaic = training.mosaic === "auto" ? training.mosaic : Math.min(training.mosaic, mostMosaics);
  return {
    ...context,
    sources: { ...context.sources, masks: join(root, pseudoMaskFolder) },
    plan: {
      ...context.plan,
      pseudoMasks: { ...sectionOf(context, "pseudoMasks"), levels: "all" },
      segmenter: { ...segmenter, training: { ...training, levelWeights: "auto", mosaic } },
    },
  };
}
