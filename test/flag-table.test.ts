// The tables of flags in docs/command-line.md, as they come from the commands.
import { expect, test } from "@jest/globals";
import { flagTable } from "../dist/cli/flag-table.js";
import { createProgram } from "../dist/cli/program.js";

const program = createProgram({ stdout: process.stdout, stderr: process.stderr });
test("a switch and its opposite are one row, and the default a column", () => {
  const rows = flagTable(program, "run", "Checkpoints");
  expect(rows[0]).toEqual([
    "`--resume`, `--no-resume`",
    "go on from the newest checkpoint of an interrupted training, or begin it again",
    "on",
  ]);
  expect(rows[1]?.[0]).toBe("`--recovery-interval <n>`");
});

test("options that are not there are refused", () => {
  expect(() => flagTable(program, "run", "Cooking")).toThrow("the command run has no options under Cooking");
});
