// How a segmenter begins: the size of its head, its first loss, and what frozen batch norms keep.
import path from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";
import {
  convertWeights,
  type Dataset,
  inspectWeights,
  Segmenter,
  type SegmenterTrainingOptions,
} from "../dist/index.js";
import { freshFolder, tinyDataset, tinyWidth } from "./support/tiny-models.js";

let data: Dataset;
let folder: string;

beforeAll(async () => {
  data = await tinyDataset();
  folder = await freshFolder();
});

const base = () => ({
  classes: data.classes,
  background: data.background,
  width: tinyWidth,
  device: "cpu" as const,
  backbone: "mobilenet" as const,
  seed: 2,
});

describe("headWidth", () => {
  test("sets the channels of ASPP and decoder alone, and is width unless it is said", async () => {
    await using plain = await Segmenter.create({ ...base(), width: 0.5 });
    await using narrow = await Segmenter.create({ ...base(), width: 0.5, headWidth: 0.125 });
    expect([plain.headWidth, narrow.headWidth, narrow.width]).toEqual([0.5, 0.125, 0.5]);
    const files = [path.join(folder, "plain.safetensors"), path.join(folder, "narrow.safetensors")] as const;
    await plain.save(files[0]);
    await narrow.save(files[1]);
    const [a, b] = [await inspectWeights(files[0]), await inspectWeights(files[1])];
    const shapes = (inspection: typeof a, name: string) => inspection.tensors.get(name)?.shape;
    expect(shapes(a, "decoder.last_conv.0.weight")).toEqual([128, 160, 3, 3]);
    expect(shapes(b, "decoder.last_conv.0.weight")).toEqual([32, 48, 3, 3]);
    for (const [name, { shape }] of a.tensors) {
      if (name.startsWith("backbone.")) expect(shapes(b, name)).toEqual(shape);
    }
  });

  test("is read from the file again, and told in the message where it differs", async () => {
    const file = path.join(folder, "again.safetensors");
    await using narrow = await Segmenter.create({ ...base(), headWidth: 0.125 });
    await narrow.save(file);
    await using again = await Segmenter.load(file, { device: "cpu" });
    expect([again.width, again.headWidth]).toEqual([tinyWidth, 0.125]);
    await expect(Segmenter.create({ ...base(), weights: file })).rejects.toMatchObject({
      code: "WSSS_ERR_WEIGHTS",
      message: expect.stringContaining("headWidth 0.125 in the file, 0.0625 asked for"),
    });
    await expect(Segmenter.create({ ...base(), headWidth: 0 })).rejects.toThrow(
      "headWidth must be above 0, received 0",
    );
  });
});

describe("a fresh segmenter", () => {
  test("begins near the loss of a guess, however wide its head is", async () => {
    expect.assertions(1);
    await using wide = await Segmenter.create({ ...base(), headWidth: 1 });
    for await (const event of wide.train(data.train, { epochs: 1, batchSize: 4, masks: "ground-truth" })) {
      // A guess among two classes costs ln 2 = 0.69; weights over the fan-out began at 4 and more.
      if (event.kind === "step" && event.step === 1) expect(event.loss).toBeLessThan(1.6);
    }
  });
});

describe("freezeBatchNorm of a segmenter", () => {
  /** Names of tensors that a training of two steps has changed. */
  async function changedBy(options: Partial<SegmenterTrainingOptions>, weights?: string): Promise<string[]> {
    const [before, after] = [path.join(folder, "before.safetensors"), path.join(folder, "after.safetensors")];
    await using segmenter = await Segmenter.create({ ...base(), ...(weights !== undefined && { weights }) });
    await segmenter.save(before);
    const training = segmenter.train(data.train, {
      epochs: 1,
      batchSize: 4,
      learningRate: 0.01,
      masks: "ground-truth",
      ...options,
    });
    for (let step = await training.next(); step.done !== true;) step = await training.next();
    await segmenter.save(after);
    const [first, second] = [await inspectWeights(before), await inspectWeights(after)];
    const sums = (name: string): unknown[] => [first, second].map(({ tensors }) => tensors.get(name)?.sum);
    return [...first.tensors.keys()].filter((name) => {
      const [a, b] = sums(name);
      return a !== b;
    });
  }
  const ofNorms = (names: readonly string[], part: string): string[] =>
    names.filter((name) => name.startsWith(part) && name.endsWith("running_mean"));

  test("keeps those of the backbone, while its convolutions and the head's batch norms learn", async () => {
    const changed = await changedBy({ freezeBatchNorm: true });
    expect(ofNorms(changed, "backbone.")).toEqual([]);
    expect(changed).not.toContain("backbone.features.0.1.weight");
    expect(changed).toContain("backbone.features.0.0.weight");
    expect(changed).toContain("aspp.bn1.running_mean");
    expect(changed).toContain("decoder.bn1.weight");
  });

  test('"auto" keeps them exactly if the weights come from elsewhere; the published recipe never does', async () => {
    expect(ofNorms(await changedBy({}), "backbone.").length).toBeGreaterThan(10);
    const elsewhere = path.join(folder, "elsewhere.pth");
    await using other = await Segmenter.create(base());
    const own = path.join(folder, "own.safetensors");
    await other.save(own);
    // A .pth carries no word of ours on where it comes from.
    await convertWeights(own, elsewhere);
    expect(ofNorms(await changedBy({}, elsewhere), "backbone.")).toEqual([]);
    expect(ofNorms(await changedBy({ recipe: "published" }, elsewhere), "backbone.").length).toBeGreaterThan(10);
  });
});
