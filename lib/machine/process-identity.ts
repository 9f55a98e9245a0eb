/** Identifies a process by host, boot, container, number and start, and tells whether it still runs. */
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/**
 * One process, told apart from every other: of other machines, of other containers, and of those that had its number before.
 * What the system does not tell is empty.
 */
export interface ProcessIdentity {
  readonly host: string;
  /** A new one each time that the machine starts; the same in all its containers. */
  readonly boot: string;
  /** What process numbers are counted in: two containers count theirs apart. */
  readonly namespace: string;
  readonly pid: number;
  /** When it began, in the kernel's ticks since the start of the machine. */
  readonly start: string;
}

/** Who this process is. */
export function ownIdentity(): ProcessIdentity {
  return {
    host: hostname(),
    boot: textOf(() => readFileSync("/proc/sys/kernel/random/boot_id", "latin1")),
    namespace: textOf(() => readlinkSync("/proc/self/ns/pid")),
    pid: process.pid,
    start: startOf(process.pid) ?? "",
  };
}

/** Whether two processes are of one machine that has not been started again between them, and of one container. */
export function areNeighbours(one: ProcessIdentity, other: ProcessIdentity): boolean {
  return one.host === other.host && one.boot === other.boot && one.namespace === other.namespace;
}

/**
 * Whether a process of this machine and container is still there. Its number alone does not say so: numbers come again.
 * @param start - when it began; empty where nobody knows, and its number has to do.
 */
export function isAlive({ pid, start }: Pick<ProcessIdentity, "pid" | "start">): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and another user's.
    if (!(error instanceof Object && "code" in error && error.code === "EPERM")) return false;
  }
  const stat = statOf(pid);
  // What /proc hides can't be told from another one; better to wait for it than to work beside it.
  if (stat === null) return true;
  const hasEnded = stat.state === "Z" || stat.state === "X";
  return !hasEnded && (start === "" || stat.start === start);
}

/** When a process of this container began, in the kernel's ticks; `null` if there is none of that number. */
export function startOf(pid: number): string | null {
  return statOf(pid)?.start ?? null;
}

function statOf(pid: number): { readonly state: string; readonly start: string } | null {
  const line = textOf(() => readFileSync(`/proc/${String(pid)}/stat`, "latin1"));
  // The second field, the name, may hold spaces and brackets. State is the third, the beginning the 22nd.
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  const [state, start] = [fields[0], fields[19]];
  return state === undefined || start === undefined ? null : { state, start };
}

function textOf(read: () => string): string {
  try {
    return read().trim();
  } catch {
    return ""; // No /proc, or not that file in it.
  }
}
