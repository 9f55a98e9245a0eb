/** The API as it is meant to be used, on networks of the smallest width. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readdir } from "node:fs/promises";
import path from "node:path";
import {
  Classifier,
  type ClassifierTrainingEvent,
  type ClassMap,
  type Dataset,
  type Progress,
  type PseudoMasks,
  inspectWeights,
  Segmenter,
  type SegmenterTrainingEvent,
  type TrainingSummary,
} from "../dist/index.js";
import { pixels } from "./support/dataset-folder.js";
import { freshFolder, tinyClassifier, tinyDataset, tinySegmenter, tinySide, tinyWidth } from "./support/tiny-models.js";

let data: Dataset;
let classifier: Classifier;
let segmenter: Segmenter;
let masks: PseudoMasks;
let folder: string;

beforeAll(async () => {
  data = await tinyDataset();
  folder = await freshFolder();
  classifier = await tinyClassifier(data);
  segmenter = await tinySegmenter(data);
  masks = await classifier.generatePseudoMasks(data.train);
});

afterAll(async () => {
  await classifier.dispose();
  await segmenter.dispose();
});

/** All events of a training, and its summary. */
async function all<Event>(
  training: AsyncGenerator<Event, TrainingSummary>,
): Promise<{ events: Event[]; summary: TrainingSummary }> {
  const events: Event[] = [];
  for (;;) {
    const step = await training.next();
    if (step.done === true) return { events, summary: step.value };
    events.push(step.value);
  }
}

function patchOf(height: number, width: number, seed: number): { rgb: Uint8Array; height: number; width: number } {
  return { rgb: pixels(height, width, seed), height, width };
}

/** Whether two lists of numbers agree up to the rounding that another batch brings. */
function expectClose(received: Float32Array, expected: Float32Array): void {
  expect(received).toHaveLength(expected.length);
  const worst = Math.max(...received.map((value, index) => Math.abs(value - (expected[index] ?? NaN))));
  expect(worst).toBeLessThan(1e-5);
}

describe("a model", () => {
  test("says what it is", () => {
    expect(classifier.classes.map(({ name }) => name)).toEqual(["gland", "stroma"]);
    expect(classifier.background.name).toBe("background");
    expect(classifier).toMatchObject({ width: tinyWidth, device: "cpu", pretrained: false, weightsReport: null });
    expect(classifier.parameterCount).toBeGreaterThan(100_000);
    expect(segmenter).toMatchObject({ backbone: "resnet101", outputStride: 16, busy: false, disposed: false });
  });

  test("comes from its seed alone", async () => {
    await using same = await tinyClassifier(data);
    await using other = await Classifier.create({ classes: data.classes, width: tinyWidth, device: "cpu", seed: 2 });
    const patch = patchOf(tinySide, tinySide, 1);
    const [a, b, c] = [await classifier.predict(patch), await same.predict(patch), await other.predict(patch)];
    expect(b.probabilities).toEqual(a.probabilities);
    expect(c.probabilities).not.toEqual(a.probabilities);
  });

  test("comes back from its file as it was", async () => {
    const files = [path.join(folder, "c.safetensors"), path.join(folder, "s.safetensors")] as const;
    await classifier.save(files[0]);
    await segmenter.save(files[1]);
    const { metadata, tensors } = await inspectWeights(files[0]);
    expect(metadata).toMatchObject({ format: "wsss-tissue-native", role: "classifier", width: "0.0625" });
    expect(JSON.parse(metadata["classes"] ?? "")).toEqual(data.classes);
    expect(tensors.get("fc8.weight")?.shape[0]).toBe(2);

    await using again = await Classifier.load(files[0], { device: "cpu" });
    await using segmenterAgain = await Segmenter.load(files[1], { device: "cpu" });
    expect(again.classes).toEqual(classifier.classes);
    expect(again.pretrained).toBe(false);
    expect(again.weightsReport).toMatchObject({ path: files[0], missing: [], unexpected: [], misshapen: [] });
    const patch = patchOf(tinySide, tinySide, 1);
    expect((await again.predict(patch)).probabilities).toEqual((await classifier.predict(patch)).probabilities);
    expect(await segmenterAgain.predict(patch)).toEqual(await segmenter.predict(patch));
  });

  test("is disposed by await using", async () => {
    let kept: Classifier;
    {
      await using model = await tinyClassifier(data);
      kept = model;
      expect(model.disposed).toBe(false);
    }
    expect(kept.disposed).toBe(true);
  });
});

