/** A fraction in per cent with one decimal; a dash where there is none. */
export function percent(value: number | null | undefined): string {
  return value === null || value === undefined || Number.isNaN(value) ? "-" : (value * 100).toFixed(1);
}
