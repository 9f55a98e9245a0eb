/** Datasets whose true masks are numbered elsewhere: they are the same datasets, wherever a mask is read. */
import { readFile } from "node:fs/promises";
import path from "node:path";

import { beforeAll, describe, expect, test } from "@jest/globals";
import sharp from "sharp";

import { fingerprintDataset } from "../dist/dataset/dataset-fingerprint.js";
import { loadMaskStore } from "../dist/dataset/loaded-split.js";
import { openDatasetWith } from "../dist/dataset/open-dataset.js";
import { writeDemoDataset } from "../dist/demo/write-dataset.js";
import { examineDatasetWith } from "../dist/doctor/examine-dataset.js";
import { type DatasetExamination, PseudoMasks, openDataset } from "../dist/index.js";
import { bands, cleanColours, cleanFiles, cleanHeight, cleanWidth, folderOf } from "./support/clean-dataset.js";
import {
  datasetFolder,
  fakeStores,
  maskPng,
  patchPng,
  rawPng,
  twoClasses,
  writeTree,
} from "./support/dataset-folder.js";
import { goodManifest, manifestFolder, namedFiles } from "./support/manifest-folder.js";

/** What stands in the files for gland, stroma and background, and how a description says so. */
const numberings: readonly (readonly [string, readonly number[], Readonly<Record<string, unknown>>])[] = [
  ["0 for the background", [1, 2, 0], { background: 0 }],
  ["0 for the background, beside its name", [1, 2, 0], { background: { name: "glass", index: 0 } }],
  ["255 for the background", [0, 1, 255], { background: 255 }],
  ["values with gaps", [30, 7, 100], { maskIndices: { 30: "gland", 7: "stroma", 100: "background" } }],
  [
    "values of which one is ignored",
    [3, 1, 2],
    { maskIndices: { 3: "gland", 1: "stroma", 2: "background", 9: "ignored" } },
  ],
];
const [height, width] = [cleanHeight, cleanWidth];

let clean: Awaited<ReturnType<typeof cleanFiles>>;
beforeAll(async () => {
  clean = await cleanFiles();
});

/** A mask in which these values stand for gland, stroma and background, in the colours of the description. */
function numberedMask(indices: Uint8Array, values: readonly number[]): Buffer {
  const palette = new Uint8Array(3 * (Math.max(...values) + 1));
  for (const [index, value] of values.entries()) palette.set(cleanColours[index]!, 3 * value);
  const rows = indices.map((index) => values[index]!);
  return rawPng({ height, width, bitDepth: 8, colourType: 3, rows, palette });
}

/** The indices of a mask of the clean dataset: the classes of the label, and background. */
function cleanIndices(name: string): Uint8Array {
  const label = /\[(.*)\]/.exec(name)?.[1]?.split(" ") ?? ["1", "1"];
  return bands([...label.flatMap((digit, index) => (digit === "1" ? [index] : [])), 2]);
}

/** The clean dataset with these values in its masks. */
async function folderWith(values: readonly number[], description: object): Promise<string> {
  const masks = Object.keys(clean).filter((name) => name.includes("mask/"));
  const files = masks.map((name) => [name, numberedMask(cleanIndices(name), values)] as const);
  const described = JSON.stringify({ ...twoClasses, ...description });
  return await folderOf({ ...clean, ...Object.fromEntries(files), "wsss-dataset.json": described });
}

const open = async (folder: string) => await openDatasetWith(async () => fakeStores, folder);
const examine = async (folder: string): Promise<DatasetExamination> => await examineDatasetWith(() => 2 ** 40, folder);

/** All masks of a dataset as they are loaded, and the labels that are read from them. */
async function loaded(folder: string): Promise<unknown> {
  const { train, val, test: tested } = await open(folder);
  const stores = [await train.loadTruth()];
  const labels = [];
  for (const split of [val, tested]) {
    const { patches, truth } = await split.load();
    stores.push(truth!);
    labels.push(split.files.map((_, index) => [...new Uint8Array(patches.labels(index))]));
  }
  const masks = stores.map((store) =>
    Array.from({ length: store.count }, (_, index) => Buffer.from(store.mask(0, index)).toString("base64")),
  );
  return { masks, labels };
}

