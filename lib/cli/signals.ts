/** The signals that ask the program to stop: who hears them, and the exit code of each. */
import { constants } from "node:os";

/**
 * Signals that ask a program to stop: Ctrl-C, a scheduler's end, a terminal that was closed (or `nohup`, whose wish Node resets), and what
 * batch systems send as a warning before they kill.
 */
export const stopSignals = ["SIGHUP", "SIGINT", "SIGUSR1", "SIGUSR2", "SIGTERM", "SIGXCPU"] as const;

/** One of {@link stopSignals}. */
export type StopSignal = (typeof stopSignals)[number];

/** The exit code of a program that a signal ended, as shells have it: 128 and the signal's number. */
export function exitCodeOfSignal(signal: StopSignal): number {
  return 128 + constants.signals[signal];
}

type Listener = (signal: StopSignal) => void;

const listeners: Listener[] = [];

function dispatch(signal: NodeJS.Signals): void {
  listeners.at(-1)?.(signal as StopSignal);
}

/**
 * Hears every signal that asks to stop, in place of whoever heard them before, until the function that it returns is called.
 * Without a listener they do what they do in any Node program: all end it, but SIGUSR1, which opens a port for debuggers.
 */
export function onStopSignal(listener: Listener): () => void {
  if (listeners.length === 0) for (const signal of stopSignals) process.on(signal, dispatch);
  listeners.push(listener);
  return () => {
    listeners.splice(listeners.indexOf(listener), 1);
    if (listeners.length === 0) for (const signal of stopSignals) process.off(signal, dispatch);
  };
}
