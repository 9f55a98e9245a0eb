// Opening a dataset in the published layout: what is found, and what is refused with which words.
import { copyFile, mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";

import { describe, expect, test } from "@jest/globals";

import { compareCodePoints } from "../dist/dataset/list-files.js";
import { openDatasetWith, type OpenDatasetOptions } from "../dist/dataset/open-dataset.js";
import { datasetFolder, fakeStores, smallDataset, twoClasses, writeTree } from "./support/dataset-folder.js";

const open = async (folder: string, options: OpenDatasetOptions = {}) =>
  await openDatasetWith(async () => fakeStores, folder, options);

/** Expects a typed error whose message matches every pattern. */
async function refused(work: Promise<unknown>, code: string, ...patterns: readonly RegExp[]): Promise<void> {
  const error = await work.then(
    () => new Error("nothing was thrown"),
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ name: "WsssError", code });
  for (const pattern of patterns) expect((error as Error).message).toMatch(pattern);
}

describe("a good dataset", () => {
  test("is described by the file in its folder", async () => {
    const folder = await smallDataset();
    const dataset = await open(folder);
    expect(dataset).toMatchObject({ name: "two classes", folder, glass: null });
    expect(dataset.palette).toEqual([
      [200, 0, 0],
      [0, 0, 200],
      [255, 255, 255],
    ]);
    expect(dataset.description.labels).toEqual({
      rule: "separated",
      grammar: "strict",
      allowEmpty: false,
      minClassShare: 0,
    });
    expect([dataset.train.count, dataset.val.count, dataset.test.count]).toEqual([3, 2, 2]);
    expect(dataset.train.files[0]).toEqual({
      stem: "a[1 0]",
      imagePath: path.join(folder, "train", "a[1 0].png"),
      maskPath: path.join(folder, "train_mask", "a[1 0].png"),
      labels: [1, 0],
    });
    expect(dataset.val.files[0]).toEqual({
      stem: "x",
      imagePath: path.join(folder, "val", "img", "x.png"),
      maskPath: path.join(folder, "val", "mask", "x.png"),
    });
    expect([dataset.train.hasMasks, dataset.test.hasMasks]).toEqual([true, true]);
  });

  test("may be described by an object or a file elsewhere, or by a preset", async () => {
    const folder = await smallDataset();
    const elsewhere = path.join(await datasetFolder(), "mine.json");
    const other = { ...twoClasses, name: "other", glass: { minAreaPx: 10 } };
    await writeFile(elsewhere, `\ufeff${JSON.stringify(other)}`);
    for (const description of [other, elsewhere]) {
      const dataset = await open(folder, { description });
      expect(dataset).toMatchObject({ name: "other", glass: { greyAbove: 200, minAreaPx: 10 } });
    }
    const published = await datasetFolder();
    await writeTree(published, { "train/x[0110].png": "not decoded yet" });
    const bcss = await open(published, { preset: "bcss-wsss" });
    expect(bcss.train.files[0]?.labels).toEqual([0, 1, 1, 0]);
    expect(bcss.classes.map(({ name }) => name)).toEqual(["tumour", "stroma", "lymphocytic infiltrate", "necrosis"]);
    expect([bcss.val.count, bcss.test.hasMasks]).toEqual([0, false]);
    await rename(path.join(published, "train", "x[0110].png"), path.join(published, "train", "x[0 1 1 0].png"));
    const luad = await open(published, { preset: "luad-histoseg" });
    expect(luad).toMatchObject({ name: "LUAD-HistoSeg", glass: { greyAbove: 200, minAreaPx: 50 } });
  });

  test("is ordered by code point whatever the locale and the directory say", async () => {
    const stems = ["b", "a", "B", "_", "10", "9", "é", "z", "\ufffd", "\u{1f52c}", "a b", "a-b"];
    const folder = await datasetFolder();
    await writeTree(folder, Object.fromEntries(stems.map((stem) => [`train/${stem}[1 0].png`, ""])));
    const { train } = await open(folder, { description: twoClasses });
    const sorted = ["10", "9", "B", "_", "a b", "a-b", "a", "b", "z", "é", "\ufffd", "\u{1f52c}"];
    expect(train.files.map(({ stem }) => stem.replace("[1 0]", ""))).toEqual(sorted);
    expect(["\u{1f52c}", "\ufffd"].sort(compareCodePoints)).toEqual(["\ufffd", "\u{1f52c}"]);
  });

  test("lists what it leaves out; hidden files are none of its business", async () => {
    const folder = await smallDataset();
    await writeTree(folder, { "train/notes.txt": "", "train/.DS_Store": "", "val/mask/x.jpg": "", "patches.csv": "" });
    const dataset = await open(folder);
    expect(dataset.train.skipped).toEqual([path.join(folder, "train", "notes.txt")]);
    expect(dataset.val.skipped).toEqual([path.join(folder, "val", "mask", "x.jpg")]);
    expect(dataset.train.count).toBe(3);
  });

  test("may have labels in the names of val, other picture formats, and masks of train named without label", async () => {
    const folder = await datasetFolder();
    await writeTree(folder, {
      "train/a[1 0].JPG": "",
      "train/b[0 1].tiff": "",
      "train_mask/a.png": "",
      "train_mask/b[0 1].png": "",
      "val/img/v[0 1].webp": "",
      "val/mask/v[0 1].png": "",
      "test/img/t[3].png": "",
      "test/mask/t[3].png": "",
    });
    const dataset = await open(folder, { description: twoClasses });
    expect(dataset.train.files.map(({ maskPath }) => path.basename(maskPath!))).toEqual(["a.png", "b[0 1].png"]);
    expect(dataset.val.files[0]?.labels).toEqual([0, 1]);
    expect(dataset.test.files[0]?.labels).toBeUndefined();
  });

  test("needs only the splits that are asked for", async () => {
    const folder = await smallDataset();
    await rm(path.join(folder, "train"), { recursive: true });
    await rm(path.join(folder, "val"), { recursive: true });
    await refused(open(folder), "WSSS_ERR_DATASET", /no folder train, only test, train_mask, wsss-dataset\.json/);
    const dataset = await open(folder, { require: ["test"] });
    expect([dataset.train.count, dataset.val.count, dataset.test.count]).toEqual([0, 0, 2]);
    await refused(open(folder, { require: ["test", "val"] }), "WSSS_ERR_DATASET", /no folder val\/img/);
  });

  test("has seeded subsets in the same order on every machine", async () => {
    const folder = await datasetFolder();
    const names = Array.from({ length: 50 }, (_, index) => `p${String(index).padStart(2, "0")}`);
    await writeTree(folder, Object.fromEntries(names.map((name) => [`train/${name}[1 0].png`, ""])));
    const { train } = await open(folder, { description: twoClasses });
    const stems = (count: number, seed?: number): string[] =>
      train.subset(count, seed).files.map(({ stem }) => stem.slice(1, 3));
    expect(stems(6, 7)).toEqual(stems(6, 7));
    expect(stems(6, 7)).not.toEqual(stems(6, 8));
    expect(stems(6, 7)).toEqual([...stems(6, 7)].sort());
    expect(new Set(stems(20, 1)).size).toBe(20);
    expect(stems(50)).toEqual(stems(99));
    expect(stems(5, 3)).toEqual(["06", "16", "20", "34", "47"]);
    for (const count of [0, -1, 1.5, Number.NaN])
      expect(() => train.subset(count)).toThrow(/count must be a whole number of at least 1/);
    expect(() => train.subset(3, 0.5)).toThrow(/seed must be a whole number/);
  });
});

