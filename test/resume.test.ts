// A training that is stopped and resumed from a checkpoint reports and ends as the undisturbed one.
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Classifier, isWsssError } from "../dist/index.js";
import type { ClassifierTrainingOptions, SegmenterTrainingOptions, TrainingSummary } from "../dist/index.js";
import type { Dataset } from "../dist/index.js";
import { rewriteAsEarlier } from "./support/earlier-checkpoint.js";
import { tinyClassifier, tinyDataset, tinySegmenter } from "./support/tiny-models.js";

let data: Dataset;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "wsss-resume-"));
  data = await tinyDataset();
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

/** Everything that a training reports but the clock. */
type Report = Readonly<Record<string, unknown>>;

interface Ended {
  readonly reports: readonly Report[];
  readonly again: number;
  readonly summary: TrainingSummary | null;
}

/** Runs a training, or a part of it: `stopAfter` steps it is aborted. */
async function follow(
  begin: (signal: AbortSignal) => AsyncGenerator<{ kind: string; step?: number; again: boolean }, TrainingSummary>,
  stopAfter = Infinity,
): Promise<Ended> {
  const controller = new AbortController();
  const reports: Report[] = [];
  let again = 0;
  const events = begin(controller.signal);
  try {
    for (;;) {
      const next = await events.next();
      if (next.done === true) return { reports, again, summary: next.value };
      // All but the clock, and whether it was said before.
      const report = {
        ...next.value,
        elapsedMs: 0,
        again: false,
        fromRecording: false,
        replayedSteps: 0,
        whyNotRecorded: "",
      } as Report;
      reports.push(report);
      if (next.value.again) again += 1;
      if (report["kind"] === "step" && report["step"] === stopAfter) controller.abort();
    }
  } catch (error) {
    if (!isWsssError(error, "WSSS_ERR_CANCELLED")) throw error;
    return { reports, again, summary: null };
  }
}

const training = { epochs: 3, batchSize: 2, learningRate: 0.02, headLearningRateFactor: 1, seed: 5 } as const;

/** Trains a fresh tiny model and gives its report and its weights as the bytes of a file. */
async function trainClassifier(options: ClassifierTrainingOptions, stopAfter?: number) {
  await using model = await tinyClassifier(data);
  const ended = await follow((signal) => model.train(data.train, { ...training, ...options, signal }), stopAfter);
  const file = path.join(folder, "weights.safetensors");
  await model.save(file);
  return { ...ended, weights: await readFile(file) };
}

async function trainSegmenter(options: Partial<SegmenterTrainingOptions>, stopAfter?: number) {
  await using model = await tinySegmenter(data);
  const begin = (signal: AbortSignal) =>
    model.train(data.train, { ...training, masks: "ground-truth", ...options, signal });
  const ended = await follow(begin, stopAfter);
  const file = path.join(folder, "weights.safetensors");
  await model.save(file);
  return { ...ended, weights: await readFile(file) };
}

describe.each([
  ["classifier", trainClassifier],
  ["segmenter", trainSegmenter],
] as const)("a %s", (name, train) => {
  test.each([
    ["in the middle of an epoch", 2, {}],
    ["at the end of an epoch", 4, {}],
    ["in the last epoch, with a weight average and momentum", 11, { emaDecay: 0.9, momentum: 0.8 }],
    ["without validation", 6, { validation: undefined }],
  ])("that is interrupted %s ends as if nothing had been", async (_, stopAfter, extra) => {
    const options = { validation: data.val, ...extra };
    const folders = ["whole", "part"].map((one) => path.join(folder, `${name}-${stopAfter}-${one}`));
    const whole = await train({ ...options, checkpointFolder: folders[0] });
    const part = await train({ ...options, checkpointFolder: folders[1] }, stopAfter);
    expect(part.summary).toBeNull();
    const rest = await train({ ...options, checkpointFolder: folders[1], resume: true });
    expect(rest.again).toBeGreaterThanOrEqual(stopAfter);
    expect(rest.reports).toEqual(whole.reports);
    expect(rest.weights.equals(whole.weights)).toBe(true);
    const { elapsedMs: a, ...first } = whole.summary!;
    const { elapsedMs: b, ...second } = rest.summary!;
    expect(second).toEqual(first);
    expect([a, b].every((time) => time > 0)).toBe(true);
  });
});

describe.each([
  ["classifier", trainClassifier],
  ["segmenter", trainSegmenter],
] as const)("a checkpoint of an earlier version of a %s", (name, train) => {
  test.each([
    ["with validation", true],
    ["without", false],
  ])("is resumed from, %s", async (word, isValidated) => {
    const options = { validation: isValidated ? data.val : undefined };
    const whole = await train(options);
    const out = path.join(folder, `earlier-${name}-${word}`);
    await train({ ...options, checkpointFolder: out, checkpointKeep: 1 }, 6);
    const checkpoint = (await readdir(out)).find((file) => file.startsWith("checkpoint-"))!;
    await rewriteAsEarlier(path.join(out, checkpoint), name);
    const rest = await train({ ...options, checkpointFolder: out, resume: true });
    expect(rest.again).toBeGreaterThanOrEqual(6);
    expect(rest.reports).toEqual(whole.reports);
    expect(rest.weights.equals(whole.weights)).toBe(true);
  });
});

