// Datasets of 2, 7 and 254 classes through all stages; 1 and 255 are refused; ignored pixels teach nothing.
import { readFile } from "node:fs/promises";
import path from "node:path";

import { describe, expect, test } from "@jest/globals";
import sharp from "sharp";

import { decodeIndexPng, encodeIndexPng, readIndexPng } from "../dist/image/index-png.js";
import { renderPanel } from "../dist/pictures/panel.js";
import { type Dataset, openDataset, PseudoMasks, type TissueClass } from "../dist/index.js";
import { maskPng, patchPng, writeTree } from "./support/dataset-folder.js";
import { freshFolder, tinyClassifier, tinySegmenter, tinySide } from "./support/tiny-models.js";

/** K classes with names and colours that all differ, none of them white. */
function classesOf(count: number): TissueClass[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `class ${index}`,
    colour: [index, 255 - index, (index * 7) % 256] as const,
  }));
}

/** Every index from 0 to K, K = background, over and over. */
function everyIndex(count: number): Uint8Array {
  return Uint8Array.from({ length: tinySide * tinySide }, (_, at) => at % (count + 1));
}

/** A dataset of K classes: each train patch names an eighth of them, test patches have all. */
async function datasetOf(count: number): Promise<Dataset> {
  const folder = await freshFolder();
  const classes = classesOf(count);
  const labels = (seed: number): string =>
    classes
      .filter((_, index) => count === 2 || index % 8 === seed)
      .map(({ name }) => name)
      .join(";");
  const rows = ["image,mask,split,patient,labels"];
  const files: Record<string, Uint8Array | string> = {};
  const patches = Array.from({ length: 8 }, (_, seed) => seed).filter((seed) => labels(seed) !== "");
  for (const seed of patches) {
    files[`images/t${seed}.png`] = await patchPng(tinySide, tinySide, seed);
    rows.push(`images/t${seed}.png,mask.png,train,a,${labels(seed)}`);
  }
  files["images/s.png"] = await patchPng(tinySide, tinySide, 99);
  files["mask.png"] = maskPng(everyIndex(count), tinySide, tinySide);
  rows.push(`images/s.png,mask.png,test,b,${classes.map(({ name }) => name).join(";")}`);
  const description = { name: `${count} classes`, classes, labels: { rule: "manifest", file: "patches.csv" } };
  await writeTree(folder, {
    ...files,
    "patches.csv": rows.join("\n"),
    "wsss-dataset.json": JSON.stringify(description),
  });
  return await openDataset(folder, { require: ["train", "test"] });
}

