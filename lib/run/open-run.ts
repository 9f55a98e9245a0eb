/** Opens a run folder for a command: options merged and compared, the folder locked, `run.json` written. */
import { fingerprintDataset } from "../dataset/dataset-fingerprint.js";
import type { Dataset } from "../dataset/open-dataset.js";
import type { SplitName } from "../dataset/split.js";
import { describeDifferences, type Difference, differencesBetween } from "../files/fingerprint.js";
import { makeFolder } from "../files/make-folder.js";
import { withoutUndefined } from "../options/fields.js";
import type { ProcessGroup } from "../process-group/process-group.js";
import type { PlanCheck } from "./check-plan.js";
import type { RunCheckpoints, RunContext, RunDevice, RunSources } from "./context.js";
import { deviceOfProcess, type GroupWork } from "./group-work.js";
import { dataLocation, openData } from "./open-data.js";
import type { OwnDataset } from "./own-dataset.js";
import { mergeOptions, type PlanOptions } from "./plan-options.js";
import { type PlanSections, recordedPlan, resolveSections, type SectionName } from "./plan.js";
import { refuseDifferences } from "./refuse-differences.js";
import type { RunReporter } from "./reporter.js";
import { whileLocked } from "./run-lock.js";
import type { DataLocation } from "./data-location.js";
import { currentVersions, readRunRecord, type RunRecord, writeRunRecord } from "./run-record.js";
import { sourcesOfRun } from "./sources.js";
import { whileReporting } from "./while-reporting.js";

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
  /** Files that this command uses in place of the run folder's own. */
  readonly sources?: RunSources | undefined;
  /**
   * What the run takes from other run folders instead of making it, paths relative to its own folder. Recorded, so that every later
   * command finds it.
   * @defaultValue as for this folder before, at first nothing
   */
  readonly basis?: RunSources | undefined;
  /** @defaultValue resume, a checkpoint after each epoch, the newest two kept */
  readonly checkpoints?: Partial<RunCheckpoints> | undefined;
  /** As {@link RunContext.tensorboard}. @defaultValue `false` */
  readonly tensorboard?: boolean | undefined;
  /** What is checked before the folder is touched, or, in a run that makes its own dataset, as soon as that is there. */
  readonly check?: PlanCheck | undefined;
  /** Whether options may differ from those of the folder; what depends on them is done again. */
  readonly force: boolean;
  /** Whether the folder is taken although a process of another machine or container is perhaps at work in it. @defaultValue `false` */
  readonly forceUnlock?: boolean | undefined;
  /**
   * Processes that do other runs meanwhile: this one takes its own part of the GPUs or cores that they share.
   * @defaultValue none
   */
  readonly neighbours?: ProcessGroup | undefined;
  /** Hands the run's work out to the processes of a group, of which this one is process 0. @defaultValue this process alone */
  readonly groupWork?: GroupWork | undefined;
  readonly signal: AbortSignal;
  readonly reporter: RunReporter;
  /**
   * The dataset at {@link data}, opened by {@link openData} before: several runs of a process then decode its patches once.
   * @defaultValue opened here
   */
  readonly opened?: Dataset | undefined;
  /** Writes the dataset into the run folder first, if it makes its own. */
  readonly ownDataset?: OwnDataset | undefined;
}

type StoredPlan = RunRecord["plan"];

/** Differences in the parts that both plans have. */
function planDifferences(before: StoredPlan, now: StoredPlan): Difference[] {
  const shared = Object.keys(now).filter((name) => name in before) as (keyof StoredPlan)[];
  return shared.flatMap((name) => differencesBetween(before[name], now[name], name));
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
  readonly basis: RunSources | undefined;
}

/** Where networks live unless somebody says otherwise. */
const defaultDevice: RunDevice = { device: "auto", threads: 0, precision: "auto", tf32: true };

