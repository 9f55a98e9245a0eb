// Recorded steps on a GPU against the same steps launched one by one, and against the CPU. Skipped, aloud, where there is no GPU.
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { Classifier, Segmenter } from "../../dist/index.js";
import { loadAddon } from "../../dist/native/load.js";
import { type Outcome, type RecordedTraining, runRecorded, textOf } from "../support/recorded-training.js";
import { makeWorkspace, type Workspace } from "../support/test-addon.js";
import { freshFolder, tinyDataset } from "../support/tiny-models.js";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..");
const { cuda } = (await loadAddon()).deviceReport();
const hasDevice = cuda.deviceCount > 0;
if (!hasDevice) console.warn(`SKIPPED: no CUDA device (${cuda.reason})`);
const onDevice = hasDevice ? describe : describe.skip;

let workspace: Workspace;
beforeAll(async () => {
  workspace = await makeWorkspace(root);
});

/** Largest difference, in units of the largest value. */
function distance(actual: ArrayLike<number>, wanted: ArrayLike<number>): number {
  expect(actual.length).toBe(wanted.length);
  let largest = 0;
  let scale = 0;
  for (let i = 0; i < wanted.length; i += 1) {
    largest = Math.max(largest, Number.isNaN(actual[i]!) ? Infinity : Math.abs(actual[i]! - wanted[i]!));
    scale = Math.max(scale, Math.abs(wanted[i]!));
  }
  return scale === 0 ? largest : largest / scale;
}

/** The same training recorded and launched, from the same weights; both with checkpoints, so that everything can be compared. */
async function both(training: Partial<RecordedTraining>): Promise<{ recorded: Outcome; launched: Outcome }> {
  const run = async (graphs: "device" | "none"): Promise<Outcome> => {
    const folder = await freshFolder();
    return runRecorded(workspace, { device: "cuda", momentum: 0.9, ...training, graphs, folder });
  };
  const launched = await run("none");
  const recorded = await run("device");
  expect(launched.replayed).toBe(0);
  expect(recorded.whyNotRecorded).toBe("");
  expect(recorded.replayed).toBeGreaterThan(launched.losses.length / 3);
  return { recorded, launched };
}

const segmenter = { stage: "segmenter", size: 64 } as const;
const resnet38 = { backbone: "resnet38", size: 64 } as const;

// First: a learning rate of 0 leaves the weights alone, so that losses differ by what is computed, not by what rounding has grown into.
onDevice("with a learning rate of 0, 12 steps have equal losses", () => {
  const oracle = { lr: 0, momentum: 0, epochs: 3, count: 8, interval: 4 } as const;
  const cases: readonly (readonly [string, Partial<RecordedTraining>])[] = [
    ["narrow ResNet38, dropout, flips", resnet38],
    ["narrow ResNet38, a partial batch", { ...resnet38, count: 7, dropLast: false }],
    ["segmenter, dropout, flips, blur", { ...segmenter, blur: 0.5 }],
    ["segmenter, a partial batch", { ...segmenter, count: 6, batchSize: 4, dropLast: false, epochs: 6 }],
    ["MobileNetV2", {}],
  ];
  test.each(cases)("recorded and launched: %s", async (_, training) => {
    const { recorded, launched } = await both({ ...oracle, ...training });
    expect(distance(recorded.losses, launched.losses)).toBeLessThan(1e-5);
  });
  // Its dropout would draw other numbers on the CPU.
  test.each(cases)("on the GPU and on the CPU, without dropout: %s", (_, training) => {
    const choice = { ...oracle, ...training, dropoutFactor: 0 };
    const gpu = runRecorded(workspace, { ...choice, device: "cuda", graphs: "device" });
    const cpu = runRecorded(workspace, { ...choice, device: "cpu", graphs: "none" });
    expect(gpu.replayed).toBeGreaterThan(0);
    expect(distance(gpu.losses, cpu.losses)).toBeLessThan(1e-5);
  });
});

onDevice("after 12 steps everything is as if they had been launched", () => {
  const cases: readonly (readonly [string, Partial<RecordedTraining>, number])[] = [
    ["classifier, gamma shrinks in every epoch", { gamma: 0.8 }, 1e-3],
    ["classifier, AdamW", { optimizer: "adamw", lr: 1e-3 }, 1e-3],
    ["classifier, norms stand still", { ...resnet38, freezeNorms: true }, 1e-3],
    [
      "classifier, clipping, warm-up, average, validation",
      { clipNorm: 0.5, warmupEpochs: 1, averageDecay: 0.9, validates: true },
      1e-3,
    ],
    ["classifier, gradient checkpointing", { ...resnet38, gradientCheckpointing: true }, 1e-3],
    ["classifier, bfloat16", { precision: "bfloat16" }, 5e-2],
    ["segmenter, average, blur", { ...segmenter, averageDecay: 0.9, blur: 0.5 }, 1e-3],
    ["segmenter, validation", { ...segmenter, validates: true }, 1e-3],
    ["segmenter, bfloat16", { ...segmenter, precision: "bfloat16" }, 5e-2],
  ];
  test.each(cases)("%s", async (_, training, bound) => {
    const { recorded, launched } = await both({ interval: 4, ...training });
    expect(distance(recorded.losses, launched.losses)).toBeLessThan(bound);
    expect(distance(recorded.weights, launched.weights)).toBeLessThan(bound);
    expect(distance(recorded.statistics, launched.statistics)).toBeLessThan(bound);
    expect(launched.momenta.length).toBeGreaterThan(0);
    // Momenta are sums of small differences: a step more or less would be of the size of the largest.
    expect(distance(recorded.momenta, launched.momenta)).toBeLessThan(20 * bound);
    expect(distance(recorded.average, launched.average)).toBeLessThan(bound);
  });
});

