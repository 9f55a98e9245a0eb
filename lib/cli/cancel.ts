import { exitCodes } from "./exit-codes.js";

/** The wish to stop, from the keyboard or the system. */
export interface Cancellation {
  readonly signal: AbortSignal;
  /** Gives the keyboard back. */
  release(): void;
}

/**
 * Turns the first Ctrl-C (SIGINT, or SIGTERM) into an abort, so that the work under way stops at its next safe point and
 * leaves its files whole; the second one quits at once.
 *
 * @param announce - tells the person that stopping has begun.
 */
export function listenForCancel(announce: () => void): Cancellation {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(exitCodes.cancelled);
    controller.abort();
    announce();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  return {
    signal: controller.signal,
    release: () => {
      process.off("SIGINT", stop);
      process.off("SIGTERM", stop);
    },
  };
}
