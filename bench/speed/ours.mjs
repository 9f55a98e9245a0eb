/**
 * Our side of bench/speed.mjs: reads one JSON object a line, {"runs": n}, and answers {"seconds": [...]} for its work, through the public API.
 * Of a training it also answers the last one's steps, and how many of them were replayed from a recording, or why none was recorded.
 *
 *   node ours.mjs WORK DATA THREADS BATCH PRECISION DEVICE
 *
 * With RANK and WORLD_SIZE set its trainings are those of a process group (bench/data-parallel.mjs); WSSS_BENCH_SYNC_BN=0 leaves batch norms'
 * statistics to each process. WSSS_BENCH_OPTIONS are options of a training, as JSON (bench/augmentation.mjs).
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { demoSettings } from "../../dist/demo/settings.js";
import { Classifier, joinProcessGroup, openDataset, PseudoMasks, Segmenter } from "../../dist/index.js";

const [work, folder, threads, batch, precision, device] = process.argv.slice(2);
const batchSize = Number(batch);
const data = await openDataset(folder);
const { classes, background } = data;
const shared = { classes, background, device, threads: Number(threads), precision, seed: 1 };
const { masks: maskFolder, backbone, headWidth } = JSON.parse(await readFile(path.join(folder, "set.json"), "utf8"));

const place = { ...shared, backbone };
const headed = { ...place, headWidth };

/** Seconds of an asynchronous piece of work. */
async function timed(act) {
  const since = performance.now();
  await act();
  return { seconds: (performance.now() - since) / 1000 };
}

/**
 * Seconds of a step of a training that has a few and ends, so that nothing goes on while a peer is measured. The first epoch is left out: it
 * also pays for what a training sets up. Times are told by the native thread, so that a slow listener here does not count, at the ends of
 * epochs, where the host waits for a GPU.
 */
async function secondsPerStep(training) {
  const times = [];
  let steps = 0;
  let next = await training.next();
  for (; !next.done; next = await training.next()) {
    const event = next.value;
    if (event.kind === "epoch") times.push(event.elapsedMs);
    else if (event.epoch > 0) steps += 1;
  }
  const { steps: all, replayedSteps, whyNotRecorded } = next.value;
  return {
    seconds: (times.at(-1) - times[0]) / 1000 / steps,
    training: { steps: all, replayedSteps, whyNotRecorded },
  };
}

/** Waits for a training's end. */
async function finished(training) {
  while (!(await training.next()).done);
}

const syncBatchNorm = process.env.WSSS_BENCH_SYNC_BN !== "0";
const group = process.env.WORLD_SIZE === undefined ? undefined : await joinProcessGroup({ syncBatchNorm });
const more = JSON.parse(process.env.WSSS_BENCH_OPTIONS ?? "{}");
const few = { epochs: 4, batchSize, horizontalFlip: 0.5, verticalFlip: 0, group, ...more };

const works = {
  async "classifier-step"() {
    const network = await Classifier.create(place);
    // As for a start from ImageNet weights, whose values do not change how long a step takes.
    const start = { freezeStem: true, freezeBatchNorm: true, learningRate: 1e-3 };
    // One gamma for all epochs, which are a few steps here and hundreds in a real set.
    const attention = { pdaStartEpoch: 0, gammaInitial: 0.94, gammaDecay: 1 };
    return async () => await secondsPerStep(network.train(data.train, { ...few, ...start, ...attention }));
  },
  async "segmenter-step"() {
    const network = await Segmenter.create(headed);
    const masks = await PseudoMasks.open(path.join(folder, maskFolder), data.train);
    // The peers neither blur nor join mosaics.
    const same = { blur: 0, mosaic: 0, freezeBatchNorm: false };
    return async () => await secondsPerStep(network.train(data.train, { ...same, ...few, masks }));
  },
  async "classifier-inference"() {
    const network = await Classifier.create(place);
    await data.train.load();
    return async () => await timed(async () => await network.predict(data.train, { batchSize }));
  },
  async "segmenter-inference"() {
    const network = await Segmenter.create(headed);
    await data.train.load();
    return async () => await timed(async () => await network.predict(data.train, { batchSize }));
  },
  async "pseudo-masks"() {
    const network = await Classifier.create(place);
    await data.train.load();
    // The peers look at a patch once, as published.
    const options = { batchSize, views: "one" };
    return async () => await timed(async () => await network.generatePseudoMasks(data.train, options));
  },
  /** From the files to the scores of the test patches, as `wsss-tissue demo` does once its patches are drawn. */
  async demo() {
    const { classifier, segmenter } = demoSettings.plan;
    const { train, val, test } = data;
    return async () =>
      await timed(async () => {
        for (const split of [train, val, test]) split.release();
        const labels = await Classifier.create({ ...shared, width: classifier.width });
        await finished(labels.train(train, { ...classifier.training, validation: val, seed: shared.seed }));
        const masks = await labels.generatePseudoMasks(train);
        const pixels = await Segmenter.create({ ...shared, width: segmenter.width });
        // The peer joins no mosaics.
        const same = { mosaic: 0, validation: val, seed: shared.seed };
        await finished(pixels.train(train, { ...segmenter.training, ...same, masks }));
        await pixels.evaluate(test, { gate: labels });
        await Promise.all([labels.dispose(), pixels.dispose()]);
      });
  },
  async loader() {
    return async () =>
      await timed(async () => {
        data.train.release();
        await data.train.load();
      });
  },
};

const run = await works[work]();
for await (const line of createInterface({ input: process.stdin })) {
  const seconds = [];
  let training;
  for (let left = JSON.parse(line).runs; left > 0; left -= 1) {
    const result = await run();
    seconds.push(result.seconds);
    training = result.training;
  }
  console.log(JSON.stringify({ seconds, peakBytes: process.resourceUsage().maxRSS * 1024, training }));
}
process.exit(0);
