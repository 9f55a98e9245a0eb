/**
 * Checks on a machine with an NVIDIA GPU what no CPU can show, in a limited time, and writes what came of it as a page.
 *
 *   npm run gpu-check [-- --minutes 9] [--out gpu-check] [--python PYTHON]
 *   npm run gpu-check -- --prepare [--torch 2.11.0] [--python PYTHON]
 *
 * --minutes  counted from the start, the build included; the parts that matter most come first
 * --out      folder of gpu-check.md, gpu-check.json and logs/, rewritten after each part
 * --python   has PyTorch 2.11 to 2.14, whose LibTorch the addon is built against; $PYTHON or python3 if it is left out
 * --prepare  needs no GPU: compiles what a run will need with that PyTorch, and packs what must be carried to a machine without a
 *            network or a Node
 *
 * A run needs nvcc, a C++20 compiler, make and CMake, unless a fitting build was prepared. The exit code is 0 if every part that ran passed
 * (one that was cut off did not), and where there is no GPU, where it only says what it would do.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os, { constants } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { buildEnvironment, readPrepared, root } from "./gpu-check/build.mjs";
import * as machine from "./gpu-check/machine.mjs";
import { outcomeOf } from "./gpu-check/outcomes.mjs";
import { writeReport } from "./gpu-check/page.mjs";
import { makeParts } from "./gpu-check/parts.mjs";
import { prepare } from "./gpu-check/prepare.mjs";
import { runCommand } from "./gpu-check/run-command.mjs";
import { budgetOf, exitCodeOf, runParts, summaryOf } from "./gpu-check/run-parts.mjs";

const beganMs = performance.now();
const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "9" },
    out: { type: "string", default: "gpu-check" },
    python: { type: "string", default: process.env.PYTHON || "python3" },
    prepare: { type: "boolean", default: false },
    torch: { type: "string" },
  },
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) fail(`--minutes must be a number above 0, not ${values.minutes}`);

// The parts run in other folders.
const python = values.python.includes("/") ? path.resolve(values.python) : values.python;
if (values.prepare) await prepare({ python, version: values.torch, say, fail });
else await check();

async function check() {
  const parts = makeParts(python);
  const gpus = machine.findGpus();
  if (gpus.length === 0) {
    sayWhatItWouldDo(parts);
    return;
  }
  const torch = machine.findTorch(python);
  if (torch === null || !machine.isSupportedTorch(torch.version)) {
    const found = torch === null ? "no PyTorch" : `PyTorch ${torch.build}`;
    fail(`${python} has ${found}; one with PyTorch ${machine.supportedTorch.join(", ")} is needed (--python)`);
  }
  say(`${gpus[0].name}; building against LibTorch ${torch.build} of ${torch.folder}`);
  process.exitCode = await runAll(parts, gpus, torch);
}

function sayWhatItWouldDo(parts) {
  console.log(
    `gpu-check: skipped: no NVIDIA GPU here (nvidia-smi is missing or lists none). Where there is one, it does this`,
  );
  console.log(`in ${minutes} minutes, each part in at most so many seconds:`);
  for (const [number, part] of parts.entries()) {
    const budget = String(budgetOf(part, minutes * 60)).padStart(4);
    console.log(`${String(number).padStart(2)} ${budget} s  ${part.title}`);
  }
}

/** Runs the parts and writes the report; returns the exit code. */
async function runAll(parts, gpus, torch) {
  const out = path.resolve(values.out);
  const logs = path.join(out, "logs");
  mkdirSync(logs, { recursive: true });
  const scratch = mkdtempSync(path.join(os.tmpdir(), "wsss-gpu-check-"));
  const environment = { ...buildEnvironment(torch), TMPDIR: scratch, PYTHON: python };
  const stop = stopOnSignals();
  const report = {
    date: new Date().toISOString(),
    isEnded: false,
    minutes,
    machine: describe(gpus, torch),
    results: [],
  };
  const onChange = (results) => {
    report.results = results;
    report.machine.prepared = readPrepared(torch.version);
    writeReport(out, report);
  };
  const execute = async (part, limitSeconds) => {
    say(`${part.title} (at most ${limitSeconds.toFixed(0)} s)`);
    const outcome = await runPart(part, { limitSeconds, environment, logs, signal: stop.signal });
    say(
      `  ${outcome.status}${outcome.reason && `: ${outcome.reason}`}${outcome.failures.map((line) => `\n  ${line}`).join("")}`,
    );
    return outcome;
  };
  try {
    const clock = () => (performance.now() - beganMs) / 1000;
    const whyStopped = () => (stop.signal.aborted ? `gpu-check was ended by ${stop.signal.reason}` : null);
    const results = await runParts({ parts, totalSeconds: minutes * 60, clock, execute, onChange, whyStopped });
    report.isEnded = !stop.signal.aborted;
    writeReport(out, report);
    say(`${summaryOf(results)}; see ${path.join(out, "gpu-check.md")}`);
    return stop.signal.aborted ? 128 + constants.signals[stop.signal.reason] : exitCodeOf(results);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function runPart(part, { limitSeconds, environment, logs, signal }) {
  const why = part.whySkipped?.() ?? null;
  if (why !== null) return { status: "skipped", reason: why, counts: null, failures: [], notes: [], tables: [] };
  const [stdout, stderr, json] = ["stdout.txt", "stderr.txt", "jest.json"].map((end) =>
    path.join(logs, `${part.id}.${end}`),
  );
  rmSync(json, { force: true });
  const [program, ...words] = part.command;
  const ended = await runCommand({
    program,
    words,
    environment: { ...environment, ...part.environment, GPU_CHECK_REPORT: json },
    folder: root,
    files: { stdout, stderr },
    limitSeconds,
    signal,
  });
  const report = readText(json);
  const left = {
    stdout: readText(stdout),
    stderr: readText(stderr),
    report: report === "" ? null : JSON.parse(report),
  };
  return outcomeOf(part.read, ended, left);
}

function describe(gpus, torch) {
  return { gpus, nvcc: machine.findNvcc(), torch, commit: machine.findCommit(root), host: machine.describeHost() };
}

/** Ends the part that runs, and with it the whole, when somebody ends us: it is a process group that nobody else would end. */
function stopOnSignals() {
  const stop = new AbortController();
  for (const name of ["SIGHUP", "SIGINT", "SIGTERM"]) process.once(name, () => stop.abort(name));
  return stop;
}

function readText(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function say(message) {
  console.error(`gpu-check: ${message}`);
}

function fail(message) {
  say(message);
  process.exit(1);
}
