import { join } from "node:path";

import { WsssError } from "../errors.js";
import {
  compareEvaluations,
  type ComparisonOptions,
  type EvaluationComparison,
} from "../evaluation/compare-evaluations.js";
import type { ScoreTable } from "../evaluation/score-table.js";
import { evaluationFile, type EvaluationName, type OpenedEvaluation, openEvaluation } from "./saved-evaluation.js";

/** Which evaluations are compared. */
export interface RunComparisonRequest {
  /** A run folder, or an evaluation file of one. */
  readonly first: string;
  readonly second: string;
  /**
   * Of run folders: the evaluations without (`"plain"`) or with the class gate.
   * @defaultValue `"gated"` where both have it, otherwise `"plain"`
   */
  readonly which?: EvaluationName | undefined;
  readonly options: ComparisonOptions;
}

/** One side of a comparison. */
export interface ComparedRun {
  /** File of the evaluation. */
  readonly path: string;
  readonly scores: ScoreTable<number>;
}

/** Two runs side by side. */
export interface RunComparison {
  readonly dataset: string;
  readonly classes: readonly string[];
  readonly first: ComparedRun;
  readonly second: ComparedRun;
  readonly comparison: EvaluationComparison;
}

type Pair = readonly [OpenedEvaluation | undefined, OpenedEvaluation | undefined];

async function openBoth({ first, second, options }: RunComparisonRequest, name: EvaluationName): Promise<Pair> {
  const open = async (path: string): Promise<OpenedEvaluation | undefined> =>
    await openEvaluation(path.endsWith(".json") ? path : join(path, evaluationFile(name)), options.signal);
  return [await open(first), await open(second)];
}

async function openPair(request: RunComparisonRequest): Promise<readonly [OpenedEvaluation, OpenedEvaluation]> {
  const names: readonly EvaluationName[] = request.which === undefined ? ["gated", "plain"] : [request.which];
  let missing = request.first;
  for (const name of names) {
    const [first, second] = await openBoth(request, name);
    if (first !== undefined && second !== undefined) return [first, second];
    missing = first === undefined ? request.first : request.second;
  }
  const what = request.which === undefined ? "evaluation" : `${request.which} evaluation`;
  const message = `${missing} holds no ${what}: give a run folder on which evaluate has been run, or its evaluation/*.json`;
  throw new WsssError("WSSS_ERR_DATASET", message, { path: missing });
}

function scoresOf({ evaluation }: OpenedEvaluation): ScoreTable<number> {
  const { pixelAccuracy, meanClassAccuracy, mIoU, fwIoU, meanBoundaryF1, iou, dice, boundaryF1 } = evaluation;
  return { pixelAccuracy, meanClassAccuracy, mIoU, fwIoU, meanBoundaryF1, iou, dice, boundaryF1 };
}

/**
 * Compares the evaluations of two runs on the same test patches.
 * @throws WsssError `WSSS_ERR_DATASET` if one is not there or damaged, `WSSS_ERR_SHAPE` if they are of other patches or classes,
 *   `WSSS_ERR_OPTION`, `WSSS_ERR_IO`, `WSSS_ERR_CANCELLED`.
 */
export async function compareRuns(request: RunComparisonRequest): Promise<RunComparison> {
  const [first, second] = await openPair(request);
  const { dataset, classes } = first.saved;
  const other = second.saved.classes;
  if (classes.join("\n") !== other.join("\n")) {
    const message = `the two runs have other classes: ${classes.join(", ")} in ${first.path}, ${other.join(", ")} in ${second.path}`;
    throw new WsssError("WSSS_ERR_SHAPE", message, { first: classes, second: other });
  }
  const comparison = await compareEvaluations(first.evaluation, second.evaluation, request.options);
  return {
    dataset,
    classes,
    first: { path: first.path, scores: scoresOf(first) },
    second: { path: second.path, scores: scoresOf(second) },
    comparison,
  };
}
