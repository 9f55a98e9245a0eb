/** `compareEvaluations`: differences of two segmentations, their intervals and p-values. */
import { z } from "zod";
import { WsssError } from "../errors.js";
import { matchByAccents } from "../files/accent-match.js";
import type { NativeComparison } from "../native/addon.js";
import { runJob } from "../native/job.js";
import { loadAddon } from "../native/load.js";
import { checkOptions } from "../options/check.js";
import { type Interval, intervalsOf, type ResamplingOptions, resamplingShape } from "./confidence-intervals.js";
import { checkEvaluation, groupsOf, type ResampledEvaluation, type ResamplingUnit } from "./groups.js";
import { arraysOf, reorderCounts } from "./patch-counts.js";
import { type Score, scoresOfRow, type ScoreTable } from "./score-table.js";
import type { PatchScores } from "./segmentation-evaluation.js";

/** Options of {@link compareEvaluations}. */
export interface ComparisonOptions extends ResamplingOptions {
  /**
   * Permutations of the paired test, 100..1000000. Where there are no more than that, all are looked at.
   * @defaultValue `10000`, which tells p-values down to 0.0001 apart
   */
  readonly permutations?: number | undefined;
}

/** One segmentation against another on the same patches. */
export interface EvaluationComparison {
  /** What was drawn. */
  readonly by: ResamplingUnit;
  /** Number of patches or patients that were drawn from. */
  readonly units: number;
  /** Share of the resamples that each interval holds, above 0, below 1. */
  readonly level: number;
  /** Resamples of the bootstrap. */
  readonly resamples: number;
  /** Permutations that were looked at. */
  readonly permutations: number;
  /** Whether those are all that there are, so that p-values are exact. */
  readonly exact: boolean;
  /** Scores of the second minus those of the first; null where one of them is. */
  readonly difference: ScoreTable<Score>;
  /** Confidence intervals of {@link difference}, by a bootstrap that draws the same patches for both. */
  readonly intervals: ScoreTable<Interval>;
  /**
   * Two-sided p-values of an approximate randomisation test (Noreen 1989): if the two were equally good, how often would a difference at
   * least as large come out? They are not corrected for looking at many scores.
   * Null where there is no difference to speak of.
   */
  readonly pValues: ScoreTable<Score>;
  /** On how many patches more, fewer and equally many pixels are right in the second. */
  readonly patches: {
    /** Patches of which more pixels are right. */
    readonly better: number;
    /** Patches of which fewer pixels are right. */
    readonly worse: number;
    /** The other patches. */
    readonly equal: number;
  };
}

const schema = z.strictObject({
  ...resamplingShape,
  permutations: z.int().min(100).max(1_000_000).default(10_000),
});

/** For each patch of the first, where it stands in the second. @throws WsssError `WSSS_ERR_SHAPE` if they are of other patches. */
function positionsInSecond(call: string, first: ResampledEvaluation, second: ResampledEvaluation): number[] {
  const refuse = (what: string): WsssError =>
    new WsssError("WSSS_ERR_SHAPE", `the two evaluations can't be compared: ${what} (${call})`, { call });
  if (first.iou.length !== second.iou.length) {
    throw refuse(`${first.iou.length} classes in the first, ${second.iou.length} in the second`);
  }
  if (first.boundaryTolerancePx !== second.boundaryTolerancePx) {
    throw refuse(
      `a boundary tolerance of ${first.boundaryTolerancePx} in the first, ${second.boundaryTolerancePx} in the second`,
    );
  }
  if (first.patches.length !== second.patches.length) {
    throw refuse(`${first.patches.length} patches in the first, ${second.patches.length} in the second`);
  }
  const positions = new Map(second.patches.map(({ stem }, index) => [stem, index]));
  // Two machines may have stored the accents of one name in two ways.
  const stems = new Set(first.patches.map(({ stem }) => stem));
  const { matches } = matchByAccents(
    [...stems].filter((stem) => !positions.has(stem)),
    [...positions.keys()].filter((stem) => !stems.has(stem)),
    (stem) => [stem],
    (stem) => stem,
  );
  return first.patches.map(({ stem }) => {
    const position = positions.get(matches.get(stem) ?? stem);
    if (position === undefined) throw refuse(`${stem} is in the first only`);
    return position;
  });
}

function countPatches(
  first: readonly PatchScores[],
  second: readonly (PatchScores | undefined)[],
): EvaluationComparison["patches"] {
  // Where nothing is scored neither is better.
  const differences = first.map(
    ({ pixelAccuracy }, index) => (second[index]?.pixelAccuracy ?? 0) - (pixelAccuracy ?? 0),
  );
  const better = differences.filter((difference) => difference > 0).length;
  const worse = differences.filter((difference) => difference < 0).length;
  return { better, worse, equal: differences.length - better - worse };
}

/**
 * Compares two evaluations of the same split: is the second better, by how much, and could it be chance? Patches are paired by name.
 *
 * @param first - what `Segmenter.evaluate` or `PseudoMasks.score` returned.
 * @param second - the same of what may be better.
 * @example
 * ```ts
 * const plain = await segmenter.evaluate(luad.test);
 * const gated = await segmenter.evaluate(luad.test, { gate: classifier });
 * const { difference, intervals, pValues } = await compareEvaluations(plain, gated);
 * console.log(difference.mIoU, intervals.mIoU, pValues.mIoU);
 * ```
 * @throws WsssError `WSSS_ERR_SHAPE` for other patches, classes, true masks or another boundary tolerance; `WSSS_ERR_OPTION`, also for fewer than two patches or patients;
 *   `WSSS_ERR_CANCELLED`.
 */
export async function compareEvaluations(
  first: ResampledEvaluation,
  second: ResampledEvaluation,
  options: ComparisonOptions = {},
): Promise<EvaluationComparison> {
  const call = "compareEvaluations";
  const { by, signal, ...choice } = checkOptions(schema, call, options);
  checkEvaluation(call, "first", first);
  checkEvaluation(call, "second", second);
  const positions = positionsInSecond(call, first, second);
  const groups = groupsOf(call, first.patches, by);
  const classCount = first.iou.length;
  const addon = await loadAddon();
  const compared = await runJob<NativeComparison>(
    (done) =>
      addon.comparePaired(
        { ...choice, classCount },
        arraysOf(first.counts),
        arraysOf(reorderCounts(second.counts, positions)),
        groups.ofPatch,
        done,
      ),
    signal,
  );
  const { level, resamples } = choice;
  const { permutations, exact } = compared;
  return {
    by: groups.by,
    units: groups.count,
    level,
    resamples,
    permutations,
    exact,
    difference: scoresOfRow(new Float64Array(compared.difference), classCount),
    intervals: intervalsOf(compared.intervals, classCount),
    pValues: scoresOfRow(new Float64Array(compared.pValues), classCount),
    patches: countPatches(
      first.patches,
      positions.map((position) => second.patches[position]),
    ),
  };
}
