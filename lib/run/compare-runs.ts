/** Compares the saved evaluations of two run folders. */
import { join } from "node:path";
import { WsssError } from "../errors.js";
import {
  compareEvaluations,
  type ComparisonOptions,
  type EvaluationComparison,
} from "../evaluation/compare-evaluations.js";
import type { Score, ScoreTable } from "../evaluation/score-table.js";
import type { PatchViews } from "../native/patch-views.js";
import { refuseOption } from "../options/check.js";
import { evaluationFile, type EvaluationName, type OpenedEvaluation, openEvaluation } from "./saved-evaluation.js";
import { readMarker } from "./stage-marker.js";

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
  /** What the segmenter looked at. */
  readonly views: PatchViews;
  readonly scores: ScoreTable<Score>;
}

/** Two runs side by side. */
export interface RunComparison {
  readonly dataset: string;
  readonly classes: readonly string[];
  readonly first: ComparedRun;
  readonly second: ComparedRun;
  readonly comparison: EvaluationComparison;
}

function isFile(path: string): boolean {
  return path.endsWith(".json");
}

/**
 * The evaluation of a run folder; undefined if it has none.
 * @throws WsssError `WSSS_ERR_DATASET` if the segmenter of the folder is another one by now.
 */
async function openOfFolder(
  folder: string,
  name: EvaluationName,
  signal: AbortSignal | undefined,
): Promise<OpenedEvaluation | undefined> {
  const opened = await openEvaluation(join(folder, evaluationFile(name)), signal);
  if (opened === undefined) return undefined;
  const trained = await readMarker(folder, "train-segmenter");
  const { segmenter } = opened.saved;
  if (segmenter === null || trained === undefined || trained.id === segmenter) return opened;
  const message = `${folder}: the segmenter was trained again since it was evaluated; run evaluate for this folder first`;
  throw new WsssError("WSSS_ERR_DATASET", message, { path: folder });
}

function missing(path: string, name: EvaluationName): WsssError {
  const message = isFile(path)
    ? `there is no evaluation ${path}`
    : `${path} holds no ${name} evaluation: give a run folder on which evaluate has been run, or its evaluation/*.json`;
  return new WsssError("WSSS_ERR_DATASET", message, { path });
}

async function openPair({
  first,
  second,
  which,
  options: { signal },
}: RunComparisonRequest): Promise<readonly [OpenedEvaluation, OpenedEvaluation]> {
  if (isFile(first) !== isFile(second) || (isFile(first) && which !== undefined)) {
    const bound = "two run folders, or two evaluation/*.json files, which say by themselves whether they are gated";
    throw refuseOption("compare", "first and second", bound, { first, second });
  }
  const open = async (path: string, name: EvaluationName): Promise<OpenedEvaluation | undefined> =>
    isFile(path) ? await openEvaluation(path, signal) : await openOfFolder(path, name, signal);
  const names: readonly EvaluationName[] =
    which === undefined && !isFile(first) ? ["gated", "plain"] : [which ?? "plain"];
  for (const [index, name] of names.entries()) {
    const pair = [await open(first, name), await open(second, name)] as const;
    if (pair[0] !== undefined && pair[1] !== undefined) return [pair[0], pair[1]];
    if (index + 1 === names.length) throw missing(pair[0] === undefined ? first : second, name);
  }
  throw missing(first, "plain");
}

function sideOf({ path, saved, evaluation }: OpenedEvaluation): ComparedRun {
  const { pixelAccuracy, meanClassAccuracy, mIoU, fwIoU, meanBoundaryF1, iou, dice, boundaryF1 } = evaluation;
  const scores = { pixelAccuracy, meanClassAccuracy, mIoU, fwIoU, meanBoundaryF1, iou, dice, boundaryF1 };
  return { path, views: saved.views ?? "one", scores };
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
    first: sideOf(first),
    second: sideOf(second),
    comparison,
  };
}
