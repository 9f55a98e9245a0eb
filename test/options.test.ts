/** Options of all calls: what is refused, with which words, and which values the recipes start from. */
import { describe, expect, test } from "@jest/globals";
import { z } from "zod";
import {
  Classifier,
  resolveClassifierTraining,
  resolveGate,
  resolvePseudoMasks,
  resolveSegmenterTraining,
  Segmenter,
  WsssError,
} from "../dist/index.js";
import { checkOptions } from "../dist/options/check.js";
import { multipliesBfloat16, resolveDevice } from "../dist/options/device.js";
import { automaticLevelWeights } from "../dist/segmenter/segmenter-training-options.js";

/** What a call with these options throws. */
function refusalOf(call: () => unknown): WsssError {
  try {
    call();
  } catch (error) {
    if (error instanceof WsssError) return error;
    throw error;
  }
  throw new Error("the options were accepted");
}

const classifier = (options: unknown): unknown => resolveClassifierTraining(options as object);
const segmenter = (options: unknown): unknown => resolveSegmenterTraining(options as object);
const pseudoMasks = (options: unknown): unknown => resolvePseudoMasks(options as object);
const gate = (options: unknown): unknown => resolveGate(options as object);

const refused: readonly (readonly [call: (options: unknown) => unknown, options: unknown, message: string])[] = [
  [classifier, { learningRate: -0.01 }, "learningRate must be above 0, received -0.01 (Classifier.train)"],
  [classifier, { learningRate: 0 }, "learningRate must be above 0, received 0 (Classifier.train)"],
  [classifier, { learningRate: NaN }, "learningRate must be a finite number, received NaN (Classifier.train)"],
  [
    classifier,
    { learningRate: Infinity },
    "learningRate must be a finite number, received Infinity (Classifier.train)",
  ],
  [classifier, { learningRate: "0.1" }, 'learningRate must be a finite number, received "0.1" (Classifier.train)'],
  [classifier, { learningRate: null }, "learningRate must be a finite number, received null (Classifier.train)"],
  [classifier, { learningRate: 101 }, "learningRate must be at most 100, received 101 (Classifier.train)"],
  [classifier, { epochs: 0 }, "epochs must be at least 1, received 0 (Classifier.train)"],
  [classifier, { epochs: 1.5 }, "epochs must be an integer, received 1.5 (Classifier.train)"],
  [classifier, { epochs: 20n }, "epochs must be a finite number, received 20n (Classifier.train)"],
  [classifier, { batchSize: -3 }, "batchSize must be at least 1, received -3 (Classifier.train)"],
  [classifier, { momentum: 1 }, "momentum must be below 1, received 1 (Classifier.train)"],
  [classifier, { weightDecay: -1 }, "weightDecay must be at least 0, received -1 (Classifier.train)"],
  [classifier, { nesterov: "yes" }, 'nesterov must be true or false, received "yes" (Classifier.train)'],
  [
    classifier,
    { nesterov: true, momentum: 0 },
    "nesterov must be false while momentum is 0, received true (Classifier.train)",
  ],
  [classifier, { warmupEpochs: 5, epochs: 5 }, "warmupEpochs must be below epochs (5), received 5 (Classifier.train)"],
  [classifier, { horizontalFlip: 1.1 }, "horizontalFlip must be at most 1, received 1.1 (Classifier.train)"],
  [classifier, { hue: 0.6 }, "hue must be at most 0.5, received 0.6 (Classifier.train)"],
  [classifier, { scaleMin: 1.5 }, "scaleMax must be at least scaleMin (1.5), received 1 (Classifier.train)"],
  [classifier, { scaleMax: 0.9 }, "scaleMax must be at least scaleMin (1), received 0.9 (Classifier.train)"],
  [classifier, { schedule: "exp" }, 'schedule must be "poly" or "cosine" or "step", received "exp" (Classifier.train)'],
  [classifier, { recipe: "paper" }, 'recipe must be "default" or "published", received "paper" (Classifier.train)'],
  [classifier, { seed: -1 }, "seed must be at least 0, received -1 (Classifier.train)"],
  [classifier, { seed: 2 ** 32 }, "seed must be at most 4294967295, received 4294967296 (Classifier.train)"],
  [classifier, { gammaDecay: 0 }, "gammaDecay must be above 0, received 0 (Classifier.train)"],
  [classifier, { gammaFloor: -0.1 }, "gammaFloor must be at least 0, received -0.1 (Classifier.train)"],
  [classifier, { pdaDivisor: 0 }, "pdaDivisor must be above 0, received 0 (Classifier.train)"],
  [
    classifier,
    { pdaStartEpoch: "off" },
    'pdaStartEpoch must be "never" or a finite number, received "off" (Classifier.train)',
  ],
  [classifier, { freezeStem: "no" }, 'freezeStem must be "auto" or true or false, received "no" (Classifier.train)'],
  [classifier, { keep: "first" }, 'keep must be "best" or "last", received "first" (Classifier.train)'],
  [classifier, { keep: "best" }, 'keep must be "last" without a validation split, received "best" (Classifier.train)'],
  [classifier, { signal: {} }, "signal must be an AbortSignal, received an object (Classifier.train)"],
  [
    classifier,
    { validation: "val" },
    'validation must be a split of a dataset, such as dataset.val, received "val" (Classifier.train)',
  ],
  [
    classifier,
    { checkpointFolder: "" },
    'checkpointFolder must be at least 1 characters long, received "" (Classifier.train)',
  ],
  [
    classifier,
    { checkpointFolder: "a\0b" },
    'checkpointFolder must be a path without NUL characters, received "a\\u0000b" (Classifier.train)',
  ],
  [classifier, 3, "options must be an object, received 3 (Classifier.train)"],
  [classifier, null, "options must be an object, received null (Classifier.train)"],
  [classifier, [], "options must be an object, received [] (Classifier.train)"],
  [classifier, () => 1, "options must be an object, received a function (Classifier.train)"],
  [classifier, { learnRate: 1 }, "unknown option learnRate; did you mean learningRate? (Classifier.train)"],
  [classifier, { learning_rate: 1 }, "unknown option learning_rate; did you mean learningRate? (Classifier.train)"],
  [classifier, { lr: 1 }, "unknown option lr; did you mean learningRate? (Classifier.train)"],
  [classifier, { epoch: 1 }, "unknown option epoch; did you mean epochs? (Classifier.train)"],
  [classifier, { validaton: 1 }, "unknown option validaton; did you mean validation? (Classifier.train)"],
  [classifier, { blur: 0.5 }, "unknown option blur; known are recipe, epochs,"],
  [
    classifier,
    { epochs: 0, seed: -1 },
    "epochs must be at least 1, received 0; seed must be at least 0, received -1 (Classifier.train)",
  ],
  [segmenter, { batchSize: 1 }, "batchSize must be at least 2, received 1 (Segmenter.train)"],
  [segmenter, { levelWeights: [] }, "levelWeights must be at least 1 long, received [] (Segmenter.train)"],
  [
    segmenter,
    { levelWeights: [0, 0] },
    "levelWeights must be numbers of which one is above 0, received [0, 0] (Segmenter.train)",
  ],
  [segmenter, { levelWeights: [0.5, NaN] }, "levelWeights"],
  [segmenter, { masks: "truth" }, 'masks must be PseudoMasks or "ground-truth", received "truth" (Segmenter.train)'],
  [segmenter, { masks: {} }, 'masks must be PseudoMasks or "ground-truth", received an object (Segmenter.train)'],
  [
    segmenter,
    { background: "learn" },
    'background must be "ignore" or "fifth-logit", received "learn" (Segmenter.train)',
  ],
  [segmenter, { blur: 2 }, "blur must be at most 1, received 2 (Segmenter.train)"],
  [segmenter, { gammaFloor: 0.9 }, "unknown option gammaFloor; known are"],
  [pseudoMasks, { levels: [] }, "levels must be at least 1 long, received [] (Classifier.generatePseudoMasks)"],
  [
    pseudoMasks,
    { levels: ["b6"] },
    'levels[0] must be "bn7" or "b5_2" or "b4_5" or "features18" or "features17" or "features16" or "head" or "stage7" or "stage6", received "b6" (Classifier.generatePseudoMasks)',
  ],
  [
    pseudoMasks,
    { levels: ["bn7", "bn7"] },
    'levels must be levels of which none is named twice, received ["bn7", "bn7"] (Classifier.generatePseudoMasks)',
  ],
  [pseudoMasks, { glass: true }, "glass must be"],
  [pseudoMasks, { glass: { greyAbove: 300, minAreaPx: 50 } }, "glass"],
  [pseudoMasks, { batchSize: 0 }, "batchSize must be at least 1, received 0 (Classifier.generatePseudoMasks)"],
  [pseudoMasks, { onProgress: 1 }, "onProgress must be a function, received 1 (Classifier.generatePseudoMasks)"],
  [pseudoMasks, { ouptut: "x" }, "unknown option ouptut; did you mean output? (Classifier.generatePseudoMasks)"],
  [gate, { gateThreshold: 2 }, "gateThreshold must be at most 1, received 2 (Segmenter.evaluate)"],
  [gate, { gateRule: "block" }, 'gateRule must be "exclude" or "multiply", received "block" (Segmenter.evaluate)'],
];