async function prepare(request: RunRequest): Promise<Prepared> {
  const stored = await readRunRecord(request.out);
  const given = mergeOptions(stored?.given, request.given);
  const base = request.base ?? stored?.base;
  const plan = resolveSections(mergeOptions(base, given), request.sections);
  const wanted = { ...recordedPlan(plan), ...(request.ownDataset && { demo: request.ownDataset.settings }) };
  if (stored !== undefined) refuseDifferences("a run", request, planDifferences(stored.plan, wanted));
  // Run records of before there was a choice of precision or TF32 name none.
  const device: RunDevice = { ...defaultDevice, ...stored?.device, ...withoutUndefined(request.device ?? {}) };
  return { stored, base, given, plan, device, basis: request.basis ?? stored?.basis };
}

async function record(
  request: RunRequest,
  prepared: Prepared,
  facts: Pick<RunRecord, "versions" | "data" | "dataset">,
): Promise<void> {
  const { stored, base, given, device, basis } = prepared;
  const now = new Date().toISOString();
  await writeRunRecord(request.out, {
    format: 1,
    ...facts,
    createdAt: stored?.createdAt ?? now,
    updatedAt: now,
    device,
    ...(basis !== undefined && { basis }),
    ...(base !== undefined && { base }),
    given,
    plan: {
      ...stored?.plan,
      ...recordedPlan(prepared.plan),
      ...(request.ownDataset && { demo: request.ownDataset.settings }),
    },
  });
}

/**
 * Opens a run folder for one command: options checked, dataset opened, compared with what the folder holds, `run.json`
 * written; then the work, with the folder locked against other processes, and with its report kept up to date.
 *
 * Options and dataset are judged before the folder is touched, so that a command that is refused leaves nothing behind.
 *
 * @throws WsssError `WSSS_ERR_OPTION` if an option is wrong, or differs from those of the folder without `force`;
 *   `WSSS_ERR_DATASET`; `WSSS_ERR_BUSY` while another process works in the folder; `WSSS_ERR_IO`; and what the work throws.
 */
export async function withRun<Result>(
  request: RunRequest,
  work: (context: RunContext) => Promise<Result>,
): Promise<Result> {
  const { out: root, ownDataset, reporter, forceUnlock } = request;
  const prepared = await prepare(request);
  const data = dataLocation(request, prepared.stored?.data);
  const subset = mergeOptions(prepared.base, prepared.given).subset;
  let dataset = request.opened ?? (ownDataset === undefined ? await openData(request, data, subset) : undefined);
  const sources = sourcesOfRun(root, prepared.basis, request.sources);
  if (dataset !== undefined) request.check?.(prepared.plan, dataset, sources);
  const versions = await currentVersions();
  warnOfVersions(request, prepared.stored, versions);
  await makeFolder(root);
  const lock = { folder: root, forceUnlock, signal: request.signal, reporter };
  return await whileLocked(lock, async (signal) => {
    await ownDataset?.make({ root, signal, reporter });
    if (dataset === undefined) {
      dataset = await openData(request, data, subset);
      request.check?.(prepared.plan, dataset, sources);
    }
    const fingerprint = await fingerprintDataset(dataset);
    const { stored, plan, device } = prepared;
    if (stored !== undefined) {
      refuseDifferences("a run", request, differencesBetween(stored.dataset, fingerprint, "dataset"));
    }
    await record(request, prepared, { versions, data, dataset: fingerprint });
    const { force } = request;
    // What is forced may differ from what the checkpoints were made of.
    const resume = (request.checkpoints?.resume ?? true) && !force;
    const checkpoints = { checkpointSteps: 0, checkpointKeep: 2, ...request.checkpoints, resume };
    const { tensorboard = false, groupWork, splits } = request;
    const origin = { data, subset, splits, device };
    const group = groupWork?.group;
    const own = { device: await deviceOfProcess(device, group ?? request.neighbours), origin, group, groupWork };
    const opened = { root, dataset, fingerprint, plan, checkpoints, sources, tensorboard, ...own };
    return await whileReporting({ root, signal, reporter }, async (followed) => {
      return await work({ ...opened, signal, reporter: followed, memory: {} });
    });
  });
}
