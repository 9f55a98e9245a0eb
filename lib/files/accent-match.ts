/** What an archive or a Mac may have done to a name: one look, but accents stored in another way. */
export interface AccentMatches<Wanted, Found> {
  /** For each name that was looked for, what belongs to it. */
  readonly matches: ReadonlyMap<Wanted, Found>;
  /** Names for which several would do, or that share the only one that would. */
  readonly ambiguous: ReadonlyMap<Wanted, readonly Found[]>;
}

/**
 * Pairs names that have no exact partner with those that differ only in how accents are stored: composed (NFC, `é` is one
 * character) or decomposed (NFD, `e` and an accent, as Macs and some archives write). Nothing is guessed: where two would
 * match, neither does.
 *
 * @param wanted - what has no exact partner.
 * @param found - what is nobody's exact partner.
 */
export function matchByAccents<Wanted, Found>(
  wanted: readonly Wanted[],
  found: readonly Found[],
  keysOf: (one: Wanted) => readonly string[],
  nameOf: (one: Found) => string,
): AccentMatches<Wanted, Found> {
  const byKey = new Map<string, Found[]>();
  for (const one of found) {
    const key = nameOf(one).normalize("NFC");
    byKey.set(key, [...(byKey.get(key) ?? []), one]);
  }
  const candidates = wanted.map((one) => {
    const key = keysOf(one)
      .map((name) => name.normalize("NFC"))
      .find((name) => byKey.has(name));
    return { one, key, of: key === undefined ? [] : (byKey.get(key) ?? []) };
  });
  const takers = new Map<string, number>();
  for (const { key } of candidates) if (key !== undefined) takers.set(key, (takers.get(key) ?? 0) + 1);
  const matches = new Map<Wanted, Found>();
  const ambiguous = new Map<Wanted, readonly Found[]>();
  for (const { one, key, of } of candidates) {
    const [first] = of;
    if (first === undefined || key === undefined) continue;
    if (of.length === 1 && takers.get(key) === 1) matches.set(one, first);
    else ambiguous.set(one, of);
  }
  return { matches, ambiguous };
}

/** How the accents of a name are stored, for names that look alike. */
export function accentForm(name: string): string {
  if (name === name.normalize("NFC")) return "composed, NFC";
  return name === name.normalize("NFD") ? "decomposed, NFD" : "both composed and decomposed";
}

/** A name with how its accents are stored, so that two that look alike can be told apart. */
export function withAccentForm(name: string): string {
  return `${name} (${accentForm(name)})`;
}
