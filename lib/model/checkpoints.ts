/** Checkpoints of a training: its configuration, and the newest checkpoint that it can resume from. */
import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { setImmediate } from "node:timers/promises";
import { fingerprintSplit } from "../dataset/dataset-fingerprint.js";
import type { Split } from "../dataset/split.js";
import { isWsssError, WsssError } from "../errors.js";
import { ioFailure, systemCode } from "../files/file-access.js";
import { canonicalJson, describeDifferences, differencesBetween } from "../files/fingerprint.js";
import { packageVersion } from "../files/package-version.js";
import { libtorchVersion } from "../libtorch/pinned.js";
import type { NativeMaskStore, NativeTrainingSurroundings } from "../native/addon.js";
import type { OptionTable } from "../options/declared-option.js";
import { groupHandle } from "../process-group/process-group.js";
import { prepareCheckpointFolder } from "./checkpoint-paths.js";
import { inspectWeights } from "./inspect-weights.js";
import type { ModelDescription } from "./model-description.js";
import type { ModelPrecision } from "./precision.js";
import { trainingOptionTable } from "./training-option-table.js";
import type { TrainingCallOptions } from "./training-options.js";

/** What a training is, as far as its result depends on it; two runs of one configuration are the same run. */
export interface TrainingConfiguration {
  readonly call: string;
  readonly settings: object;
  readonly precision: ModelPrecision["training"];
  readonly description: ModelDescription;
  readonly train: Split;
  readonly validation: Split | undefined;
  /** What the segmenter learns from; true masks belong to the training split. */
  readonly masks?: LearnedMasks | "ground-truth";
}

/** Pseudo masks, as far as a configuration tells them apart. */
interface LearnedMasks {
  readonly levels: readonly string[];
  readonly store: Pick<NativeMaskStore, "levelCount" | "count" | "mask">;
}

/** The addon's options on checkpoints. */
export type NativeCheckpointOptions = Pick<
  NativeTrainingSurroundings,
  "checkpointFolder" | "checkpointSteps" | "checkpointKeep" | "checkpointConfig" | "resumeFrom"
>;

/** The addon's options on processes that train together. */
export type NativeGroupOptions = Pick<
  NativeTrainingSurroundings,
  "group" | "groupConfig" | "syncBatchNorm" | "bfloat16Gradients"
>;

/** Of a process alone. */
export const noGroup: NativeGroupOptions = {
  group: null,
  groupConfig: "",
  syncBatchNorm: true,
  bfloat16Gradients: false,
};

/** What the addon is told of the processes that train together: with all that they must agree in. */
export async function prepareGroup(
  configuration: TrainingConfiguration,
  { group }: TrainingCallOptions,
): Promise<NativeGroupOptions> {
  const handle = groupHandle(group);
  if (handle === undefined) return noGroup;
  const { native, syncBatchNorm, bfloat16Gradients } = handle;
  const agreed = { package: packageVersion, libtorch: libtorchVersion, syncBatchNorm, bfloat16Gradients };
  const groupConfig = canonicalJson({ ...agreed, training: await describe(configuration) });
  return { group: native, groupConfig, syncBatchNorm, bfloat16Gradients };
}

const checkpointName = /^checkpoint-\d+\.safetensors$/;

/**
 * Makes the checkpoint folder and finds the checkpoint to go on from, if that is wished.
 *
 * @throws WsssError `WSSS_ERR_IO` if the folder can't be made or read; `WSSS_ERR_OPTION` if the newest checkpoint is of another
 *   configuration, with the differences in words; `WSSS_ERR_WEIGHTS` if no checkpoint that is there can be read.
 */
export async function prepareCheckpoints(
  configuration: TrainingConfiguration,
  { checkpointFolder, checkpointSteps = 0, checkpointKeep = 2, resume = false }: TrainingCallOptions,
): Promise<NativeCheckpointOptions> {
  const folder = await prepareCheckpointFolder(checkpointFolder);
  const options = { checkpointFolder: folder, checkpointSteps, checkpointKeep };
  if (folder === "") return { ...options, checkpointConfig: "", resumeFrom: "" };
  const config = await describe(configuration);
  if (!resume) await assertNoCheckpoints(configuration.call, folder);
  const newest = resume ? await newestCheckpoint(folder) : null;
  if (newest !== null) assertSame(configuration.call, newest, config);
  return { ...options, checkpointConfig: canonicalJson(config), resumeFrom: newest?.file ?? "" };
}

