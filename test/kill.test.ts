/**
 * A training that is killed again and again, half of the times inside a save, ends as the undisturbed one: the same weights, bit for bit,
 * and the same steps, none missing and none twice.
 *
 *   WSSS_KILLS=200 npx jest test/kill.test.ts      as many kills as one likes
 */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Dataset } from "../dist/index.js";
import { compileFaults } from "./support/faults.js";
import { tinyDataset } from "./support/tiny-models.js";

const support = fileURLToPath(new URL("support/", import.meta.url));
const kills = Number(process.env["WSSS_KILLS"] ?? "8");
let folder: string;
let library: string;
let data: Dataset;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "wsss-kill-"));
  library = await compileFaults(folder);
  data = await tinyDataset();
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

/** Reproducible numbers in 0..limit-1. */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

interface Ended {
  readonly killed: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts or continues the training; kills it after a delay from its first step, or as the fault says. */
async function train(run: string, fault: Record<string, string>, killAfterMs?: number): Promise<Ended> {
  const environment = { ...process.env, LD_PRELOAD: library, ...fault };
  const child = spawn(process.execPath, [path.join(support, "killed-training.mjs"), data.train.folder, run], {
    env: environment,
  });
  let stdout = "";
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdout.on("data", (chunk: Buffer) => {
    const begins = !stdout.includes("training");
    stdout += chunk.toString();
    if (begins && killAfterMs !== undefined) void sleep(killAfterMs).then(() => child.kill("SIGKILL"));
  });
  return await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (_, signal) => {
      resolve({ killed: signal === "SIGKILL", stdout, stderr });
    });
  });
}

test(`${kills} kills change nothing`, async () => {
  const random = randomNumbers(11);
  const whole = path.join(folder, "whole");
  await mkdir(whole);
  const reference = await train(whole, {});
  expect(reference.stdout).toContain("done");
  const weights = await readFile(path.join(whole, "final.safetensors"));
  const stepsOf = (text: string): unknown => /^steps (.*)$/m.exec(text)?.[1];

  const done = { kills: 0, insideSave: 0, runs: 0 };
  while (done.kills < kills) {
    const run = path.join(folder, `run-${done.runs}`);
    await mkdir(run);
    for (;;) {
      const enough = done.kills >= kills;
      const inSave = done.insideSave * 2 <= done.kills;
      const fault = { WSSS_FAULT: `${1 + random(6)}:kill`, WSSS_FAULT_SAVE: String(1 + random(4)) };
      const ended = await train(run, enough || !inSave ? {} : fault, enough || inSave ? undefined : random(400));
      if (!ended.killed) {
        expect(ended).toMatchObject({ stderr: "" });
        expect(stepsOf(ended.stdout)).toEqual(stepsOf(reference.stdout));
        expect((await readFile(path.join(run, "final.safetensors"))).equals(weights)).toBe(true);
        break;
      }
      done.kills += 1;
      if (inSave) done.insideSave += 1;
    }
    done.runs += 1;
  }
  console.info(`${done.kills} kills, ${done.insideSave} of them inside a save, in ${done.runs} runs`);
}, 3_600_000);
