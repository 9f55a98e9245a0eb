// Datasets by manifest: good ones in CSV and JSON, and everything that can be wrong with rows and columns.
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";

import { describe, expect, test } from "@jest/globals";

import { fingerprintDataset } from "../dist/dataset/dataset-fingerprint.js";
import { openDatasetWith, type OpenDatasetOptions } from "../dist/dataset/open-dataset.js";
import { datasetFolder, fakeStores, indexPattern, maskPng, writeTree } from "./support/dataset-folder.js";
import { byManifest, goodManifest, manifestFolder, namedFiles, realManifestFolder } from "./support/manifest-folder.js";

const open = async (folder: string, options: OpenDatasetOptions = {}) =>
  await openDatasetWith(async () => fakeStores, folder, options);

/** The error of a dataset that is refused. */
async function refusal(work: Promise<unknown>): Promise<Error & { code: string; details: Record<string, any> }> {
  const thrown: unknown = await work.then(
    () => new Error("nothing was thrown"),
    (error: unknown) => error,
  );
  return thrown as Error & { code: string; details: Record<string, any> };
}

async function expectRefused(work: Promise<unknown>, ...patterns: readonly RegExp[]): Promise<void> {
  const error = await refusal(work);
  expect(error).toMatchObject({ name: "WsssError", code: "WSSS_ERR_DATASET" });
  for (const pattern of patterns) expect(error.message).toMatch(pattern);
}

const summary = ({ files }: Awaited<ReturnType<typeof open>>["train"]) =>
  files.map(({ stem, labels, patient }) => [stem, labels, patient]);

describe("rows without a label", () => {
  const skipping = { labels: { rule: "manifest", file: "patches.csv", unlabelled: "skip" } };
  const rows = [
    "image,mask,split,labels",
    "a/one.png,,train,gland",
    "a/two.jpg,,train,",
    "b/three.png,m/three.png,val,",
    "b/four.png,,test,",
  ].join("\n");

  test("are left out where the description says so, and counted; a mask is as good as a label in val", async () => {
    const folder = await manifestFolder(rows.replace("train,gland", "train,gland;stroma"), { description: skipping });
    const { train, val, test: last } = await open(folder);
    expect([train, val, last].map(({ count, unlabelled }) => [count, unlabelled])).toEqual([
      [1, 1],
      [1, 0],
      [0, 1],
    ]);
  });

  test("are refused where it does not", async () => {
    await expectRefused(open(await manifestFolder(rows)), /line 3: has no label/);
  });

  test("no label at all says what to do", async () => {
    const none = rows.replace("train,gland", "train,");
    const folder = await manifestFolder(none, { description: skipping });
    await expectRefused(
      open(folder),
      /none of the 2 patches of train in .* has a label yet; give them some by wsss-tissue label/,
    );
    expect((await open(folder, { require: [] })).train.unlabelled).toBe(2);
  });

  test("the background's name alone says that no class is there", async () => {
    const labels = { ...skipping.labels, allowEmpty: true };
    const text = rows.replace("train,\n", "train,background\n").replace("train,gland", "train,gland;stroma");
    const { train } = await open(await manifestFolder(text, { description: { labels } }));
    expect(train.files.map((file) => file.labels)).toEqual([
      [1, 1],
      [0, 0],
    ]);
    const refused = open(await manifestFolder(text, { description: skipping }));
    await expectRefused(refused, /line 3: has a label that names no class/);
    const both = text.replace("background", "gland;background");
    await expectRefused(open(await manifestFolder(both)), /line 3: names the background, "background", beside others/);
  });

  test("drawn splits do not change while more patches get a label", async () => {
    const split = { by: "patient", val: 0.3, test: 0.3 };
    const lines = (label: string): string =>
      [
        "image,patient,labels",
        ...["a/one.png", "a/two.jpg", "b/three.png", "b/four.png"].map(
          (image, index) => `${image},p${index},${index === 0 ? "gland;stroma" : label}`,
        ),
      ].join("\n");
    const splitsOf = async (label: string): Promise<string[][]> => {
      const found = await open(await manifestFolder(lines(label), { description: { ...skipping, split } }), {
        require: [],
      });
      return [found.train, found.val, found.test].map(({ files }) => files.map(({ stem }) => stem));
    };
    const all = await splitsOf("gland;stroma");
    for (const [index, stems] of (await splitsOf("")).entries()) {
      expect(stems).toEqual(all[index]?.filter((stem) => stem === "one"));
    }
  });
});

