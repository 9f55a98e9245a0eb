// The method on a CUDA device against the CPU: the same networks from the same seeds, in float32 and without TF32, in which LibTorch would
// multiply convolutions there. Skipped, aloud, where there is none.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { Classifier, type Dataset, Segmenter } from "../../dist/index.js";
import { loadAddon } from "../../dist/native/load.js";
import { tinyDataset } from "../support/tiny-models.js";

const { cuda } = (await loadAddon()).deviceReport();
const hasDevice = cuda.deviceCount > 0;
if (!hasDevice) console.warn(`SKIPPED: no CUDA device (${cuda.reason})`);

type DeviceName = "cpu" | "cuda";
const devices = ["cpu", "cuda"] as const satisfies readonly DeviceName[];
const training = { epochs: 2, batchSize: 4, dropoutFactor: 0, keep: "last" } as const;

let data: Dataset;

beforeAll(async () => {
  data = await tinyDataset();
});

/** Losses of all steps, and what the trained network makes of the patches. */
interface Outcome {
  readonly losses: readonly number[];
  readonly values: Float32Array;
}

function expectClose(actual: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(wanted.length);
  const scale = Math.max(...Array.from(wanted, Math.abs));
  for (let i = 0; i < wanted.length; i += 1) {
    expect(Math.abs(actual[i]! - wanted[i]!)).toBeLessThan(tolerance * scale);
  }
}

async function trainedClassifier(
  device: DeviceName,
  precision: "float32" | "bfloat16" = "float32",
  gradientCheckpointing = false,
): Promise<{ classifier: Classifier; losses: number[] }> {
  const { classes, background } = data;
  const choice = { classes, background, width: 1 / 8, device, seed: 1, precision, tf32: false } as const;
  const classifier = await Classifier.create(choice);
  const losses: number[] = [];
  for await (const event of classifier.train(data.train, { ...training, pdaStartEpoch: 1, gradientCheckpointing })) {
    if (event.kind === "step") losses.push(event.loss);
  }
  return { classifier, losses };
}

(hasDevice ? describe : describe.skip)("on CUDA", () => {
  const made: { dispose(): Promise<void> }[] = [];
  afterAll(async () => {
    for (const model of made) await model.dispose();
  });

  test("our own kernels are used", () => {
    expect(cuda.kernelsReason).toBe("");
  });

  test("a classifier learns, sees and draws as on the CPU", async () => {
    const outcomes: (Outcome & { masks: Uint8Array })[] = [];
    for (const device of devices) {
      const { classifier, losses } = await trainedClassifier(device);
      made.push(classifier);
      const { probabilities } = await classifier.predict(data.test.files[0]!.imagePath);
      const masks = await classifier.generatePseudoMasks(data.train);
      outcomes.push({ losses, values: probabilities, masks: masks.mask("b4_5", 0) });
    }
    const [cpu, gpu] = outcomes as [Outcome & { masks: Uint8Array }, Outcome & { masks: Uint8Array }];
    expectClose(gpu.losses, cpu.losses, 1e-2);
    expectClose(gpu.values, cpu.values, 1e-2);
    const same = gpu.masks.filter((index, at) => index === cpu.masks[at]).length;
    expect(same / cpu.masks.length).toBeGreaterThan(0.98);
  });

  test("a classifier learns in bfloat16 as in float32, and with gradient checkpointing as without", async () => {
    const wanted = await trainedClassifier("cuda");
    const rounded = await trainedClassifier("cuda", "bfloat16");
    const checkpointed = await trainedClassifier("cuda", "float32", true);
    made.push(wanted.classifier, rounded.classifier, checkpointed.classifier);
    expect(rounded.losses).not.toEqual(wanted.losses);
    // Steps carry the rounding on: the first loss is of equal weights.
    expectClose(rounded.losses.slice(0, 1), wanted.losses.slice(0, 1), 2e-2);
    expectClose(checkpointed.losses, wanted.losses, 1e-2);
  });

  test.each([0, 0.5])("a segmenter learns and segments as on the CPU (blur %d)", async (blur) => {
    const { classifier } = await trainedClassifier("cpu");
    made.push(classifier);
    const masks = await classifier.generatePseudoMasks(data.train);
    const outcomes: Outcome[] = [];
    for (const device of devices) {
      const { classes, background } = data;
      const choice = { classes, background, width: 1 / 8, device, seed: 1, precision: "float32", tf32: false } as const;
      const segmenter = await Segmenter.create(choice);
      made.push(segmenter);
      const losses: number[] = [];
      for await (const event of segmenter.train(data.train, { ...training, masks, blur })) {
        if (event.kind === "step") losses.push(event.loss);
      }
      const { probabilities } = await segmenter.predict(data.test.files[0]!.imagePath);
      outcomes.push({ losses, values: probabilities });
    }
    const [cpu, gpu] = outcomes as [Outcome, Outcome];
    expectClose(gpu.losses, cpu.losses, 1e-2);
    expectClose(gpu.values, cpu.values, 5e-2);
  });
});
