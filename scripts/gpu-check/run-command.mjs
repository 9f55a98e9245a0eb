/** Runs a program as a process group of its own, which can be ended whole. */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { clearTimeout, setTimeout } from "node:timers";

/** Calls back once after some seconds; what is returned calls it off. */
function afterSeconds(seconds, callback) {
  const timer = setTimeout(callback, seconds * 1000);
  return () => clearTimeout(timer);
}

/** How long a group that was told to end may take before it is killed, in seconds. */
const graceSeconds = 2;

/**
 * What it prints goes into files, so that all of it is there whenever it is cut off, and so that nothing waits for a pipe that a process
 * left behind holds open.
 *
 * @param {object} command
 * @param {string} command.program
 * @param {readonly string[]} command.words
 * @param {NodeJS.ProcessEnv} command.environment
 * @param {string} command.folder - where it runs.
 * @param {{ stdout: string, stderr: string }} command.files
 * @param {number} command.limitSeconds - after them the group is told to end (SIGTERM), and soon after killed (SIGKILL).
 * @param {AbortSignal} [command.signal] - kills the group at once.
 * @param {(seconds: number, callback: () => void) => () => void} [command.after]
 * @returns {Promise<{ ended: number | string | null, isCutOff: boolean, problem: string | null }>} `ended`: its exit code, or the signal that it
 *   died of; `problem`: why it could not be started.
 */
export async function runCommand({
  program,
  words,
  environment,
  folder,
  files,
  limitSeconds,
  signal,
  after = afterSeconds,
}) {
  const outputs = [openSync(files.stdout, "w"), openSync(files.stderr, "w")];
  const child = spawn(program, words, { cwd: folder, env: environment, detached: true, stdio: ["ignore", ...outputs] });
  for (const output of outputs) closeSync(output);
  let isCutOff = false;
  const cancels = [];
  const end = (name) => {
    isCutOff = true;
    signalGroup(child.pid, name);
  };
  cancels.push(
    after(limitSeconds, () => {
      end("SIGTERM");
      cancels.push(after(graceSeconds, () => end("SIGKILL")));
    }),
  );
  const abort = () => end("SIGKILL");
  signal?.addEventListener("abort", abort);
  if (signal?.aborted) abort();
  try {
    return await new Promise((resolve) => {
      child.once("error", ({ message }) => resolve({ ended: null, isCutOff, problem: message }));
      child.once("exit", (exitCode, signalName) => resolve({ ended: exitCode ?? signalName, isCutOff, problem: null }));
    });
  } finally {
    signal?.removeEventListener("abort", abort);
    for (const cancel of cancels) cancel();
    // Whatever it started and left behind would work on beside the next part.
    signalGroup(child.pid, "SIGKILL");
  }
}

/** Signals all processes of a group, if there are any. */
function signalGroup(leader, name) {
  if (leader === undefined) return;
  try {
    process.kill(-leader, name);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}