describe.each(numberings)("%s", (_, values, description) => {
  test("is read in train_mask, val and test, and labels come from it", async () => {
    const expected = await loaded(await folderWith([0, 1, 2], {}));
    expect(await loaded(await folderWith(values, description))).toEqual(expected);
  });

  test("is read where a manifest names the masks, and is held against its labels", async () => {
    const files: Record<string, Buffer> = {};
    for (const [seed, name] of Object.keys(namedFiles).entries()) {
      const isMask = name.startsWith("m/");
      files[name] = isMask ? numberedMask(bands([0, 1, 2]), values) : await patchPng(height, width, seed);
    }
    const { val } = await open(await manifestFolder(goodManifest, { files, description }));
    expect(new Uint8Array((await val.load()).truth!.mask(0, 0))).toEqual(bands([0, 1, 2]));
    const wrong = goodManifest.replace("val,p3,gland;stroma", "val,p3,gland");
    const contradicting = await open(await manifestFolder(wrong, { files, description }));
    await expect(contradicting.val.load()).rejects.toThrow(
      /is not labelled "stroma", which covers 3\d\.\d % of its mask/,
    );
  });

  test("is understood by the doctor, palettes included", async () => {
    const { findings, splits } = await examine(await folderWith(values, description));
    expect(findings).toEqual([]);
    expect(splits).toEqual((await examine(await folderWith([0, 1, 2], {}))).splits);
  });

  test("tells fingerprints apart, of the dataset and of each split with masks", async () => {
    const plain = await fingerprintDataset(await open(await folderWith(values, {})));
    const described = await fingerprintDataset(await open(await folderWith(values, description)));
    expect("maskIndices" in plain).toBe(false);
    expect(described.maskIndices).toBeDefined();
    for (const split of ["train", "val", "test"] as const) {
      expect(described[split].masks).not.toBe(plain[split].masks);
      expect(described[split].patches).toBe(plain[split].patches);
    }
    const again = await fingerprintDataset(await open(await folderWith(values, description)));
    expect(again).toEqual(described);
  });
});

test("a value that stands for nothing is refused by name, in the loading and by the doctor", async () => {
  const folder = await folderWith([1, 2, 0], { background: 0 });
  const mask = path.join(folder, "val/mask/y.png");
  await writeTree(folder, { "val/mask/y.png": numberedMask(bands([0, 1, 2]), [1, 3, 0]) });
  const { val } = await open(folder);
  await expect(val.load()).rejects.toMatchObject({
    code: "WSSS_ERR_DATASET",
    message: expect.stringMatching(
      /y\.png has the index 3 at pixel x 0, y 1\d; .* \(maskIndices\) its masks hold 0, 1, 2;/,
    ),
    details: { path: mask, failure: "index", index: 3 },
  });
  expect((await examine(folder)).findings).toMatchObject([{ check: "mask-index", files: ["val/mask/y.png"] }]);
});

test("values that are ignored become 255, whether or not 255 is ignored too", async () => {
  const maskIndices = { 0: "ignored", 1: "gland", 2: "stroma" };
  const folder = await folderWith([1, 2, 0], { maskIndices });
  const { truth } = await (await open(folder)).val.load();
  expect(new Uint8Array(truth!.mask(0, 0))).toEqual(bands([0, 1, 255]));
  expect((await examine(folder)).splits.val.ignoredShare).toBeCloseTo(1 / 3, 1);
  const stored = numberedMask(bands([0, 1, 2]), [1, 2, 255]);
  const both = await folderWith([1, 2, 0], { maskIndices, ignoreIndex: 255 });
  const only = await folderWith([1, 2, 0], { maskIndices });
  for (const one of [both, only]) await writeTree(one, { "val/mask/y.png": stored });
  const { truth: second } = await (await open(both)).val.load();
  expect(new Uint8Array(second!.mask(0, 1))).toEqual(bands([0, 1, 255]));
  await expect((await open(only)).val.load()).rejects.toThrow(/y\.png has the index 255/);
});

test("masks that this library has written are not renumbered", async () => {
  const folder = await folderWith([1, 2, 0], { background: 0 });
  const indices = bands([0, 1, 2]);
  const masks = await datasetFolder();
  await writeTree(masks, { "m.png": maskPng(indices, height, width) });
  const levels = [[path.join(masks, "m.png")]];
  const store = await loadMaskStore(fakeStores, { levels, height, width, palette: cleanColours });
  expect(new Uint8Array(store.mask(0, 0))).toEqual(indices);
  // Pseudo masks, through the API.
  const { train } = await openDataset(folder);
  const ours = train.files.map(({ stem }) => [`PM_bn7/${stem}.png`, maskPng(indices, height, width)] as const);
  await writeTree(masks, Object.fromEntries(ours));
  const opened = await PseudoMasks.open(masks, train, { levels: ["bn7"] });
  expect(new Uint8Array(opened.mask("bn7", 0))).toEqual(indices);
});