describe("a bad folder", () => {
  test("missing, a file, empty, or with nothing that describes it", async () => {
    const folder = await datasetFolder();
    const preset = { preset: "luad-histoseg" } as const;
    await refused(open(path.join(folder, "gone"), preset), "WSSS_ERR_DATASET", /no dataset at .*gone: no such folder/);
    await refused(open(folder), "WSSS_ERR_DATASET", /is an empty folder/);
    await refused(open(folder, preset), "WSSS_ERR_DATASET", /is an empty folder/);
    await writeTree(folder, { "inner/train/a[1 0 0 0].png": "" });
    await refused(
      open(folder),
      "WSSS_ERR_DATASET",
      /nothing says which classes/,
      /wsss-dataset\.json/,
      /luad-histoseg or bcss-wsss/,
    );
    await refused(open(folder, preset), "WSSS_ERR_DATASET", /no folder train, only inner; did you mean .*inner\?/);
    await refused(open(path.join(folder, "inner/train/a[1 0 0 0].png")), "WSSS_ERR_DATASET", /is a file/);
    await refused(open(path.join(folder, "inner/train/a[1 0 0 0].png/x")), "WSSS_ERR_DATASET", /no such folder/);
  });

  test("train empty, without pictures, or a file", async () => {
    const folder = await datasetFolder();
    await mkdir(path.join(folder, "train"));
    await refused(open(folder, { description: twoClasses }), "WSSS_ERR_DATASET", /train holds no patches/);
    await writeTree(folder, { "train/readme.txt": "" });
    await refused(
      open(folder, { description: twoClasses }),
      "WSSS_ERR_DATASET",
      /holds no patches .*1 other files, such as readme\.txt/,
    );
    await rm(path.join(folder, "train"), { recursive: true });
    await writeTree(folder, { train: "" });
    await refused(open(folder, { description: twoClasses }), "WSSS_ERR_DATASET", /train is a file/);
  });

  test("a subfolder among the patches, two files of one stem", async () => {
    const folder = await smallDataset();
    await mkdir(path.join(folder, "train", "more"));
    await refused(open(folder), "WSSS_ERR_DATASET", /train\/more is a folder among the files/);
    await rm(path.join(folder, "train", "more"), { recursive: true });
    await writeTree(folder, { "train/a[1 0].jpg": "" });
    await refused(open(folder), "WSSS_ERR_DATASET", /holds both a\[1 0\]\.jpg and a\[1 0\]\.png/);
  });
});