describe("a good manifest", () => {
  test("CSV: files anywhere below the folder, labels, masks and patients, ordered by name", async () => {
    const folder = await manifestFolder(goodManifest);
    const dataset = await open(folder, { require: ["train", "val", "test"] });
    expect(dataset.manifest).toBe(path.join(folder, "patches.csv"));
    expect(dataset.train.files).toEqual([
      { stem: "one", imagePath: path.join(folder, "a/one.png"), labels: [1, 0], patient: "p1" },
      { stem: "two", imagePath: path.join(folder, "a/two.jpg"), labels: [1, 1], patient: "p2" },
    ]);
    expect(dataset.val.files).toEqual([
      {
        stem: "three",
        imagePath: path.join(folder, "b/three.png"),
        maskPath: path.join(folder, "m/three.png"),
        labels: [1, 1],
        patient: "p3",
      },
    ]);
    expect([dataset.train.hasMasks, dataset.val.hasMasks, dataset.test.hasMasks]).toEqual([false, true, true]);
  });

  const train = [
    ["one", [1, 0], "p1"],
    ["two", [1, 1], "p2"],
  ];
  const files = namedFiles;
  const rows = (labels: readonly unknown[]): string =>
    JSON.stringify([
      { image: "a/two.jpg", split: "train", patient: "p2", labels: labels[1], note: 7 },
      { image: "./a/one.png", mask: null, split: "train", patient: "p1", labels: labels[0] },
    ]);
  const json = { labels: { rule: "manifest", file: "patches.json" } };
  test.each<readonly [string, string, object]>([
    [
      "one column for each class, other columns, Windows line ends, a byte order mark, quotes, empty lines",
      '\ufeffstroma,image,"grade",gland,split,patient\r\n\r\n0,a/one.png,"x, ""y""",1,train,p1\r\n1,a/two.jpg,,1,train,p2\r\n',
      {},
    ],
    [
      "spaces around cells",
      "image , split,labels, patient\na/two.jpg, train ,stroma;gland;,p2\na/one.png,train,gland,p1",
      {},
    ],
    ["JSON with class names", rows([["gland"], ["stroma", "gland"]]), json],
    [
      "JSON with 0 and 1",
      rows([
        [1, 0],
        [1, 1],
      ]),
      json,
    ],
  ])("%s", async (_, manifest, description) => {
    const dataset = await open(await manifestFolder(manifest, { files, description: description as never }));
    expect(summary(dataset.train)).toEqual(train);
  });

  test("numbers of a JSON file are patients too", async () => {
    const manifest = JSON.stringify([{ image: "a/one.png", split: "train", patient: 17, labels: [1, 1] }]);
    const dataset = await open(await manifestFolder(manifest, { description: json }));
    expect(dataset.train.files[0]?.patient).toBe("17");
  });

  test("paths are relative to the manifest, or to the dataset where the manifest lies outside of it", async () => {
    const manifest = "image,split,labels\none.png,train,gland;stroma";
    const description = { labels: { rule: "manifest", file: "lists/patches.csv" } };
    const inside = await manifestFolder(manifest, { files: { "lists/one.png": "" }, description });
    expect((await open(inside)).train.files[0]?.imagePath).toBe(path.join(inside, "lists", "one.png"));
    const elsewhere = await manifestFolder(manifest, { files: {} });
    const data = await datasetFolder();
    await writeTree(data, { "one.png": "" });
    const dataset = await open(data, { description: path.join(elsewhere, "wsss-dataset.json") });
    expect(dataset.train.files[0]?.imagePath).toBe(path.join(data, "one.png"));
  });

  test("val and test without any label read theirs from the masks, as in the published layout", async () => {
    const folder = await realManifestFolder();
    const manifest = goodManifest.replaceAll(/^(b\/.*),gland;stroma$/gm, "$1,");
    await writeFile(path.join(folder, "patches.csv"), manifest);
    const { val } = await open(folder);
    expect(val.files[0]?.labels).toBeUndefined();
    expect([...new Uint8Array((await val.load()).patches.labels(0))]).toEqual([1, 1]);
  });

  test("a split of labels alone can be loaded, but has no truth to segment against", async () => {
    const manifest = goodManifest.replaceAll(/,m\/\w+\.png/g, ",");
    const folder = await realManifestFolder();
    await writeFile(path.join(folder, "patches.csv"), manifest);
    const { test: split } = await open(folder);
    expect([split.count, split.hasMasks, (await split.load()).truth]).toEqual([1, false, null]);
    await expectRefused(
      split.loadTruth(),
      /no true masks; name one for each patch in the column mask of .*patches\.csv/,
    );
  });

  test("empty labels are kept where they are allowed", async () => {
    const manifest = "image,split,labels\na/one.png,train,\na/two.jpg,train,gland;stroma";
    const folder = await manifestFolder(manifest);
    await expectRefused(open(folder), /line 2: has no label; remove the patch, or set allowEmptyLabels/);
    const { train: split } = await open(folder, { allowEmptyLabels: true });
    expect(split.files.map(({ labels }) => labels)).toEqual([
      [0, 0],
      [1, 1],
    ]);
  });
});

