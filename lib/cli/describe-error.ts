import { CommanderError } from "commander";

import { isWsssError } from "../errors.js";
import { classifierTrainingFlags, segmenterTrainingFlags, sharedTrainingFlags } from "./training-flags.js";

/** Flags of options whose names differ from the flag or that are no training options. */
const otherFlags: Readonly<Record<string, string>> = {
  data: "--data",
  width: "--width",
  headWidth: "--head-width",
  seed: "--seed",
  seeds: "--seeds",
  only: "--only",
  levels: "--levels",
  weights: "--weights",
  threads: "--threads",
  precision: "--precision",
  device: "--device",
  outputStride: "--output-stride",
  masks: "--masks",
  gateThreshold: "--gate-threshold",
  by: "--by",
  level: "--level",
  resamples: "--resamples",
  permutations: "--permutations",
  boundaryTolerancePx: "--boundary-tolerance",
  count: "--pictures, --train-limit, --val-limit or --test-limit",
};

/** The flag that sets an option of the library. */
function flagOf(option: unknown): string | undefined {
  const known = [...sharedTrainingFlags, ...classifierTrainingFlags, ...segmenterTrainingFlags];
  const flag = known.find((one) => one.option === option);
  if (flag !== undefined) return `--${flag.name}`;
  return typeof option === "string" ? otherFlags[option] : undefined;
}

function ofCommander(error: CommanderError): string {
  const text = error.message
    .replace(/^error: /, "")
    .replaceAll(/\s*\n\s*/g, " ")
    .trim();
  const command = /^missing|^unknown|^option|^required|^too many|^command-argument/.test(text);
  return command ? text : `wrong command line: ${text}`;
}

/** An error as the sentence that is printed after `wsss-tissue: `. */
export function describeError(error: unknown): string {
  if (error instanceof CommanderError) return ofCommander(error);
  if (isWsssError(error)) {
    const flag = error.code === "WSSS_ERR_OPTION" ? flagOf(error.details["option"]) : undefined;
    const repair = flag === undefined || error.message.includes(flag) ? "" : `; set it with ${flag}`;
    return `${error.message}${repair}`;
  }
  const text = error instanceof Error ? error.message : String(error);
  return `${text}\nThis is a defect of wsss-tissue; please report it with the lines below.`;
}
