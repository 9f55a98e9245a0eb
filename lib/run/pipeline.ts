/** All stages of a run in their order, from the classifier's training to the pictures. */
import { join } from "node:path";
import { readingOnceBefore } from "./check-plan.js";
import { type RunContext, sectionOf } from "./context.js";
import { writeJson } from "./files.js";
import type { RunResult } from "./result.js";
import type { StageOutcome } from "./stage.js";
import { performClassifierStage } from "./stages/classifier-stage.js";
import { evaluate, hasTestMasks } from "./stages/evaluation-stage.js";
import { drawPictures } from "./stages/pictures-stage.js";
import { performPseudoMasksStage } from "./stages/pseudo-masks-stage.js";
import { performSegmenterRounds } from "./stages/segmenter-rounds.js";

/** File of the run folder with the last result. */
export const resultFile = "result.json";

/** What all stages together came to. */
export interface PipelineOutcome {
  /** Without scores of the test patches where these have no true masks. */
  readonly result: RunResult;
  readonly stages: readonly StageOutcome<unknown>[];
}

/**
 * All stages, each skipped if it is done and valid. With `masks: "ground-truth"` no pseudo masks are drawn, and what the sources
 * bring is not made again.
 *
 * @param startedAt - `performance.now()` when the command began; the result tells the time since.
 * @throws WsssError what a stage throws; the stages before it stay done. What a later stage could not read is told before
 *   the first one works; options are to be checked by `checkPlan` before.
 */
export async function runPipeline(given: RunContext, startedAt: number): Promise<PipelineOutcome> {
  const { sources } = given;
  const plan = {
    classifier: sectionOf(given, "classifier"),
    pseudoMasks: sectionOf(given, "pseudoMasks"),
    segmenter: sectionOf(given, "segmenter"),
    evaluation: sectionOf(given, "evaluation"),
    pictures: sectionOf(given, "pictures"),
  };
  const context = { ...given, beforeWork: readingOnceBefore(given, plan) };
  const isScored = hasTestMasks(given.dataset);
  if (!isScored) {
    given.reporter.note(
      `${given.dataset.name} has no test patches with true masks: all is trained, and nothing is scored`,
    );
  }
  const stages: StageOutcome<unknown>[] = [];
  if (sources.classifier === undefined) stages.push(await performClassifierStage(context));
  let scores: NonNullable<RunResult["pseudoMasks"]> = {};
  if (plan.segmenter.masks === "pseudo" && sources.masks === undefined) {
    const masks = await performPseudoMasksStage(context);
    stages.push(masks);
    scores = masks.result.scores ?? {};
  }
  const { learning, ...segmenter } = await performSegmenterRounds(context);
  stages.push(...segmenter.stages, segmenter.last);
  scores = { ...scores, ...segmenter.scores };
  const evaluation = isScored ? await evaluate(context) : null;
  if (evaluation !== null) stages.push(evaluation);
  stages.push(await drawPictures(learning));
  const result = {
    ...(evaluation !== null && { classifier: evaluation.result.classifier }),
    ...(Object.keys(scores).length > 0 && { pseudoMasks: scores }),
    ...(evaluation !== null && { segmenter: evaluation.result.segmenter }),
    elapsedMs: Math.round(performance.now() - startedAt),
  };
  if (stages.some(({ skipped }) => !skipped)) await writeJson(join(context.root, resultFile), result);
  return { result, stages };
}
