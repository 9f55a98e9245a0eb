/**
 * A short training of a segmenter with dropout on procedural tissue: recorded on the GPU, launched there operation by operation, and on the
 * CPU, from the same weights, patches and options. Prints one JSON object a line for each, with its scores on patches that it never saw.
 *
 *   node tissue-training.mjs                      all of them, each in a process of its own
 *   node tissue-training.mjs NAME DEVICE DATA     one, of the patches in the folder DATA
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { demoSettings } from "../../dist/demo/settings.js";
import { writeDemoDataset } from "../../dist/demo/write-dataset.js";
import { openDataset, Segmenter } from "../../dist/index.js";

/** Enough to tell the four tissues apart, and about a minute on two cores. */
const patches = { seed: 1, patchPx: 96, counts: { train: 160, val: 1, test: 64 } };
const epochs = 8;

/** A process keeps what it once read of WSSS_RECORD, hence one for each. */
const runs = [
  { name: "recorded on the GPU", device: "cuda", environment: {} },
  { name: "launched on the GPU", device: "cuda", environment: { WSSS_RECORD: "0" } },
  { name: "on the CPU", device: "cpu", environment: {} },
];

const [name, device, folder] = process.argv.slice(2);
if (name === undefined) await runAll();
else await runOne();

async function runAll() {
  const data = await mkdtemp(path.join(os.tmpdir(), "wsss-tissue-training-"));
  try {
    await writeDemoDataset(data, patches);
    const [recorded, launched, cpu] = runs;
    // Nothing is timed here, so that the CPU may work beside the GPU.
    const onGpu = async () => (await start(recorded, data)) + (await start(launched, data));
    const failed = await Promise.all([onGpu(), start(cpu, data)]);
    process.exitCode = failed.some((count) => count > 0) ? 1 : 0;
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}

/** Runs one in its own process, which prints for itself; returns 1 if it failed. */
async function start(run, data) {
  const words = [fileURLToPath(import.meta.url), run.name, run.device, data];
  const env = { ...process.env, ...run.environment };
  const [status] = await once(spawn(process.execPath, words, { stdio: "inherit", env }), "exit");
  return status === 0 ? 0 : 1;
}

async function runOne() {
  const { classes, background, train, test } = await openDataset(folder);
  const { width, training } = demoSettings.plan.segmenter;
  // True masks are one level, whose weight is 1.
  const options = { ...training, levelWeights: undefined };
  // One precision for all, so that they differ in nothing else.
  const place = { classes, background, width, device, seed: 1, precision: "float32" };
  const segmenter = await Segmenter.create(place);
  const events = segmenter.train(train, {
    ...options,
    epochs,
    masks: "ground-truth",
    seed: 1,
  });
  let next = await events.next();
  while (!next.done) next = await events.next();
  const { steps, replayedSteps, whyNotRecorded, lastLoss, elapsedMs } = next.value;
  const { mIoU, pixelAccuracy, iou } = await segmenter.evaluate(test);
  const seconds = elapsedMs / 1000;
  const scores = { mIoU, pixelAccuracy, iou };
  console.log(
    JSON.stringify({ run: name, device, ...scores, lastLoss, steps, replayedSteps, whyNotRecorded, seconds }),
  );
}
