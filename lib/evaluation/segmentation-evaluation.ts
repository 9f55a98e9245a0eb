/** The evaluation of a segmentation: scores of the split and of each patch, from pixel counts. */
import type { NativeEvaluation } from "../native/addon.js";
import { runJob } from "../native/job.js";
import { loadAddon } from "../native/load.js";
import { arraysOf, type CountedGroup, joinCounts, type PatchCounts } from "./patch-counts.js";
import { rowLength, type Score, scoresOfRow, type ScoreTable } from "./score-table.js";
import type { SegmentationScores } from "./scores.js";

/** How well one patch was segmented. */
export interface PatchScores extends ScoreTable<Score> {
  /** File name of the patch without its ending. */
  readonly stem: string;
  /** Whom the patch is of, where the dataset says it. */
  readonly patient?: string;
}

/**
 * How well a split was segmented: as a whole, over one confusion matrix of all its pixels, and patch by patch. It is plain data: what
 * `JSON.parse(JSON.stringify(evaluation))` gives is equal, and can be compared again.
 */
export interface SegmentationEvaluation extends SegmentationScores, ScoreTable<Score> {
  /** How far a boundary might be off, in pixels, or `"auto"`: 0.75 per cent of each patch's diagonal. */
  readonly boundaryTolerancePx: BoundaryTolerance;
  /** In the order of the split. */
  readonly patches: readonly PatchScores[];
  /** What the scores are made of; `confidenceIntervals` and `compareEvaluations` draw from it. */
  readonly counts: PatchCounts;
}

/** Pixels that a boundary may be off; `"auto"`: 0.75 per cent of the patch's diagonal. */
export type BoundaryTolerance = number | "auto";

/** What is known of the patches that were evaluated, and how. */
export interface EvaluationOrigin {
  readonly patches: readonly EvaluatedPatch[];
  readonly classCount: number;
  readonly boundaryTolerancePx: BoundaryTolerance;
}

/** What is known of a patch that was evaluated. */
export type EvaluatedPatch = Pick<PatchScores, "stem" | "patient">;

/** The scores of counted masks. */
export async function evaluationOf(
  groups: readonly CountedGroup[],
  origin: EvaluationOrigin,
  signal: AbortSignal | undefined,
): Promise<SegmentationEvaluation> {
  return await evaluationOfCounts(joinCounts(groups), origin, signal);
}

/**
 * The scores that counts come to.
 * @throws WsssError `WSSS_ERR_SHAPE` if the counts do not fit together.
 */
export async function evaluationOfCounts(
  counts: PatchCounts,
  { patches: files, classCount, boundaryTolerancePx }: EvaluationOrigin,
  signal: AbortSignal | undefined,
): Promise<SegmentationEvaluation> {
  const addon = await loadAddon();
  const { confusion, total, patches } = await runJob<NativeEvaluation>(
    (done) => addon.scoreCounts({ classCount }, arraysOf(counts), done),
    signal,
  );
  const length = rowLength(classCount);
  const rows = new Float64Array(patches);
  const cells = new Float64Array(confusion);
  const columns = classCount + 1;
  return {
    boundaryTolerancePx,
    ...scoresOfRow(new Float64Array(total), classCount),
    confusion: Array.from({ length: classCount }, (_, row) => [...cells.subarray(row * columns, (row + 1) * columns)]),
    patches: files.map(({ stem, patient }, index) => ({
      stem,
      ...(patient !== undefined && { patient }),
      ...scoresOfRow(rows.subarray(index * length, (index + 1) * length), classCount),
    })),
    counts,
  };
}
