/** The networks that a command works with: named by a bundle, a run folder or weight files, loaded and freed. */
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { Classifier } from "../classifier/classifier.js";
import { WsssError } from "../errors.js";
import type { ModelLoadOptions } from "../model/model-options.js";
import { classifierOfRun } from "../run/classifier-of-run.js";
import { Segmenter } from "../segmenter/segmenter.js";
import { someText } from "./values.js";

/** How networks are named on a command line. */
export interface NetworkNames {
  readonly bundle?: string;
  readonly run?: string;
  readonly segmenter?: string;
  readonly classifier?: string;
  /** Whether there is to be a gate; undefined = where there is a classifier. */
  readonly gate?: boolean | undefined;
}

/** Loaded networks. */
export interface Networks {
  readonly segmenter: Segmenter;
  /** The gate; undefined without one, and where a bundle brings its own. */
  readonly classifier: Classifier | undefined;
}

/** Weight files of networks. */
export interface NetworkFiles {
  readonly segmenter: string;
  readonly classifier: string | undefined;
}

/** Adds `--bundle`, `--run`, `--segmenter` and `--classifier`. */
export function addNetworkNames(command: Command): Command {
  const file = (text: string): string => resolve(someText(text));
  return command
    .option("--bundle <folder>", "bundle whose networks are used", file)
    .option("--run <folder>", "run folder whose networks are used", file)
    .option("--segmenter <file>", "weights of the segmenter (default: of the run folder or the bundle)", file)
    .option(
      "--classifier <file>",
      "weights of the gate's classifier; without any there is no gate (default: of the run folder or the bundle)",
      file,
    );
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

/**
 * Weight files from the options; the gate's only if there is to be one.
 * @param purpose - the command's work, for the message: `"predict"`.
 * @throws WsssError `WSSS_ERR_OPTION` where no network is named.
 */
export async function filesOfNetworks(options: NetworkNames, purpose: string): Promise<NetworkFiles> {
  const { bundle, run, gate } = options;
  // A bundle brings its gate along.
  if (bundle !== undefined) return { segmenter: bundle, classifier: options.classifier };
  const segmenter = options.segmenter ?? (run === undefined ? undefined : join(run, "segmenter.safetensors"));
  if (segmenter === undefined) {
    const message = `there is nothing to ${purpose} with: name a bundle with --bundle, a run folder with --run, or a weight file with --segmenter`;
    throw new WsssError("WSSS_ERR_OPTION", message, { option: "segmenter" });
  }
  if (gate === false) return { segmenter, classifier: undefined };
  if (options.classifier !== undefined) return { segmenter, classifier: options.classifier };
  const ofRun = run === undefined ? undefined : await classifierOfRun(run);
  if (ofRun !== undefined && (await isThere(ofRun))) return { segmenter, classifier: ofRun };
  if (gate === true) {
    const message = "the gate needs a classifier: name its weight file with --classifier, or leave --gate out";
    throw new WsssError("WSSS_ERR_OPTION", message, { option: "classifier" });
  }
  return { segmenter, classifier: undefined };
}

/** Loads networks, works with them, and frees them. */
export async function withNetworks<Result>(
  files: NetworkFiles,
  where: ModelLoadOptions,
  work: (networks: Networks) => Promise<Result>,
): Promise<Result> {
  const segmenter = await Segmenter.load(files.segmenter, where);
  try {
    const classifier = files.classifier === undefined ? undefined : await Classifier.load(files.classifier, where);
    try {
      return await work({ segmenter, classifier });
    } finally {
      await classifier?.dispose();
    }
  } finally {
    await segmenter.dispose();
  }
}
