/** Errors as sentences for a command line: options of the library are called by their flags. */
import { type Command, CommanderError } from "commander";
import { type ErrorDetails, isWsssError } from "../errors.js";
import { allDeclaredFlags } from "./declared-flags.js";

/** Flags of options that stand in no table. */
const otherFlags: Readonly<Record<string, string>> = {
  data: "--data",
  width: "--width",
  headWidth: "--head-width",
  seed: "--seed",
  seeds: "--seeds",
  only: "--only",
  weights: "--weights",
  threads: "--threads",
  precision: "--precision",
  tf32: "--tf32",
  device: "--device",
  outputStride: "--output-stride",
  masks: "--masks",
  rounds: "--rounds",
  by: "--by",
  level: "--level",
  resamples: "--resamples",
  permutations: "--permutations",
  count: "--pictures, --train-limit, --val-limit or --test-limit",
};

/**
 * The flag of a declared option: of a command for both stages the one for the stage that refused it, unless the value came
 * from the flag for both.
 */
function declaredFlagOf(name: string, call: unknown, command: Command | undefined): string {
  const stage = /^(Classifier|Segmenter)\b/.exec(String(call))?.[1]?.toLowerCase();
  const ofStage = `--${stage ?? ""}-${name}`;
  const given = (long: string): boolean => {
    const option = command?.options.find((one) => one.long === long);
    return option !== undefined && command?.getOptionValueSource(option.attributeName()) === "cli";
  };
  const exists = command?.options.some((one) => one.long === ofStage) === true;
  return exists && (given(ofStage) || !given(`--${name}`)) ? ofStage : `--${name}`;
}

/** The flag that sets an option of the library. */
function flagOf({ option, call }: ErrorDetails, command: Command | undefined): string | undefined {
  const flag = allDeclaredFlags.find((one) => one.option === option);
  if (flag !== undefined) return declaredFlagOf(flag.name, call, command);
  const other = typeof option === "string" ? otherFlags[option] : undefined;
  if (other === undefined) return undefined;
  // Commands that make both networks have some flags once for each.
  const stage = /^run, (classifier|segmenter)$/.exec(String(call))?.[1];
  const ofStage = `--${stage ?? ""}-${other.slice(2)}`;
  return command?.options.some(({ long }) => long === ofStage) === true ? ofStage : other;
}

function ofCommander(error: CommanderError): string {
  const text = error.message
    .replace(/^error: /, "")
    .replaceAll(/\s*\n\s*/g, " ")
    .trim();
  const command = /^missing|^unknown|^option|^required|^too many|^command-argument/.test(text);
  return command ? text : `wrong command line: ${text}`;
}

/**
 * An error as the sentence that is printed after `wsss-tissue: `.
 * @param command - the command that failed, if it was begun.
 */
export function describeError(error: unknown, command?: Command): string {
  if (error instanceof CommanderError) return ofCommander(error);
  if (isWsssError(error)) {
    const flag = error.code === "WSSS_ERR_OPTION" ? flagOf(error.details, command) : undefined;
    const repair = flag === undefined || error.message.includes(flag) ? "" : `; set it with ${flag}`;
    return `${error.message}${repair}`;
  }
  const text = error instanceof Error ? error.message : String(error);
  return `${text}\nThis is a defect of wsss-tissue; please report it with the lines below.`;
}
