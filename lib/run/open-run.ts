import { join } from "node:path";

import { type Dataset, openDataset } from "../dataset/open-dataset.js";
import type { Split, SplitName } from "../dataset/split.js";
import { WsssError } from "../errors.js";
import type { RunCheckpoints, RunContext, RunDevice, RunSources } from "./context.js";
import { fingerprintDataset } from "../dataset/dataset-fingerprint.js";
import { makeFolder } from "../model/make-folder.js";
import { describeDifferences, type Difference, differencesBetween } from "../fingerprint.js";
import { mergeOptions, type PlanOptions, type SubsetOptions } from "./plan-options.js";
import { type PlanSections, resolveSections, type SectionName } from "./plan.js";
import type { RunReporter } from "./reporter.js";
import { lockRunFolder } from "./run-lock.js";
import { currentVersions, type DataLocation, readRunRecord, type RunRecord, writeRunRecord } from "./run-record.js";
import type { StageSurroundings } from "./stage.js";

/** What a command wants of a run folder. */
export interface RunRequest {
  /** The run folder; made if it is not there. */
  readonly out: string;
  /** Where the patches are. @defaultValue where they were for this folder the last time */
  readonly data?: DataLocation | undefined;
  /** Splits that the command needs. */
  readonly splits: readonly SplitName[];
  /** The parts of the plan that the command uses. */
  readonly sections: readonly SectionName[];
  /**
   * Options under the given ones that are not the library's defaults, as in the demo.
   * @defaultValue those that the folder was begun with
   */
  readonly base?: PlanOptions | undefined;
  /** Options as they were given; on top of those that the folder was given before. */
  readonly given: PlanOptions;
  /** @defaultValue as for this folder the last time, at first `auto` and all cores */
  readonly device?: Partial<RunDevice> | undefined;
  readonly sources?: RunSources | undefined;
  /** @defaultValue resume, a checkpoint after each epoch, the newest two kept */
  readonly checkpoints?: Partial<RunCheckpoints> | undefined;
  /** Whether options may differ from those of the folder; what depends on them is done again. */
  readonly force: boolean;
  readonly signal: AbortSignal;
  readonly reporter: RunReporter;
  /** Writes the dataset into the run folder first, if it makes its own. */
  readonly ownDataset?: OwnDataset | undefined;
}

/** A dataset that a run makes for itself. */
export interface OwnDataset {
  /** Everything that it depends on, as JSON; goes into `run.json`. */
  readonly settings: unknown;
  /** Folder, relative to the run folder. */
  readonly folder: string;
  make(surroundings: StageSurroundings): Promise<void>;
}

type StoredPlan = RunRecord["plan"];

/** Differences in the parts that both plans have. */
function planDifferences(before: StoredPlan, now: StoredPlan): Difference[] {
  const shared = Object.keys(now).filter((name) => name in before) as (keyof StoredPlan)[];
  return shared.flatMap((name) => differencesBetween(before[name], now[name], name));
}

function refuseDifferences(request: RunRequest, differences: readonly Difference[]): void {
  if (differences.length === 0) return;
  const words = describeDifferences(differences);
  if (request.force) {
    request.reporter.note(`options differ from the last time, what depends on them is done again: ${words}`);
    return;
  }
  const message = `${request.out} holds a run with other options: ${words}; --force does again what they change, another folder keeps both`;
  throw new WsssError("WSSS_ERR_OPTION", message, { option: "out", path: request.out, differences });
}

function dataLocation(request: RunRequest, stored: RunRecord | undefined): DataLocation {
  if (request.ownDataset !== undefined) return { folder: join(request.out, request.ownDataset.folder) };
  const location = request.data ?? stored?.data;
  if (location !== undefined) return location;
  throw new WsssError("WSSS_ERR_OPTION", "data is missing: it must be the folder of a dataset", { option: "data" });
}

async function openData(
  { reporter, splits }: RunRequest,
  { folder, preset, description }: DataLocation,
  subset: SubsetOptions = {},
): Promise<Dataset> {
  const dataset = await openDataset(folder, {
    ...(preset !== undefined && { preset }),
    ...(description !== undefined && { description }),
    require: splits,
  });
  const skipped = [dataset.train, dataset.val, dataset.test].flatMap((split) => split.skipped);
  if (skipped.length > 0) {
    reporter.warn(`${skipped.length} files among the patches are none and play no part, such as ${skipped[0] ?? ""}`);
  }
  noteDraw(reporter, dataset);
  // One draw for all seeds of training, so that runs with several seeds see the same patches.
  const part = (split: Split, count: number | undefined): Split =>
    count === undefined || split.count === 0 ? split : split.subset(count);
  const { train, val, test } = subset;
  return {
    ...dataset,
    train: part(dataset.train, train),
    val: part(dataset.val, val),
    test: part(dataset.test, test),
  };
}

