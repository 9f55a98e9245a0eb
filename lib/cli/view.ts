import { silentReporter, type RunReporter } from "../run/reporter.js";
import { BarView } from "./bar-view.js";
import { LineView } from "./line-view.js";
import type { Terminal } from "./terminal.js";

/** A reporter that has to be closed before anything else is written. */
export type View = RunReporter & { close(): void };

/** Bars on a terminal, plain lines elsewhere, and with `--quiet` warnings only. */
export function createView(terminal: Terminal): View {
  if (terminal.quiet) {
    const warn = (text: string): void => void terminal.stderr.write(`warning: ${text}\n`);
    return { ...silentReporter, warn, close: () => undefined };
  }
  return terminal.stderr.isTTY === true ? new BarView(terminal) : new LineView(terminal);
}
