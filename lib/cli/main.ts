#!/usr/bin/env node
import { exitCodes } from "./exit-codes.js";
import { runCommandLine } from "./run-command-line.js";

// A reader that closes its end, such as `head`, is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? exitCodes.ok : exitCodes.data);
});
// Nobody reads the messages any more; the work goes on.
process.stderr.on("error", () => undefined);

process.exitCode = await runCommandLine(process.argv.slice(2), process);
