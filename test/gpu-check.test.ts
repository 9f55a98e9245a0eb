// What scripts/gpu-check.mjs does around a GPU: the order and the time of its parts, what it writes, and that it leaves no process behind. Runs
// without a GPU, and without waiting for any time to pass.
import { execFile } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { findTorch } from "../scripts/gpu-check/machine.mjs";
import * as outcomes from "../scripts/gpu-check/outcomes.mjs";
import { pageOf, writeReport } from "../scripts/gpu-check/page.mjs";
import { makeParts, recordingPatterns } from "../scripts/gpu-check/parts.mjs";
import { runCommand } from "../scripts/gpu-check/run-command.mjs";
import { budgetOf, exitCodeOf, reservedSeconds, runParts, summaryOf } from "../scripts/gpu-check/run-parts.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const entry = path.join(root, "scripts", "gpu-check.mjs");

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "wsss-gpu-check-test-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface Result {
  id: string;
  title: string;
  status: string;
  reason: string;
  seconds: number;
  limitSeconds: number;
}

const outcome = { status: "passed", reason: "", counts: null, failures: [], notes: [], tables: [] };
const part = (id: string, minSeconds: number, share: number, isEssential = false) => {
  return { id, title: `part ${id}`, minSeconds, share, isEssential };
};

/** Runs parts of which each takes the seconds and ends with the status that are given for it; all of its limit, where that is less. */
async function run(
  parts: readonly ReturnType<typeof part>[],
  given: { totalSeconds?: number; takes?: Record<string, number>; ends?: Record<string, string> } = {},
) {
  let now = 0;
  const ran: string[] = [];
  const written: string[] = [];
  const results = (await runParts({
    parts: [...parts],
    totalSeconds: (given.totalSeconds ?? 100) + reservedSeconds,
    clock: () => now,
    execute: async (one: object, limitSeconds: number) => {
      const { id } = one as { id: string };
      ran.push(id);
      const wanted = given.takes?.[id] ?? 1;
      now += Math.min(wanted, limitSeconds);
      return { ...outcome, status: wanted > limitSeconds ? "cut off" : (given.ends?.[id] ?? "passed") };
    },
    onChange: (all: object[]) => {
      written.push((all as Result[]).map(({ id, status }) => `${id} ${status}`).join(", "));
    },
  })) as Result[];
  return { results, ran, written };
}

