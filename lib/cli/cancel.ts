import { exitCodes } from "./exit-codes.js";

/** The wish to stop, from the keyboard or the system. */
export interface Cancellation {
  readonly signal: AbortSignal;
  /** Gives the keyboard back. */
  release(): void;
}

/** Why a command was cancelled; the `cause` of its error, which decides the exit code. */
export class SignalReceived extends Error {
  readonly signal: "SIGINT" | "SIGTERM";

  constructor(signal: "SIGINT" | "SIGTERM") {
    super(`received ${signal}`);
    this.name = "SignalReceived";
    this.signal = signal;
  }
}

/**
 * Turns the first Ctrl-C (SIGINT, or SIGTERM) into an abort, so that the work under way stops at its next safe point and
 * leaves its files whole, a training in a checkpoint; the second one quits at once.
 *
 * @param announce - tells the person that stopping has begun.
 */
export function listenForCancel(announce: () => void): Cancellation {
  const controller = new AbortController();
  const stop = (signal: "SIGINT" | "SIGTERM"): void => {
    if (controller.signal.aborted) process.exit(signal === "SIGTERM" ? exitCodes.terminated : exitCodes.cancelled);
    controller.abort(new SignalReceived(signal));
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
