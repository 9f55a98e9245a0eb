/**
 * How fast we are beside PyTorch, side by side: every work is done by us and by each peer in turns, each in a process of its own that stays
 * alive, so that all see the same state of the machine. Prints medians and the spread of the ratios (theirs / ours).
 *
 *   npm run bench [-- --rounds 5] [--only classifier-step,pseudo-masks-mixed] [--variants plain,bf16]
 *                 [--other CHECKOUT] [--python PYTHON] [--threads 0] [--device cpu|cuda] [--each] [--json]
 *
 * Inference is measured beside ONNX Runtime and OpenVINO too (bench/speed/peer_engine.py), each from bytes to classes or probabilities.
 * Peers are PyTorch of the same version (bench/speed/peer.py): plain, as the published code does it, and every combination of layout, bfloat16 and
 * torch.compile that runs here; the fastest of those gets a row of its own, with --each every one. Without --python one with torch is looked for, and
 * installed by pip into the cache folder; --variants "" does without. --other names another checkout that is built, which is measured beside: before and
 * after a change. Where there is a GPU its works follow those of the CPU, unless --device names one; their batches are larger,
 * and peak memory is what the driver says of a process after its last run. Rows of trainings say how many of our steps were replayed from a
 * recording of the GPU's work.
 */
import { execFile, spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { loadAddon } from "../dist/native/load.js";
import { packageVersion } from "../dist/files/package-version.js";
import { makeData, makeDemoData } from "./speed/data.mjs";
import { compileNative } from "./speed/native.mjs";
import { pythonWithTorch } from "./speed/python.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    only: { type: "string" },
    python: { type: "string" },
    threads: { type: "string", default: "0" },
    "patch-px": { type: "string", default: "224" },
    variants: { type: "string" },
    device: { type: "string" },
    other: { type: "string" },
    each: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});

const report = (await loadAddon()).deviceReport();
const device = values.device ?? "cpu";
const onGpu = device !== "cpu";
if (onGpu && report.cuda.deviceCount === 0) {
  console.error(`bench: skipped: no CUDA device (${report.cuda.reason})`);
  process.exit(0);
}
const hasBfloat16 = onGpu || report.bfloat16;
const tuned = onGpu ? ["channels-last"] : ["channels-last", "compile", "channels-last+compile"];
/** Ours: as every machine can do it, and what this one is fastest in. */
const precisions = hasBfloat16 ? ["float32", "bfloat16"] : ["float32"];
const half = hasBfloat16 ? ["bf16", "channels-last+bf16", "channels-last+bf16+compile"] : [];

/** On a GPU, with the batch size that was published. */
const gpuWorks = [
  { name: "classifier-step", work: "classifier-step", count: 200, batch: 20, per: "step of 20 patches" },
  { name: "segmenter-step", work: "segmenter-step", count: 200, batch: 20, per: "step of 20 patches" },
  { name: "pseudo-masks-mixed", work: "pseudo-masks", count: 80, batch: 20, per: "80 patches", fast: true },
  { name: "classifier-inference-16", work: "classifier-inference", count: 160, batch: 16, per: "160 patches" },
  { name: "segmenter-inference-16", work: "segmenter-inference", count: 160, batch: 16, per: "160 patches" },
];

/** The works of a small network, as a laptop has them: classifier, and segmenter with a head of a quarter. */
function smallWorks(backbone) {
  const network = { backbone, headWidth: 0.25 };
  const count = 20;
  const step = (stage) => {
    const [name, work] = [`${backbone}-${stage}-step`, `${stage}-step`];
    return { name, work, count, batch: 20, per: "step of 20 patches", network };
  };
  const inference = (stage, batch) => {
    const [name, work] = [`${backbone}-${stage}-inference-${batch}`, `${stage}-inference`];
    return { name, work, count, batch, per: "20 patches", network };
  };
  return ["classifier", "segmenter"].flatMap((stage) => [step(stage), inference(stage, 1), inference(stage, 20)]);
}

/**
 * Name, what is worked on, and how many patches one run has; `node`: whether what Node costs is measured with it; `whole`: takes minutes, is run only
 * if it is named, and not before it counts; its peers do without torch.compile.
 */
const cpuWorks = [
  { name: "classifier-step", work: "classifier-step", count: 4, batch: 4, per: "step of 4 patches" },
  { name: "segmenter-step", work: "segmenter-step", count: 4, batch: 4, per: "step of 4 patches" },
  { name: "pseudo-masks-mixed", work: "pseudo-masks", count: 8, batch: 4, per: "8 patches", fast: true },
  { name: "pseudo-masks-all", work: "pseudo-masks", count: 4, batch: 4, labels: "all", per: "4 patches", fast: true },
  { name: "classifier-inference-1", work: "classifier-inference", count: 4, batch: 1, per: "4 patches" },
  {
    name: "classifier-inference-16",
    work: "classifier-inference",
    count: 16,
    batch: 16,
    per: "16 patches",
    node: true,
  },
  { name: "segmenter-inference-1", work: "segmenter-inference", count: 4, batch: 1, per: "4 patches" },
  { name: "segmenter-inference-16", work: "segmenter-inference", count: 16, batch: 16, per: "16 patches" },
  ...smallWorks("mobilenet"),
  ...smallWorks("efficientnet-lite0"),
  { name: "loader", work: "loader", count: 128, batch: 20, per: "128 patches", plainOnly: true },
  { name: "demo", work: "demo", per: "from files to scores, 672 patches of 96 px", whole: true },
];
const works = onGpu ? gpuWorks : cpuWorks;