describe("bad labels", () => {
  test.each([
    ["without label", "plain.png", /plain\.png: has no label in brackets/],
    ["of the wrong length", "p[1 0 1].png", /p\[1 0 1\]\.png: has a label of 3 entries for 2 classes/],
    ["all zero", "p[0 0].png", /p\[0 0\]\.png: has a label that names no class.*allowEmptyLabels/],
    ["of the other spelling", "p[10].png", /spelled by the rule "characters"/],
    ["above 1", "p[2 0].png", /has a 2 in its label/],
  ])("%s", async (_, name, pattern) => {
    const folder = await smallDataset();
    await copyFile(path.join(folder, "train", "a[1 0].png"), path.join(folder, "train", name));
    await rm(path.join(folder, "train_mask"), { recursive: true });
    await refused(
      open(folder),
      "WSSS_ERR_DATASET",
      /1 of 4 patches has no valid label/,
      pattern,
      /NAME\[1 0\]\.png, in the order gland, stroma/,
    );
  });

  test("many at once: the count, and the first five", async () => {
    const folder = await datasetFolder();
    const names = Array.from({ length: 8 }, (_, index) => [`train/n${index}.png`, ""] as const);
    await writeTree(folder, { ...Object.fromEntries(names), "train/ok[1 0].png": "" });
    const opened = open(folder, { description: twoClasses });
    await refused(
      opened,
      "WSSS_ERR_DATASET",
      /^8 of 9 patches have no valid label/,
      /n4\.png: has no label/,
      /and 3 more/,
    );
    await expect(opened).rejects.toMatchObject({
      details: { count: 8, files: ["n0.png", "n1.png", "n2.png", "n3.png", "n4.png"] },
    });
  });

  test("labels without a class are allowed by option, and by the description", async () => {
    const folder = await datasetFolder();
    await writeTree(folder, { "train/p[0 0].png": "" });
    const allowed = await open(folder, { description: twoClasses, allowEmptyLabels: true });
    expect(allowed.train.files[0]?.labels).toEqual([0, 0]);
    const labels = { rule: "separated", allowEmpty: true } as const;
    expect((await open(folder, { description: { ...twoClasses, labels } })).train.count).toBe(1);
    await refused(
      open(folder, { description: { ...twoClasses, labels }, allowEmptyLabels: false }),
      "WSSS_ERR_DATASET",
      /names no class/,
    );
  });

  test("the published grammar is an option, but what cannot be trained on is still refused", async () => {
    const folder = await datasetFolder();
    await writeTree(folder, { "train/p[1-0]extra.png": "" });
    await refused(
      open(folder, { description: twoClasses }),
      "WSSS_ERR_DATASET",
      /has "extra" behind its label \[1-0\]; the label must end the name/,
    );
    const description = { ...twoClasses, labels: { rule: "separated", grammar: "published" } } as const;
    expect((await open(folder, { description })).train.files[0]?.labels).toEqual([1, 0]);
    await writeTree(folder, { "train/q[2 0].png": "" });
    await refused(open(folder, { description }), "WSSS_ERR_DATASET", /q\[2 0\]\.png: has a 2 in its label/);
  });

  test("names of val with and without labels are not mixed", async () => {
    const folder = await smallDataset();
    for (const kind of ["img", "mask"]) {
      await rename(path.join(folder, "val", kind, "x.png"), path.join(folder, "val", kind, "x[0 1].png"));
    }
    await refused(open(folder), "WSSS_ERR_DATASET", /1 of 2 patches has no valid label in .*val\/img/, /y\.png/);
  });
});

