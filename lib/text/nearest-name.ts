/**
 * The known name that an unknown one was most likely meant to be, or `undefined` if none is close.
 *
 * Compared without case, `-` and `_`; then by known foreign words (`lr`), then by edit distance, where at most a third
 * of the letters (and never fewer than 1 allowed) may differ.
 *
 * @param foreignWords - words of other programs, spelled without separators, and the names that they stand for.
 */
export function nearestName(
  unknown: string,
  known: readonly string[],
  foreignWords: Readonly<Record<string, string>> = {},
): string | undefined {
  const spelled = plain(unknown);
  const foreign = foreignWords[spelled];
  if (foreign !== undefined && known.includes(foreign)) return foreign;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(spelled.length / 3)) + 1;
  for (const name of known) {
    const distance = editDistance(spelled, plain(name));
    if (distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best;
}

function plain(name: string): string {
  return name.replace(/[-_\s]/g, "").toLowerCase();
}

/** Levenshtein's distance: single letters inserted, removed or replaced. */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [row, letter] of Array.from(from).entries()) {
    const current = [row + 1];
    for (let column = 1; column <= to.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (letter === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