describe("fingerprints", () => {
  test("change with a label, a patient and a split, not with the place or the order of rows", async () => {
    const of = async (manifest: string): Promise<string> =>
      JSON.stringify(await fingerprintDataset(await open(await manifestFolder(manifest))));
    const lines = goodManifest.split("\n");
    const reference = await of(goodManifest);
    expect(await of([lines[0], ...lines.slice(1).reverse()].join("\n"))).toBe(reference);
    const changes = [
      goodManifest.replace("train,p1,gland", "train,p1,stroma"),
      goodManifest.replace("p1", "p9"),
      goodManifest.replace("val,p3", "test,p3"),
    ];
    const digests = await Promise.all(changes.map(of));
    expect(new Set([reference, ...digests]).size).toBe(4);
  });

  test("of datasets without patients are those of names and labels alone", async () => {
    const manifest = "image,split,labels\na/one.png,train,gland;stroma";
    const plain = await open(await manifestFolder(manifest));
    const published = await datasetFolder();
    await writeTree(published, { "train/one.png": "" });
    const { patches } = (await fingerprintDataset(plain)).train;
    // One line: name, label, size.
    const { createHash } = await import("node:crypto");
    expect(patches).toBe(createHash("sha256").update("one.png\t11\t0\n").digest("hex"));
  });
});

