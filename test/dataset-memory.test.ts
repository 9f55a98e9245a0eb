// A dataset that a program holds: it trains, evaluates and predicts as the same patches do from files, and what is wrong with it is said.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  Classifier,
  type Dataset,
  datasetFromMemory,
  isWsssError,
  type MemoryDataset,
  type MemoryPatch,
  Segmenter,
  type WsssError,
} from "../dist/index.js";
import { decodePatch } from "../dist/image/decode-patch.js";
import { readIndexPng } from "../dist/image/index-png.js";
import { fingerprintSplit } from "../dist/dataset/dataset-fingerprint.js";
import type { Split } from "../dist/dataset/split.js";
import { freshFolder, tinyDataset } from "./support/tiny-models.js";

const training = { epochs: 2, batchSize: 2, seed: 3 } as const;

let files: Dataset;
let held: MemoryDataset;

/** The patches of a split as a program would hold them. */
async function patchesOf(split: Split): Promise<MemoryPatch[]> {
  const patches = split.files.map(async ({ stem, imagePath, maskPath, labels }): Promise<MemoryPatch> => {
    const { data, height, width } = await decodePatch(imagePath);
    const mask =
      maskPath === undefined ? undefined : (await readIndexPng(maskPath, { palette: split.palette })).indices;
    return { name: stem, rgb: new Uint8Array(data), height, width, label: labels, mask };
  });
  return await Promise.all(patches);
}

beforeAll(async () => {
  files = await tinyDataset();
  const { classes, background, train, val, test: tested } = files;
  held = {
    classes,
    background,
    train: await patchesOf(train),
    val: await patchesOf(val),
    test: await patchesOf(tested),
  };
});

const made: { dispose(): Promise<void> }[] = [];
afterAll(async () => {
  for (const model of made) await model.dispose();
});

/** Losses, scores and masks of the whole method. */
async function methodOn(data: Dataset): Promise<unknown> {
  const { classes, background } = data;
  const choice = { classes, background, width: 1 / 16, device: "cpu", seed: 1, precision: "float32" } as const;
  const classifier = await Classifier.create(choice);
  const segmenter = await Segmenter.create(choice);
  made.push(classifier, segmenter);
  const losses: number[] = [];
  for await (const event of classifier.train(data.train, { ...training, validation: data.val })) {
    if (event.kind === "step") losses.push(event.loss);
  }
  const masks = await classifier.generatePseudoMasks(data.train);
  for await (const event of segmenter.train(data.train, { ...training, masks, validation: data.val })) {
    if (event.kind === "step") losses.push(event.loss);
  }
  const { mIoU, pixelAccuracy, patches } = await segmenter.evaluate(data.test, { gate: classifier });
  expect(pixelAccuracy).toBeGreaterThan(0);
  const [first] = await segmenter.predict(data.test);
  return { losses, mIoU, pixelAccuracy, patches, mask: masks.mask(masks.levels[0]!, 0), predicted: first!.classMap };
}

async function refusal(given: unknown): Promise<WsssError> {
  try {
    await datasetFromMemory(given as MemoryDataset);
  } catch (error) {
    if (isWsssError(error)) return error;
    throw error;
  }
  throw new Error("it was taken");
}

test("the method gives the same from memory as from files, to the last bit", async () => {
  expect(await methodOn(await datasetFromMemory(held))).toEqual(await methodOn(files));
});

test("patches may come one by one", async () => {
  async function* later(patches: readonly MemoryPatch[]): AsyncGenerator<MemoryPatch> {
    for (const patch of patches) yield await Promise.resolve(patch);
  }
  const { train } = await datasetFromMemory({ ...held, train: later(held.train as MemoryPatch[]) });
  const { patches } = await train.load();
  const wanted = (await files.train.load()).patches;
  expect(train.count).toBe(files.train.count);
  for (let i = 0; i < train.count; i++) {
    expect(new Uint8Array(patches.patch(i))).toEqual(new Uint8Array(wanted.patch(i)));
    expect(new Uint8Array(patches.labels(i))).toEqual(new Uint8Array(wanted.labels(i)));
  }
});

test("a subset has the patches that it would have from files, and what is released is still there", async () => {
  const data = await datasetFromMemory(held);
  const [some, wanted] = [data.train.subset(3, 5), files.train.subset(3, 5)];
  expect(some.files.map(({ stem }) => stem)).toEqual(wanted.files.map(({ stem }) => stem));
  const [ours, theirs] = [(await some.load()).patches, (await wanted.load()).patches];
  for (let i = 0; i < 3; i++) expect(new Uint8Array(ours.patch(i))).toEqual(new Uint8Array(theirs.patch(i)));
  data.test.release();
  const { truth } = await data.test.load();
  expect(new Uint8Array(truth!.mask(0, 0))).toEqual(new Uint8Array((await files.test.load()).truth!.mask(0, 0)));
});

test("full supervision learns from masks in memory", async () => {
  const { val } = held;
  const data = await datasetFromMemory({
    ...held,
    train: [...(val as MemoryPatch[])].map((patch) => ({ ...patch, label: [1, 1] })),
  });
  const { classes, background } = data;
  const segmenter = await Segmenter.create({ classes, background, width: 1 / 16, device: "cpu", seed: 1 });
  made.push(segmenter);
  let scored = 0;
  for await (const event of segmenter.train(data.train, { ...training, batchSize: "auto", masks: "ground-truth" })) {
    if (event.kind === "epoch") scored = event.scoredPixels;
  }
  expect(scored).toBeGreaterThan(0);
});

