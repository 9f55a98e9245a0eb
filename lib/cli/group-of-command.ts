/** The processes that work together at a command: found by a launcher's variables, or started by `--processes`. */
import { type Command, InvalidArgumentError } from "commander";
import { cellsWork, followCells } from "../ablation/lead-cells.js";
import { cancellation } from "../async/cancellation.js";
import { isWsssError, WsssError } from "../errors.js";
import { loadAddon } from "../native/load.js";
import { processPlace } from "../process-group/launch-variables.js";
import {
  joinProcessGroup,
  type ProcessGroup,
  type ProcessGroupOptions,
  usualTimeoutMs,
} from "../process-group/process-group.js";
import { followRun } from "../run/follow-run.js";
import { leaveQuietly } from "../process-group/share-call.js";
import { GroupWork } from "../run/group-work.js";
import { Followers } from "./followers.js";
import { atLeast, integer } from "./values.js";

/** A number of processes, or one for each GPU. */
type Processes = number | "gpu";

function processes(text: string): Processes {
  if (text === "gpu") return text;
  const count = integer(text);
  if (count < 1) throw new InvalidArgumentError("It must be at least 1, or gpu.");
  return count;
}

/** The options of commands whose work several processes can share. */
export function addGroupOptions(command: Command): Command {
  const started = command
    .optionsGroup("Several processes:")
    .option(
      "--processes <n>",
      "share the work out to so many processes of this machine, or one for each GPU with `gpu`; torchrun, srun and mpirun say it themselves (default: `1`)",
      processes,
    );
  return addWaitingOption(started);
}

/** The options of commands whose trainings several processes can share. */
export function addTrainingGroupOptions(command: Command): Command {
  return addGradientOptions(addGroupOptions(command));
}

/** How the processes deal with each other: what one is told that another has started. */
export function addGroupSettings(command: Command): Command {
  return addGradientOptions(addWaitingOption(command));
}

function addWaitingOption(command: Command): Command {
  return command.option(
    "--group-timeout <s>",
    "how long a process waits for another that hangs, in seconds (default: `60`)",
    atLeast(1),
  );
}

function addGradientOptions(command: Command): Command {
  return command
    .option(
      "--sync-bn",
      "batch norms that learn take the statistics of all processes' patches, so that a run means the same on any number (default: on)",
    )
    .option("--no-sync-bn", "each process takes those of its own patches")
    .option(
      "--bfloat16-gradients",
      "processes send each other their gradients in bfloat16, half the bytes (default: off)",
    );
}

/** What a command line says of them. */
function settingsOf(given: Readonly<Record<string, unknown>>): ProcessGroupOptions {
  const { groupTimeout, syncBn, bfloat16Gradients } = given;
  return {
    ...(typeof groupTimeout === "number" && { timeoutMs: 1000 * groupTimeout }),
    ...(typeof syncBn === "boolean" && { syncBatchNorm: syncBn }),
    ...(bfloat16Gradients === true && { bfloat16Gradients }),
  };
}

/** The same as words of a command line. */
function wordsOf(given: Readonly<Record<string, unknown>>): string[] {
  const { groupTimeout, syncBn, bfloat16Gradients } = given;
  return [
    ...(typeof groupTimeout === "number" ? ["--group-timeout", `${groupTimeout}`] : []),
    ...(syncBn === undefined ? [] : [syncBn === true ? "--sync-bn" : "--no-sync-bn"]),
    ...(bfloat16Gradients === true ? ["--bfloat16-gradients"] : []),
  ];
}

/**
 * Does the work of a command together with other processes, if a launcher or `--processes` has started some. Only process 0 does the
 * command's work; the others follow it.
 *
 * @param work - called in process 0 with what hands work out to the others, and with `undefined` in a process alone; and with the signal
 *   that stops it, by the caller's or because a process is gone that this one has started.
 */
export async function withGroup(
  given: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
  work: (groupWork: GroupWork | undefined, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  try {
    await shareWork(given, signal, work);
  } catch (error) {
    // A signal to all: whoever waited for another one has seen it go before looking at its own.
    if (signal.aborted && isWsssError(error, "WSSS_ERR_PROCESS_GROUP")) throw cancellation(signal);
    throw error;
  }
}

async function shareWork(
  given: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
  work: (groupWork: GroupWork | undefined, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const place = processPlace();
  const wanted = given["processes"] as Processes | undefined;
  if (place !== undefined) {
    if (wanted !== undefined) {
      const message = "--processes must be left out where torchrun, srun or mpirun have started the processes";
      throw new WsssError("WSSS_ERR_OPTION", message, { option: "processes", received: wanted });
    }
    const group = await joinProcessGroup({ ...settingsOf(given), signal });
    if (group.rank > 0) {
      await followRun(group, signal, { [cellsWork]: followCells });
      return;
    }
    await lead(group, async (groupWork) => await work(groupWork, signal));
    return;
  }
  const count = wanted === "gpu" ? await gpuCount() : (wanted ?? 1);
  if (count === 1) {
    await work(undefined, signal);
    return;
  }
  await withFollowers(count, given, signal, work);
}

async function gpuCount(): Promise<number> {
  const { deviceCount, reason } = (await loadAddon()).deviceReport().cuda;
  if (deviceCount > 0) return deviceCount;
  const message = `--processes gpu needs a GPU that LibTorch can use: ${reason}; on the CPU name a number of processes`;
  throw new WsssError("WSSS_ERR_DEVICE", message, { option: "processes" });
}

async function lead(group: ProcessGroup, work: (groupWork: GroupWork) => Promise<void>): Promise<void> {
  try {
    const groupWork = new GroupWork(group);
    await work(groupWork);
    await groupWork.end();
  } catch (error) {
    await leaveQuietly(group, error);
    throw error;
  }
  await leaveQuietly(group);
}

/** Process 0 of a group whose others it starts itself. */
async function withFollowers(
  count: number,
  given: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
  work: (groupWork: GroupWork, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const followers = new Followers(count, wordsOf(given));
  const stop = AbortSignal.any([signal, followers.lost]);
  const place = { rank: 0, worldSize: count, masterAddress: "127.0.0.1", masterPort: 0 };
  const settings = settingsOf(given);
  const onListening = (port: number): void => {
    if (!stop.aborted) followers.start(port);
  };
  let isDone = false;
  try {
    const group = await joinProcessGroup({ ...settings, ...place, onListening, signal: stop });
    followers.haveJoined();
    await lead(group, async (groupWork) => await work(groupWork, stop));
    isDone = true;
  } catch (error) {
    throw followers.lost.aborted && !signal.aborted ? followers.lost.reason : error;
  } finally {
    await followers.end(isDone, settings.timeoutMs ?? usualTimeoutMs);
  }
}
