/** Declared options of commands: with a prefix for one stage or without for both, and how they are read. */
import { type Command, Option } from "commander";
import { defaultsOf, type TrainedStage } from "../options/declared-option.js";
import { section } from "./section.js";
import type { DeclaredFlag } from "./declared-flags.js";
import { fraction, weightsOrName } from "./values.js";

/** `classifier 20, segmenter 30`, or one value where they agree. */
function defaultInWords({ declared }: DeclaredFlag, stages: readonly TrainedStage[]): string {
  const values = stages.map((stage) => ({ stage, value: defaultsOf(declared, stage).default }));
  const [first] = values;
  const same = values.every(({ value }) => value === first?.value);
  const text = same ? String(first?.value) : values.map(({ stage, value }) => `${stage} ${String(value)}`).join(", ");
  return ` (default: \`${text}\`)`;
}

function optionsOf(flag: DeclaredFlag, help: string, prefix?: TrainedStage): Option[] {
  const long = prefix === undefined ? flag.name : `${prefix}-${flag.name}`;
  if (flag.value === undefined) {
    return [new Option(`--${long}`, help), new Option(`--no-${long}`, `turn that off`)];
  }
  const short = prefix === undefined && flag.short !== undefined ? `-${flag.short}, ` : "";
  const option = new Option(`${short}--${long} <${flag.value}>`, help);
  return [flag.parse === undefined ? option : option.argParser(flag.parse)];
}

/** Adds options for the stages of a command under one heading. */
export function addDeclaredOptions(
  command: Command,
  heading: string,
  flags: readonly DeclaredFlag[],
  stages: readonly TrainedStage[],
): Command {
  command.optionsGroup(heading);
  for (const flag of flags) {
    for (const option of optionsOf(flag, `${flag.declared.brief}${defaultInWords(flag, stages)}`))
      command.addOption(option);
  }
  return command;
}

/** Adds every option of one stage with its prefix, for commands that train both; not listed one by one in the help. */
export function addPrefixedOptions(command: Command, flags: readonly DeclaredFlag[], prefix: TrainedStage): Command {
  for (const flag of flags) {
    const help = `${flag.declared.brief}, of the ${prefix} alone`;
    for (const option of optionsOf(flag, help, prefix)) command.addOption(option.hideHelp());
  }
  return command;
}

/** Adds `--classifier-width` and the like; hidden too. */
export function addPrefixedNetworkOptions(command: Command, prefix: TrainedStage): Command {
  const width = new Option(`--${prefix}-width <x>`, `channel multiplier of the ${prefix}`).argParser(fraction);
  return command.addOption(width.hideHelp());
}

/** Adds `--classifier-weights` or `--segmenter-weights`. */
export function addStageWeights(command: Command, prefix: TrainedStage): Command {
  const what = `what the ${prefix} starts from: a file (.safetensors, .pth, .params), or \`imagenet\` (default: random weights)`;
  return command.option(`--${prefix}-weights <file>`, what, weightsOrName);
}

/** Name under which commander keeps the value of a long option. */
function attribute(long: string): string {
  return long.replaceAll(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** The values that were given for declared options, by the names of the API. */
export function valuesOf(
  given: Readonly<Record<string, unknown>>,
  flags: readonly DeclaredFlag[],
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(flags.map(({ option, name }) => [option, given[attribute(name)]]));
}

/** The training options that were given: those for all stages, with those for this stage on top. */
export function trainingOf(
  given: Readonly<Record<string, unknown>>,
  flags: readonly DeclaredFlag[],
  prefix: TrainedStage,
): Readonly<Record<string, unknown>> | undefined {
  const ofStage = Object.fromEntries(
    flags.map(({ option, name }) => [option, given[attribute(`${prefix}-${name}`)] ?? given[attribute(name)]]),
  );
  return section(ofStage);
}
