/** Scores of a cell over its seeds, and how far it is behind full supervision. */
import type { SegmentationResult } from "../run/result.js";
import type { CellReport, CellSummary, DoneOutcome, ScoreSummary, SeedOutcome } from "./ablation.js";
import { type Statistic, statisticOf } from "./statistics.js";

function doneOf(seeds: readonly SeedOutcome[]): DoneOutcome[] {
  return seeds.flatMap(({ outcome }) => (outcome?.status === "done" ? [outcome] : []));
}

function summaryOf(scores: readonly SegmentationResult[]): ScoreSummary {
  const classCount = Math.max(0, ...scores.map(({ iou }) => iou.length));
  return {
    accuracy: statisticOf(scores.map(({ accuracy }) => accuracy)),
    mIoU: statisticOf(scores.map(({ mIoU }) => mIoU)),
    fwIoU: statisticOf(scores.map(({ fwIoU }) => fwIoU)),
    iou: Array.from({ length: classCount }, (_, index) => statisticOf(scores.map(({ iou }) => iou[index]))),
  };
}

function masksOf(done: readonly DoneOutcome[]): CellSummary["pseudoMasks"] {
  const levels = [...new Set(done.flatMap(({ pseudoMasks = {} }) => Object.keys(pseudoMasks)))];
  if (levels.length === 0) return null;
  const ofLevel = (level: string): SegmentationResult[] =>
    done.flatMap(({ pseudoMasks }) => pseudoMasks?.[level] ?? []);
  return Object.fromEntries(levels.map((level) => [level, summaryOf(ofLevel(level))]));
}

/** What full supervision is ahead by, seed by seed: two seeds differ more than two ways to train. */
function gapOf(
  seeds: readonly SeedOutcome[],
  reference: readonly SeedOutcome[],
  which: "plain" | "gated",
): Statistic | null {
  const scoreOf = (all: readonly SeedOutcome[], seed: number): number | null | undefined => {
    const outcome = all.find((one) => one.seed === seed)?.outcome;
    return outcome?.status === "done" ? outcome.segmenter[which]?.mIoU : undefined;
  };
  const gaps = seeds.map(({ seed }) => {
    const [full, own] = [scoreOf(reference, seed), scoreOf(seeds, seed)];
    return full === undefined || full === null || own === undefined || own === null ? null : full - own;
  });
  return gaps.every((gap) => gap === null) ? null : statisticOf(gaps);
}

/**
 * One cell over its seeds; null while none is done.
 * @param full - the seeds of full supervision; undefined for itself, and where there is none.
 */
export function summarise(
  { seeds }: Pick<CellReport, "seeds">,
  full: readonly SeedOutcome[] | undefined,
): CellSummary | null {
  const done = doneOf(seeds);
  if (done.length === 0) return null;
  const gated = done.flatMap(({ segmenter }) => segmenter.gated ?? []);
  const gap = full === undefined ? null : gapOf(seeds, full, "plain");
  return {
    plain: summaryOf(done.map(({ segmenter }) => segmenter.plain)),
    gated: gated.length > 0 ? summaryOf(gated) : null,
    pseudoMasks: masksOf(done),
    gap: gap === null || full === undefined ? null : { plain: gap, gated: gapOf(seeds, full, "gated") },
  };
}