/** Whether the result is the same with any value of an option. */
function isUnchanging(name: string): boolean {
  const table: OptionTable = trainingOptionTable;
  return table[name]?.changesNoResult === true;
}

async function describe(configuration: TrainingConfiguration): Promise<object> {
  const { settings, precision, description, train, validation, masks } = configuration;
  const learned = Object.fromEntries(Object.entries(settings).filter(([name]) => !isUnchanging(name)));
  const { classes, width, headWidth, backbone, outputStride } = description;
  return {
    settings: learned,
    // Checkpoints of before there was a choice are float32.
    ...(precision === "bfloat16" && { precision }),
    network: { classes: classes.map(({ name }) => name), width, headWidth, backbone, outputStride },
    data: {
      train: await fingerprintSplit(train),
      validation: validation === undefined ? null : await fingerprintSplit(validation),
      masks: masks === undefined || masks === "ground-truth" ? (masks ?? null) : await digestOfMasks(masks),
    },
  };
}

/** Levels and SHA-256 of all pseudo masks. One mask at a time, so that the event loop turns in between. */
async function digestOfMasks({ levels, store }: LearnedMasks): Promise<object> {
  const hash = createHash("sha256");
  for (let level = 0; level < store.levelCount; level += 1) {
    for (let index = 0; index < store.count; index += 1) {
      hash.update(new Uint8Array(store.mask(level, index)));
      if (index % 16 === 0) await setImmediate();
    }
  }
  return { levels, digest: hash.digest("hex") };
}

interface FoundCheckpoint {
  readonly file: string;
  readonly config: string;
}

/** Checkpoints of a folder, the newest first. @throws WsssError `WSSS_ERR_IO` */
export async function listCheckpoints(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return [];
    throw ioFailure(error, "read", folder);
  });
  const newestFirst = names.filter((name) => checkpointName.test(name)).sort((a, b) => (a < b ? 1 : -1));
  return newestFirst.map((name) => path.join(folder, name));
}

/** A training that begins would overwrite them, and with them perhaps days of work. */
async function assertNoCheckpoints(call: string, folder: string): Promise<void> {
  const [newest] = await listCheckpoints(folder);
  if (newest === undefined) return;
  const message =
    `checkpointFolder must be a folder without checkpoints while resume is false, received one with ${newest}; ` +
    `resume: true goes on from it, another folder keeps it (${call})`;
  throw new WsssError("WSSS_ERR_OPTION", message, { call, option: "checkpointFolder", path: newest });
}

/**
 * The newest checkpoint that can be read. One that can't is passed over: the one before it loses less than starting again.
 */
async function newestCheckpoint(folder: string): Promise<FoundCheckpoint | null> {
  let firstProblem: WsssError | undefined;
  for (const file of await listCheckpoints(folder)) {
    try {
      const { metadata } = await inspectWeights(file, { statistics: false });
      return { file, config: metadata["config"] ?? "" };
    } catch (error) {
      // Only what is damaged is passed over: a disk that can't be read now may hold a good one.
      if (!isWsssError(error, "WSSS_ERR_WEIGHTS")) throw error;
      process.emitWarning(`${error.message}; the checkpoint before it is used`);
      firstProblem ??= error;
    }
  }
  if (firstProblem !== undefined) throw firstProblem;
  return null;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

function assertSame(call: string, { file, config }: FoundCheckpoint, now: object): void {
  if (config === canonicalJson(now)) return;
  const differences = differencesBetween(parsed(config), parsed(canonicalJson(now)));
  const message =
    `${file} is of a training with other options: ${describeDifferences(differences)}; ` +
    `resume it with the same ones, or choose another checkpointFolder (${call})`;
  throw new WsssError("WSSS_ERR_OPTION", message, { call, option: "resume", path: file, differences });
}
