// `precision`: what is asked for, what it comes to, and that bfloat16 computes the same but for rounding, in every network.
import path from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { Classifier, type Dataset, inspectWeights, type Precision, Segmenter } from "../dist/index.js";
import { resolvePrecision, trainingPrecision } from "../dist/model/precision.js";
import { pixels } from "./support/dataset-folder.js";
import { freshFolder, tinyDataset, tinyWidth } from "./support/tiny-models.js";

let data: Dataset;
beforeAll(async () => {
  data = await tinyDataset();
});

const classifierBackbones = ["resnet38", "mobilenet", "efficientnet-lite0"] as const;
const segmenterBackbones = ["resnet101", "xception", "drn", "mobilenet", "efficientnet-lite0"] as const;

const base = (precision: Precision) => {
  const { classes, background } = data;
  return { classes, background, width: tinyWidth, device: "cpu" as const, seed: 1, precision };
};

describe("auto", () => {
  test("trains in bfloat16 where the hardware has it, and predicts in float32", () => {
    const fast = { training: "bfloat16", inference: "float32" };
    const exact = { training: "float32", inference: "float32" };
    expect(resolvePrecision("auto", true)).toEqual(fast);
    expect(resolvePrecision("auto", false)).toEqual(exact);
  });

  test("keeps the published recipe to its numbers, unless bfloat16 was asked for", () => {
    expect(trainingPrecision(resolvePrecision("auto", true), "published")).toBe("float32");
    expect(trainingPrecision(resolvePrecision("auto", true), "default")).toBe("bfloat16");
    expect(trainingPrecision(resolvePrecision("bfloat16", true), "published")).toBe("bfloat16");
  });

  test("what was asked for is what all calls have, on any machine", async () => {
    await using model = await Classifier.create(base("bfloat16"));
    expect(model.precision).toEqual({ training: "bfloat16", inference: "bfloat16" });
    await using other = await Segmenter.create(base("float32"));
    expect(other.precision).toEqual({ training: "float32", inference: "float32" });
  });
});

test("another word is refused", async () => {
  const wrong = { ...base("auto"), precision: "float16" as Precision };
  await expect(Classifier.create(wrong)).rejects.toMatchObject({
    code: "WSSS_ERR_OPTION",
    details: { option: "precision", received: "float16" },
  });
});

/** Losses of a short training, which begins from the same weights whatever the precision. */
async function losses(training: AsyncIterable<{ kind: string; loss?: number }>): Promise<number[]> {
  const list: number[] = [];
  for await (const event of training) if (event.kind === "step") list.push(event.loss ?? NaN);
  return list;
}

const brief = { epochs: 3, batchSize: 4, learningRate: 0.001, dropoutFactor: 0, seed: 3 } as const;

/** Each value of `rounded` is near that of `exact`, and some value differs. */
function expectNear(rounded: readonly number[], exact: readonly number[], tolerance: number): void {
  expect(rounded).toHaveLength(exact.length);
  expect(rounded).not.toEqual(exact);
  for (const [index, value] of rounded.entries()) {
    expect(Math.abs(value - (exact[index] ?? NaN))).toBeLessThan(tolerance);
  }
}

describe.each(classifierBackbones)("a classifier with %s", (backbone) => {
  const trained = async (precision: Precision): Promise<number[]> => {
    await using model = await Classifier.create({ ...base(precision), backbone });
    return await losses(model.train(data.train, brief));
  };
  // Of fresh weights MobileNetV2 says the same of every patch.
  let file: string;
  beforeAll(async () => {
    file = path.join(await freshFolder(), "trained.safetensors");
    await using model = await Classifier.create({ ...base("float32"), backbone });
    await losses(model.train(data.train, brief));
    await model.save(file);
  });
  const load = async (precision: Precision): Promise<Classifier> => {
    return await Classifier.load(file, { device: "cpu", precision });
  };
  const predicted = async (precision: Precision): Promise<number[]> => {
    await using model = await load(precision);
    return (await model.predict(data.test)).flatMap(({ probabilities }) => [...probabilities]);
  };

  test("trains alike, twice the same", async () => {
    const rounded = await trained("bfloat16");
    expectNear(rounded, await trained("float32"), 0.05);
    expect(await trained("bfloat16")).toEqual(rounded);
  });

  test("predicts alike", async () => {
    expectNear(await predicted("bfloat16"), await predicted("float32"), 0.02);
  });

  test("draws pseudo masks of which nearly all pixels are the same", async () => {
    const masks = await Promise.all(
      (["float32", "bfloat16"] as const).map(async (precision) => {
        await using model = await load(precision);
        const drawn = await model.generatePseudoMasks(data.train, { glass: false });
        return drawn.levels.flatMap((level) => data.train.files.flatMap((_, index) => [...drawn.mask(level, index)]));
      }),
    );
    const [exact = [], rounded = []] = masks;
    expect(rounded).toHaveLength(exact.length);
    const same = rounded.filter((value, index) => value === exact[index]).length;
    // Of a network that has learned little, whose maps lie close together.
    expect(same / exact.length).toBeGreaterThan(0.95);
  });
});

describe.each(segmenterBackbones)("a segmenter with %s", (backbone) => {
  const trained = async (precision: Precision): Promise<number[]> => {
    await using model = await Segmenter.create({ ...base(precision), backbone });
    return await losses(model.train(data.train, { ...brief, masks: "ground-truth" }));
  };

  test("trains alike, twice the same", async () => {
    const rounded = await trained("bfloat16");
    expectNear(rounded, await trained("float32"), 0.1);
    expect(await trained("bfloat16")).toEqual(rounded);
  });

  test("predicts alike", async () => {
    const patch = { rgb: pixels(64, 48, 5), height: 64, width: 48 };
    const logits = await Promise.all(
      (["bfloat16", "float32"] as const).map(async (precision) => {
        await using model = await Segmenter.create({ ...base(precision), backbone });
        return [...(await model.predict(patch)).probabilities];
      }),
    );
    expectNear(logits[0] ?? [], logits[1] ?? [], 0.05);
  });
});

test("a checkpoint of one precision is not resumed in the other", async () => {
  const checkpointFolder = path.join(await freshFolder(), "checkpoints");
  {
    await using model = await Classifier.create(base("bfloat16"));
    await losses(model.train(data.train, { ...brief, checkpointFolder }));
  }
  await using other = await Classifier.create(base("float32"));
  await expect(losses(other.train(data.train, { ...brief, checkpointFolder, resume: true }))).rejects.toThrow(
    /precision/,
  );
  await using same = await Classifier.create(base("bfloat16"));
  expect(await losses(same.train(data.train, { ...brief, checkpointFolder, resume: true }))).toHaveLength(6);
});

test("channels below 16 in the file of a width do not exist, so that LibTorch's faulty gradient is never asked for", async () => {
  await using model = await Classifier.create(base("bfloat16"));
  const file = path.join(await freshFolder(), "tiny.safetensors");
  await model.save(file);
  const { tensors } = await inspectWeights(file);
  const convolutions = [...tensors].filter(([name, { shape }]) => shape.length === 4 && name !== "fc8.weight");
  expect(convolutions.length).toBeGreaterThan(30);
  for (const [name, { shape }] of convolutions) {
    expect((shape[0] ?? 0) % 16).toBe(0);
    if (name !== "conv1a.weight") expect((shape[1] ?? 0) % 16).toBe(0);
  }
});
