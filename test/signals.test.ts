// Signals that ask a program to stop: the step under way ends and is saved, and the exit code is 128 and the signal's number.
import { beforeAll, describe, expect, test } from "@jest/globals";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { constants } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { exitCodes } from "../dist/cli/exit-codes.js";
import { exitCodeOfSignal, type StopSignal, stopSignals } from "../dist/cli/signals.js";
import { inspectWeights } from "../dist/index.js";
import { command, freshFolder, type RunningCommand, startCommand } from "./support/command-line.js";
import * as fake from "./support/fake-libtorch.js";

const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const codes = {
  SIGHUP: 129,
  SIGINT: 130,
  SIGUSR1: 138,
  SIGUSR2: 140,
  SIGTERM: 143,
  SIGXCPU: 152,
} as const satisfies Record<StopSignal, number>;

let folder: string;

beforeAll(async () => {
  folder = await freshFolder();
});

const endless = (out: string): string[] => ["demo", "--tiny", "--out", out, "--classifier-epochs", "1000000"];

/** What a stopped training must leave: its last step in a checkpoint, no lock, no marker, nothing half. */
async function expectSaved(out: string): Promise<void> {
  const steps = (await readFile(path.join(out, "metrics", "classifier-steps.csv"), "utf8")).trimEnd().split("\n");
  const last = Number(steps.at(-1)?.split(",")[1]);
  const folderOfCheckpoints = path.join(out, "checkpoints", "classifier");
  const newest =
    (await readdir(folderOfCheckpoints))
      .filter((name) => name.startsWith("checkpoint-"))
      .sort()
      .at(-1) ?? "";
  // The step under way is not told any more, but saved.
  expect(Number(/\d+/.exec(newest))).toBeGreaterThanOrEqual(last);
  await inspectWeights(path.join(folderOfCheckpoints, newest));
  expect(existsSync(path.join(out, "stages", "train-classifier.json"))).toBe(false);
  const left = await readdir(out, { recursive: true });
  expect(left.filter((name) => name.includes(".part") || name.endsWith("run.lock"))).toEqual([]);
}

describe("a training that is sent", () => {
  test.each(Object.entries(codes))("%s ends its step, saves, and exits with %d", async (signal, expected) => {
    const out = path.join(folder, signal);
    const running = startCommand(endless(out));
    await running.saw("epoch 2/1000000");
    running.child.kill(signal as StopSignal);
    const { code, stdout, stderr } = await running.ended;
    expect(stderr).toContain("stopping at the next safe point");
    expect(stderr).toContain(`was cancelled: received ${signal}`);
    expect(stderr).not.toMatch(/debugger/i);
    expect({ code, stdout }).toEqual({ code: expected, stdout: "" });
    await expectSaved(out);
  });

  test("SIGHUP under nohup does the same: Node resets what nohup has set", async () => {
    const out = path.join(folder, "nohup");
    const child = spawn("nohup", [process.execPath, main, ...endless(out)], { stdio: ["ignore", "pipe", "pipe"] });
    let stderr = "";
    const began = new Promise<void>((resolve) => {
      child.stderr.on("data", (text) => {
        stderr += String(text);
        if (stderr.includes("epoch 2/1000000")) resolve();
      });
    });
    const closed = new Promise((resolve) => child.once("close", resolve));
    await began;
    child.kill("SIGHUP");
    expect(await closed).toBe(129);
    await expectSaved(out);
  });

  test("warnings again and again, as systems send them, saves all the same", async () => {
    const out = path.join(folder, "warnings");
    const running = startCommand(endless(out));
    await running.saw("epoch 2/1000000");
    running.child.kill("SIGXCPU");
    await running.saw("stopping at the next safe point");
    for (const signal of ["SIGXCPU", "SIGHUP", "SIGHUP", "SIGUSR1", "SIGUSR2"] as const) running.child.kill(signal);
    const { code, stderr } = await running.ended;
    expect(stderr).toContain("was cancelled: received SIGXCPU");
    expect(stderr.match(/stopping at/g)).toHaveLength(1);
    expect(code).toBe(152);
    await expectSaved(out);
  });
});

