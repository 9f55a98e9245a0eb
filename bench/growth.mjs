/**
 * How cost grows: seconds and peak memory of a training step of both stages over patch size, batch, classes and length of the dataset, what
 * gradient checkpointing saves at 224 px, and whether memory stays flat over a thousand steps. Every row is a process of its own, since a peak never falls.
 *
 *   node bench/growth.mjs [--threads 0] [--precision auto] [--steps 1000] [--only patchPx,gradientCheckpointing] [--json]
 *
 * --only leaves out what it does not name, and the thousand steps.
 *
 * Networks have a quarter of the paper's width, patches are noise: neither changes how cost grows.
 */
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { writeIndexPng } from "../dist/image/index-png.js";
import { Classifier, openDataset, Segmenter } from "../dist/index.js";

const { values } = parseArgs({
  options: {
    threads: { type: "string", default: "0" },
    precision: { type: "string", default: "auto" },
    steps: { type: "string", default: "1000" },
    only: { type: "string" },
    json: { type: "boolean", default: false },
    case: { type: "string" },
  },
});

const base = { patchPx: 112, batchSize: 4, classes: 4, patches: 64, steps: 6, width: 0.25 };
const grown = {
  patchPx: [56, 112, 224, 448],
  batchSize: [1, 2, 4, 8, 16],
  classes: [2, 4, 16, 64, 200],
  patches: [16, 64, 256, 1024],
  gradientCheckpointing: [false, true],
};

/** A dataset of noise: every patch has two of the classes, its mask is stripes of them. */
async function makeNoise(folder, { patchPx, classes, patches }) {
  const names = Array.from({ length: classes }, (_, k) => ({
    name: `class ${k}`,
    colour: [k, 255 - k, (7 * k) % 256],
  }));
  const palette = [...names.map(({ colour }) => colour), [255, 255, 255]];
  const description = { name: "noise", classes: names, labels: { rule: "characters" }, glass: null };
  for (const part of ["train", "train_mask", "val/img", "val/mask", "test/img", "test/mask"]) {
    await mkdir(path.join(folder, part), { recursive: true });
  }
  await writeFile(path.join(folder, "wsss-dataset.json"), JSON.stringify(description));
  const raw = { width: patchPx, height: patchPx, channels: 3 };
  const write = async (image, mask, index) => {
    const pair = [index % classes, (index + 1) % classes];
    const bytes = Buffer.from(Array.from({ length: patchPx * patchPx * 3 }, (_, i) => (i * 2654435761 + index) & 0xff));
    await sharp(bytes, { raw }).png({ compressionLevel: 1 }).toFile(path.join(folder, image));
    const indices = new Uint8Array(patchPx * patchPx).map((_, i) => pair[(i >> 3) % 2]);
    await writeIndexPng(path.join(folder, mask), { indices, width: patchPx, height: patchPx }, palette);
  };
  for (let index = 0; index < patches; index += 1) {
    const label = names.map((_, k) => (k === index % classes || k === (index + 1) % classes ? 1 : 0)).join("");
    const name = `p${index}[${label}]`;
    await write(`train/${name}.png`, `train_mask/${name}.png`, index);
  }
  for (const split of ["val", "test"]) await write(`${split}/img/0.png`, `${split}/mask/0.png`, 0);
}

/** One row: trains a little and says what a step took. */
async function measure({ work, threads, precision, gradientCheckpointing = false, ...shape }) {
  const folder = await mkdtemp(path.join(os.tmpdir(), "wsss-bench-growth-"));
  try {
    await makeNoise(folder, shape);
    const since = performance.now();
    const data = await openDataset(folder);
    await data.train.load();
    const loadSeconds = (performance.now() - since) / 1000;
    const { classes, background } = data;
    const place = { classes, background, device: "cpu", threads: Number(threads), precision, width: shape.width };
    const network = work === "classifier" ? await Classifier.create(place) : await Segmenter.create(place);
    const perEpoch = Math.max(1, Math.floor(data.train.count / shape.batchSize));
    const epochs = Math.ceil(shape.steps / perEpoch);
    const options = { epochs, batchSize: shape.batchSize, gradientCheckpointing };
    const training =
      work === "classifier"
        ? network.train(data.train, { ...options, pdaStartEpoch: 0 })
        : network.train(data.train, { ...options, masks: "ground-truth" });
    const times = [];
    const resident = [];
    for await (const event of training) {
      if (event.kind !== "step") continue;
      times.push(event.elapsedMs / 1000);
      if (times.length % Math.ceil(shape.steps / 10) === 0)
        resident.push(Math.round(process.memoryUsage.rss() / 2 ** 20));
      if (times.length >= shape.steps) break;
    }
    const steps = times.slice(1).map((time, i) => time - times[i]);
    const median = steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)];
    const peakMiB = Math.round(process.resourceUsage().maxRSS / 1024);
    return { secondsPerStep: median, peakMiB, loadSeconds, resident };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function inOwnProcess(work, shape) {
  const { threads, precision } = values;
  const words = [fileURLToPath(import.meta.url), "--case", JSON.stringify({ work, threads, precision, ...shape })];
  const { status, stdout } = spawnSync(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
  if (status !== 0) throw new Error(`${work} ${JSON.stringify(shape)} ended with ${status}`);
  return JSON.parse(String(stdout));
}

if (values.case !== undefined) {
  console.log(JSON.stringify(await measure(JSON.parse(values.case))));
  process.exit(0);
}

const table = [];
for (const work of ["classifier", "segmenter"]) {
  for (const [what, sizes] of Object.entries(grown)) {
    if (values.only?.split(",").includes(what) === false) continue;
    for (const size of sizes) {
      // A segmenter normalises over its batch.
      if (work === "segmenter" && what === "batchSize" && size === 1) continue;
      const shape = what === "gradientCheckpointing" ? { ...base, patchPx: 224 } : base;
      const { secondsPerStep, peakMiB, loadSeconds } = inOwnProcess(work, { ...shape, [what]: size });
      const round = (number) => Number(number.toPrecision(3));
      const row = {
        work,
        [what]: size,
        secondsPerStep: round(secondsPerStep),
        peakMiB,
        loadSeconds: round(loadSeconds),
      };
      table.push(row);
      if (values.json) console.log(JSON.stringify(row));
    }
  }
}
const long = { ...base, patchPx: 64, width: 0.125, batchSize: 8, steps: Number(values.steps) };
for (const work of values.only === undefined ? ["classifier", "segmenter"] : []) {
  const { resident } = inOwnProcess(work, long);
  const row = { work, steps: long.steps, residentMiB: resident.join(" ") };
  table.push(row);
  if (values.json) console.log(JSON.stringify(row));
}
if (!values.json) console.table(table);
