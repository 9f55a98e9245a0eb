// Which settings of a golden case its runner has read: one that nobody read is one that the product was not run with.
import type { GoldenCase, Loose } from "./golden.js";

/** The fields of a case that say with what the reference was computed, or how closely it is compared. */
const settings = ["hyper", "inputs", "tol", "digests"] as const;

export interface WatchedCase {
  /** The case, whose settings are the same to read. */
  readonly golden: GoldenCase;
  /** Settings that were not read yet, like `hyper.momentum`. */
  readonly unread: () => string[];
}

function isGroup(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `value` with a note of each entry that is read; lists count as one entry. */
function watch(value: object, path: string, unread: Set<string>): object {
  const groups = new Map<string, object>();
  for (const [key, entry] of Object.entries(value)) {
    unread.add(`${path}.${key}`);
    if (isGroup(entry)) groups.set(key, watch(entry, `${path}.${key}`, unread));
  }
  return new Proxy(value, {
    get(target, key) {
      if (typeof key === "symbol") return Reflect.get(target, key) as unknown;
      unread.delete(`${path}.${key}`);
      return groups.get(key) ?? (Reflect.get(target, key) as unknown);
    },
  });
}

export function watchSettings(golden: GoldenCase): WatchedCase {
  const unread = new Set<string>();
  const watched: Record<string, Loose> = { ...golden };
  for (const name of settings) {
    if (isGroup(golden[name])) watched[name] = watch(golden[name], name, unread);
  }
  return { golden: watched as GoldenCase, unread: () => [...unread] };
}