test("a training of one thread resumes to the last bit, though reading its checkpoint used all threads", async () => {
  const file = path.join(folder, "threads.safetensors");
  const train = async (options: ClassifierTrainingOptions, stopAfter?: number) => {
    const { classes, background } = data;
    const own = {
      classes,
      background,
      width: 1 / 16,
      device: "cpu",
      seed: 1,
      threads: 1,
      precision: "float32",
    } as const;
    await using model = await Classifier.create(own);
    await follow((signal) => model.train(data.train, { ...training, ...options, signal }), stopAfter);
    await model.save(file);
    return await readFile(file);
  };
  const checkpointFolder = path.join(folder, "threads");
  const whole = await train({});
  await train({ checkpointFolder, checkpointSteps: 1 }, 5);
  expect((await train({ checkpointFolder, checkpointSteps: 1, resume: true })).equals(whole)).toBe(true);
});

describe("checkpoints", () => {
  const files = async (out: string): Promise<string[]> =>
    (await readdir(out)).filter((name) => name.startsWith("checkpoint-")).sort();

  test("are written every so many steps, and the newest ones stay", async () => {
    const out = path.join(folder, "every");
    await trainClassifier({ checkpointFolder: out, checkpointSteps: 1, checkpointKeep: 3 }, 6);
    expect(await files(out)).toHaveLength(3);
    const { again } = await trainClassifier({
      checkpointFolder: out,
      checkpointSteps: 1,
      checkpointKeep: 1,
      resume: true,
    });
    expect(again).toBeGreaterThanOrEqual(6);
    expect(await files(out)).toEqual(["checkpoint-000000012.safetensors"]);
    expect((await readdir(out)).filter((name) => name.includes("partial"))).toEqual([]);
    // What a killed process left is cleared away, whatever its name.
    await writeFile(path.join(out, "last.safetensors.partial-1-0"), "half");
    await trainClassifier({ checkpointFolder: out, checkpointSteps: 1, checkpointKeep: 1, resume: true });
    expect((await readdir(out)).filter((name) => name.includes("partial"))).toEqual([]);
  });

  test("of other options or data are refused with the differences", async () => {
    const out = path.join(folder, "other");
    await trainClassifier({ checkpointFolder: out }, 2);
    const resumed = trainClassifier({ checkpointFolder: out, resume: true, learningRate: 0.5, batchSize: 4 });
    await expect(resumed).rejects.toMatchObject({ code: "WSSS_ERR_OPTION", details: { option: "resume" } });
    await expect(resumed).rejects.toThrow(
      "settings.batchSize was 2 and is now 4; settings.learningRate was 0.02 and is now 0.5",
    );
    await using model = await tinyClassifier(data);
    const fewer = model.train(data.train.subset(6), { ...training, checkpointFolder: out, resume: true });
    await expect(fewer.next()).rejects.toThrow("data.train.count was 8 and is now 6");
    await using segmenter = await tinySegmenter(data);
    const stage = segmenter.train(data.train, {
      ...training,
      masks: "ground-truth",
      checkpointFolder: out,
      resume: true,
    });
    await expect(stage.next()).rejects.toMatchObject({ code: "WSSS_ERR_OPTION" });
  });

  test("are never overwritten by a training that begins", async () => {
    const out = path.join(folder, "precious");
    await trainClassifier({ checkpointFolder: out }, 5);
    const before = await files(out);
    const again = trainClassifier({ checkpointFolder: out });
    await expect(again).rejects.toMatchObject({ code: "WSSS_ERR_OPTION", details: { option: "checkpointFolder" } });
    expect(await files(out)).toEqual(before);
  });

  test("that are damaged are passed over for the one before", async () => {
    const whole = await trainClassifier({});
    const out = path.join(folder, "damaged");
    await trainClassifier({ checkpointFolder: out, checkpointSteps: 1 }, 3);
    const newest = (await files(out)).at(-1)!;
    await truncate(path.join(out, newest), 1000);
    const rest = await trainClassifier({ checkpointFolder: out, resume: true });
    expect(rest.weights.equals(whole.weights)).toBe(true);
    for (const name of await files(out)) await truncate(path.join(out, name), 1000);
    const broken = trainClassifier({ checkpointFolder: out, resume: true });
    await expect(broken).rejects.toMatchObject({ code: "WSSS_ERR_WEIGHTS" });
  });

  test("that are not there begin a training, and without a folder none can be", async () => {
    const { again, summary } = await trainClassifier({ checkpointFolder: path.join(folder, "none"), resume: true });
    expect(again).toBe(0);
    expect(summary?.steps).toBe(12);
    await using model = await tinyClassifier(data);
    expect(() => model.train(data.train, { ...training, resume: true })).toThrow(
      "resume must be false without a checkpointFolder",
    );
  });
});

test("a weight file tells the trainings that led to it", async () => {
  const file = path.join(folder, "told.safetensors");
  await using model = await tinyClassifier(data);
  expect(model.trainings).toEqual([]);
  const once = { ...training, epochs: 1 };
  await follow((signal) => model.train(data.train, { ...once, validation: data.val, signal }));
  await follow((signal) => model.train(data.train, { ...once, signal }), 1);
  await follow((signal) => model.train(data.train, { ...once, signal }));
  await model.save(file);
  await using loaded = await Classifier.load(file, { device: "cpu" });
  expect(loaded.trainings).toEqual(model.trainings);
  // The one that was cancelled is none.
  expect(loaded.trainings).toHaveLength(2);
  expect(loaded.trainings[0]).toMatchObject({ steps: 4, bestEpoch: 0, settings: { recipe: "default", epochs: 1 } });
  expect(loaded.trainings[0]?.epochs).toHaveLength(1);
  expect(loaded.trainings[0]?.epochs[0]?.score).toBeGreaterThanOrEqual(0);
  expect(loaded.trainings[1]?.epochs[0]?.score).toBeNull();
});
