/** Weight files and pseudo masks that a stage works from, and digests that tell them apart. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { WsssError } from "../errors.js";
import { ioFailure } from "../files/file-access.js";
import { digestOf } from "../files/fingerprint.js";
import { type NamedNetwork, pinnedDigestOf } from "../pretrained/weights-of-name.js";
import type { RunSources } from "./context.js";
import { measureOutput, readMarker, type StageOutput } from "./stage-marker.js";
import type { StageName } from "../text/stage-names.js";

/** Folder of the pseudo masks in a run folder, with one folder for each level. */
export const pseudoMaskFolder = "train_PM";

/** Something that a stage works from, and what tells it from another of the same name. */
export interface StageSource {
  readonly path: string;
  /** Goes into the stage's key. */
  readonly identity: string;
}

/**
 * What a command works from: the files that it names itself, then those that the run folder was built on.
 * @param basis - paths relative to the run folder, so that folders that belong together can be moved together.
 */
export function sourcesOfRun(root: string, basis: RunSources = {}, named: RunSources = {}): RunSources {
  const inRoot = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : resolve(root, path);
  return {
    classifier: named.classifier ?? inRoot(basis.classifier),
    segmenter: named.segmenter ?? inRoot(basis.segmenter),
    masks: named.masks ?? inRoot(basis.masks),
  };
}

/** SHA-256 of a file. @throws WsssError `WSSS_ERR_IO` */
export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  } catch (error) {
    throw ioFailure(error, "read", path);
  }
  return hash.digest("hex");
}

/** First weights of a network as a part of a key: null for random ones, and for those that have a name their pinned checksum. */
export async function identityOfFirstWeights({
  weights,
  ...network
}: NamedNetwork & { readonly weights: string | null }): Promise<string | null> {
  if (weights === null) return null;
  return pinnedDigestOf("run", weights, network) ?? (await digestOfFile(weights));
}

/** What an earlier stage of the run folder has left. @throws WsssError `WSSS_ERR_DATASET` if it has not been done */
async function fromStage(root: string, stage: StageName, output: string, flag: string): Promise<StageSource> {
  const marker = await readMarker(root, stage);
  const path = join(root, output);
  if (marker === undefined || (await measureOutput(root, output)) === undefined) {
    const message = `${path} is not there: run ${stage} for this folder first, or name another with ${flag}`;
    throw new WsssError("WSSS_ERR_DATASET", message, { path, stage });
  }
  return { path, identity: marker.id };
}

/** A weight file that the user named, or the one that a stage of the run folder made. */
export async function weightSource(
  root: string,
  role: "classifier" | "segmenter",
  named: string | undefined,
): Promise<StageSource> {
  if (named !== undefined) return { path: named, identity: await digestOfFile(named) };
  return await fromStage(root, `train-${role}`, `${role}.safetensors`, `--${role}`);
}

/**
 * What tells a folder of pseudo masks from another: in a run folder the stage that drew them; elsewhere number and size of its
 * files must do.
 */
async function identityOfMasks(folder: string, measured: StageOutput): Promise<string> {
  const drawn = basename(folder) === pseudoMaskFolder ? await readMarker(dirname(folder), "pseudo-masks") : undefined;
  return drawn?.id ?? digestOf({ files: measured.files, bytes: measured.bytes });
}

/** A folder of pseudo masks that the user named, or that of the run folder. */
export async function maskSource(root: string, named: string | undefined): Promise<StageSource> {
  if (named === undefined) return await fromStage(root, "pseudo-masks", pseudoMaskFolder, "--masks");
  const measured = await measureOutput("", named);
  if (measured?.kind !== "folder") {
    throw new WsssError("WSSS_ERR_DATASET", `mask folder ${named} is not there`, { path: named });
  }
  return { path: named, identity: await identityOfMasks(named, measured) };
}
