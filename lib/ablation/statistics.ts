/** A score over several seeds; a fraction 0..1, or a difference of two. */
export interface Statistic {
  /** Null where no seed has a value. */
  readonly mean: number | null;
  /** Sample standard deviation (divisor n - 1); null below two values. */
  readonly sd: number | null;
  /** How many seeds have a value. */
  readonly n: number;
}

/** Mean and sample standard deviation of the values that are there; undefined scores are left out and not counted. */
export function statisticOf(values: readonly (number | null | undefined)[]): Statistic {
  const known = values.filter((value) => value !== null && value !== undefined);
  const n = known.length;
  if (n === 0) return { mean: null, sd: null, n };
  const mean = known.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { mean, sd: null, n };
  const squares = known.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, sd: Math.sqrt(squares / (n - 1)), n };
}
