/**
 * Trainings of several processes: ours beside PyTorch's DistributedDataParallel, and beside one process with as many threads. All sides run in turns,
 * in processes that stay alive. On the CPU, with Gloo on this machine.
 *
 *   node bench/data-parallel.mjs [--processes 2] [--rounds 5] [--only mobilenet-classifier-step,...] [--python PYTHON] [--json]
 *
 * Each process has one thread. A step's patches are those of all processes together. DDP keeps batch norms' statistics to each process
 * (PyTorch's SyncBatchNorm has no CPU); ours are measured both ways. Prints their time by ours: above 1 ours is faster.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { makeData } from "./speed/data.mjs";
import { pythonWithTorch } from "./speed/python.mjs";

const here = path.join(path.dirname(fileURLToPath(import.meta.url)), "speed");
const { values } = parseArgs({
  options: {
    processes: { type: "string", default: "2" },
    rounds: { type: "string", default: "5" },
    only: { type: "string" },
    python: { type: "string" },
    variants: { type: "string", default: "plain,channels-last,channels-last+bf16" },
    json: { type: "boolean", default: false },
  },
});
const size = Number(values.processes);
const say = (text) => console.error(`bench: ${text}`);

const works = ["mobilenet", "efficientnet-lite0"].flatMap((backbone) =>
  ["classifier", "segmenter"].map((stage) => ({
    name: `${backbone}-${stage}-step`,
    work: `${stage}-step`,
    network: { backbone, headWidth: 0.25 },
    count: 20,
    batch: 20,
  })),
);

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Processes that measure together on demand. */
class Team {
  constructor(program, words, environments) {
    this.members = environments.map((env) => {
      const child = spawn(program, words, {
        cwd: here,
        env: { ...process.env, ...env },
        stdio: ["pipe", "pipe", "pipe"],
      });
      const member = { child, stderr: "", lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
      child.stderr.on("data", (chunk) => (member.stderr += String(chunk)));
      child.stdin.on("error", () => undefined);
      return member;
    });
  }

  /** Seconds of one run of the slowest of them. */
  async run() {
    for (const { child } of this.members) child.stdin.write(`${JSON.stringify({ runs: 1 })}\n`);
    const answers = await Promise.all(
      this.members.map(async ({ lines, stderr }) => {
        const { value, done } = await lines.next();
        if (done) throw new Error(stderr.trim().split("\n").at(-1) ?? "it ended without a word");
        return JSON.parse(value).seconds[0];
      }),
    );
    return Math.max(...answers);
  }

  stop() {
    for (const { child } of this.members) child.kill("SIGKILL");
  }
}

async function placesOf(extra = {}) {
  const port = await freePort();
  return Array.from({ length: size }, (_, rank) => ({
    RANK: String(rank),
    LOCAL_RANK: String(rank),
    WORLD_SIZE: String(size),
    LOCAL_WORLD_SIZE: String(size),
    MASTER_ADDR: "127.0.0.1",
    MASTER_PORT: String(port),
    ...extra,
  }));
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

async function measure({ name, work, count, batch, network }, python, folder) {
  const data = await makeData(path.join(folder, name), { count, size: 224, batch, labels: "mixed", network });
  const sides = new Map();
  const ours = (threads, precision) => [
    path.join(here, "ours.mjs"),
    work,
    data,
    threads,
    String(batch),
    precision,
    "cpu",
  ];
  for (const precision of ["float32", "bfloat16"]) {
    sides.set(
      `one process of ${size} threads, ${precision}`,
      new Team(process.execPath, ours(String(size), precision), [{}]),
    );
    sides.set(`ours, ${precision}`, new Team(process.execPath, ours("1", precision), await placesOf()));
    if (work === "segmenter-step") {
      const own = await placesOf({ WSSS_BENCH_SYNC_BN: "0" });
      sides.set(`ours without --sync-bn, ${precision}`, new Team(process.execPath, ours("1", precision), own));
    }
  }
  for (const variant of values.variants.split(",")) {
    const words = ["peer.py", work, variant, data, "1", "cpu"];
    sides.set(`DDP, ${variant}`, new Team(python, words, await placesOf()));
  }
  const seconds = new Map([...sides.keys()].map((side) => [side, []]));
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    for (const [side, team] of sides) {
      const own = await team.run();
      if (round > 0) seconds.get(side).push(own);
    }
    say(`${name}: round ${round} of ${values.rounds}`);
  }
  for (const team of sides.values()) team.stop();
  await rm(data, { recursive: true, force: true });
  return seconds;
}

function rowsOf(name, seconds) {
  const sides = [...seconds.keys()];
  const others = sides.filter((side) => !side.startsWith("ours"));
  return sides
    .filter((side) => side.startsWith("ours"))
    .flatMap((own) =>
      others.map((other) => {
        const ratios = seconds.get(own).map((one, round) => seconds.get(other)[round] / one);
        return {
          work: name,
          ours: own,
          beside: other,
          seconds: median(seconds.get(own)),
          theirs: median(seconds.get(other)),
          ratio: median(ratios),
          least: Math.min(...ratios),
          most: Math.max(...ratios),
        };
      }),
    );
}

const python = values.python ?? (await pythonWithTorch(say));
const folder = await mkdtemp(path.join(os.tmpdir(), "wsss-bench-parallel-"));
const table = [];
try {
  for (const work of works) {
    if (values.only !== undefined && !values.only.split(",").includes(work.name)) continue;
    table.push(...rowsOf(work.name, await measure(work, python, folder)));
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
if (values.json) for (const row of table) console.log(JSON.stringify(row));
else console.table(table);
process.exit(0);