/** The variants of the peer for a work; the first is the published way. */
function variantsOf({ fast, plainOnly, whole, work }) {
  if (plainOnly) return ["plain"];
  if (whole)
    return ["plain", "fast", "channels-last+fast", ...(hasBfloat16 ? ["bf16+fast", "channels-last+bf16+fast"] : [])];
  const others = [...tuned, ...half];
  return fast
    ? [
        "plain",
        "fast",
        "channels-last+fast",
        ...half.filter((one) => !one.includes("compile")).map((one) => `${one}+fast`),
      ]
    : ["plain", ...others, ...(work.endsWith("inference") && !onGpu ? engines : [])];
}

/** Inference engines beside PyTorch, by the names of their variants. */
const engineNames = { onnxruntime: "ONNX Runtime", openvino: "OpenVINO", "openvino+bf16": "OpenVINO, bf16" };
const engines = Object.keys(engineNames).filter((name) => hasBfloat16 || !name.includes("bf16"));

/** The side that does our work in C++ alone, in float32. */
const withoutNode = "C++ without Node";

/** A process that measures on demand. */
class Worker {
  constructor(program, words, env = process.env) {
    this.child = spawn(program, words, { stdio: ["pipe", "pipe", "pipe"], cwd: path.join(here, "speed"), env });
    this.stderr = "";
    this.child.stderr.on("data", (chunk) => (this.stderr += String(chunk)));
    this.child.stdin.on("error", () => undefined);
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /** Seconds of one run; throws with what the process said if it has died. */
  async run() {
    this.child.stdin.write(`${JSON.stringify({ runs: 1 })}\n`);
    const { value, done } = await this.lines.next();
    if (done) throw new Error(this.stderr.trim().split("\n").at(-1) ?? "it ended without a word");
    return JSON.parse(value);
  }

  /** Bytes of GPU memory that the process holds, as the driver says. */
  async gpuBytes() {
    const query = ["--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"];
    const { stdout } = await promisify(execFile)("nvidia-smi", query);
    const own = stdout.split("\n").find((line) => Number(line.split(",")[0]) === this.child.pid);
    return own === undefined ? NaN : Number(own.split(",")[1]) * 2 ** 20;
  }

  stop() {
    this.child.kill("SIGKILL");
  }
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const say = (text) => console.error(`bench: ${text}`);

/** The side of another checkout's build (--other), in one of our precisions. */
const otherBuild = (precision) => `the other build, ${precision}`;

/** All rounds of one work: seconds by side, ours first. */
async function measure({ name, work, count, batch, network, labels = "mixed", ...traits }, python, folder) {
  const size = Number(values["patch-px"]);
  const place = path.join(folder, name);
  const data = traits.whole
    ? await makeDemoData(place)
    : await makeData(place, { count, size, batch, labels, network });
  const sides = new Map();
  for (const precision of precisions) {
    const words = [path.join(here, "speed", "ours.mjs"), work, data, values.threads, String(batch), precision, device];
    sides.set(precision, new Worker(process.execPath, words));
  }
  for (const precision of values.other === undefined ? [] : precisions) {
    const program = path.join(path.resolve(values.other), "bench", "speed", "ours.mjs");
    const words = [program, work, data, values.threads, String(batch), precision, device];
    sides.set(otherBuild(precision), new Worker(process.execPath, words));
  }
  for (const variant of variantsOf({ ...traits, work }).filter(
    (one) => values.variants?.split(",").includes(one) ?? true,
  )) {
    const script = variant in engineNames ? "peer_engine.py" : "peer.py";
    sides.set(variant, new Worker(python, [script, work, variant, data, values.threads, device]));
  }
  if (traits.node) {
    const { program, environment } = await compileNative(folder);
    const facts = [count, size, 4, batch, values.threads].map(String);
    sides.set(withoutNode, new Worker(program, [path.join(data, "patches.bin"), ...facts], environment));
  }
  const seconds = new Map([...sides.keys()].map((side) => [side, []]));
  const peaks = new Map();
  const torches = new Map();
  const trainings = new Map();
  // Round 0 warms up: compilation, first touches of memory.
  for (let round = traits.whole ? 1 : 0; round <= Number(values.rounds); round += 1) {
    for (const [side, worker] of sides) {
      try {
        const answer = await worker.run();
        peaks.set(side, onGpu ? await worker.gpuBytes() : answer.peakBytes);
        torches.set(side, answer.torch);
        trainings.set(side, answer.training);
        if (round > 0) seconds.get(side).push(answer.seconds[0]);
      } catch (error) {
        if (precisions.includes(side)) throw error;
        say(`${name}: ${side} does not run here (${error.message})`);
        worker.stop();
        sides.delete(side);
        seconds.delete(side);
      }
    }
    say(`${name}: round ${round} of ${values.rounds}`);
  }
  for (const worker of sides.values()) worker.stop();
  await rm(data, { recursive: true, force: true });
  return { seconds, peaks, torches, trainings };
}

/** One row: a work in one precision against one peer. */
function rowOf(work, precision, peer, { seconds, peaks, torches, trainings }, side) {
  const ours = seconds.get(precision);
  const theirs = seconds.get(side);
  const ratios = ours.map((one, round) => theirs[round] / one);
  return {
    work,
    precision,
    peer,
    ours: median(ours),
    theirs: median(theirs),
    ratio: median(ratios),
    ratioMin: Math.min(...ratios),
    ratioMax: Math.max(...ratios),
    runs: ratios.length,
    oursPeakMiB: Math.round(peaks.get(precision) / 2 ** 20),
    theirsPeakMiB: Math.round(peaks.get(side) / 2 ** 20),
    torch: torches.get(side),
    ...trainings.get(precision),
  };
}

/** Each of our precisions against PyTorch as published, its fastest variant in float32, and its fastest of all; or against every variant. */
function rowsOf(name, measured) {
  const own = new Set([...precisions, ...precisions.map(otherBuild), withoutNode]);
  const allPeers = [...measured.seconds.keys()].filter((side) => !own.has(side));
  const sides = allPeers.filter((side) => !(side in engineNames));
  const fastestOf = (list) =>
    [...list].sort((a, b) => median(measured.seconds.get(a)) - median(measured.seconds.get(b)))[0];
  const others = sides.filter((side) => side !== "plain");
  if (values.each) {
    return precisions.flatMap((precision) =>
      sides.map((side) => rowOf(name, precision, `PyTorch, ${side}`, measured, side)),
    );
  }
  const fastest = fastestOf(others);
  const fastestFull = fastestOf(others.filter((side) => !side.includes("bf16")));
  const peers = [
    ["PyTorch, plain", sides.find((side) => side === "plain")],
    [`PyTorch, fastest (${fastest})`, fastest],
    [`PyTorch, fastest in float32 (${fastestFull})`, fastestFull === fastest ? undefined : fastestFull],
    ...allPeers.filter((side) => side in engineNames).map((side) => [engineNames[side], side]),
  ];
  const before = precisions.flatMap((precision) => {
    const side = otherBuild(precision);
    return measured.seconds.has(side) ? [rowOf(name, precision, side, measured, side)] : [];
  });
  if (allPeers.length === 0) return before;
  const rows = precisions.flatMap((precision) =>
    peers.flatMap(([peer, side]) => (side === undefined ? [] : [rowOf(name, precision, peer, measured, side)])),
  );
  // Above 1: C++ alone took longer.
  return measured.seconds.has(withoutNode)
    ? [...before, ...rows, rowOf(name, "float32", withoutNode, measured, withoutNode)]
    : [...before, ...rows];
}

const wanted = values.only?.split(",");
const known = [...cpuWorks, ...gpuWorks];
const unknown = wanted?.find((name) => !known.some((work) => work.name === name));
if (unknown !== undefined) {
  say(`there is no work ${unknown}; there are ${[...new Set(known.map(({ name }) => name))].join(", ")}`);
  process.exit(2);
}
// Without any variant of the peer nothing of Python is needed.
const python = values.variants === "" ? "" : (values.python ?? (await pythonWithTorch(say)));
const folder = await mkdtemp(path.join(os.tmpdir(), "wsss-bench-speed-"));
const machine = {
  processor: os.cpus()[0]?.model,
  cores: os.cpus().length,
  vectors: report.cpuCapability,
  bfloat16: report.bfloat16,
  threads: values.threads === "0" ? report.threads : Number(values.threads),
  package: packageVersion,
  libtorch: report.libtorchVersion,
  node: process.versions.node,
};
if (!values.json) console.log(machine);
const table = [];
try {
  for (const work of works) {
    if (wanted === undefined ? work.whole : !wanted.includes(work.name)) continue;
    const rows = rowsOf(`${work.name} (${work.per})`, await measure(work, python, folder));
    table.push(...rows);
    if (values.json) for (const row of rows) console.log(JSON.stringify({ ...row, machine }));
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
if (!values.json) console.table(table);
if (values.device === undefined) {
  if (report.cuda.deviceCount === 0) say(`the works on a GPU: skipped: no CUDA device (${report.cuda.reason})`);
  else if (wanted?.some((name) => gpuWorks.some((work) => work.name === name)) ?? true) {
    const words = [...process.argv.slice(1), "--device", "cuda"];
    process.exitCode = spawnSync(process.execPath, words, { stdio: "inherit" }).status ?? 1;
  }
}