describe("prediction", () => {
  test("takes patches of several sizes, from files and from memory, and keeps their order", async () => {
    const file = data.train.files[2]!.imagePath;
    const inputs = [patchOf(32, 32, 1), patchOf(40, 64, 2), file, patchOf(64, 40, 3), patchOf(40, 64, 4)];
    const labels = await classifier.predict(inputs, { batchSize: 2 });
    // One by one, since the huge activations of an untrained segmenter amplify the rounding that another batch brings.
    const maps = await segmenter.predict(inputs, { batchSize: 1 });
    expect(labels.map(({ name }) => name)).toEqual([
      "patches[0]",
      "patches[1]",
      path.basename(file),
      "patches[3]",
      "patches[4]",
    ]);
    for (const [index, input] of inputs.entries()) {
      expectClose(labels[index]!.probabilities, (await classifier.predict(input)).probabilities);
      const { name, ...map } = maps[index]!;
      expect(name).toBe(labels[index]!.name);
      expect(await segmenter.predict(input)).toMatchObject(map);
    }
  });

  test("of no patches is an empty list", async () => {
    expect(await classifier.predict([])).toEqual([]);
    expect(await segmenter.predict([])).toEqual([]);
  });

  test("of a split equals that of its files", async () => {
    const files = data.test.files.map(({ imagePath }) => imagePath);
    const [split, list] = [await classifier.predict(data.test), await classifier.predict(files)];
    expect(split.map(({ name }) => name)).toEqual(data.test.files.map(({ stem }) => stem));
    for (const [index, { probabilities, present }] of split.entries()) {
      expectClose(probabilities, list[index]!.probabilities);
      expect(present).toEqual(data.classes.filter((_, k) => probabilities[k]! > 0.5).map(({ name }) => name));
    }
    const [maps, patches] = [await segmenter.predict(data.test), await segmenter.predict(files)];
    expect(maps.map(({ classMap }) => classMap)).toEqual(patches.map(({ classMap }) => classMap));
  });

  test("has probabilities that sum to 1, the highest of which is the class", async () => {
    const { classMap, probabilities, height, width } = await segmenter.predict(patchOf(40, 56, 5));
    const size = height * width;
    expect([height, width, classMap.length, probabilities.length]).toEqual([40, 56, size, 2 * size]);
    for (let pixel = 0; pixel < size; pixel += 17) {
      const [first, second] = [probabilities[pixel]!, probabilities[size + pixel]!];
      expect(first + second).toBeCloseTo(1, 4);
      expect(classMap[pixel]).toBe(second > first ? 1 : 0);
    }
  });

  test("with a gate leaves closed classes out, and opens all where none passes", async () => {
    const { probabilities } = await classifier.predict(data.test.files[0]!.imagePath);
    const [low, high] = [Math.min(...probabilities), Math.max(...probabilities)];
    const open = probabilities.indexOf(high);
    const input = data.test.files[0]!.imagePath;
    const between = await segmenter.predict(input, { gate: classifier, gateThreshold: (low + high) / 2 });
    expect(new Set(between.classMap)).toEqual(new Set([open]));
    const plain = await segmenter.predict(input);
    const none = await segmenter.predict(input, { gate: classifier, gateThreshold: 1 });
    expect(none.classMap).toEqual(plain.classMap);
  });

  test("takes the first of classes that are equal, as where the published gate closes all", async () => {
    const choice = { gate: classifier, gateThreshold: 1, gateRule: "multiply" } as const;
    const { classMap, probabilities } = await segmenter.predict(data.test.files[0]!.imagePath, choice);
    expect(new Set(probabilities)).toEqual(new Set([0.5]));
    expect(new Set(classMap)).toEqual(new Set([0]));
  });

  test("reports its progress", async () => {
    const seen: Progress[] = [];
    await segmenter.predict(data.test, {
      batchSize: 1,
      gate: classifier,
      onProgress: (progress) => seen.push(progress),
    });
    expect(seen.filter(({ stage }) => stage === "gate").at(-1)).toEqual({ stage: "gate", done: 3, total: 3 });
    expect(seen.filter(({ stage }) => stage === "segment").map(({ done }) => done)).toEqual([1, 2, 3]);
  });
});