describe("an option that is refused", () => {
  test.each(refused)("%# %o %o", (call, options, message) => {
    const error = refusalOf(() => call(options));
    expect(error.code).toBe("WSSS_ERR_OPTION");
    expect(error.message).toContain(message);
  });

  test("is described for programs too", () => {
    const { details } = refusalOf(() => classifier({ epochs: 0, learningRate: -0.01 }));
    expect(details).toEqual({
      call: "Classifier.train",
      option: "epochs",
      received: 0,
      bound: "at least 1",
      problems: ["epochs must be at least 1, received 0", "learningRate must be above 0, received -0.01"],
    });
  });

  test("holds no picture that was given in its place", () => {
    const pixels = new Uint8Array(1 << 20);
    const { details } = refusalOf(() => classifier({ epochs: pixels, batchSize: [...pixels] }));
    expect(details).toMatchObject({ received: "a Uint8Array" });
    expect(JSON.stringify(details).length).toBeLessThan(500);
  });

  test("is named before anything that it leaves missing", () => {
    const schema = z.strictObject({ learningRate: z.number() });
    const error = refusalOf(() => checkOptions(schema, "Classifier.train", { lr: 1 }));
    expect(error.message).toBe(
      "unknown option lr; did you mean learningRate?; learningRate is missing: it must be a finite number (Classifier.train)",
    );
  });
});