describe("the doctor asks whether a class is the background", () => {
  /** Patches that are white where their masks say background, and pink where they say tissue. */
  async function glassFolder(values: readonly number[], description: object): Promise<string> {
    const folder = await folderWith(values, description);
    const tones = [190, 150, 245];
    for (const split of ["val", "test"]) {
      for (const [seed, name] of ["x", "y", "z"].entries()) {
        const grey = [...bands([0, 1, 2])].flatMap((index, at) => {
          const tone = tones[index]! - ((at * 7 + seed + (split === "val" ? 0 : 3)) % 13);
          return index === 2 ? [tone, tone, tone] : [tone, tone - 60, tone - 20];
        });
        const image = sharp(Uint8Array.from(grey), { raw: { height, width, channels: 3 } });
        await writeTree(folder, { [`${split}/img/${name}.png`]: await image.png().toBuffer() });
      }
    }
    return folder;
  }
  const asked = ({ findings }: DatasetExamination) => findings.filter(({ check }) => check === "mask-white-class");
  /** Palettes would tell the colours; most such masks have none. */
  async function withoutPalettes(folder: string, values: readonly number[]): Promise<string> {
    for (const split of ["val", "test"]) {
      for (const name of ["x", "y", "z"]) {
        const rows = bands([0, 1, 2]).map((index) => values[index]!);
        const bytes = rawPng({ height, width, bitDepth: 8, colourType: 0, rows });
        await writeTree(folder, { [`${split}/mask/${name}.png`]: bytes });
      }
    }
    return folder;
  }

  test("with the numbers, in each split, and is content once the description says so", async () => {
    const folder = await withoutPalettes(await glassFolder([1, 2, 0], {}), [1, 2, 0]);
    const found = asked(await examine(folder));
    expect(found.map(({ split, severity }) => [split, severity])).toEqual([
      ["val", "warning"],
      ["test", "warning"],
    ]);
    expect(found[0]).toMatchObject({
      problem:
        "in its masks gland (0) is as white as glass in 100.0 % of its pixels, background in 0.0 %; " +
        "100.0 % of all white pixels are gland: is 0 the background?",
      remedy: expect.stringContaining(
        'if it is, say "background": 0 in the description, and no mask has to be rewritten',
      ),
    });
    const described = { ...twoClasses, background: 0 };
    await writeTree(folder, { "wsss-dataset.json": JSON.stringify(described) });
    expect((await examine(folder)).findings).toEqual([]);
  });

  test("of another index than 0 too, and of a numbering that is wrong", async () => {
    const second = await withoutPalettes(await glassFolder([0, 2, 1], {}), [0, 2, 1]);
    expect(asked(await examine(second))[0]?.problem).toMatch(
      /stroma \(1\) is as white as glass .* is 1 the background\?$/,
    );
    const wrong = { maskIndices: { 7: "gland", 8: "stroma", 9: "background" } };
    const third = await withoutPalettes(await glassFolder([9, 8, 7], wrong), [9, 8, 7]);
    const [finding] = asked(await examine(third));
    expect(finding?.problem).toMatch(/gland \(7\) .* is 7 the background\?$/);
    expect(finding?.remedy).toContain("correct maskIndices in the description");
  });

  test("by the description's glass rule", async () => {
    const glass = { greyAbove: 250 };
    const folder = await withoutPalettes(await glassFolder([1, 2, 0], { glass }), [1, 2, 0]);
    expect(asked(await examine(folder))).toEqual([]);
  });

  test("but not where the background is glass, where white lies within tissue, or where nothing is white", async () => {
    expect(asked(await examine(await glassFolder([0, 1, 2], {})))).toEqual([]);
    expect(asked(await examine(await folderWith([1, 2, 0], {})))).toEqual([]);
    const demo = path.join(await datasetFolder(), "data");
    await writeDemoDataset(demo, { patchPx: 64, counts: { train: 12, val: 12, test: 12 }, seed: 6 });
    expect(asked(await examine(demo))).toEqual([]);
    // Glands with white lumina, which are gland in the masks: 60 % of their pixels are white.
    const lumina = await withoutPalettes(await glassFolder([0, 1, 2], {}), [0, 1, 2]);
    const rows = bands([1, 0, 0, 0, 1]);
    const mask = rawPng({ height, width, bitDepth: 8, colourType: 0, rows });
    for (const name of ["x", "y", "z"]) await writeTree(lumina, { [`val/mask/${name}.png`]: mask });
    expect(asked(await examine(lumina)).filter(({ split }) => split === "val")).toEqual([]);
  });
});

test("the doctor says what a palette in another order may mean", async () => {
  const folder = await folderWith([1, 2, 0], {});
  const found = (await examine(folder)).findings.filter(({ check }) => check === "mask-palette-order");
  expect(found[0]?.problem).toBe("draws index 0 (gland) in (255,255,255), the description's colour of background");
  expect(found[0]?.remedy).toContain("or say in the description's background or maskIndices which value is what");
});

test("docs/own-data.md names both entries", async () => {
  const page = await readFile("docs/own-data.md", "utf8");
  for (const entry of ["`maskIndices`", '"background": 0']) expect(page).toContain(entry);
});
