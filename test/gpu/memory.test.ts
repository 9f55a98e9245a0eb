// What a training on a CUDA device says when memory runs out, and that the batch size that it names, and "auto", have room. Skipped, aloud,
// where there is no device.
import { expect, test } from "@jest/globals";
import { Classifier, openDataset } from "../../dist/index.js";
import { loadAddon } from "../../dist/native/load.js";
import { trainFolder } from "../support/tiny-models.js";

const { cuda } = (await loadAddon()).deviceReport();
const hasDevice = cuda.deviceCount > 0;
if (!hasDevice) console.warn(`SKIPPED: no CUDA device (${cuda.reason})`);

/** Patches that no GPU of today trains on at once: some 0.7 GB each at an eighth of the width, which is quickly computed. */
const count = 320;
const side = 1024;

(hasDevice ? test : test.skip)(
  "too large a batch is a typed error that says what would fit, which then does",
  async () => {
    const folder = await trainFolder(count, side);
    const { train, classes } = await openDataset(folder);
    await using classifier = await Classifier.create({
      classes,
      width: 1 / 8,
      device: "cuda",
      precision: "float32",
      seed: 1,
    });
    const run = async (batchSize: number | "auto"): Promise<number> => {
      const training = classifier.train(train, { epochs: 1, batchSize, pdaStartEpoch: 0, gammaDecay: 1 });
      let next = await training.next();
      while (next.done !== true) next = await training.next();
      return next.value.batchSize;
    };
    const failure = await run(count).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "WSSS_ERR_OUT_OF_MEMORY", details: { batchSize: count } });
    const { message, details } = failure as { message: string; details: { fits: number } };
    console.info(message);
    expect(details.fits).toBeGreaterThan(0);
    expect(details.fits).toBeLessThan(count);
    expect(await run(details.fits)).toBe(details.fits);
    const automatic = await run("auto");
    expect(automatic).toBeGreaterThan(0);
    expect(automatic).toBeLessThanOrEqual(20);
  },
);