describe("prediction of each of many patches", () => {
  // More than are decoded before the first map is given out, of two sizes.
  const many = Array.from({ length: 70 }, (_, index) => patchOf(32, index % 3 === 0 ? 40 : 32, index));
  const settings = { batchSize: 1 };

  test("gives the maps of all, in their order", async () => {
    const stages = new Map<string, number>();
    const onProgress = ({ stage, done }: Progress): void => void stages.set(stage, done);
    const choice = { ...settings, gate: classifier, gateThreshold: 0.4 };
    const maps: ClassMap[] = [];
    for await (const map of segmenter.predictEach(many, { ...choice, onProgress })) maps.push(map);
    const expected = await segmenter.predict(many, choice);
    expect(maps).toEqual(expected.map(({ name, height, width, classMap }) => ({ name, height, width, classMap })));
    expect(stages.get("segment")).toBe(many.length);
  });

  test("of none gives none", async () => {
    expect((await segmenter.predictEach([]).next()).done).toBe(true);
    expect(segmenter.busy).toBe(false);
  });

  test("holds the segmenter until the loop is left, which frees it at once", async () => {
    for await (const { name } of segmenter.predictEach(many, settings)) {
      expect(name).toBe("patches[0]");
      await expect(segmenter.predict(many[0]!)).rejects.toMatchObject({ code: "WSSS_ERR_BUSY" });
      break;
    }
    expect(segmenter.busy).toBe(false);
    expect((await segmenter.predict(many[0]!)).classMap).toHaveLength(32 * 40);
  });

  test("gives out what comes before a patch that can't be read, and is free afterwards", async () => {
    for (const before of [0, 5, 66]) {
      const names: string[] = [];
      const withHole = [...many.slice(0, before), "no-such.png", ...many.slice(before)];
      const loop = async (): Promise<void> => {
        for await (const { name } of segmenter.predictEach(withHole, settings)) names.push(name);
      };
      await expect(loop()).rejects.toMatchObject({ code: "WSSS_ERR_IO" });
      expect(names).toEqual(many.slice(0, before).map((_, index) => `patches[${index}]`));
      expect(segmenter.busy).toBe(false);
    }
  });

  test("holds the gate's classifier too", async () => {
    for await (const { name } of segmenter.predictEach(many, { ...settings, gate: classifier })) {
      expect(name).toBe("patches[0]");
      await expect(classifier.predict(many[0]!)).rejects.toMatchObject({ code: "WSSS_ERR_BUSY" });
      break;
    }
    expect(classifier.busy).toBe(false);
  });

  test("stops with the caller's signal and for what the caller's listener throws", async () => {
    const stop = new AbortController();
    const loop = async (options: object): Promise<void> => {
      const each = segmenter.predictEach(many.slice(0, 3), { ...settings, ...options });
      for await (const { name } of each) if (name === "patches[2]") stop.abort();
    };
    // After the last map nothing is left to do, and yet the caller is told that it was stopped.
    await expect(loop({ signal: stop.signal })).rejects.toMatchObject({ code: "WSSS_ERR_CANCELLED" });
    const onProgress = (): void => {
      throw new RangeError("of the listener");
    };
    await expect(loop({ onProgress })).rejects.toThrow(new RangeError("of the listener"));
    expect(segmenter.busy).toBe(false);
  });

  test("refuses a split, one patch and wrong options before the loop begins", () => {
    for (const wrong of [data.test, "patch.png", many[0]!]) {
      expect(() => segmenter.predictEach(wrong as never)).toThrow(/patches must be an array/);
    }
    expect(() => segmenter.predictEach(many, { batchSize: 0 })).toThrow(/batchSize/);
    expect(segmenter.busy).toBe(false);
  });
});

describe("pseudo masks", () => {
  test("hold only classes that the patch's label names, and background", () => {
    expect([masks.count, masks.height, masks.width, masks.folder]).toEqual([8, tinySide, tinySide, null]);
    for (const level of masks.levels) {
      for (const [index, { labels }] of data.train.files.entries()) {
        const allowed = [0, 1].filter((k) => labels?.[k] === 1).concat(2);
        expect(allowed).toEqual(expect.arrayContaining([...new Set(masks.mask(level, index))]));
      }
    }
  });

  test("follow the glass rule that is chosen", async () => {
    const everything = await classifier.generatePseudoMasks(data.train, {
      levels: ["bn7"],
      glass: { greyAbove: 0, minAreaPx: 0 },
    });
    const nothing = await classifier.generatePseudoMasks(data.train, { levels: ["bn7"], glass: false });
    const share = (set: PseudoMasks): number => set.mask("bn7", 0).filter((index) => index === 2).length;
    expect(share(everything)).toBeGreaterThan(900);
    expect(share(nothing)).toBe(0);
  });

  test("are scored against the true masks of train", async () => {
    const scores = await masks.score("bn7", data.train);
    const scored = scores.confusion.flat().reduce((sum, count) => sum + count, 0);
    expect(scored).toBeGreaterThan(0);
    const [first, second] = scores.confusion;
    const right = first![0]! + second![1]!;
    expect([first!.length, second!.length]).toEqual([3, 3]);
    expect(scores.pixelAccuracy).toBeCloseTo(right / scored, 12);
    expect(scores.mIoU).toBeCloseTo((scores.iou[0]! + scores.iou[1]!) / 2, 12);
  });
});