describe.each([2, 7, 254])("K = %d classes", (count) => {
  test("description, palette, labels by manifest", async () => {
    const dataset = await datasetOf(count);
    expect(dataset.classes).toEqual(classesOf(count));
    expect(dataset.palette).toHaveLength(count + 1);
    expect(dataset.palette[count]).toEqual([255, 255, 255]);
    const { patches } = await dataset.train.load();
    for (const [index, { labels }] of dataset.train.files.entries()) {
      expect([...new Uint8Array(patches.labels(index))]).toEqual(labels);
      expect(labels).toHaveLength(count);
    }
    const named = dataset.train.files.flatMap(({ labels }) => labels ?? []).filter((one) => one === 1).length;
    expect(named).toBe(count === 2 ? 2 * dataset.train.count : count);
  });

  test("index PNG: 8 bits, every index and the ignored one, in the classes' colours", async () => {
    const palette = [...classesOf(count).map(({ colour }) => colour), [255, 255, 255] as const];
    const indices = everyIndex(count);
    indices[5] = 255;
    const mask = { indices, height: tinySide, width: tinySide };
    const bytes = await encodeIndexPng(mask, palette, [1, 2, 3]);
    expect([bytes[24], bytes[25]]).toEqual([8, 3]);
    expect(Buffer.from((await decodeIndexPng(bytes, "m.png", { palette })).indices).equals(indices)).toBe(true);
    const rgb = await sharp(bytes).removeAlpha().raw().toBuffer();
    for (const [at, index] of indices.entries()) {
      const colour = index === 255 ? [1, 2, 3] : palette[index]!;
      expect([...rgb.subarray(3 * at, 3 * at + 3)]).toEqual([...colour]);
    }
    const above = indices.slice();
    above[0] = count + 1;
    const refused = encodeIndexPng({ ...mask, indices: above }, palette);
    if (count === 254) expect((await refused).length).toBeGreaterThan(0);
    else await expect(refused).rejects.toMatchObject({ code: "WSSS_ERR_DATASET" });
  });

  test("a picture with a legend of all classes", async () => {
    const classes = classesOf(count);
    const background = { name: "background", colour: [255, 255, 255] } as const;
    const cells = [{ kind: "mask", indices: everyIndex(count) } as const];
    const rows = [{ height: tinySide, width: tinySide, cells }];
    const { data, info } = await sharp(await renderPanel({ captions: ["mask"], rows, classes, background }))
      .raw()
      .toBuffer({ resolveWithObject: true });
    const found = new Set<number>();
    for (let at = 0; at < data.length; at += info.channels) {
      found.add((data[at]! << 16) | (data[at + 1]! << 8) | data[at + 2]!);
    }
    for (const { colour } of classes) expect(found).toContain((colour[0] << 16) | (colour[1] << 8) | colour[2]);
  });

  test("classifier, pseudo masks, segmenter and scores", async () => {
    const dataset = await datasetOf(count);
    const folder = path.join(await freshFolder(), "masks");
    await using classifier = await tinyClassifier(dataset);
    for await (const event of classifier.train(dataset.train, { epochs: 1, batchSize: 2, keep: "last" })) {
      if (event.kind === "epoch") expect(Number.isFinite(event.meanLoss)).toBe(true);
    }
    const masks = await classifier.generatePseudoMasks(dataset.train, { levels: ["bn7", "b4_5"], output: folder });
    for (const [index, { stem, labels = [] }] of dataset.train.files.entries()) {
      const mask = masks.mask("bn7", index);
      // Only classes that the label names can win; there is no glass rule, so that nothing is background.
      for (const found of new Set(mask)) expect(labels[found]).toBe(1);
      const file = path.join(folder, "PM_bn7", `${stem}.png`);
      expect((await readFile(file))[24]).toBe(8);
      const read = await readIndexPng(file, { palette: dataset.palette });
      expect(Buffer.from(read.indices).equals(Buffer.from(mask))).toBe(true);
    }
    const again = await PseudoMasks.open(folder, dataset.train);
    await using segmenter = await tinySegmenter(dataset);
    for await (const event of segmenter.train(dataset.train, { masks: again, epochs: 1, batchSize: 2 })) {
      if (event.kind === "epoch") expect(Number.isFinite(event.meanLoss)).toBe(true);
    }
    const { confusion, iou } = await segmenter.evaluate(dataset.test, { gate: classifier });
    expect([confusion.length, confusion[0]!.length, iou.length]).toEqual([count, count + 1, count]);
    const tissue = everyIndex(count).filter((index) => index < count).length;
    expect(confusion.flat().reduce((sum, pixels) => sum + pixels, 0)).toBe(tissue);
    const { probabilities } = await segmenter.predict(dataset.test.files[0]!.imagePath);
    expect(probabilities).toHaveLength(count * tinySide * tinySide);
    const { jaccard, classAccuracy } = await classifier.evaluate(dataset.test);
    expect([Number.isFinite(jaccard), classAccuracy.length]).toEqual([true, count]);
  });
});

describe("K = 1 and K = 255", () => {
  test.each([
    [1, /classes must be at least 2 entries long/],
    [255, /classes must be at most 254 entries long/],
  ])("%d classes are refused", async (count, pattern) => {
    const description = { name: "x", classes: classesOf(count), labels: { rule: "separated" } } as const;
    await expect(openDataset(".", { description })).rejects.toMatchObject({
      code: "WSSS_ERR_OPTION",
      message: expect.stringMatching(pattern),
    });
  });
});

describe("ignored pixels of true masks", () => {
  /** Losses of a short full supervision, on masks of which a part has another index. */
  async function losses(part: number): Promise<number[]> {
    const dataset = await datasetOf(2);
    const indices = everyIndex(2).map((index) => index % 2);
    indices.fill(part, 0, tinySide * 12);
    await writeTree(dataset.folder, { "mask.png": maskPng(indices, tinySide, tinySide) });
    const ignoring = { ...dataset.description, ignoreIndex: 255, labels: dataset.description.labels } as const;
    const { train } = await openDataset(dataset.folder, { description: ignoring });
    await using segmenter = await tinySegmenter(dataset);
    const found: number[] = [];
    for await (const event of segmenter.train(train, { masks: "ground-truth", epochs: 2, batchSize: 4, seed: 3 })) {
      if (event.kind === "step") found.push(event.loss);
    }
    return found;
  }

  test("are left out of full supervision, like background by default", async () => {
    const [ignored, background, tissue] = [await losses(255), await losses(2), await losses(0)];
    expect(ignored.length).toBeGreaterThan(1);
    expect(ignored).toEqual(background);
    expect(ignored).not.toEqual(tissue);
  });
});