/** Says how patients were drawn into splits, as no file of the user does. */
function noteDraw(reporter: RunReporter, { description, train, val, test }: Dataset): void {
  if (description.split === undefined) return;
  const shares = [train, val, test].map(({ name, files }) => {
    const patients = new Set(files.map(({ patient }) => patient)).size;
    return `${name} ${files.length} patches of ${patients} ${patients === 1 ? "patient" : "patients"}`;
  });
  reporter.note(`patients are drawn into splits: ${shares.join(", ")}`);
}

/** Says aloud that a folder was begun by other versions; it is no reason to refuse. */
function warnOfVersions(request: RunRequest, stored: RunRecord | undefined, now: RunRecord["versions"]): void {
  const differences = stored === undefined ? [] : differencesBetween(stored.versions, now);
  if (differences.length > 0) {
    request.reporter.warn(
      `versions differ from those that ${request.out} was begun with: ${describeDifferences(differences)}`,
    );
  }
}

interface Prepared {
  readonly stored: RunRecord | undefined;
  readonly base: PlanOptions | undefined;
  readonly given: PlanOptions;
  readonly plan: Partial<PlanSections>;
  readonly device: RunDevice;
}

async function prepare(request: RunRequest): Promise<Prepared> {
  const stored = await readRunRecord(request.out);
  const given = mergeOptions(stored?.given, request.given);
  const base = request.base ?? stored?.base;
  const plan = resolveSections(mergeOptions(base, given), request.sections);
  const wanted = { ...plan, ...(request.ownDataset && { demo: request.ownDataset.settings }) };
  if (stored !== undefined) refuseDifferences(request, planDifferences(stored.plan, wanted));
  const { device = stored?.device.device ?? "auto", threads = stored?.device.threads ?? 0 } = request.device ?? {};
  return { stored, base, given, plan, device: { device, threads } };
}

async function record(
  request: RunRequest,
  prepared: Prepared,
  facts: Pick<RunRecord, "versions" | "data" | "dataset">,
): Promise<void> {
  const { stored, base, given, device } = prepared;
  const now = new Date().toISOString();
  await writeRunRecord(request.out, {
    format: 1,
    ...facts,
    createdAt: stored?.createdAt ?? now,
    updatedAt: now,
    device,
    ...(base !== undefined && { base }),
    given,
    plan: { ...stored?.plan, ...prepared.plan, ...(request.ownDataset && { demo: request.ownDataset.settings }) },
  });
}

/**
 * Opens a run folder for one command: options checked, dataset opened, compared with what the folder holds, `run.json`
 * written; then the work, with the folder locked against other processes.
 *
 * Options and dataset are judged before the folder is touched, so that a command that is refused leaves nothing behind.
 *
 * @throws WsssError `WSSS_ERR_OPTION` if an option is wrong, or differs from those of the folder without `force`;
 *   `WSSS_ERR_DATASET`; `WSSS_ERR_IO`; and what the work throws.
 */
export async function withRun<Result>(
  request: RunRequest,
  work: (context: RunContext) => Promise<Result>,
): Promise<Result> {
  const { out: root, ownDataset, signal, reporter } = request;
  const prepared = await prepare(request);
  const data = dataLocation(request, prepared.stored);
  const subset = mergeOptions(prepared.base, prepared.given).subset;
  let dataset = ownDataset === undefined ? await openData(request, data, subset) : undefined;
  const versions = await currentVersions();
  warnOfVersions(request, prepared.stored, versions);
  await makeFolder(root);
  const unlock = await lockRunFolder(root);
  try {
    await ownDataset?.make({ root, signal, reporter });
    dataset ??= await openData(request, data, subset);
    const fingerprint = await fingerprintDataset(dataset);
    const { stored, plan, device } = prepared;
    if (stored !== undefined) refuseDifferences(request, differencesBetween(stored.dataset, fingerprint, "dataset"));
    await record(request, prepared, { versions, data, dataset: fingerprint });
    const { sources = {}, force } = request;
    // What is forced may differ from what the checkpoints were made of.
    const resume = (request.checkpoints?.resume ?? true) && !force;
    const checkpoints = { checkpointSteps: 0, checkpointKeep: 2, ...request.checkpoints, resume };
    return await work({ root, dataset, fingerprint, plan, device, checkpoints, sources, signal, reporter, memory: {} });
  } finally {
    await unlock();
  }
}
