/** Output of a command: results on stdout, talk on stderr. */
import type { Writable } from "node:stream";

/** A stream to write to, and whether it is a terminal. */
export type TerminalStream = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** Where a command writes, and how much. */
export interface Terminal {
  /** Results only. */
  readonly stdout: TerminalStream;
  /** Progress, notes, warnings and errors. */
  readonly stderr: TerminalStream;
  /** Results as one JSON line. */
  readonly json: boolean;
  /** Nothing on stderr but warnings and errors. */
  readonly quiet: boolean;
}

/** Writes the result of a command on stdout: one line of JSON, or text for people. */
export function writeResult(terminal: Terminal, result: unknown, text: () => string): void {
  terminal.stdout.write(`${terminal.json ? JSON.stringify(result) : text()}\n`);
}

/** Writes a line of talk on stderr, unless it is to be quiet. */
export function talk(terminal: Terminal, text: string): void {
  if (!terminal.quiet) terminal.stderr.write(`${text}\n`);
}
