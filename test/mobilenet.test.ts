// MobileNetV2 as classifier and as backbone: names of others' files, the fold of ImageNet's normalisation, and the whole method on it.
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Classifier, convertWeights, type Dataset, inspectWeights, PseudoMasks, Segmenter } from "../dist/index.js";
import { pixels } from "./support/dataset-folder.js";
import { type GoldenTensor, readGoldenTensors, values, writeTensors } from "./support/safetensors.js";
import { makeWorkspace } from "./support/test-addon.js";
import { freshFolder, tinyDataset, tinySide, tinyWidth } from "./support/tiny-models.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const imagenet = path.join(root, "../shared/weights/mobilenet_v2_imagenet_q8_legacy.pth");
const patch = { rgb: pixels(tinySide, tinySide, 3), height: tinySide, width: tinySide };

let folder: string;
let data: Dataset;
let classifier: Classifier;
const at = (name: string): string => path.join(folder, name);
const base = () => ({
  classes: data.classes,
  background: data.background,
  width: tinyWidth,
  device: "cpu" as const,
  backbone: "mobilenet" as const,
});

beforeAll(async () => {
  folder = await freshFolder();
  data = await tinyDataset();
  classifier = await Classifier.create({ ...base(), seed: 3 });
  await classifier.save(at("classifier.safetensors"));
});
afterAll(async () => {
  await classifier.dispose();
});

/** Our layer names as torchvision groups them. */
function torchvisionName(name: string): string {
  const match = /^features\.(\d+)\.conv\.(\d)\.(.+)$/.exec(name);
  if (match === null) return name;
  const [, block, layer, rest] = match;
  const groups = block === "1" ? 1 : 2;
  const index = Number(layer);
  const grouped = index < 3 * groups ? `${Math.floor(index / 3)}.${index % 3}` : String(index - 2 * groups);
  return `features.${block}.conv.${grouped}.${rest}`;
}

function numbers(shape: readonly number[]): GoldenTensor {
  const count = shape.reduce((product, extent) => product * extent, 1);
  return { dtype: "float32", shape, data: new Float32Array(count).fill(0.25).buffer };
}

/** The classifier's features under torchvision's names, with ImageNet's head. */
async function torchvisionFile(): Promise<string> {
  const own = await readGoldenTensors(at("classifier.safetensors"));
  const theirs = [...own]
    .filter(([name]) => name !== "fc8.weight")
    .map(([name, one]) => [torchvisionName(name), one] as const);
  const head = { "classifier.1.weight": numbers([10, 16]), "classifier.1.bias": numbers([10]) };
  await writeTensors(at("torchvision.safetensors"), new Map([...theirs, ...Object.entries(head)]));
  return at("torchvision.safetensors");
}

describe("torchvision's names", () => {
  test("become the classifier's, strictly; only its head is fresh", async () => {
    const weights = await torchvisionFile();
    await using other = await Classifier.create({ ...base(), seed: 4, weights, foldNormalization: false });
    expect(other.weightsReport).toMatchObject({
      origin: "MobileNetV2",
      foldedNormalization: false,
      missing: [],
      unexpected: [],
      misshapen: [],
      fresh: ["fc8.weight"],
    });
    expect([...other.weightsReport!.dropped].sort()).toEqual(["classifier.1.bias", "classifier.1.weight"]);
    await other.save(at("other.safetensors"));
    const [ours, theirs] = await Promise.all(
      ["classifier", "other"].map((name) => readGoldenTensors(at(`${name}.safetensors`))),
    );
    for (const [name, tensor] of ours!) {
      if (name !== "fc8.weight") expect(Buffer.from(theirs!.get(name)!.data)).toEqual(Buffer.from(tensor.data));
    }
    expect(Buffer.from(theirs!.get("fc8.weight")!.data)).not.toEqual(Buffer.from(ours!.get("fc8.weight")!.data));
  });

  test("become the segmenter's backbone; the last layer of the classifier is left out", async () => {
    await using segmenter = await Segmenter.create({ ...base(), weights: await torchvisionFile() });
    const { dropped, fresh, missing, unexpected } = segmenter.weightsReport!;
    expect({ missing, unexpected }).toEqual({ missing: [], unexpected: [] });
    expect(dropped).toContain("features.18.0.weight");
    expect(fresh.every((name) => /^(aspp|decoder)\./.test(name))).toBe(true);
  });
});

test("ImageNet's normalisation is folded into the first layer", async () => {
  const weights = await torchvisionFile();
  const [mean, deviation] = [
    [0.485, 0.456, 0.406],
    [0.229, 0.224, 0.225],
  ];
  await using other = await Classifier.create({ ...base(), weights });
  expect(other.weightsReport!.foldedNormalization).toBe(true);
  await other.save(at("folded.safetensors"));
  const [before, after] = await Promise.all(
    ["classifier", "folded"].map(async (name) => {
      const tensors = await readGoldenTensors(at(`${name}.safetensors`));
      return ["features.0.0.weight", "features.0.1.running_mean"].map((key) => Array.from(values(tensors.get(key)!)));
    }),
  );
  const [weight, runningMean] = before as [number[], number[]];
  weight.forEach((value, i) => {
    expect(after![0]![i]).toBeCloseTo(value / deviation[Math.floor(i / 9) % 3]!, 5);
  });
  runningMean.forEach((value, channel) => {
    const kernel = weight.slice(27 * channel, 27 * channel + 27);
    const shift = kernel.reduce((sum, w, i) => sum + (w * mean[Math.floor(i / 9)]!) / deviation[Math.floor(i / 9)]!, 0);
    expect(after![1]![channel]).toBeCloseTo(value + shift, 4);
  });
});

