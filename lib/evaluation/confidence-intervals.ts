/** `confidenceIntervals`: bootstrap intervals of the scores of an evaluation. */
import { z } from "zod";
import type { NativeIntervals } from "../native/addon.js";
import { runJob } from "../native/job.js";
import { loadAddon } from "../native/load.js";
import { checkOptions } from "../options/check.js";
import * as fields from "../options/fields.js";
import { checkEvaluation, groupsOf, type ResampledEvaluation, type ResamplingUnit } from "./groups.js";
import { arraysOf } from "./patch-counts.js";
import { type Score, scoreOf, type ScoreTable, tableOf } from "./score-table.js";

/** How scores are resampled. */
export interface ResamplingOptions {
  /**
   * What is drawn: single patches, or patients with all their patches. Patches of one patient resemble each other, so that intervals by
   * patch are too narrow where few patients gave many patches.
   * @defaultValue `"auto"`: patients where the dataset names one for every patch, otherwise patches
   */
  readonly by?: ResamplingUnit | "auto" | undefined;
  /**
   * Share of the resamples that an interval holds, above 0, below 1.
   * @defaultValue `0.95`, the custom
   */
  readonly level?: number | undefined;
  /**
   * Resamples of the bootstrap, 100..100000.
   * @defaultValue `2000`, from where the ends of an interval of 0.95 hardly move
   */
  readonly resamples?: number | undefined;
  /**
   * Seed of the draws, an integer 0..4294967295.
   * @defaultValue `0`
   */
  readonly seed?: number | undefined;
  /** Aborting it stops the work; the promise then rejects with `WSSS_ERR_CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
}

/** From where to where a score lies; both ends are null where no resample has it. */
export interface Interval {
  /** Lower end. */
  readonly low: Score;
  /** Upper end. */
  readonly high: Score;
}

/** Confidence intervals of all scores, and what was drawn. */
export interface ConfidenceIntervals {
  /** What was drawn. */
  readonly by: ResamplingUnit;
  /** Number of patches or patients that were drawn from. */
  readonly units: number;
  /** Share of the resamples that each interval holds, above 0, below 1. */
  readonly level: number;
  /** Resamples of the bootstrap. */
  readonly resamples: number;
  /** An interval for each score. */
  readonly scores: ScoreTable<Interval>;
}

/** Rules and defaults of {@link ResamplingOptions}. */
export const resamplingShape = {
  by: z.enum(["auto", "patch", "patient"]).default("auto"),
  level: z.number().gt(0).lt(1).default(0.95),
  resamples: z.int().min(100).max(100_000).default(2000),
  seed: fields.seed.default(0),
  signal: fields.signal.optional(),
};
const schema = z.strictObject(resamplingShape);

/** Intervals of the addon by name. */
export function intervalsOf({ low, high }: NativeIntervals, classCount: number): ScoreTable<Interval> {
  const highs = new Float64Array(high);
  const row = [...new Float64Array(low)].map((value, index) => ({ low: scoreOf(value), high: scoreOf(highs[index]) }));
  return tableOf(row, classCount);
}

/**
 * Confidence intervals of all scores of an evaluation, by the percentile bootstrap (Efron 1979): as many patches or patients as there are,
 * drawn with replacement, scored as a set of their own, again and again. A class that a resample does not hold is left out of its means.
 *
 * @param evaluation - what `Segmenter.evaluate` or `PseudoMasks.score` returned.
 * @example
 * ```ts
 * const evaluation = await segmenter.evaluate(luad.test);
 * const { scores } = await confidenceIntervals(evaluation, { by: "patch" });
 * console.log(evaluation.mIoU, scores.mIoU.low, scores.mIoU.high);
 * ```
 * @throws WsssError `WSSS_ERR_OPTION`, also for fewer than two patches or patients; `WSSS_ERR_SHAPE` for counts that do not fit together;
 *   `WSSS_ERR_CANCELLED`.
 */
export async function confidenceIntervals(
  evaluation: ResampledEvaluation,
  options: ResamplingOptions = {},
): Promise<ConfidenceIntervals> {
  const call = "confidenceIntervals";
  const { by, signal, ...choice } = checkOptions(schema, call, options);
  checkEvaluation(call, "evaluation", evaluation);
  const groups = groupsOf(call, evaluation.patches, by);
  const classCount = evaluation.iou.length;
  const addon = await loadAddon();
  const intervals = await runJob<NativeIntervals>(
    (done) =>
      addon.bootstrapIntervals(
        { ...choice, classCount, permutations: 0 },
        arraysOf(evaluation.counts),
        groups.ofPatch,
        done,
      ),
    signal,
  );
  const { level, resamples } = choice;
  return { by: groups.by, units: groups.count, level, resamples, scores: intervalsOf(intervals, classCount) };
}