describe("what is wrong with the rows is said at once", () => {
  const head = "image,mask,split,patient,labels";
  const ok = "a/one.png,,train,p1,gland;stroma";
  const cases: readonly (readonly [string, readonly string[], readonly RegExp[]])[] = [
    [
      "a missing image",
      ["a/gone.png,,train,p2,gland"],
      [/line 3: image a\/gone\.png is not there \(\/.*a\/gone\.png\)/],
    ],
    ["a missing mask", ["b/four.png,m/gone.png,test,p2,gland"], [/line 3: mask m\/gone\.png is not there/]],
    ["a folder in place of an image", ["a/folder.png,,train,p2,gland"], [/image a\/folder\.png is not a file/]],
    ["no image", [",,train,p2,gland"], [/line 3: names no image/]],
    ["an absolute path", ["/etc/one.png,,train,p2,gland"], [/image "\/etc\/one\.png" must be relative/]],
    ["a drive", ["C:one.png,,train,p2,gland"], [/must be relative/]],
    ["a path upwards", ["a/../../one.png,,train,p2,gland"], [/must not leave its folder by \.\./]],
    ["backslashes", ["a\\one.png,,train,p2,gland"], [/must be written with \/, not with backslashes/]],
    ["an image of another kind", ["a/one.bmp,,train,p2,gland"], [/image a\/one\.bmp does not end with \.png, \.jpg/]],
    [
      "a mask in a lossy format",
      ["b/four.png,m/four.jpg,test,p2,gland"],
      [/mask m\/four\.jpg is no PNG file; masks are index PNGs, as lossy formats change classes/],
    ],
    ["a repeated image", ["./a//one.png,,train,p1,gland"], [/line 3: image a\/one\.png stands in line 2 already/]],
    [
      "two images of one stem in a split",
      ["b/one.png,,train,p1,gland"],
      [/line 3: b\/one\.png and a\/one\.png \(line 2\) would both have the pseudo mask one\.png/],
    ],
    ["too few cells", ["a/two.jpg,,train"], [/line 3: has 3 cells for the 5 columns of the header/]],
    ["too many cells", ["a/two.jpg,,train,p2,gland,1"], [/line 3: has 6 cells/]],
    ["no label", ["a/two.jpg,,train,p2,"], [/line 3: has no label; remove the patch/]],
    [
      "an unknown class",
      ["a/two.jpg,,train,p2,Glands"],
      [/line 3: names "Glands", which is no class; did you mean "gland"\?/],
    ],
    ["another separator", ['a/two.jpg,,train,p2,"gland, stroma"'], [/names are separated by ;/]],
    ["a class twice", ["a/two.jpg,,train,p2,gland;gland"], [/names "gland" twice/]],
    [
      "another split",
      ["a/two.jpg,,Training,p2,gland"],
      [/line 3: has the split "Training"; it must be train, val or test/],
    ],
    ["no split", ["a/two.jpg,,,p2,gland"], [/line 3: names no split/]],
    ["no patient", ["a/two.jpg,,train,,gland"], [/line 3: names no patient; name one in each row, or drop the column/]],
    [
      "masks for a part of a split",
      ["b/four.png,m/four.png,test,p2,gland", "b/three.png,,test,p2,gland"],
      [/line 4: names no mask, unlike others of test/],
    ],
    [
      "a patient in two splits",
      ["b/four.png,m/four.png,test,p1,gland", "b/three.png,m/three.png,test,p1,gland"],
      [/patient p1: 1 patches in train, 2 patches in test, .*"allowPatientLeak": true/],
    ],
  ];
  test.each(cases)("%s", async (_, rows, patterns) => {
    const folder = await manifestFolder([head, ok, ...rows].join("\n"));
    await mkdir(path.join(folder, "a/folder.png"));
    await writeTree(folder, { "b/one.png": "" });
    const error = await refusal(open(folder));
    expect(error).toMatchObject({ name: "WsssError", code: "WSSS_ERR_DATASET", details: { count: 1 } });
    expect(error.message).toMatch(/^manifest .*patches\.csv has 1 problem in \d rows:/);
    for (const pattern of patterns) expect(error.message).toMatch(pattern);
  });

  test("all kinds together, each with its first three and its count", async () => {
    const gone = [1, 2, 3, 4, 5].map((n) => `gone${n}.png,,train,p1,gland;stroma`);
    const manifest = [head, ...gone, "a/one.png,,dev,p1,gland", "a/two.jpg,,train,p1,gold"].join("\n");
    const error = await refusal(open(await manifestFolder(manifest)));
    expect(error.message).toMatch(/has 7 problems in 7 rows:/);
    expect(error.message).toMatch(/line 4: image gone3\.png is not there.*\n {2}and 2 more of this kind\n/);
    expect(error.message).not.toMatch(/gone4/);
    expect(error.message).toMatch(/line 7: has the split "dev"/);
    expect(error.message).toMatch(/line 8: names "gold"/);
    expect(error.details).toMatchObject({ count: 7, kinds: { image: 5, split: 1, label: 1 }, rows: 7 });
  });

  test("a patient in two splits is let through where the description says so", async () => {
    const manifest = goodManifest.replace("test,p4", "test,p1");
    await expectRefused(open(await manifestFolder(manifest)), /patient p1: 1 patches in train, 1 patches in test/);
    const dataset = await open(await manifestFolder(manifest, { description: { allowPatientLeak: true } }));
    expect(dataset.test.files[0]?.patient).toBe("p1");
  });

  test("a class that never occurs in train is named; in a manifest without train it does not matter", async () => {
    const manifest = `${head}\na/one.png,,train,p1,gland\nb/four.png,m/four.png,test,p2,gland;stroma`;
    await expectRefused(
      open(await manifestFolder(manifest)),
      /class "stroma": never occurs in the labels of the 1 train/,
    );
    const onlyTest = `${head}\nb/four.png,m/four.png,test,p2,gland`;
    const dataset = await open(await manifestFolder(onlyTest), { require: ["test"] });
    expect([dataset.train.count, dataset.test.count]).toEqual([0, 1]);
    await expectRefused(open(await manifestFolder(onlyTest)), /manifest .* has no patches of train/);
  });

  test("one column for each class: what is neither 0 nor 1", async () => {
    const manifest = "image,split,gland,stroma\na/one.png,train,1,yes\na/two.jpg,train,,1";
    await expectRefused(
      open(await manifestFolder(manifest)),
      /line 2: has "yes" in the column "stroma", where 0 or 1 is expected/,
      /line 3: has nothing in the column "gland"/,
    );
  });

  test("JSON: entries that are none, labels of other kinds", async () => {
    const entry = (labels: unknown): object => ({ image: "a/one.png", split: "train", labels });
    const manifest = JSON.stringify([
      7,
      entry([1]),
      { ...entry([2, 0]), image: 3 },
      { ...entry({}), image: "a/two.jpg" },
    ]);
    await expectRefused(
      open(await manifestFolder(manifest, { description: { labels: { rule: "manifest", file: "patches.json" } } })),
      /entry 1: is not an object/,
      /entry 2: has a label of 1 entries for 2 classes/,
      /entry 3: has 2 in its labels/,
      /entry 3: has the image 3, which is no path/,
      /entry 4: has the labels \{\}; a list of class names is expected/,
    );
  });
});

