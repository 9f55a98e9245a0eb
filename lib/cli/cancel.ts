/** Cancelling a command by a signal: the first stops the work safely, a second SIGINT or SIGTERM quits at once. */
import { exitCodeOfSignal, onStopSignal, type StopSignal } from "./signals.js";

/** The wish to stop, from the keyboard or the system. */
export interface Cancellation {
  readonly signal: AbortSignal;
  /** Gives the keyboard back. */
  release(): void;
}

/** Why a command was cancelled; the `cause` of its error, which decides the exit code. */
export class SignalReceived extends Error {
  readonly signal: StopSignal;

  constructor(signal: StopSignal) {
    super(`received ${signal}`);
    this.name = "SignalReceived";
    this.signal = signal;
  }
}

/**
 * Turns the first signal that asks to stop into an abort, so that the work under way stops at its next safe point and leaves its files
 * whole, a training in a checkpoint. A second one quits at once if it is SIGINT or SIGTERM. The others come several times without
 * anybody being impatient: SIGHUP from the shell and from the kernel when a terminal is closed, SIGXCPU once a second.
 *
 * @param announce - tells the person that stopping has begun.
 */
export function listenForCancel(announce: () => void): Cancellation {
  const controller = new AbortController();
  const release = onStopSignal((signal) => {
    if (!controller.signal.aborted) {
      controller.abort(new SignalReceived(signal));
      announce();
    } else if (signal === "SIGINT" || signal === "SIGTERM") {
      process.exit(exitCodeOfSignal(signal));
    }
  });
  return { signal: controller.signal, release };
}
