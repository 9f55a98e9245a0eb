/** Chooses how a command shows its progress: a bar, lines, or nothing but warnings. */
import { performance } from "node:perf_hooks";
import { type RunReporter, silentReporter } from "../run/reporter.js";
import { BarView } from "./bar-view.js";
import { LineView } from "./line-view.js";
import type { Clock } from "./rate.js";
import type { Terminal } from "./terminal.js";

/** A reporter that has to be closed before anything else is written. */
export type View = RunReporter & { close(): void };

/**
 * Bars on a terminal, plain lines elsewhere, and with `--quiet` warnings only.
 * @param now - what rates and times left are measured by.
 */
export function createView(terminal: Terminal, now: Clock = () => performance.now()): View {
  if (terminal.quiet) {
    const warn = (text: string): void => void terminal.stderr.write(`warning: ${text}\n`);
    return { ...silentReporter, warn, close: () => undefined };
  }
  return terminal.stderr.isTTY === true ? new BarView(terminal, now) : new LineView(terminal, now);
}
