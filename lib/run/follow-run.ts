/** The other processes of a run: each does what process 0 hands out, and writes nothing. */
import { isWsssError, WsssError } from "../errors.js";
import type { ProcessGroup } from "../process-group/process-group.js";
import type { RunContext, SharedWork } from "./context.js";
import { deviceOfProcess, leaveQuietly, type SharedContext, tasksOf } from "./group-work.js";
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

async function contextOf(
  context: SharedContext,
  group: ProcessGroup,
  memory: RunContext["memory"],
  signal: AbortSignal,
): Promise<RunContext> {
  const { data, subset, splits } = context.origin;
  const dataset = await openData({ reporter: silentReporter, splits }, data, subset);
  const device = await deviceOfProcess(context.origin.device, group);
  return { ...context, dataset, device, group, tensorboard: false, signal, reporter: silentReporter, memory };
}

/** Stages of runs, one after the other; what one leaves in memory is for the later ones of the same run folder. */
function stageFollower(
  group: ProcessGroup,
  signal: AbortSignal,
): (work: SharedWork, context: SharedContext) => Promise<void> {
  let memory: RunContext["memory"] = {};
  let root: string | undefined;
  return async (work, context) => {
    if (context.root !== root) memory = {};
    root = context.root;
    try {
      await sharers[work](await contextOf(context, group, memory, signal));
    } catch (error) {
      // All processes see it, and process 0 decides what comes of it.
      if (!isWsssError(error, "WSSS_ERR_DIVERGED")) throw error;
    }
  };
}

function isShared(work: string): work is SharedWork {
  return work in sharers;
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
  const followStage = stageFollower(group, signal);
  try {
    for await (const { work, context } of tasksOf(group, signal)) {
      const follower = followers[work];
      if (isShared(work)) await followStage(work, context as SharedContext);
      else if (follower !== undefined) await follower(context, group, signal);
      else throw new WsssError("WSSS_ERR_INTERNAL", `process 0 hands out work that is not known: ${work}`, { work });
    }
    await group.leave();
  } catch (error) {
    await leaveQuietly(group, error instanceof Error ? error.message : String(error));
    throw error;
  }
}