const classes = [{ name: "a", colour: [255, 0, 0] }] as const;

const creations: readonly (readonly [options: unknown, message: string])[] = [
  [undefined, "classes is missing: it must be an array"],
  [{}, "classes is missing: it must be an array"],
  [{ classes: [] }, "classes must be at least 1 long, received []"],
  [{ classes: ["a"] }, 'classes[0] must be an object, received "a"'],
  [{ classes: [{ name: "", colour: [0, 0, 0] }] }, 'classes[0].name must be at least 1 characters long, received ""'],
  [{ classes: [{ name: "a", colour: [0, 0, 256] }] }, "classes[0].colour[2] must be at most 255, received 256"],
  [{ classes: [...classes, ...classes] }, "classes must be classes with names that differ"],
  [{ classes, width: 0 }, "width must be above 0, received 0"],
  [{ classes, width: 5 }, "width must be at most 4, received 5"],
  [{ classes, width: NaN }, "width must be a finite number, received NaN"],
  [{ classes, device: "gpu" }, 'device must be "auto", "cpu", "cuda" or "cuda:N", received "gpu"'],
  [{ classes, device: "cuda:01" }, 'device must be "auto", "cpu", "cuda" or "cuda:N", received "cuda:01"'],
  [{ classes, threads: -1 }, "threads must be at least 0, received -1"],
  [{ classes, seed: 0.5 }, "seed must be an integer, received 0.5"],
  [{ classes, weights: 7 }, "weights must be a string, received 7"],
  [{ classes, numClasses: 4 }, "unknown option numClasses; did you mean classes?"],
];

