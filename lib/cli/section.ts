/** Part of the options that a command line names. */

/** Entries that are not undefined, or undefined if there are none. */
export function section(entries: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> | undefined {
  const given = Object.entries(entries).filter(([, value]) => value !== undefined);
  return given.length === 0 ? undefined : Object.fromEntries(given);
}