describe("training", () => {
  test("the classifier reports steps and epochs in order and leaves checkpoints", async () => {
    await using model = await tinyClassifier(data);
    const checkpointFolder = path.join(folder, "stage1", "checkpoints");
    const options = { epochs: 2, batchSize: 4, validation: data.val, checkpointFolder };
    const { events, summary } = await all<ClassifierTrainingEvent>(model.train(data.train, options));
    expect(events.map(({ kind }) => kind)).toEqual(["step", "step", "epoch", "step", "step", "epoch"]);
    const [step, , epoch] = events;
    expect(step).toMatchObject({ epoch: 0, step: 1, steps: 4, patches: 4, learningRate: 0.01 });
    expect(epoch).toMatchObject({ epoch: 0, pdaEnabled: false, gamma: 1 });
    if (epoch?.kind !== "epoch") throw new Error("no epoch");
    expect(epoch.labelValidation?.classAccuracy).toHaveLength(2);
    expect(summary).toMatchObject({ steps: 4, epochs: 2 });
    expect(summary.bestEpoch).toBeGreaterThanOrEqual(0);
    expect((await readdir(checkpointFolder)).sort()).toEqual([
      "best.safetensors",
      "checkpoint-000000002.safetensors",
      "checkpoint-000000004.safetensors",
      "last.safetensors",
    ]);
    await using best = await Classifier.load(path.join(checkpointFolder, "best.safetensors"), { device: "cpu" });
    const patch = patchOf(tinySide, tinySide, 9);
    expect((await best.predict(patch)).probabilities).toEqual((await model.predict(patch)).probabilities);
  });

  test("the segmenter learns from pseudo masks and from true masks", async () => {
    await using model = await tinySegmenter(data);
    const options = { epochs: 1, batchSize: 4, validation: data.val } as const;
    for (const source of [masks, "ground-truth"] as const) {
      const { events, summary } = await all<SegmenterTrainingEvent>(
        model.train(data.train, { ...options, masks: source }),
      );
      expect(events.map(({ kind }) => kind)).toEqual(["step", "step", "epoch"]);
      const last = events.at(-1);
      if (last?.kind !== "epoch") throw new Error("no epoch");
      expect(last.validation?.confusion).toHaveLength(2);
      expect(summary).toMatchObject({ steps: 2, epochs: 1, bestEpoch: 0, bestScore: last.validation?.mIoU });
    }
  });

  test("without validation has no best epoch and keeps the last weights", async () => {
    await using model = await tinySegmenter(data);
    const { summary } = await all(model.train(data.train, { epochs: 1, batchSize: 4, masks, levelWeights: [1, 0, 0] }));
    expect(summary.bestEpoch).toBe(-1);
    expect(summary.bestScore).toBeNaN();
  });

  test("gives the same losses for the same seed, and others for another", async () => {
    const losses = async (seed: number): Promise<number[]> => {
      await using model = await tinyClassifier(data);
      const { events } = await all<ClassifierTrainingEvent>(model.train(data.train, { epochs: 1, batchSize: 2, seed }));
      return events.flatMap((event) => (event.kind === "step" ? [event.loss] : []));
    };
    const first = await losses(3);
    expect(first).toHaveLength(4);
    expect(await losses(3)).toEqual(first);
    expect(await losses(4)).not.toEqual(first);
  });

  test("runs with the published recipe, too", async () => {
    await using model = await tinyClassifier(data);
    await using second = await tinySegmenter(data);
    const options = { recipe: "published", epochs: 1, batchSize: 4 } as const;
    const { events } = await all<ClassifierTrainingEvent>(model.train(data.train, { ...options, epochs: 5 }));
    const gammas = events.flatMap((event) => (event.kind === "epoch" && event.pdaEnabled ? [event.gamma] : []));
    expect(gammas[0]).toBeCloseTo(0.98 ** 3, 12);
    expect(gammas).toHaveLength(2);
    await all(second.train(data.train, { ...options, masks }));
    await second.evaluate(data.test, { recipe: "published", gate: model });
  });
});

describe("evaluation", () => {
  test("of labels gives fractions", async () => {
    const { exactMatch, jaccard, classAccuracy } = await classifier.evaluate(data.test);
    for (const score of [exactMatch, jaccard, ...classAccuracy]) {
      expect(score).toBeGreaterThanOrEqual(0);
      expect(score).toBeLessThanOrEqual(1);
    }
    expect(classAccuracy).toHaveLength(2);
  });

  test("of segmentation counts every tissue pixel once, with and without a gate", async () => {
    const truth = await data.test.loadTruth();
    let tissue = 0;
    for (let index = 0; index < truth.count; index++) {
      tissue += new Uint8Array(truth.mask(0, index)).filter((value) => value < 2).length;
    }
    for (const options of [{}, { gate: classifier }]) {
      const { confusion } = await segmenter.evaluate(data.test, options);
      expect(confusion.flat().reduce((sum, count) => sum + count, 0)).toBe(tissue);
    }
  });
});