describe("the parts", () => {
  test("run in their order, and results are written when one begins and when it has ended", async () => {
    const { ran, written, results } = await run([part("a", 1, 0.5), part("b", 1, 0.5)]);
    expect(ran).toEqual(["a", "b"]);
    expect(written).toEqual([
      "a running, b not run",
      "a passed, b not run",
      "a passed, b running",
      "a passed, b passed",
      "a passed, b passed",
    ]);
    expect(results.map(({ seconds }) => seconds)).toEqual([1, 1]);
    expect(exitCodeOf(results)).toBe(0);
  });

  test("stop after an essential one that did not pass", async () => {
    const { ran, results } = await run([part("a", 1, 0.5), part("b", 1, 0.5, true), part("c", 1, 0.5)], {
      ends: { b: "failed" },
    });
    expect(ran).toEqual(["a", "b"]);
    expect(results[2]).toMatchObject({ status: "not run", reason: expect.stringContaining("part 1 did not pass") });
    expect(exitCodeOf(results)).toBe(1);
  });

  test("go on after another that did not, which the exit code tells", async () => {
    const { ran, results } = await run([part("a", 1, 0.5), part("b", 1, 0.5)], { ends: { a: "failed" } });
    expect(ran).toEqual(["a", "b"]);
    expect(exitCodeOf(results)).toBe(1);
    expect(summaryOf(results)).toBe("1 passed, 1 failed");
  });

  test("are given their share, or what is left, and are not begun with less than they need", async () => {
    const parts = [part("a", 10, 0.5), part("b", 10, 0.6), part("c", 15, 0.1), part("d", 5, 0.1)];
    const { results } = await run(parts, { takes: { a: 1000, b: 38, c: 1, d: 2 } });
    // 105 seconds, of which 5 are kept for the end: shares are of all of them.
    expect(results.map(({ status }) => status)).toEqual(["cut off", "passed", "not run", "passed"]);
    expect(results.map(({ limitSeconds }) => limitSeconds)).toEqual([53, 47, 0, 9]);
    expect(results[2]!.reason).toBe("9 s were left, and it needs 15");
    // It ran and did not pass.
    expect(exitCodeOf(results)).toBe(1);
  });

  test("have at least what they need, whatever their share of a short run", () => {
    expect(budgetOf(part("a", 30, 0.1), 60)).toBe(30);
    expect(budgetOf(part("a", 30, 0.1), 600)).toBe(60);
  });

  test("that are not run for want of time do not count, an essential one does", async () => {
    const short = { totalSeconds: 10 };
    expect(exitCodeOf((await run([part("a", 1, 0.5), part("b", 20, 0.5)], short)).results)).toBe(0);
    const { results, ran } = await run([part("a", 20, 0.5, true), part("b", 1, 0.5)], short);
    expect(ran).toEqual([]);
    expect(exitCodeOf(results)).toBe(1);
  });

  test("are not begun once somebody ends it all", async () => {
    const results = (await runParts({
      parts: [part("a", 1, 0.5), part("b", 1, 0.5)],
      totalSeconds: 100,
      clock: () => 0,
      execute: async () => ({ ...outcome, status: "cut off" }),
      onChange: () => undefined,
      whyStopped: () => "gpu-check was ended by SIGTERM",
    })) as Result[];
    expect(results.map(({ status }) => status)).toEqual(["cut off", "not run"]);
    expect(results[1]!.reason).toBe("gpu-check was ended by SIGTERM");
  });

  test("begin with what all others need, and cover each test of recordings once", async () => {
    const parts = makeParts("python3");
    expect(parts.slice(0, 3).map(({ id }) => id)).toEqual(["build", "preflight", "oracle"]);
    expect(parts.filter(({ isEssential }) => isEssential).map(({ id }) => id)).toEqual(["build", "preflight"]);
    expect(new Set(parts.map(({ id }) => id)).size).toBe(parts.length);
    const text = await readFile(path.join(root, "test", "gpu", "recording.test.ts"), "utf8");
    // Describe blocks of devices, and tests outside of any.
    const titles = [...text.matchAll(/^(?:onDevice|.* \? test : test\.skip\))\("([^"]+)"/gm)].map(
      ([, title]) => title!,
    );
    expect(titles.length).toBeGreaterThan(5);
    for (const title of titles) {
      const fitting = Object.values(recordingPatterns).filter((pattern) => new RegExp(pattern).test(`${title} x`));
      expect({ title, count: fitting.length }).toEqual({ title, count: 1 });
    }
  });
});

describe("a part that takes too long", () => {
  let server: Server;
  let connected: Promise<Socket>;
  /** What was to happen after some seconds. */
  let later: { seconds: number; callback: () => void }[];

  beforeEach(async () => {
    server = createServer();
    connected = once(server, "connection").then(([socket]) => socket as Socket);
    await once(server.listen(0, "127.0.0.1"), "listening");
    later = [];
  });

  afterEach(() => {
    server.close();
  });

  /** Starts a process that starts another one, which is deaf to SIGTERM and holds a connection to us as long as it lives. */
  function start(leader: "deaf" | "hears", signal?: AbortSignal) {
    const { port } = server.address() as AddressInfo;
    const deaf = "process.on('SIGTERM', () => undefined);";
    const child = `${deaf} require('node:net').connect(${port}, '127.0.0.1')`;
    const script = `${leader === "deaf" ? deaf : ""} require('node:child_process').spawn(process.execPath, ["-e", ${JSON.stringify(child)}], { stdio: "ignore" }); console.log("begun"); setInterval(() => undefined, 1e6)`;
    const files = { stdout: path.join(folder, "stdout.txt"), stderr: path.join(folder, "stderr.txt") };
    return runCommand({
      program: process.execPath,
      words: ["-e", script],
      environment: process.env,
      folder,
      files,
      limitSeconds: 7,
      ...(signal === undefined ? {} : { signal }),
      after: (seconds: number, callback: () => void) => {
        later.push({ seconds, callback });
        return () => undefined;
      },
    });
  }

  test("is told to end, and what it started is ended with it", async () => {
    const ended = start("hears");
    const socket = await connected;
    const closed = once(socket.resume(), "close");
    expect(later.map(({ seconds }) => seconds)).toEqual([7]);
    later[0]!.callback();
    expect(await ended).toEqual({ ended: "SIGTERM", isCutOff: true, problem: null });
    await closed;
    expect(await readFile(path.join(folder, "stdout.txt"), "utf8")).toBe("begun\n");
  });

  test("is killed if it does not hear", async () => {
    const ended = start("deaf");
    const socket = await connected;
    const closed = once(socket.resume(), "close");
    later[0]!.callback();
    expect(later).toHaveLength(2);
    later[1]!.callback();
    expect(await ended).toMatchObject({ isCutOff: true });
    await closed;
  });

  test("is killed at once when somebody ends us", async () => {
    const stop = new AbortController();
    const ended = start("deaf", stop.signal);
    const socket = await connected;
    const closed = once(socket.resume(), "close");
    stop.abort();
    expect(await ended).toEqual({ ended: "SIGKILL", isCutOff: true, problem: null });
    await closed;
  });

  test("has its exit code where it ends in time, and its problem where it is not there", async () => {
    const files = { stdout: path.join(folder, "stdout.txt"), stderr: path.join(folder, "stderr.txt") };
    const common = { environment: process.env, folder, files, limitSeconds: 1e6 };
    const ends = await runCommand({ ...common, program: process.execPath, words: ["-e", "process.exit(3)"] });
    expect(ends).toEqual({ ended: 3, isCutOff: false, problem: null });
    const missing = await runCommand({ ...common, program: path.join(folder, "missing"), words: [] });
    expect(missing).toMatchObject({ ended: null, isCutOff: false, problem: expect.stringContaining("ENOENT") });
  });
});