describe("creating a model with wrong options", () => {
  test.each(creations)("%#: %p", async (options, message) => {
    for (const [Model, call] of [
      [Classifier, "Classifier.create"],
      [Segmenter, "Segmenter.create"],
    ] as const) {
      const work = Model.create(options as { classes: typeof classes });
      await expect(work).rejects.toMatchObject({ code: "WSSS_ERR_OPTION" });
      await expect(work).rejects.toThrow(message);
      await expect(work).rejects.toThrow(`(${call})`);
    }
  });

  test("the segmenter's own ones too", async () => {
    const stride = Segmenter.create({ classes, outputStride: 32 as 16 });
    await expect(stride).rejects.toThrow("outputStride must be 8 or 16, received 32 (Segmenter.create)");
    const backbone = Segmenter.create({ classes, backbone: "vgg" as "resnet101" });
    await expect(backbone).rejects.toThrow(
      'backbone must be "resnet101" or "xception" or "drn" or "mobilenet" or "efficientnet-lite0" or "efficientnet-lite1" or "efficientnet-lite2", received "vgg" (Segmenter.create)',
    );
    const foreign = Classifier.create({ classes, outputStride: 16 } as { classes: typeof classes });
    await expect(foreign).rejects.toThrow("unknown option outputStride; known are");
  });
});

describe("the recipes", () => {
  test("default: the method with its known defects repaired", () => {
    expect(resolveClassifierTraining()).toEqual({
      recipe: "default",
      epochs: 20,
      batchSize: 20,
      optimizer: "sgd",
      learningRate: 0.01,
      headLearningRateFactor: 10,
      momentum: 0.9,
      nesterov: false,
      weightDecay: 5e-4,
      schedule: "poly",
      power: 0.9,
      stepEpochs: 10,
      warmupEpochs: 0,
      gradientClipNorm: 5,
      emaDecay: 0,
      dropLastBatch: true,
      unfoldBatchNorm: true,
      seed: 0,
      horizontalFlip: 0.5,
      verticalFlip: 0.5,
      quarterTurns: 0,
      scaleMin: 1,
      scaleMax: 1,
      brightness: 0,
      contrast: 0,
      saturation: 0,
      hue: 0,
      stainJitter: 0,
      dropoutFactor: 1,
      keep: "best",
      pdaStartEpoch: 3,
      gammaInitial: 1,
      gradientCheckpointing: false,
      gammaDecay: 0.985,
      gammaFloor: 0.65,
      gammaDecaysFrom: "pda",
      pdaDivisor: "classes",
      denseLoss: 0,
      freezeStem: false,
      freezeBatchNorm: false,
    });
    expect(resolvePseudoMasks()).toEqual({
      recipe: "default",
      levels: "all",
      glass: "dataset",
      scaling: "present",
      views: "flips",
      paddingPx: 0,
    });
    expect(resolveGate()).toEqual({ recipe: "default", gateThreshold: 0.1, gateRule: "exclude" });
  });

  test("published: what the published code does", () => {
    expect(resolveClassifierTraining({ recipe: "published" })).toMatchObject({
      momentum: 5e-4,
      weightDecay: 5e-4,
      gammaDecay: 0.98,
      gammaDecaysFrom: "start",
      pdaDivisor: 4,
      gradientClipNorm: 0,
      emaDecay: 0,
      dropLastBatch: true,
      unfoldBatchNorm: false,
      keep: "last",
    });
    expect(resolveSegmenterTraining({ recipe: "published" })).toMatchObject({
      learningRate: 0.01,
      momentum: 0.9,
      weightDecay: 5e-4,
      background: "fifth-logit",
      divideByBatch: true,
      emaDecay: 0,
      dropLastBatch: false,
      unfoldBatchNorm: false,
      gradientClipNorm: 0,
      keep: "best",
    });
    expect(resolvePseudoMasks({ recipe: "published" })).toMatchObject({ scaling: "published", views: "one" });
    expect(resolveGate({ recipe: "published" }).gateRule).toBe("multiply");
  });

  test("one step of the default segmenter is the published one: lr * (g / 20 + wd * w)", () => {
    const [ours, theirs] = [resolveSegmenterTraining(), resolveSegmenterTraining({ recipe: "published" })];
    expect(ours.divideByBatch).toBe(false);
    expect(ours.learningRate).toBeCloseTo(theirs.learningRate / Number(theirs.batchSize), 12);
    expect(ours.learningRate * ours.weightDecay).toBeCloseTo(theirs.learningRate * theirs.weightDecay, 12);
  });

  test("given options win over either, undefined ones do not count", () => {
    expect(resolveClassifierTraining({ recipe: "published", momentum: 0.5, epochs: undefined })).toMatchObject({
      momentum: 0.5,
      epochs: 20,
    });
  });

  test("auto freezes exactly if the weights come from elsewhere", () => {
    expect(resolveClassifierTraining({}, { pretrained: true })).toMatchObject({
      freezeStem: true,
      freezeBatchNorm: true,
    });
    expect(resolveClassifierTraining({ freezeStem: false }, { pretrained: true })).toMatchObject({
      freezeStem: false,
      freezeBatchNorm: true,
    });
    expect(resolveSegmenterTraining().freezeBatchNorm).toBe(false);
    expect(resolveSegmenterTraining({}, { pretrained: true }).freezeBatchNorm).toBe(true);
    expect(resolveSegmenterTraining({ freezeBatchNorm: false }, { pretrained: true }).freezeBatchNorm).toBe(false);
    expect(resolveSegmenterTraining({ recipe: "published" }, { pretrained: true }).freezeBatchNorm).toBe(false);
  });

  test("MobileNetV2 has rates of its own, but not in recipe published", () => {
    const model = { pretrained: true, backbone: "mobilenet" } as const;
    expect(resolveClassifierTraining({}, model).learningRate).toBe(0.001);
    expect(resolveSegmenterTraining({}, model)).toMatchObject({
      learningRate: 0.004,
      weightDecay: 5e-4,
      emaDecay: 0.98,
    });
    const published = resolveSegmenterTraining({ recipe: "published" }, model);
    expect(published).toMatchObject({ learningRate: 0.01, weightDecay: 5e-4, emaDecay: 0 });
    expect(resolveSegmenterTraining({ learningRate: 0.1 }, model)).toMatchObject({ learningRate: 0.1, emaDecay: 0.98 });
  });

  test("level weights follow their levels, whatever the order", () => {
    expect(automaticLevelWeights(["bn7", "b5_2", "b4_5"])).toEqual([0.6, 0.2, 0.2]);
    expect(automaticLevelWeights(["b4_5", "bn7"])[1]).toBeCloseTo(0.75, 12);
    expect(automaticLevelWeights(["b5_2"])).toEqual([1]);
  });

  test("resolved options are frozen", () => {
    expect(Object.isFrozen(resolveClassifierTraining())).toBe(true);
    expect(Object.isFrozen(resolveSegmenterTraining())).toBe(true);
  });
});

