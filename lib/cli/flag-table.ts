/** The options of commands as tables of docs/command-line.md: what the help says, in columns. */
import type { Command, Option } from "commander";

const ending = / \(default: (?<value>(?:[^()]|\([^()]*\))*)\)$/;

/** One row: how it is written, what it means, its default. `--no-x` stands beside `--x` and has no row of its own. */
function rowOf(option: Option, all: readonly Option[]): string[] {
  const opposite = all.find((other) => other.negate && other.long === `--no-${option.long?.slice(2)}`);
  const names = [option.short, option.flags.replace(/^-\w, /, ""), opposite?.flags].filter(
    (name) => name !== undefined,
  );
  const value = ending.exec(option.description)?.groups?.["value"] ?? "";
  return [names.map((name) => `\`${name}\``).join(", "), option.description.replace(ending, ""), value];
}

/**
 * The rows of a command's options.
 * @param group - heading of the options in the help, without its colon; `""` for those without any.
 * @throws Error if the command has no such options.
 */
export function flagTable(program: Command, name: string, group: string): string[][] {
  const command = program.commands.find((one) => one.name() === name);
  const heading = group === "" ? undefined : `${group}:`;
  const options = command?.options.filter((one) => one.helpGroupHeading === heading && !one.hidden) ?? [];
  if (options.length === 0) throw new Error(`the command ${name} has no options under ${group || "no heading"}`);
  const talk = new Set(["--json", "--quiet", "--debug"]);
  return options
    .filter((one) => !one.negate && (group === "Output" || !talk.has(one.long ?? "")))
    .map((one) => rowOf(one, options));
}
