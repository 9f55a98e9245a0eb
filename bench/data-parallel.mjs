/**
 * Trainings of several processes: ours beside PyTorch's DistributedDataParallel, and beside one process with as many threads. All sides run in turns,
 * in processes that stay alive. On the CPU, with Gloo on this machine.
 *
 *   node bench/data-parallel.mjs [--processes 2] [--rounds 5] [--only mobilenet-classifier-step,...] [--python PYTHON] [--json]
 *
 * Each process has one thread. A step's patches are those of all processes together. DDP keeps batch norms' statistics to each process
 * (PyTorch's SyncBatchNorm has no CPU); ours are measured both ways. Prints their time by ours: above 1 ours is faster.
 */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { makeData } from "./speed/data.mjs";
import { pythonWithTorch } from "./speed/python.mjs";
import { median, placesOf, Team } from "./speed/team.mjs";

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
    sides.set(`ours, ${precision}`, new Team(process.execPath, ours("1", precision), await placesOf(size)));
    if (work === "segmenter-step") {
      const own = await placesOf(size, { WSSS_BENCH_SYNC_BN: "0" });
      sides.set(`ours without --sync-bn, ${precision}`, new Team(process.execPath, ours("1", precision), own));
    }
  }
  for (const variant of values.variants.split(",")) {
    const words = ["peer.py", work, variant, data, "1", "cpu"];
    sides.set(`DDP, ${variant}`, new Team(python, words, await placesOf(size)));
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