test("the published segmenter's second names are written for Python, and read back as one", async () => {
  await using segmenter = await Segmenter.create({ ...base(), seed: 5 });
  await segmenter.save(at("segmenter.safetensors"));
  await convertWeights(at("segmenter.safetensors"), at("segmenter.pth"));
  const { tensors, fits } = await inspectWeights(at("segmenter.pth"));
  expect(tensors.size).toBe(668);
  expect(tensors.get("backbone.high_level_features.17.conv.6.weight")).toEqual(
    tensors.get("backbone.features.17.conv.6.weight"),
  );
  expect(tensors.has("backbone.low_level_features.3.conv.0.weight")).toBe(true);
  expect(fits[0]).toMatchObject({ network: "DeepLab v3+ (MobileNetV2)", missing: [], unexpected: [] });
  await using again = await Segmenter.create({ ...base(), weights: at("segmenter.pth") });
  expect(again.weightsReport).toMatchObject({ origin: "published DeepLab", missing: [], unexpected: [] });
  expect((await again.predict(patch)).classMap).toEqual((await segmenter.predict(patch)).classMap);
});

test.each(["resnet38", "mobilenet"])("Grad-CAM of %s is the gradient of the logits", async (backbone) => {
  const workspace = await makeWorkspace(root);
  workspace.run("grad_cam_weights", { backbone, width: tinyWidth, size: 64 });
  const levels = backbone === "mobilenet" ? ["features18", "features17", "features16"] : ["bn7", "b5_2", "b4_5"];
  for (const level of levels) {
    const [ours, theirs, ragged] = ["weights", "by_autograd", "ragged"].map((name) =>
      Array.from(values(workspace.get(`${name}.${level}`))),
    );
    expect(ours!.some((value) => value !== 0)).toBe(true);
    expect(theirs!.length).toBe(ours!.length);
    const scale = Math.max(...theirs!.map(Math.abs));
    theirs!.forEach((value, i) => expect(Math.abs(value - ours![i]!)).toBeLessThan(1e-12 * scale));
    // [2 patches, 3 classes, channels], of which the first patch wanted class 2 and the second 0 and 2.
    const channels = theirs!.length / 6;
    ragged!.forEach((value, i) => {
      const wanted = [2, 3, 5].includes(Math.floor(i / channels));
      expect(Math.abs(value - (wanted ? theirs![i]! : 0))).toBeLessThan(1e-12 * scale);
    });
  }
});

describe("the method on MobileNetV2", () => {
  test("trains, draws its three levels, and loads what it saved", async () => {
    await using student = await Classifier.create({ ...base(), seed: 6 });
    for await (const event of student.train(data.train, { epochs: 2, batchSize: 4, pdaStartEpoch: 1 })) {
      if (event.kind === "step") expect(Number.isFinite(event.loss)).toBe(true);
    }
    const output = path.join(await freshFolder(), "PM");
    const masks = await student.generatePseudoMasks(data.train, { output });
    expect(masks.levels).toEqual(["features18", "features17", "features16"]);
    const read = await PseudoMasks.open(output, data.train);
    expect(read.levels).toEqual(masks.levels);
    expect(read.mask("features16", 2)).toEqual(masks.mask("features16", 2));
    await student.save(at("student.safetensors"));
    await using again = await Classifier.load(at("student.safetensors"), { device: "cpu" });
    expect(again.backbone).toBe("mobilenet");
    expect((await again.predict(patch)).probabilities).toEqual((await student.predict(patch)).probabilities);
    await using segmenter = await Segmenter.create({ ...base(), seed: 6 });
    for await (const event of segmenter.train(data.train, { masks, epochs: 1, batchSize: 4 })) {
      if (event.kind === "step") expect(Number.isFinite(event.loss)).toBe(true);
    }
    expect((await segmenter.predict(patch, { gate: again })).classMap).toHaveLength(tinySide * tinySide);
  });

  test("a level of another network is refused before any work", async () => {
    await expect(classifier.generatePseudoMasks(data.train, { levels: ["bn7"] })).rejects.toThrow(
      /levels of the mobilenet classifier \(features18, features17, features16\)/,
    );
  });

  test("weights of another backbone are refused by name", async () => {
    const weights = at("classifier.safetensors");
    await expect(Classifier.create({ ...base(), backbone: "resnet38", weights })).rejects.toThrow(
      /backbone mobilenet in the file, resnet38 asked for/,
    );
    await expect(
      Segmenter.create({ ...base(), backbone: "xception", weights: await torchvisionFile() }),
    ).rejects.toThrow(/does not fit|lacks/);
  });
});

test("the real ImageNet file starts both networks", async () => {
  if (!existsSync(imagenet)) {
    console.warn("SKIPPED: ../shared/weights is not here");
    return;
  }
  await using full = await Classifier.create({ ...base(), width: 1, weights: imagenet });
  expect(full.weightsReport).toMatchObject({
    origin: "MobileNetV2",
    container: "legacy pickle stream",
    foldedNormalization: true,
    missing: [],
    unexpected: [],
    misshapen: [],
    fresh: ["fc8.weight"],
  });
  expect(full.weightsReport!.loaded).toHaveLength(312);
  await using segmenter = await Segmenter.create({ ...base(), width: 1, weights: imagenet });
  expect(segmenter.weightsReport).toMatchObject({ missing: [], unexpected: [], misshapen: [] });
  expect(segmenter.weightsReport!.loaded).toHaveLength(306);
});
