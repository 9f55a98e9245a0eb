/** Mean and standard deviation of a score over several seeds, as text for a table. */
import { percent } from "../text/percent.js";
import type { Statistic } from "./statistics.js";

/** `63.2 ± 1.4`, or the mean alone of a single seed; in per cent with one decimal. */
export function meanAndDeviation(statistic: Statistic | null | undefined): string {
  const mean = percent(statistic?.mean);
  return statistic?.sd === null || statistic?.sd === undefined ? mean : `${mean} ± ${percent(statistic.sd)}`;
}
