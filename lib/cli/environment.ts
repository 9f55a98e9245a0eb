/** What surrounds the action of every command: streams, `--json` and `--quiet`, a view, and cancelling. */
import type { Command } from "commander";
import { endFetchingOn } from "../native/load.js";
import { listenForCancel } from "./cancel.js";
import { talk, type Terminal, type TerminalStream } from "./terminal.js";
import { createView, type View } from "./view.js";

/** The two streams that a command line writes to. */
export interface Streams {
  readonly stdout: TerminalStream;
  readonly stderr: TerminalStream;
}

/** What an action of a command gets. */
export interface ActionTools {
  readonly terminal: Terminal;
  readonly view: View;
  readonly signal: AbortSignal;
}

/** Options that decide how a command talks. */
export interface TalkOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Adds `--json`, `--quiet` and `--debug`. */
export function addTalkOptions(command: Command): Command {
  return command
    .option("--json", "print the result as one line of JSON, the last on stdout")
    .option("-q, --quiet", "say nothing on stderr but warnings and errors")
    .option("--debug", "print the stack of an error");
}

/**
 * Runs the action of a command with a view and an ear for signals, and tidies both up.
 * @param announcement - what is said when a signal asks to stop.
 */
export async function act(
  streams: Streams,
  options: TalkOptions,
  action: (tools: ActionTools) => Promise<void>,
  announcement = "stopping at the next safe point; press Ctrl-C again to quit at once",
): Promise<void> {
  const terminal: Terminal = { ...streams, json: options.json ?? false, quiet: options.quiet ?? false };
  const view = createView(terminal);
  const cancellation = listenForCancel(() => {
    view.close();
    talk(terminal, announcement);
  });
  endFetchingOn(cancellation.signal);
  try {
    await action({ terminal, view, signal: cancellation.signal });
  } finally {
    endFetchingOn(undefined);
    cancellation.release();
    view.close();
  }
}
