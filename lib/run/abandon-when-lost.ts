/** Stops a network without saving when another process has taken the run folder. */
import { isLockLost } from "./run-lock.js";

/**
 * Ends a network's work at once when the run folder is lost to another process. A training that is cancelled would save first, and
 * that into a folder which belongs to somebody else by then; one whose network is disposed of does not.
 *
 * Called before the training begins, so that it hears of the loss first.
 *
 * @returns what ends the listening.
 */
export function abandonWhenLost(signal: AbortSignal, network: { dispose(): Promise<void> }): () => void {
  const listener = (): void => {
    // Whoever works with the network waits for the same disposal, and reports what goes wrong with it.
    if (isLockLost(signal.reason)) network.dispose().catch(() => undefined);
  };
  signal.addEventListener("abort", listener, { once: true });
  return () => signal.removeEventListener("abort", listener);
}
