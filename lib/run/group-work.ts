/** How the processes of a group share a run: process 0 does the run, and says what the others are to do with it. */
import { z } from "zod";
import { WsssError } from "../errors.js";
import { usableCores } from "../machine/usable-cores.js";
import { loadAddon } from "../native/load.js";
import type { ProcessGroup } from "../process-group/process-group.js";
import type { RunContext, RunDevice, SharedWork, WorkDistribution } from "./context.js";

/** What of a run's context another process needs, as JSON: the rest it makes for itself. */
export type SharedContext = Pick<
  RunContext,
  "root" | "origin" | "fingerprint" | "plan" | "device" | "checkpoints" | "sources"
>;

/** A piece of work that process 0 hands out. */
export interface GroupTask {
  readonly work: string;
  /** What there is to know of it, as it came out of JSON: of a {@link SharedWork} its {@link SharedContext}. */
  readonly context: unknown;
}

const taskSchema = z.object({ work: z.string(), context: z.looseObject({}) });
const noMoreTasks = "none";
const nameOf = (task: number): string => `task/${task}`;

/** Hands out the work of a run, one task after the other. */
export class GroupWork implements WorkDistribution {
  readonly group: ProcessGroup;
  #handedOut = 0;

  constructor(group: ProcessGroup) {
    this.group = group;
  }

  /** Lets the other processes begin with a piece of work. */
  async begin(
    work: SharedWork,
    { root, origin, fingerprint, plan, device, checkpoints, sources }: RunContext,
  ): Promise<void> {
    const context: SharedContext = { root, origin, fingerprint, plan, device, checkpoints, sources };
    await this.handOut(work, context);
  }

  /** Lets the other processes begin with work that is no stage of a run. @param context - goes through JSON. */
  async handOut(work: string, context: object): Promise<void> {
    const task: GroupTask = { work, context };
    await this.#announce(JSON.stringify(task));
  }

  /** Lets the other processes end. */
  async end(): Promise<void> {
    await this.#announce(noMoreTasks);
  }

  async #announce(text: string): Promise<void> {
    await this.group.announce(nameOf(this.#handedOut++), text);
  }
}

/** The tasks of a run, as process 0 hands them out, until there are no more. @throws WsssError `WSSS_ERR_PROCESS_GROUP` */
export async function* tasksOf(group: ProcessGroup, signal: AbortSignal): AsyncGenerator<GroupTask, void, void> {
  for (let task = 0; ; task += 1) {
    const text = await group.awaitAnnouncement(nameOf(task), signal);
    if (text === noMoreTasks) return;
    // The text is of a process of this package and version: what is checked is that it is a task at all.
    yield taskSchema.parse(JSON.parse(text));
  }
}

/**
 * Where the networks of one process of a group live: a GPU of its own, or its part of the cores.
 * @throws WsssError `WSSS_ERR_DEVICE` if this machine has fewer GPUs than processes; one is named for all of them by `cuda:N`.
 */
export async function deviceOfProcess(device: RunDevice, group: ProcessGroup | undefined): Promise<RunDevice> {
  if (group === undefined || group.localSize === 1) return device;
  const { localRank, localSize } = group;
  const threads = device.threads === 0 ? Math.max(1, Math.floor(usableCores() / localSize)) : device.threads;
  if (device.device !== "auto" && device.device !== "cuda") return { ...device, threads };
  const { deviceCount } = (await loadAddon()).deviceReport().cuda;
  if (deviceCount === 0) return { ...device, threads };
  // Slurm's --gpus-per-task shows each process the one that is its own.
  if (deviceCount === 1 && /^[^,]+$/u.test(process.env["CUDA_VISIBLE_DEVICES"] ?? "")) {
    return { ...device, threads, device: "cuda:0" };
  }
  if (deviceCount < localSize) {
    const message =
      `${localSize} processes are started on this machine, which has ${deviceCount} GPU${deviceCount === 1 ? "" : "s"}: start at most ` +
      "as many processes, or let them share one by --device cuda:0";
    throw new WsssError("WSSS_ERR_DEVICE", message, { processes: localSize, devices: deviceCount });
  }
  return { ...device, threads, device: `cuda:${localRank}` };
}
