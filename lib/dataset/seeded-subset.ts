/**
 * `count` different numbers of 0..total-1, ascending, drawn without preference; the same seed draws the same numbers on
 * every machine.
 */
export function seededSubset(total: number, count: number, seed: number): number[] {
  const next = randomSource(seed);
  const drawn: number[] = [];
  // Each number is taken with the probability that makes all subsets of this size equally likely.
  for (let index = 0; index < total; index++) {
    if (next() * (total - index) < count - drawn.length) drawn.push(index);
  }
  return drawn;
}

/** Uniform numbers in [0, 1), 32 bits of randomness each, from a 32-bit counter mixed twice. */
function randomSource(seed: number): () => number {
  // Seeds beyond 32 bits keep their upper half.
  let state = (seed ^ Math.imul(Math.floor(seed / 2 ** 32), 0x85ebca6b)) >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}