describe("what a part left", () => {
  const ended = { ended: 0, isCutOff: false, problem: null };
  const left = { stdout: "", stderr: "", report: null };
  const suite = (...assertionResults: object[]) => ({ name: "a.test.ts", message: "", assertionResults });
  const passed = { status: "passed", fullName: "a b", failureMessages: [] };
  const failed = {
    status: "failed",
    fullName: "a c",
    failureMessages: ["\u001B[2mexpect(received)\u001B[22m\n  at x"],
  };
  const pending = { status: "pending", fullName: "a d", failureMessages: [] };

  test("is counted by the report of jest, without the tests that a pattern left out", () => {
    const report = { isEnded: true, testResults: [suite(passed, failed, pending)] };
    expect(outcomes.outcomeOf(outcomes.readJest, { ...ended, ended: 1 }, { ...left, report })).toMatchObject({
      status: "failed",
      counts: { passed: 1, failed: 1 },
      failures: ["a c: expect(received)"],
    });
  });

  test("counts until where it was cut off", () => {
    const report = { isEnded: false, testResults: [suite(passed)] };
    const end = { ended: "SIGTERM", isCutOff: true, problem: null };
    expect(outcomes.outcomeOf(outcomes.readJest, end, { ...left, report })).toMatchObject({
      status: "cut off",
      counts: { passed: 1, failed: 0 },
      failures: [],
    });
  });

  test("is a failure where no test ran at all, or a suite could not be run", () => {
    const none = { isEnded: true, testResults: [suite(pending)] };
    expect(outcomes.outcomeOf(outcomes.readJest, ended, { ...left, report: none })).toMatchObject({ status: "failed" });
    const broken = {
      isEnded: true,
      testResults: [{ name: "a.test.ts", message: "no addon\nat x", assertionResults: [] }],
    };
    expect(outcomes.readJest({ report: broken }).failures[0]).toBe("a.test.ts could not be run: no addon");
  });

  test("is a failure with the last words of what ended badly", () => {
    const end = { ended: "SIGSEGV", isCutOff: false, problem: null };
    const { failures } = outcomes.outcomeOf(outcomes.readNothing, end, { ...left, stderr: "first\nlast words\n" });
    expect(failures).toEqual(["it ended with SIGSEGV: last words"]);
    const stderr = "at file.js:1\n\nWsssError: it is so\n    at someError (x)\n\nNode.js v20.0.0\n";
    const thrown = outcomes.outcomeOf(outcomes.readNothing, { ...end, ended: 1 }, { ...left, stderr });
    expect(thrown.failures).toEqual(["it ended with 1: WsssError: it is so"]);
  });

  test("fails preflight by the check that failed", () => {
    const stdout = '{"check":"one","isPassed":true,"said":"fine"}\n{"check":"two","isPassed":false,"said":"no"}\n{"che';
    expect(outcomes.readPreflight({ stdout })).toMatchObject({
      counts: { passed: 1, failed: 1 },
      failures: ["two: no"],
      notes: ["one: fine"],
    });
  });

  const training = (run: string, mIoU: number, replayedSteps: number) =>
    JSON.stringify({
      run,
      mIoU,
      pixelAccuracy: 0.9,
      iou: [0.5, null],
      lastLoss: 0.1,
      steps: 80,
      replayedSteps,
      whyNotRecorded: "",
      seconds: 2,
    });

  test("compares the scores of a training recorded, launched and on the CPU", () => {
    const good = [
      training("recorded on the GPU", 0.72, 78),
      training("launched on the GPU", 0.73, 0),
      training("on the CPU", 0.71, 0),
    ];
    const { failures, tables } = outcomes.readTissueTraining({ stdout: good.join("\n") });
    expect(failures).toEqual([]);
    expect(tables[0]!.rows.map((cells: string[]) => cells.slice(0, 2))).toEqual([
      ["recorded on the GPU", "0.720"],
      ["launched on the GPU", "0.730"],
      ["on the CPU", "0.710"],
    ]);
    const lost = [training("recorded on the GPU", 0.4, 78), good[1], good[2]].join("\n");
    expect(outcomes.readTissueTraining({ stdout: lost }).failures).toHaveLength(2);
    const notRecorded = [training("recorded on the GPU", 0.72, 0), good[1]].join("\n");
    expect(outcomes.readTissueTraining({ stdout: notRecorded }).failures[0]).toMatch(/no step was replayed/);
    const notLaunched = [good[0], training("launched on the GPU", 0.73, 78)].join("\n");
    expect(outcomes.readTissueTraining({ stdout: notLaunched }).failures[0]).toMatch(/WSSS_RECORD/);
    expect(outcomes.readTissueTraining({ stdout: "" }).failures).toEqual(["no training ended"]);
  });

  test("has the replayed steps of the benchmark", () => {
    const row = {
      work: "w",
      precision: "float32",
      peer: "p",
      ours: 0.01,
      theirs: 0.02,
      ratio: 2,
      ratioMin: 1.9,
      ratioMax: 2.1,
    };
    const stdout = JSON.stringify({ ...row, steps: 40, replayedSteps: 38, whyNotRecorded: "" });
    const { tables } = outcomes.readSpeed({ stdout, stderr: "" });
    expect(tables[0]!.rows).toEqual([["w", "float32", "p", "10.0", "20.0", "2.00 (1.90 to 2.10)", "38 of 40"]]);
    expect(outcomes.readSpeed({ stdout: "", stderr: "bench: w: p does not run here (why)" })).toMatchObject({
      failures: ["nothing was measured"],
      notes: ["bench: w: p does not run here (why)"],
    });
  });

  test("fails compute-sanitizer by its count of errors", () => {
    const report = { isEnded: true, testResults: [suite(passed)] };
    const said = "========= Invalid __global__ read\n========= ERROR SUMMARY: 2 errors\n";
    expect(outcomes.readSanitizer({ stdout: said, report }).failures.slice(0, 2)).toEqual([
      "2 errors of memory",
      "Invalid __global__ read",
    ]);
    const clean = outcomes.readSanitizer({ stdout: "========= ERROR SUMMARY: 0 errors\n", report });
    expect(clean).toMatchObject({ failures: [], notes: ["errors of memory: 0"], counts: { passed: 1 } });
  });
});