describe("masks that do not fit", () => {
  test("none, one missing, one too many, other names", async () => {
    const folder = await smallDataset();
    await rename(path.join(folder, "val", "mask", "y.png"), path.join(folder, "val", "mask", "z.png"));
    await refused(
      open(folder),
      "WSSS_ERR_DATASET",
      /1 of 2 patches has no true mask/,
      /y\.png: no mask y\.png/,
      /1 masks there have no patch, such as z\.png/,
    );
    await rm(path.join(folder, "val", "mask", "z.png"));
    await refused(open(folder), "WSSS_ERR_DATASET", /y\.png: no mask y\.png/);
    await rm(path.join(folder, "val", "mask"), { recursive: true });
    await refused(open(folder), "WSSS_ERR_DATASET", /there is no folder .*val\/mask with their true masks/);
    await rm(path.join(folder, "val", "img"), { recursive: true });
    await mkdir(path.join(folder, "val", "images"));
    await refused(open(folder), "WSSS_ERR_DATASET", /val has no folder img/);
  });

  test("masks without patch", async () => {
    const folder = await smallDataset();
    await copyFile(path.join(folder, "test", "mask", "x.png"), path.join(folder, "test", "mask", "extra.png"));
    await refused(open(folder), "WSSS_ERR_DATASET", /1 of 3 masks has no patch in .*test\/img/, /extra\.png/);
  });

  test("train_mask partly filled is refused, absent or empty is fine", async () => {
    const folder = await smallDataset();
    await rm(path.join(folder, "train_mask", "a[1 0].png"));
    await refused(open(folder), "WSSS_ERR_DATASET", /1 of 3 patches has no true mask in .*train_mask/);
    await rm(path.join(folder, "train_mask"), { recursive: true });
    await mkdir(path.join(folder, "train_mask"));
    expect((await open(folder)).train.hasMasks).toBe(false);
    await rm(path.join(folder, "train_mask"), { recursive: true });
    expect((await open(folder)).train.hasMasks).toBe(false);
  });
});

describe("bad options", () => {
  test.each([
    [{ preset: "luad" }, /preset must be "luad-histoseg" or "bcss-wsss", received "luad"/],
    [{ presets: "x" }, /presets is not known here/],
    [{ allowEmptyLabels: 1 }, /allowEmptyLabels must be true or false, received 1/],
    [{ require: ["dev"] }, /require\[0\] must be "train" or "val" or "test", received "dev"/],
    [{ preset: "bcss-wsss", description: twoClasses }, /exclude each other/],
    [{ description: 7 }, /must be an object, received 7/],
    [null, /must be an object, received null/],
  ])("%j", async (options, pattern) => {
    await refused(open("/no/such/folder", options as never), "WSSS_ERR_OPTION", pattern);
  });

  test("a folder that is no path", async () => {
    for (const folder of ["", 7, undefined, null]) {
      await refused(open(folder as never, {}), "WSSS_ERR_OPTION", /folder must be the path of a dataset/);
    }
  });
});

test("links to files are followed, folders that cannot be listed are WSSS_ERR_IO", async () => {
  const folder = await smallDataset();
  await symlink(path.join(folder, "train", "a[1 0].png"), path.join(folder, "train", "d[1 0].png"));
  await rm(path.join(folder, "train_mask"), { recursive: true });
  expect((await open(folder)).train.count).toBe(4);
  const loop = path.join(folder, "loop");
  await symlink(loop, loop);
  await refused(open(loop, { preset: "bcss-wsss" }), "WSSS_ERR_IO", /symbolic links form a loop/);
});
