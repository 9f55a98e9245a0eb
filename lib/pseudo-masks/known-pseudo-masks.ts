/**
 * The sets of pseudo masks of this copy of the library: kept beside them instead of in them, so that the schemas of options can tell
 * them from other objects without importing their class.
 */
const known = new WeakSet<object>();

/** Makes a set of pseudo masks known. */
export function registerPseudoMasks(masks: object): void {
  known.add(masks);
}

/** Whether a value is a set of pseudo masks of this copy of the library. */
export function isPseudoMasks(value: unknown): boolean {
  return typeof value === "object" && value !== null && known.has(value);
}
