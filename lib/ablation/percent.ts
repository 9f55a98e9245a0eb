import type { Statistic } from "./statistics.js";

const dash = "-";

/** A fraction in per cent with one decimal; a dash where there is none. */
export function percent(value: number | null | undefined): string {
  return value === null || value === undefined ? dash : (value * 100).toFixed(1);
}

/** `63.2 ± 1.4`, or the mean alone of a single seed; in per cent with one decimal. */
export function meanAndDeviation(statistic: Statistic | null | undefined): string {
  const mean = percent(statistic?.mean);
  return statistic?.sd === null || statistic?.sd === undefined ? mean : `${mean} ± ${percent(statistic.sd)}`;
}