describe("a command that fetches LibTorch and is sent", () => {
  /** One whose pip never ends by itself. */
  async function fetching(behaviour: string): Promise<{ running: RunningCommand; pid: number }> {
    const place = await fake.temporaryFolder();
    const cache = path.join(place, "cache");
    await mkdir(cache);
    const script = `case $what in torch*) ${behaviour}; echo $$ > "$0.new"; mv "$0.new" "$0.pid"; exec sleep 60;; esac; exit 1`;
    const python = await fake.fakePython(place, script);
    const env = { ...process.env, LIBTORCH: "", WSSS_OFFLINE: "", WSSS_CACHE: cache, PYTHON: python };
    const running = startCommand(["setup"], { env });
    const file = `${path.basename(python)}.pid`;
    while (!(await readdir(place)).includes(file)) await new Promise((resolve) => setImmediate(resolve));
    return { running, pid: Number(await readFile(path.join(place, file), "utf8")) };
  }

  test.each(Object.entries(codes))("%s exits with %d", async (signal, expected) => {
    const { running } = await fetching(":");
    running.child.kill(signal as StopSignal);
    const { code, stderr } = await running.ended;
    expect(stderr).toContain("the set-up of LibTorch was cancelled");
    expect(code).toBe(expected);
  });

  // This pip can't be told to end, so that the first signal is without effect.
  test.each([
    ["SIGINT", "SIGINT", 130],
    ["SIGTERM", "SIGTERM", 143],
    ["SIGHUP", "SIGTERM", 143],
    ["SIGUSR1", "SIGINT", 130],
  ] as const)("%s and then %s quits at once with %d", async (first, second, expected) => {
    const { running, pid } = await fetching("trap '' TERM");
    try {
      running.child.kill(first);
      await running.saw("stopping at the next safe point");
      running.child.kill(second);
      const { code, stderr } = await running.ended;
      expect(stderr).not.toContain("was cancelled");
      expect(code).toBe(expected);
    } finally {
      process.kill(pid, "SIGKILL");
    }
  });
});

describe("from the first moment on", () => {
  test.each(stopSignals)("%s ends the program with its code, and opens no debugger", async (signal) => {
    const out = path.join(folder, `early-${signal}`);
    // The signal comes as soon as anybody listens to it, long before the command line has been read.
    const program = `
      process.argv.push(...${JSON.stringify(endless(out))});
      void import(${JSON.stringify(main)});
      while (process.listenerCount(${JSON.stringify(signal)}) === 0) await new Promise((resolve) => setImmediate(resolve));
      process.kill(process.pid, ${JSON.stringify(signal)});`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program, "--", "wsss-tissue"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    child.stderr.on("data", (text) => (stderr += String(text)));
    expect(await new Promise((resolve) => child.once("close", resolve))).toBe(codes[signal]);
    expect(stderr).toBe("");
    expect(existsSync(out)).toBe(false);
  });
});

test("the library listens to no signal", async () => {
  const program = `
    const { Classifier } = await import(${JSON.stringify(new URL("../dist/index.js", import.meta.url).href)});
    const classes = [{ name: "a", colour: [1, 1, 1] }, { name: "b", colour: [2, 2, 2] }];
    const classifier = await Classifier.create({ classes, width: 1 / 16, device: "cpu" });
    await classifier.predict({ rgb: new Uint8Array(64 * 64 * 3), height: 64, width: 64 });
    console.log(${JSON.stringify(stopSignals)}.map((signal) => process.listenerCount(signal)).join());`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program]);
  let stdout = "";
  child.stdout.on("data", (text) => (stdout += String(text)));
  expect(await new Promise((resolve) => child.once("close", resolve))).toBe(0);
  expect(stdout).toBe("0,0,0,0,0,0\n");
});

describe("the table of exit codes", () => {
  test("has 128 and the signal's number for each signal", () => {
    expect(Object.fromEntries(stopSignals.map((signal) => [signal, exitCodeOfSignal(signal)]))).toEqual(codes);
    for (const signal of stopSignals) expect(exitCodeOfSignal(signal)).toBe(128 + constants.signals[signal]);
  });

  test("is the same in the program, in its help and in docs/command-line.md", async () => {
    const wanted = [...new Set([...Object.values(exitCodes), ...Object.values(codes)])].sort((a, b) => a - b);
    const { stdout } = await command("--help");
    const told = /Exit codes: ([^]*?)\.\n/.exec(stdout)?.[1] ?? "";
    const inHelp = [...told.replace(/128 and its number/, "").matchAll(/\b\d+\b/g)].map(([code]) => Number(code));
    inHelp.sort((a, b) => a - b);
    expect(inHelp).toEqual(wanted);
    const docs = await readFile(new URL("../docs/command-line.md", import.meta.url), "utf8");
    const section = /\n## Exit codes\n([^]*?)\n## /.exec(docs)?.[1] ?? "";
    const rows = [...section.matchAll(/^\| (\d+) +\|(.*)\|$/gm)].map(([, code, text]) => [Number(code), text] as const);
    expect(rows.map(([code]) => code)).toEqual(wanted);
    for (const [signal, code] of Object.entries(codes)) {
      expect(rows.filter(([, text]) => text?.includes(signal)).map(([row]) => row)).toEqual([code]);
    }
  });
});
