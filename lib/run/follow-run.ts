/** The other processes of a command: each does what process 0 hands out, and writes nothing of the stages of a run. */
import type { Dataset } from "../dataset/open-dataset.js";
import { isWsssError, WsssError } from "../errors.js";
import { freeNativeMemory } from "../native/free-native-memory.js";
import type { ProcessGroup } from "../process-group/process-group.js";
import type { RunContext, SharedWork } from "./context.js";
import { leaveQuietly } from "../process-group/share-call.js";
import { deviceOfProcess, type SharedContext, tasksOf } from "./group-work.js";
import { openData } from "./open-data.js";
import { silentReporter } from "./reporter.js";
import { shareClassifierTraining } from "./stages/classifier-stage.js";
import { shareEvaluation } from "./stages/evaluation-stage.js";
import { sharePseudoMasks } from "./stages/pseudo-masks-stage.js";
import { shareRedrawing } from "./stages/redraw-stage.js";
import { shareSegmenterTraining } from "./stages/segmenter-stage.js";

const sharers = {
  "train-classifier": shareClassifierTraining,
  "pseudo-masks": sharePseudoMasks,
  "train-segmenter": shareSegmenterTraining,
  "redraw-pseudo-masks": shareRedrawing,
  evaluate: shareEvaluation,
} as const satisfies Record<SharedWork, (context: RunContext) => Promise<void>>;

/** Does this process's part of work that is no stage of a run. @param context - as {@link GroupWork.handOut} was given it. */
export type Follower = (context: unknown, group: ProcessGroup, signal: AbortSignal) => Promise<void>;

/** The stages of runs that process 0 hands out, one after the other. */
class StageFollower {
  readonly #group: ProcessGroup;
  readonly #signal: AbortSignal;
  /** Of the run folder whose stage came last: what it left in memory is for its later stages. */
  #root: string | undefined;
  #memory: RunContext["memory"] = {};
  /** Of the stage that came last: most are of the same dataset, whose patches are then decoded once. */
  #opened: { readonly origin: string; readonly dataset: Dataset } | undefined;

  constructor(group: ProcessGroup, signal: AbortSignal) {
    this.#group = group;
    this.#signal = signal;
  }

  async follow(work: SharedWork, context: SharedContext): Promise<void> {
    if (context.root !== this.#root) {
      this.#memory = {};
      if (this.#root !== undefined) await freeNativeMemory();
    }
    this.#root = context.root;
    try {
      await sharers[work](await this.#contextOf(context));
    } catch (error) {
      // All processes see it, and process 0 decides what comes of it.
      if (!isWsssError(error, "WSSS_ERR_DIVERGED")) throw error;
    }
  }

  async #contextOf(context: SharedContext): Promise<RunContext> {
    const { data, subset, splits } = context.origin;
    const origin = JSON.stringify({ data, subset, splits, fingerprint: context.fingerprint });
    if (this.#opened?.origin !== origin) {
      this.#opened = { origin, dataset: await openData({ reporter: silentReporter, splits }, data, subset) };
    }
    const { dataset } = this.#opened;
    const [group, signal, memory] = [this.#group, this.#signal, this.#memory];
    const device = await deviceOfProcess(context.origin.device, group);
    return { ...context, dataset, device, group, tensorboard: false, signal, reporter: silentReporter, memory };
  }
}

function isShared(work: string): work is SharedWork {
  return Object.hasOwn(sharers, work);
}

/**
 * Takes part in the work that process 0 does, until it ends.
 * @param followers - of work that is no stage of a run, by its name.
 * @throws WsssError what the work throws; `WSSS_ERR_PROCESS_GROUP` if another process is lost. The others are told.
 */
export async function followRun(
  group: ProcessGroup,
  signal: AbortSignal,
  followers: Readonly<Record<string, Follower>>,
): Promise<void> {
  const stages = new StageFollower(group, signal);
  try {
    for await (const { work, context } of tasksOf(group, signal)) {
      const follower = followers[work];
      if (isShared(work)) await stages.follow(work, context as SharedContext);
      else if (follower !== undefined) await follower(context, group, signal);
      else throw new WsssError("WSSS_ERR_INTERNAL", `process 0 hands out work that is not known: ${work}`, { work });
    }
    await group.leave();
  } catch (error) {
    await leaveQuietly(group, error);
    throw error;
  }
}