test("the reporter of jest leaves what is known, after each test", async () => {
  const report = path.join(folder, "report.json");
  const tests = `
    const known = () => require("node:fs").readFileSync(process.env.GPU_CHECK_REPORT, "utf8");
    test("first", () => undefined);
    test("second", () => expect(known()).toContain('"fullName":"first"'));
    test("third", () => expect(1).toBe(2));
    test.skip("fourth", () => undefined);
  `;
  await writeFile(path.join(folder, "some.test.js"), tests);
  const jest = path.join(root, "node_modules", "jest", "bin", "jest.js");
  const reporter = path.join(root, "scripts", "gpu-check", "jest-progress.mjs");
  const words = [jest, "--runInBand", "--config", JSON.stringify({ rootDir: folder }), `--reporters=${reporter}`];
  const env = { ...process.env, GPU_CHECK_REPORT: report };
  await expect(promisify(execFile)(process.execPath, words, { cwd: root, env })).rejects.toMatchObject({ code: 1 });
  const left = JSON.parse(await readFile(report, "utf8")) as { isEnded: boolean; testResults: object[] };
  expect(left.isEnded).toBe(true);
  expect(outcomes.readJest({ report: left })).toMatchObject({
    counts: { passed: 2, failed: 1 },
    failures: ["third: Error: expect(received).toBe(expected) // Object.is equality; Expected: 2; Received: 1"],
  });
});

