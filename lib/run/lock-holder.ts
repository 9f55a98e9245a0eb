/** Judges whether whoever holds a run folder's lock still works, and names them. */
import { areNeighbours, isAlive, type ProcessIdentity } from "../machine/process-identity.js";
import type { FoundLock, LockRecord } from "./lock-file.js";

/**
 * Whether the holder of a lock is at work: `"gone"` and `"at work"` are known, `"perhaps at work"` is all that can be said of a
 * process of another machine or container.
 */
export type Standing = "gone" | "at work" | "perhaps at work";

/** After this time without a sign of life, sixty of them, a machine that has been started again has no process of before. */
export const givenUpMs = 10 * 60 * 1000;

/** Judges the holder of a lock. @param silentMs - time since its last sign of life, by the clock of the file system. */
export function judgeHolder({ record }: FoundLock, self: ProcessIdentity, silentMs: number): Standing {
  // Half a lock: it is being written on a file system without links, or the power failed then.
  if (record === null) return silentMs > givenUpMs ? "gone" : "perhaps at work";
  const holder = identityIn(record);
  if (holder === null) {
    // Of a version before, which wrote its number alone.
    return record.pid !== self.pid && isAlive({ pid: record.pid, start: "" }) ? "at work" : "gone";
  }
  if (areNeighbours(holder, self)) return isAlive(holder) ? "at work" : "gone";
  // No process outlives a start of its machine; but another machine may have the same name, and would give signs of life.
  const restarted = holder.host === self.host && holder.boot !== self.boot;
  return restarted && silentMs > givenUpMs ? "gone" : "perhaps at work";
}

function identityIn({ host, boot, namespace, pid, start }: LockRecord): ProcessIdentity | null {
  if (host === undefined || boot === undefined || namespace === undefined || start === undefined) return null;
  return { host, boot, namespace, pid, start };
}

/** The holder of a lock in words that stand before "is at work", seen from `self`. */
export function nameHolder(record: LockRecord | null, self: ProcessIdentity): string {
  if (record === null) return "a process that is not named";
  const { pid } = record;
  const holder = identityIn(record);
  if (holder === null || areNeighbours(holder, self)) return pid === self.pid ? "this process" : `process ${pid}`;
  if (holder.host !== self.host) return `process ${pid} of host ${holder.host}`;
  const why =
    holder.boot === self.boot ? "in another container" : "before a restart, or on another machine of that name";
  return `process ${pid} of host ${holder.host} (${why})`;
}
