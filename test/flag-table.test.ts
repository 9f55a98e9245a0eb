// docs/command-line.md tells every option of every command, in tables that come from the commands.
import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { flagTable } from "../dist/cli/flag-table.js";
import { createProgram } from "../dist/cli/program.js";

const program = createProgram({ stdout: process.stdout, stderr: process.stderr });
const page = readFileSync("docs/command-line.md", "utf8");

test.each(program.commands.map((command) => [command.name(), command] as const))("%s", (_, command) => {
  const told = command.options.filter(({ hidden }) => !hidden).map(({ long }) => long!);
  expect(told.length).toBeGreaterThan(0);
  expect(told.filter((long) => !page.includes(`\`${long}`))).toEqual([]);
});

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