describe("what is wrong with the file or its columns", () => {
  const row = "a/one.png,train,gland;stroma";
  test.each<readonly [string, string, RegExp]>([
    ["empty", "", /manifest .* is empty; its first line must name the columns/],
    ["a header alone", "image,split,labels\n", /names no patches/],
    ["semicolons between columns", `image;split;labels\n${row}`, /separates its columns by ;; save it with commas/],
    ["tabs between columns", "image\tsplit\tlabels\n", /separates its columns by tabs/],
    ["an open quote", `image,split,labels\n"a/one.png,train,gland`, /is not valid CSV, line 2: Quote Not Closed/],
    ["no image column", `file,split,labels\n${row}`, /there is no column image/],
    ["a misspelled column", `image,Splits,labels\n${row}`, /column "Splits" is not known; did you mean "split"\?/],
    [
      "a patient column that would turn off the leak check",
      "image,split,labels,patient_id\na/one.png,train,gland,1",
      /column "patient_id" is not known; did you mean "patient"\?/,
    ],
    [
      "a misspelled class",
      "image,split,gland,stroma_\na/one.png,train,1,1",
      /"stroma_" is not known; did you mean "stroma"\?/,
    ],
    ["a class without column", "image,split,gland\na/one.png,train,1", /there is no column for the class "stroma"/],
    [
      "no labels",
      "image,split\na/one.png,train",
      /neither a column labels nor one for each class \("gland", "stroma"\)/,
    ],
    [
      "labels twice",
      "image,split,labels,gland\na/one.png,train,gland,1",
      /both a column labels and columns of classes/,
    ],
    ["a column twice", "image,split,labels,image\na/one.png,train,gland,x", /the column "image" is there twice/],
    ["no split and no draw", "image,labels\na/one.png,gland", /no column split\nAdd one .*"split": \{"by": "patient"/],
  ])("%s", async (_, manifest, pattern) => {
    await expectRefused(open(await manifestFolder(manifest)), pattern);
  });

  test.each<readonly [string, string, RegExp]>([
    ["not JSON", "[", /patches\.json is not valid JSON/],
    ["no list", "{}", /must be a JSON list with one object for each patch/],
    ["an empty list", "[]", /names no patches/],
  ])("JSON: %s", async (_, manifest, pattern) => {
    const description = { labels: { rule: "manifest", file: "patches.json" } };
    await expectRefused(open(await manifestFolder(manifest, { description })), pattern);
  });

  test("no manifest is WSSS_ERR_IO and names it", async () => {
    const folder = await manifestFolder(goodManifest);
    await rm(path.join(folder, "patches.csv"));
    await expect(open(folder)).rejects.toMatchObject({
      code: "WSSS_ERR_IO",
      message: expect.stringMatching(/patches\.csv/),
    });
  });

  test.each<readonly [string, object, RegExp]>([
    ["no file", { labels: { rule: "manifest" } }, /labels\.file is missing/],
    [
      "another ending",
      { labels: { rule: "manifest", file: "a.txt" } },
      /labels\.file must end with \.csv or \.json, received "a\.txt"/,
    ],
    ["an absolute path", { labels: { rule: "manifest", file: "/a.csv" } }, /labels\.file must be relative/],
    ["a path upwards", { labels: { rule: "manifest", file: "../a.csv" } }, /labels\.file must not leave its folder/],
    [
      "a grammar",
      { labels: { rule: "manifest", file: "a.csv", grammar: "strict" } },
      /labels\.grammar is not known here/,
    ],
    ["a split without manifest", { labels: { rule: "separated" }, split: { by: "patient" } }, /split needs patients/],
    [
      "leaks without manifest",
      { labels: { rule: "separated" }, allowPatientLeak: true },
      /allowPatientLeak needs patients/,
    ],
    ["nothing for train", { split: { by: "patient", val: 0.5, test: 0.5 } }, /split leaves nothing for train/],
    ["a split by slides", { split: { by: "slide" } }, /split\.by must be "patient", received "slide"/],
    ["a share of 1", { split: { by: "patient", val: 1 } }, /split\.val must be below 1, received 1/],
  ])("the description: %s", async (_, description, pattern) => {
    await expect(open(".", { description: { ...byManifest, ...description } as never })).rejects.toMatchObject({
      code: "WSSS_ERR_OPTION",
      message: expect.stringMatching(pattern),
    });
  });
});

describe("labels against masks of val and test", () => {
  test("a class that the mask lacks, and one that it has, are counted and shown", async () => {
    const folder = await realManifestFolder();
    const manifest = goodManifest.replace("val,p3,gland;stroma", "val,p3,gland");
    await writeFile(path.join(folder, "patches.csv"), manifest);
    await expectRefused(
      (await open(folder)).val.load(),
      /^1 of 1 patches has a label in the val split of two classes that contradicts the true mask:/,
      /three\.png: is not labelled "stroma", which covers 33\.\d % of its mask/,
      /labels\.minClassShare in the description \(now 0\)/,
    );
    const onlyStroma = new Uint8Array(40 * 36).fill(1);
    await writeFile(path.join(folder, "m/four.png"), maskPng(onlyStroma, 40, 36));
    const { test: split, train } = await open(folder);
    await expectRefused(split.load(), /four\.png: is labelled "gland", which its mask does not have/);
    await expect(train.load()).resolves.toMatchObject({ count: 2 });
  });

  test("below minClassShare a class need not be named; train is never held against its masks", async () => {
    const folder = await realManifestFolder({ labels: { ...byManifest.labels, minClassShare: 0.01 } });
    const nearlyGland = new Uint8Array(40 * 36).fill(0);
    nearlyGland[7] = 1;
    await writeFile(path.join(folder, "m/three.png"), maskPng(nearlyGland, 40, 36));
    const manifest = goodManifest
      .replace("val,p3,gland;stroma", "val,p3,gland")
      .replace("a/one.png,,train", "a/one.png,m/three.png,train")
      .replace("a/two.jpg,,train", "a/two.jpg,m/three.png,train");
    await writeFile(path.join(folder, "patches.csv"), manifest);
    const { val, train } = await open(folder);
    expect([...new Uint8Array((await val.load()).patches.labels(0))]).toEqual([1, 0]);
    expect((await train.loadTruth()).count).toBe(2);
  });
});

describe("the ignored index", () => {
  test("is refused in true masks unless the description has it", async () => {
    const indices = indexPattern(40, 36, 2);
    indices[36 * 3 + 5] = 255;
    const change = async (folder: string): Promise<string> => {
      await writeFile(path.join(folder, "m/three.png"), maskPng(indices, 40, 36));
      return folder;
    };
    await expectRefused(
      (await open(await change(await realManifestFolder()))).val.load(),
      /mask .*three\.png has the index 255 in 1 pixels, first at x 5, y 3; .*"ignoreIndex": 255 in the description/,
    );
    const { val } = await open(await change(await realManifestFolder({ ignoreIndex: 255 })));
    expect(new Uint8Array((await val.load()).truth!.mask(0, 0))[36 * 3 + 5]).toBe(255);
    await expectRefused(open(await realManifestFolder({ ignoreIndex: 0 })), /ignoreIndex must be 255, received 0/);
  });
});
