/** Canonical JSON, its digest, and the differences between two sets of options in words. */
import { createHash } from "node:crypto";

/** JSON of a value with the keys of every object sorted, so that equal values have equal text. Undefined members are left out. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
    return `{${members.join(",")}}`;
  }
  return JSON.stringify(value);
}

/** SHA-256 of {@link canonicalJson}, 64 hexadecimal digits. */
export function digestOf(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex");
}

/** One option that differs between two sets, by its dotted path; undefined = absent. */
export interface Difference {
  readonly path: string;
  readonly before: unknown;
  readonly now: unknown;
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Every leaf in which two JSON values differ, in the order of the keys. Arrays are compared whole. */
export function differencesBetween(before: unknown, now: unknown, path = ""): Difference[] {
  if (isPlainObject(before) && isPlainObject(now)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
    return keys.flatMap((key) => differencesBetween(before[key], now[key], path === "" ? key : `${path}.${key}`));
  }
  return canonicalJson(before ?? null) === canonicalJson(now ?? null) ? [] : [{ path, before, now }];
}

/** `segmenter.epochs was 30 and is now 20; ...`, at most `limit` of them in words. */
export function describeDifferences(differences: readonly Difference[], limit = 4): string {
  const word = (value: unknown): string => (value === undefined ? "absent" : JSON.stringify(value));
  const shown = differences.slice(0, limit).map((d) => `${d.path} was ${word(d.before)} and is now ${word(d.now)}`);
  const rest = differences.length - shown.length;
  return shown.join("; ") + (rest > 0 ? `; and ${rest} more` : "");
}