onDevice("memory that is not a recording's own may hold anything", () => {
  test.each([
    ["classifier", resnet38],
    ["segmenter", segmenter],
  ] as const)("%s, with NaN written between replays", async (_, training) => {
    const clean = await both({ lr: 0, momentum: 0, interval: 2, ...training });
    const poisoned = await both({ lr: 0, momentum: 0, interval: 2, ...training, poison: true });
    expect(distance(poisoned.recorded.losses, clean.launched.losses)).toBeLessThan(1e-5);
    expect(distance(poisoned.launched.losses, clean.launched.losses)).toBeLessThan(1e-5);
  });
});

onDevice("a training that stops", () => {
  test("goes on from its checkpoint as if it had not", async () => {
    const whole = runRecorded(workspace, { device: "cuda", graphs: "device" });
    const folder = await freshFolder();
    runRecorded(workspace, { device: "cuda", graphs: "device", folder, stopAfter: 4 });
    const newest = (await readdir(folder))
      .filter((name) => name.startsWith("checkpoint-"))
      .sort()
      .at(-1)!;
    const resumeFrom = path.join(folder, newest);
    const resumed = runRecorded(workspace, { device: "cuda", graphs: "device", folder, resumeFrom });
    expect(resumed.replayed).toBeGreaterThan(0);
    expect(distance(resumed.losses, whole.losses)).toBeLessThan(1e-3);
    expect(distance(resumed.weights, whole.weights)).toBeLessThan(1e-3);
  });

  test.each([1, 2, 3])("at step %d leaves the GPU to the next one", async (stopAfter) => {
    const folder = await freshFolder();
    runRecorded(workspace, { device: "cuda", graphs: "device", interval: 2, folder, stopAfter });
    const next = runRecorded(workspace, { device: "cuda", graphs: "device" });
    expect(next).toMatchObject({ whyNotRecorded: "" });
    expect(next.replayed).toBeGreaterThan(0);
  });
});

onDevice("two models at once", () => {
  const training = { epochs: 8, batchSize: 4, keep: "last", dropoutFactor: 1 } as const;

  test("train, both recorded, while a third predicts", async () => {
    const data = await tinyDataset();
    const { classes, background } = data;
    const choice = { classes, background, width: 1 / 8, device: "cuda", seed: 1 } as const;
    await using first = await Classifier.create(choice);
    await using second = await Segmenter.create({ ...choice, tf32: false });
    await using third = await Classifier.create(choice);
    const masks = await third.generatePseudoMasks(data.train);
    const finish = async (events: AsyncGenerator<unknown, { replayedSteps: number; whyNotRecorded: string }>) => {
      for (;;) {
        const next = await events.next();
        if (next.done === true) return next.value;
      }
    };
    const over = new AbortController();
    const looks = (async () => {
      while (!over.signal.aborted) await third.predict(data.train, { batchSize: 2 });
    })();
    const [one, other] = await Promise.all([
      finish(first.train(data.train, training)),
      finish(second.train(data.train, { ...training, masks })),
    ]);
    over.abort();
    await looks;
    for (const { replayedSteps, whyNotRecorded } of [one, other]) {
      expect(whyNotRecorded).toBe("");
      expect(replayedSteps).toBeGreaterThan(0);
    }
  });
});

(cuda.deviceCount > 1 ? test : test.skip)("on a second GPU as on the first", () => {
  const run = (device: string): Outcome => runRecorded(workspace, { device, graphs: "device", lr: 0, epochs: 3 });
  const second = run("cuda:1");
  expect(second.replayed).toBeGreaterThan(0);
  expect(distance(second.losses, run("cuda:0").losses)).toBeLessThan(1e-5);
});

onDevice("a recording", () => {
  test("can be tried", () => {
    workspace.clear();
    workspace.run("tried_recording", { device: "cuda", graphs: "device" });
    expect(textOf(workspace, "why")).toBe("");
  });

  test("that breaks is the last one of its process, which computes on", async () => {
    // In a process of its own, since no other test there could record afterwards.
    const script = path.join(root, "test", "support", "broken-recording.mjs");
    const { stdout } = await promisify(execFile)(process.execPath, [script, root]);
    const { why, again, sum } = JSON.parse(stdout) as { why: string; again: string; sum: number };
    expect(why).not.toBe("");
    expect(again).toMatch(/^an earlier recording in this process broke off: /);
    expect(sum).toBe(3);
  });
});
