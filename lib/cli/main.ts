#!/usr/bin/env node
/** The program `wsss-tissue`: it hears signals first, then loads the command line and ends with its exit code. */
import { exitCodeOfSignal, onStopSignal } from "./signals.js";

// Before all else is loaded, which takes longer than everything here. Until a command listens itself, there is nothing to save.
onStopSignal((signal) => process.exit(exitCodeOfSignal(signal)));

const { exitCodes } = await import("./exit-codes.js");
const { runCommandLine } = await import("./run-command-line.js");

// A reader that closes its end, such as `head`, is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? exitCodes.ok : exitCodes.data);
});
// Nobody reads the messages any more; the work goes on.
process.stderr.on("error", () => undefined);

process.exitCode = await runCommandLine(process.argv.slice(2), process);
