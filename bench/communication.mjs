/**
 * What the gradients of several processes cost, measured here with Gloo and on paper for many GPUs.
 *
 *   node bench/communication.mjs [--processes 2] [--rounds 5] [--python PYTHON] [--paper]
 *
 * Measured, all sides in turns, a thread for each process: a step of a group; the same processes at once, each alone with its part of the
 * patches; and the sums of as many bytes with nothing else to do. A group's step takes longer than theirs by what of its sums is not hidden
 * behind the backward pass, and by the faster processes' waiting for the slower at each step. A step is of ten patches of 224 px for each process.
 *
 * --paper  only the table of what follows for NCCL from its published bandwidths; nothing of it was measured
 */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Classifier, inspectWeights, Segmenter } from "../dist/index.js";
import { makeData } from "./speed/data.mjs";
import { pythonWithTorch } from "./speed/python.mjs";
import { median, placesOf, Team } from "./speed/team.mjs";

const here = path.join(path.dirname(fileURLToPath(import.meta.url)), "speed");
const { values } = parseArgs({
  options: {
    processes: { type: "string", default: "2" },
    rounds: { type: "string", default: "5" },
    python: { type: "string" },
    paper: { type: "boolean", default: false },
  },
});
const size = Number(values.processes);
const say = (text) => console.error(`bench: ${text}`);
const folder = await mkdtemp(path.join(os.tmpdir(), "wsss-bench-communication-"));

const classes = ["a", "b", "c", "d"].map((name, i) => ({ name, colour: [i, i, i] }));

/** How many numbers the gradients of a network are. */
async function gradientsOf(stage, network) {
  const options = { classes, device: "cpu", seed: 1, ...network };
  const model = stage === "classifier" ? await Classifier.create(options) : await Segmenter.create(options);
  const file = path.join(folder, "network.safetensors");
  await model.save(file);
  await model.dispose();
  const { tensors } = await inspectWeights(file);
  const learned = [...tensors].filter(([name]) => !/running_|num_batches_tracked/u.test(name));
  return learned.reduce((sum, [, { shape }]) => sum + shape.reduce((product, n) => product * n, 1), 0);
}

async function measure(stage, python) {
  const network = { backbone: "mobilenet", headWidth: 0.25 };
  const batch = 10 * size;
  const work = `${stage}-step`;
  const data = await makeData(path.join(folder, stage), { count: batch, size: 224, batch, labels: "mixed", network });
  const numbers = await gradientsOf(stage, stage === "segmenter" ? network : { backbone: "mobilenet" });
  const ours = (patches, precision) => [
    path.join(here, "ours.mjs"),
    work,
    data,
    "1",
    String(patches),
    precision,
    "cpu",
  ];
  const sides = { sums: new Team(python, ["all_reduce.py", String(numbers)], await placesOf(size)) };
  for (const precision of ["float32", "bfloat16"]) {
    const alone = Array.from({ length: size }, () => ({}));
    sides[`alone ${precision}`] = new Team(process.execPath, ours(10, precision), alone);
    // Batch norms that share their statistics wait for one another as well, which is no matter of gradients.
    const group = await placesOf(size, { WSSS_BENCH_SYNC_BN: "0" });
    sides[`group ${precision}`] = new Team(process.execPath, ours(batch, precision), group);
  }
  const seconds = Object.fromEntries(Object.keys(sides).map((side) => [side, []]));
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    for (const [side, team] of Object.entries(sides)) {
      const own = await team.run();
      if (round > 0) seconds[side].push(own);
    }
    say(`${work}: round ${round} of ${values.rounds}`);
  }
  for (const team of Object.values(sides)) team.stop();
  const milliseconds = (list) => (1000 * median(list)).toFixed(0);
  for (const precision of ["float32", "bfloat16"]) {
    const [group, alone] = [seconds[`group ${precision}`], seconds[`alone ${precision}`]];
    const longer = group.map((one, round) => one - alone[round]);
    const columns = [
      `MobileNetV2, ${stage}, ${precision}`,
      ((4 * numbers) / 1e6).toFixed(1),
      ...[seconds.sums, alone, group, longer].map(milliseconds),
    ];
    console.log(`| ${columns.join(" | ")} |`);
  }
}

/** What NCCL moves, in GB/s of its "bus bandwidth", by how the GPUs are joined. */
const links = [
  // NVIDIA/nccl-tests#212: a maintainer's figure for the ring over NVLink on 8 H100.
  ["8 GPUs, NVLink", 8, 370],
  // The same nodes, each with eight 400 Gb/s adapters of which 0.85 are taken to remain.
  ["64 GPUs, 8 nodes, eight 400 Gb/s adapters each", 64, 340],
  // One adapter for a node's eight GPUs, 0.85 of its line rate.
  ["64 GPUs, 8 nodes, one 100 Gb/s adapter each", 64, 10.6],
];

/** Steps of 20 patches a GPU, measured on one H100 in bfloat16 (docs/notes/speed.md); the backward pass is taken for two thirds. */
const paperSteps = [
  ["classifier", { backbone: "resnet38" }, 24.7],
  ["segmenter", {}, 18.7],
];

async function paper() {
  console.log("\nOn paper, NCCL, 20 patches a GPU; milliseconds\n");
  console.log(
    "| joined by | stage | gradients, MB | step of one GPU | sums | speed-up if nothing is hidden | if all of the backward pass hides |",
  );
  console.log("|---|---|---|---|---|---|---|");
  for (const [stage, network, step] of paperSteps) {
    const megabytes = (4 * (await gradientsOf(stage, network))) / 1e6;
    for (const [name, count, bandwidth] of links) {
      const sums = (((2 * (count - 1)) / count) * megabytes) / bandwidth;
      const hidden = Math.min(sums, (2 / 3) * step);
      const speedUp = (shown) => ((count * step) / (step + shown)).toFixed(1);
      const columns = [name, stage, megabytes.toFixed(0), step, sums.toFixed(1), speedUp(sums), speedUp(sums - hidden)];
      console.log(`| ${columns.join(" | ")} |`);
    }
  }
}

try {
  if (!values.paper) {
    const python = values.python ?? (await pythonWithTorch(say));
    console.log(`${size} processes; milliseconds, medians of ${values.rounds} rounds\n`);
    console.log("| step | gradients, MB | sums alone | processes apart | group | longer by |");
    console.log("|---|---|---|---|---|---|");
    for (const stage of ["classifier", "segmenter"]) await measure(stage, python);
  }
  await paper();
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit(0);
