/** How much memory this process may still take. */
import { readFileSync } from "node:fs";
import { freemem } from "node:os";

/** Memory that is free now: of the machine, and within the limits of the control group and of the process where there are any. */
export function freeMemoryBytes(): number {
  // Node 20.13 and later know the limit of a container.
  const { availableMemory } = process as { readonly availableMemory?: () => number };
  const available = availableMemory?.call(process) ?? 0;
  return Math.min(
    freemem(),
    available > 0 ? available : Infinity,
    leftOf("Max address space", "VmSize"),
    leftOf("Max data size", "VmData"),
  );
}

/** What a limit of the process leaves, such as `ulimit -v` of the address space; infinite where it is not set. */
function leftOf(limited: string, measured: string): number {
  const [limit] = numbersOf("/proc/self/limits", new RegExp(`^${limited}\\s+(\\d+)`, "m"));
  const [used] = numbersOf("/proc/self/status", new RegExp(`^${measured}:\\s+(\\d+) kB`, "m"));
  return limit === undefined || used === undefined ? Infinity : Math.max(0, limit - used * 1024);
}

function numbersOf(file: string, pattern: RegExp): number[] {
  try {
    return (pattern.exec(readFileSync(file, "utf8")) ?? []).slice(1).map(Number);
  } catch {
    return []; // Another system than Linux.
  }
}
