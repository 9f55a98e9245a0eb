/** The number of cores that work may be spread over, within the CPU quota. */
import { availableParallelism } from "node:os";
import { cpuQuota } from "./cpu-quota.js";

/**
 * How many threads can really run at once: the cores that this process may run on, and no more than a CPU quota pays for.
 * A part of a core counts as one. More threads than a quota use it up early in each period, and then all of them stand still.
 *
 * @param cores - that the process may run on.
 * @param quota - in CPUs; `null` if there is none.
 */
export function coresWithin(cores: number, quota: number | null): number {
  return Math.max(1, quota === null ? cores : Math.min(cores, Math.ceil(quota)));
}

let known: number | undefined;

/** {@link coresWithin} for this process, as it was when it was first asked for. */
export function usableCores(): number {
  known ??= coresWithin(availableParallelism(), cpuQuota());
  return known;
}