describe("the device", () => {
  const report = (deviceCount: number) => ({
    libtorchVersion: "2.13.0",
    builtAgainst: "2.13.0",
    compiler: "gcc",
    threads: 2,
    cpuCapability: "AVX2",
    bfloat16: false,
    cuda: {
      loaded: deviceCount > 0,
      deviceCount,
      reason: deviceCount > 0 ? "" : "this LibTorch has no CUDA",
      kernelsReason: "",
      bfloat16: [],
    },
  });

  test("auto takes a GPU if there is one", () => {
    expect(resolveDevice("x", "auto", report(0))).toBe("cpu");
    expect(resolveDevice("x", "auto", report(2))).toBe("cuda");
    expect(resolveDevice("x", "cuda:1", report(2))).toBe("cuda:1");
  });

  test("what multiplies bfloat16 in hardware is asked of the device that is used", () => {
    const two = report(2);
    const mixed = { ...two, bfloat16: true, cuda: { ...two.cuda, bfloat16: [true, false] } };
    expect(["cpu", "cuda", "cuda:0", "cuda:1"].map((device) => multipliesBfloat16(device, mixed))).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(multipliesBfloat16("cpu", two)).toBe(false);
  });

  test("a GPU that is not there is an error with the reason and what to do", () => {
    const none = refusalOf(() => resolveDevice("Classifier.create", "cuda", report(0)));
    expect(none.code).toBe("WSSS_ERR_DEVICE");
    expect(none.message).toContain("this LibTorch has no CUDA");
    expect(none.message).toContain('use device "cpu"');
    const third = refusalOf(() => resolveDevice("Classifier.create", "cuda:2", report(2)));
    expect(third.message).toContain('"cuda:0" to "cuda:1"');
  });
});
