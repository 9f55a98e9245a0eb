/** The other processes of a run: each does what process 0 hands out, and writes nothing. */
import type { ProcessGroup } from "../process-group/process-group.js";
import type { RunContext } from "./context.js";
import { deviceOfProcess, type GroupTask, leaveQuietly, tasksOf } from "./group-work.js";
import { openData } from "./open-data.js";
import { silentReporter } from "./reporter.js";
import { shareClassifierTraining } from "./stages/classifier-stage.js";
import { sharePseudoMasks } from "./stages/pseudo-masks-stage.js";
import { shareSegmenterTraining } from "./stages/segmenter-stage.js";

const sharers = {
  "train-classifier": shareClassifierTraining,
  "pseudo-masks": sharePseudoMasks,
  "train-segmenter": shareSegmenterTraining,
} as const;

async function contextOf(
  { context }: GroupTask,
  group: ProcessGroup,
  memory: RunContext["memory"],
  signal: AbortSignal,
): Promise<RunContext> {
  const { data, subset, splits } = context.origin;
  const dataset = await openData({ reporter: silentReporter, splits }, data, subset);
  const device = await deviceOfProcess(context.origin.device, group);
  return { ...context, dataset, device, group, tensorboard: false, signal, reporter: silentReporter, memory };
}

/**
 * Takes part in a run that process 0 does, until it ends.
 * @throws WsssError what the work throws; `WSSS_ERR_PROCESS_GROUP` if another process is lost. The others are told.
 */
export async function followRun(group: ProcessGroup, signal: AbortSignal): Promise<void> {
  const memory: RunContext["memory"] = {};
  try {
    for await (const task of tasksOf(group, signal)) {
      await sharers[task.stage](await contextOf(task, group, memory, signal));
    }
    await group.leave();
  } catch (error) {
    await leaveQuietly(group, error instanceof Error ? error.message : String(error));
    throw error;
  }
}