test("other pixels are another dataset", async () => {
  const [first, ...others] = held.train as MemoryPatch[];
  const changed = Uint8Array.from(first!.rgb);
  changed[0] = (changed[0]! + 1) % 256;
  const one = await fingerprintSplit((await datasetFromMemory(held)).train);
  const same = await fingerprintSplit((await datasetFromMemory(held)).train);
  const other = await fingerprintSplit(
    (await datasetFromMemory({ ...held, train: [{ ...first!, rgb: changed }, ...others] })).train,
  );
  expect(same).toEqual(one);
  expect(other.patches).not.toBe(one.patches);
});

test("checkpoints know the patches, so that a training on others is refused", async () => {
  const folder = await freshFolder();
  const data = await datasetFromMemory(held);
  const { classes, background } = data;
  const classifier = await Classifier.create({ classes, background, width: 1 / 16, device: "cpu", seed: 1 });
  made.push(classifier);
  const checkpointFolder = path.join(folder, "checkpoints");
  for await (const event of classifier.train(data.train, { ...training, checkpointFolder })) {
    expect(event.again).toBe(false);
  }
  expect((await readFile(path.join(checkpointFolder, "last.safetensors"))).length).toBeGreaterThan(1000);
  const fewer = data.train.subset(4);
  const again = classifier.train(fewer, { ...training, checkpointFolder, resume: true });
  await expect(again.next()).rejects.toMatchObject({ code: "WSSS_ERR_OPTION", details: { option: "resume" } });
});

describe("what is wrong is said, with the patch and what would be right", () => {
  const patch = { rgb: new Uint8Array(32 * 32 * 3), height: 32, width: 32 } as const;
  const base = () => ({
    classes: held.classes,
    train: [
      { ...patch, label: [1, 0] },
      { ...patch, label: [0, 1] },
    ],
  });
  const cases: readonly (readonly [string, () => unknown, string, RegExp])[] = [
    ["no options", () => undefined, "WSSS_ERR_OPTION", /options must be an object/],
    ["one class", () => ({ ...base(), classes: held.classes.slice(0, 1) }), "WSSS_ERR_OPTION", /classes/],
    ["no patches", () => ({ ...base(), train: [] }), "WSSS_ERR_DATASET", /train has no patches/],
    ["a number for patches", () => ({ ...base(), val: 3 }), "WSSS_ERR_OPTION", /val must be an array of patches/],
    ["an array of numbers", () => ({ ...base(), val: [3] }), "WSSS_ERR_OPTION", /val\[0\] must be an object with rgb/],
    [
      "pixels that do not fit",
      () => ({ ...base(), train: [{ ...patch, label: [1, 0], width: 33 }] }),
      "WSSS_ERR_SHAPE",
      /train\[0\]\.rgb must have height \* width \* 3 = 3168 bytes, received 3072/,
    ],
    [
      "an array of numbers for pixels",
      () => ({ ...base(), train: [{ ...patch, rgb: [1, 2], label: [1, 0] }] }),
      "WSSS_ERR_OPTION",
      /train\[0\]\.rgb must be a Uint8Array/,
    ],
    [
      "a tiny patch",
      () => ({ ...base(), train: [{ ...patch, height: 8, label: [1, 0] }] }),
      "WSSS_ERR_SHAPE",
      /train\[0\]\.height must be at least 32 px, received 8/,
    ],
    ["no label", () => ({ ...base(), train: [patch] }), "WSSS_ERR_DATASET", /train\[0\] has no label/],
    [
      "a label of another length",
      () => ({ ...base(), train: [{ ...patch, label: [1] }] }),
      "WSSS_ERR_OPTION",
      /train\[0\]\.label must be an array of 2 numbers, each 0 or 1/,
    ],
    [
      "an empty label",
      () => ({ ...base(), train: [{ ...patch, label: [0, 0] }] }),
      "WSSS_ERR_DATASET",
      /names no class; set allowEmptyLabels/,
    ],
    [
      "a class that never occurs",
      () => ({ ...base(), train: [{ ...patch, label: [1, 0] }] }),
      "WSSS_ERR_DATASET",
      /a class never occurs/,
    ],
    [
      "neither label nor mask",
      () => ({ ...base(), test: [patch] }),
      "WSSS_ERR_DATASET",
      /test\[0\] has neither a label nor a mask/,
    ],
    [
      "an index without a meaning",
      () => ({ ...base(), test: [{ ...patch, mask: new Uint8Array(1024).fill(9) }] }),
      "WSSS_ERR_DATASET",
      /test\[0\] has the index 9 in its mask/,
    ],
    [
      "masks of some",
      () => ({
        ...base(),
        val: [
          { ...patch, label: [1, 0] },
          { ...patch, mask: new Uint8Array(1024) },
        ],
      }),
      "WSSS_ERR_DATASET",
      /val-00001 has no mask, and others of val have one/,
    ],
    [
      "two of one name",
      () => ({
        ...base(),
        test: [
          { ...patch, name: "a", label: [1, 0] },
          { ...patch, name: "a", label: [1, 0] },
        ],
      }),
      "WSSS_ERR_DATASET",
      /test\[1\] and test\[0\] have one name, a/,
    ],
    [
      "a name with a slash",
      () => ({ ...base(), test: [{ ...patch, name: "../a", label: [1, 0] }] }),
      "WSSS_ERR_OPTION",
      /test\[0\]\.name must be a name without a slash/,
    ],
    [
      "train patches of two sizes",
      () => ({
        ...base(),
        train: [...base().train, { rgb: new Uint8Array(40 * 32 * 3), height: 40, width: 32, label: [1, 1] }],
      }),
      "WSSS_ERR_DATASET",
      /its patches have 2 sizes \(32x32, 32x40 px\)/,
    ],
  ];
  test.each(cases)("%s", async (_, given, code, message) => {
    const error = await refusal(given());
    expect(error).toMatchObject({ code });
    expect(error.message).toMatch(message);
  });
});
