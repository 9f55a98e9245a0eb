/** A forced garbage collection between runs of one process, so that their patches and masks leave native memory. */
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Lets go of native memory that nobody can reach any more.
 *
 * Patches and masks of a run lie in native memory, gigabytes of them for a large dataset, and JavaScript holds but a few bytes for
 * them: the garbage collector sees no reason to come by, and those of several runs would pile up.
 */
export async function freeNativeMemory(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("globalThis.gc");
  if (typeof collect === "function") (collect as () => void)();
  // Finalizers of native objects run in a turn of their own.
  await setImmediate();
}
