/** One command line from its words to an exit code, with every error printed on stderr. */
import { type Command, CommanderError } from "commander";
import { describeError } from "./describe-error.js";
import type { Streams } from "./environment.js";
import { exitCodeOf, exitCodes } from "./exit-codes.js";
import { createProgram } from "./program.js";

/**
 * Runs one command line.
 *
 * @param words - the command line without the program's name.
 * @returns the exit code; errors have been printed on stderr by then, and never throw.
 */
export async function runCommandLine(words: readonly string[], streams: Streams): Promise<number> {
  const program = createProgram(streams);
  let command: Command | undefined;
  program.hook("preAction", (_, begun) => {
    command = begun;
  });
  try {
    if (words.length === 0) {
      streams.stderr.write(program.helpInformation());
      return exitCodes.option;
    }
    await program.parseAsync(words, { from: "user" });
    return exitCodes.ok;
  } catch (error) {
    const code = exitCodeOf(error);
    // Help and version come as errors too, with exit code 0 and their text already printed.
    if (error instanceof CommanderError && code === exitCodes.ok) return code;
    streams.stderr.write(`wsss-tissue: ${describeError(error, command)}\n`);
    const stack = error instanceof Error ? error.stack : undefined;
    if (stack !== undefined && (code === exitCodes.bug || words.includes("--debug")))
      streams.stderr.write(`${stack}\n`);
    return code;
  }
}