describe("the page", () => {
  const report = {
    date: "2026-01-02T03:04:05.000Z",
    isEnded: false,
    minutes: 9,
    machine: {
      gpus: [{ name: "GPU of a test", driver: "1.2", memoryMiB: 100 }],
      nvcc: "13.0",
      torch: { build: "2.11.0+cu130", cuda: "13.0", pythonVersion: "3.12.1" },
      commit: { commit: "abc", isClean: false },
      prepared: null,
      host: { processor: "P", cores: 16, memoryGiB: 128, node: "20.0.0" },
    },
    results: [
      {
        number: 0,
        title: "first",
        status: "passed",
        reason: "",
        seconds: 2,
        limitSeconds: 10,
        counts: { passed: 3, failed: 0 },
        failures: [],
        notes: ["a | note"],
        tables: [{ caption: "Scores", columns: ["x", "y"], rows: [["1", "a|b"]] }],
      },
      {
        number: 1,
        title: "second",
        status: "cut off",
        reason: "",
        seconds: 5,
        limitSeconds: 5,
        counts: null,
        failures: ["t: it\nbroke"],
        notes: [],
        tables: [],
      },
      {
        number: 2,
        title: "third",
        status: "not run",
        reason: "1 s were left, and it needs 30",
        seconds: 0,
        limitSeconds: 0,
        counts: null,
        failures: [],
        notes: [],
        tables: [],
      },
    ],
  };

  test("names the machine, every part, failures and tables", () => {
    const page = pageOf(report);
    for (const text of [
      "**Not ended**: 1 passed, 1 cut off, 1 not run. It began 2026-01-02T03:04:05.000Z and was given 9 minutes.",
      "| GPU | GPU of a test, 100 MiB, driver 1.2 |",
      "| CUDA compiler | 13.0 |",
      "| PyTorch, LibTorch | 2.11.0+cu130, for CUDA 13.0, in Python 3.12.1 |",
      "| git commit | abc, **with changes since** |",
      "| 0 | first | passed | 2.0 | 10 | 3 | 0 |",
      "| 1 | second | cut off | 5.0 | 5 |  |  |",
      "| 2 | third | not run: 1 s were left, and it needs 30 |  |  |  |  |",
      "- **failed**: t: it broke",
      "| 1 | a\\|b |",
    ]) {
      expect(page).toContain(text);
    }
    expect(page).not.toContain("## 2. third");
  });

  test("is written with its data", async () => {
    writeReport(folder, report);
    expect(await readFile(path.join(folder, "gpu-check.md"), "utf8")).toBe(pageOf(report));
    expect(JSON.parse(await readFile(path.join(folder, "gpu-check.json"), "utf8"))).toEqual(report);
  });
});

describe("the command", () => {
  async function call(words: readonly string[], env: NodeJS.ProcessEnv) {
    return await promisify(execFile)(process.execPath, [entry, ...words], { cwd: folder, env }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: unknown) => error as { code: number; stdout: string; stderr: string },
    );
  }

  test("says without a GPU that it is skipped, and what it would do", async () => {
    const { code, stdout } = await call(["--minutes", "10"], { PATH: folder });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^gpu-check: skipped: no NVIDIA GPU here/);
    for (const one of makeParts("python3")) {
      expect(stdout).toContain(`${budgetOf(one, 600)} s  ${one.title}\n`);
    }
  });

  test("refuses a Python without a fitting PyTorch, and minutes that are none", async () => {
    const program = path.join(folder, "nvidia-smi");
    await writeFile(program, "#!/bin/sh\necho 'GPU of a test, 580.1, 81559'\n");
    await chmod(program, 0o755);
    const env = { PATH: `${folder}:/bin:/usr/bin` };
    const { code, stderr } = await call(["--python", "false"], env);
    expect(code).toBe(1);
    expect(stderr).toMatch(/false has no PyTorch; one with PyTorch 2\.11, 2\.12, 2\.13, 2\.14 is needed/);
    expect(await call(["--minutes", "soon"], env)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("--minutes"),
    });
  });

  test("finds the PyTorch of a Python without importing it", async () => {
    await mkdir(path.join(folder, "torch"));
    await writeFile(path.join(folder, "torch", "__init__.py"), "raise RuntimeError\n");
    const version =
      "from typing import Optional\n__version__ = '2.11.0+cu130'\ncuda: Optional[str] = '13.0'\nhip = None\n";
    await writeFile(path.join(folder, "torch", "version.py"), version);
    const program = path.join(folder, "python");
    await writeFile(program, `#!/bin/sh\nPYTHONPATH='${folder}' exec python3 "$@"\n`);
    await chmod(program, 0o755);
    expect(findTorch(program)).toMatchObject({
      folder: path.join(folder, "torch"),
      build: "2.11.0+cu130",
      version: "2.11.0",
      cuda: "13.0",
    });
  });
});
