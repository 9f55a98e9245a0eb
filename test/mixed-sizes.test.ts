// Splits whose patches differ in size: loaded in groups, predicted and scored like single patches.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import {
  type Classifier,
  type Dataset,
  type LabelScores,
  openDataset,
  type SegmentationScores,
  type Segmenter,
  type ValidationPreview,
} from "../dist/index.js";
import { indexPattern, maskPng, patchPng } from "./support/dataset-folder.js";
import { manifestFolder } from "./support/manifest-folder.js";
import { tinyClassifier, tinySegmenter } from "./support/tiny-models.js";

/** Sizes of the patches of val and test, height and width in px, mixed on purpose. */
const sizes = [
  [32, 32],
  [48, 40],
  [32, 32],
  [40, 48],
  [48, 40],
  [33, 77],
] as const;

/** Index masks of both classes, background and, in the second, ignored pixels. */
function truthOf(seed: number): Uint8Array {
  const [height, width] = sizes[seed]!;
  const indices = indexPattern(height, width, 3, seed);
  if (seed === 1) indices.fill(255, 0, 100);
  return indices;
}

async function mixedDataset(
  train: readonly (readonly [number, number])[] = [
    [32, 32],
    [32, 32],
  ],
): Promise<Dataset> {
  const files: Record<string, Uint8Array> = {};
  const rows = ["image,mask,split,labels"];
  for (const [seed, [height, width]] of train.entries()) {
    files[`train/t${seed}.png`] = await patchPng(height, width, seed);
    files[`train/t${seed}-mask.png`] = maskPng(indexPattern(height, width, 3, seed), height, width);
    rows.push(`train/t${seed}.png,train/t${seed}-mask.png,train,${seed === 0 ? "gland;stroma" : "gland"}`);
  }
  for (const [seed, [height, width]] of sizes.entries()) {
    files[`test/s${seed}.png`] = await patchPng(height, width, 50 + seed);
    files[`test/s${seed}-mask.png`] = maskPng(truthOf(seed), height, width);
    rows.push(`test/s${seed}.png,test/s${seed}-mask.png,test,gland;stroma`);
    files[`val/v${seed}.png`] = files[`test/s${seed}.png`]!;
    rows.push(`val/v${seed}.png,test/s${seed}-mask.png,val,${seed % 2 === 0 ? "gland;stroma" : "stroma;gland"}`);
  }
  const folder = await manifestFolder(rows.join("\n"), { files, description: { ignoreIndex: 255 } });
  return await openDataset(folder);
}

describe("patches of several sizes", () => {
  let dataset: Dataset;
  let classifier: Classifier;
  let segmenter: Segmenter;
  beforeAll(async () => {
    dataset = await mixedDataset();
    classifier = await tinyClassifier(dataset);
    segmenter = await tinySegmenter(dataset);
  });
  afterAll(async () => {
    await classifier.dispose();
    await segmenter.dispose();
  });

  test("are loaded as one group for each size, in the order in which sizes occur", async () => {
    const groups = await dataset.test.loadGroups();
    expect(groups.map(({ height, width, positions }) => [height, width, positions])).toEqual([
      [32, 32, [0, 2]],
      [48, 40, [1, 4]],
      [40, 48, [3]],
      [33, 77, [5]],
    ]);
    for (const { truth, positions } of groups) {
      for (const [index, position] of positions.entries()) {
        expect(Buffer.from(truth!.mask(0, index)).equals(truthOf(position))).toBe(true);
      }
    }
    expect(await dataset.test.loadGroups()).toBe(groups);
  });

  test("progress counts all of them once", async () => {
    dataset.val.release();
    const seen: string[] = [];
    await dataset.val.loadGroups(undefined, ({ done, total }) => seen.push(`${done}/${total}`));
    expect(seen).toEqual(Array.from({ length: 12 }, (_, index) => `${index + 1}/12`));
  });

  test("are predicted in the split's order, like each by itself", async () => {
    const paths = dataset.test.files.map(({ imagePath }) => imagePath);
    const maps = await segmenter.predict(dataset.test, { gate: classifier });
    const single = await segmenter.predict(paths, { gate: classifier });
    expect(maps.map(({ name, height, width }) => [name, height, width])).toEqual(
      sizes.map(([height, width], index) => [`s${index}`, height, width]),
    );
    for (const [index, { classMap }] of maps.entries()) {
      expect(Buffer.from(classMap).equals(Buffer.from(single[index]!.classMap))).toBe(true);
    }
    const labels = await classifier.predict(dataset.test);
    const ofPaths = await classifier.predict(paths);
    expect(labels.map(({ name }) => name)).toEqual(["s0", "s1", "s2", "s3", "s4", "s5"]);
    for (const [index, { probabilities }] of labels.entries()) {
      for (const [label, probability] of probabilities.entries()) {
        expect(probability).toBeCloseTo(ofPaths[index]!.probabilities[label]!, 5);
      }
    }
  });

  test.each([false, true])("are scored over one confusion matrix, gate: %s", async (gated) => {
    const options = gated ? { gate: classifier } : {};
    const reports: string[] = [];
    const scores = await segmenter.evaluate(dataset.test, {
      ...options,
      onProgress: ({ stage, done, total }) => reports.push(`${stage} ${done}/${total}`),
    });
    const maps = await segmenter.predict(dataset.test, options);
    const expected = [
      [0, 0, 0],
      [0, 0, 0],
    ];
    for (const [index, { classMap }] of maps.entries()) {
      let [right, all] = [0, 0];
      for (const [pixel, truth] of truthOf(index).entries()) {
        if (truth >= 2) continue;
        expected[truth]![classMap[pixel]!]! += 1;
        all += 1;
        if (truth === classMap[pixel]) right += 1;
      }
      expect(scores.patches[index]?.stem).toBe(dataset.test.files[index]?.stem);
      expect(scores.patches[index]?.pixelAccuracy).toBeCloseTo(right / all, 12);
    }
    expect(scores.confusion).toEqual(expected);
    const [[a, b], [c, d]] = expected as [[number, number], [number, number]];
    expect(scores.pixelAccuracy).toBeCloseTo((a + d) / (a + b + c + d), 12);
    const iou = [a / (a + b + c), d / (d + b + c)] as const;
    expect(scores.iou[0]).toBeCloseTo(iou[0], 12);
    expect(scores.mIoU).toBeCloseTo((iou[0] + iou[1]) / 2, 12);
    expect(reports).toContain("segment 6/6");
    expect(reports).not.toContain("segment 7/6");
  });

  test("give label scores over all patches", async () => {
    const { exactMatch, jaccard, classAccuracy } = await classifier.evaluate(dataset.test);
    const predictions = await classifier.predict(dataset.test);
    const present = predictions.map(({ probabilities }) => [...probabilities].map((value) => value > 0.5));
    const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(exactMatch).toBeCloseTo(mean(present.map((one) => (one.every(Boolean) ? 1 : 0))), 3);
    // Both classes are labelled everywhere, so that Jaccard is the share that was found.
    expect(jaccard).toBeCloseTo(mean(present.map((one) => one.filter(Boolean).length / 2)), 3);
    for (const index of [0, 1]) {
      expect(classAccuracy[index]).toBeCloseTo(mean(present.map((one) => (one[index] === true ? 1 : 0))), 12);
    }
  });

  test("of train are refused, and so are pseudo masks for them, with the way out", async () => {
    const { train } = await mixedDataset([
      [32, 32],
      [40, 32],
    ]);
    await expect(train.load()).rejects.toMatchObject({
      code: "WSSS_ERR_DATASET",
      message: expect.stringMatching(
        /t1\.png is 40 px high and 32 px wide, but t0\.png is 32 px .*must have one size: cut or pad them, and their masks/,
      ),
    });
    await expect(classifier.generatePseudoMasks(dataset.test)).rejects.toMatchObject({
      code: "WSSS_ERR_DATASET",
      message: expect.stringMatching(
        /the test split of two classes has patches of 4 sizes \(32x32 px: 2, 40x48 px: 2, .*cut or pad them to one size/,
      ),
    });
  });

  test("choose the best epoch, by the scores that evaluate gives", async () => {
    await using network = await tinySegmenter(dataset);
    const options = { epochs: 1, batchSize: 2, validation: dataset.val, keep: "last" } as const;
    let seen: SegmentationScores | undefined;
    for await (const event of network.train(dataset.train, { ...options, masks: "ground-truth" })) {
      if (event.kind === "epoch") seen = event.validation;
    }
    expect(await network.evaluate(dataset.val)).toMatchObject(seen!);
    await using labels = await tinyClassifier(dataset);
    let found: LabelScores | undefined;
    for await (const event of labels.train(dataset.train, options)) {
      if (event.kind === "epoch") found = event.labelValidation;
    }
    const expected = await labels.evaluate(dataset.val);
    expect(found?.exactMatch).toBeCloseTo(expected.exactMatch, 3);
    expect(found?.jaccard).toBeCloseTo(expected.jaccard, 3);
  });

  test("are shown while a segmenter trains, as it would predict them then", async () => {
    await using network = await tinySegmenter(dataset);
    const options = { epochs: 2, batchSize: 2, validation: dataset.val, keep: "last", previews: 4 } as const;
    const shown: (readonly ValidationPreview[])[] = [];
    for await (const event of network.train(dataset.train, { ...options, masks: "ground-truth" })) {
      if (event.kind === "epoch") shown.push(event.previews);
    }
    // At even distances over the groups, of which the first has patches 0 and 2, the second 1 and 4.
    for (const previews of shown) expect(previews.map(({ index }) => index)).toEqual([0, 1, 4, 5]);
    const maps = await network.predict(dataset.val);
    for (const { index, ...shownLast } of shown[1]!) {
      expect(shownLast).toEqual({ ...maps[index], name: undefined });
    }
    expect(shown[0]).not.toEqual(shown[1]);
  });

  test("are all shown where more are asked for, and none without validation", async () => {
    await using network = await tinySegmenter(dataset);
    const options = { epochs: 1, batchSize: 2, masks: "ground-truth" } as const;
    for await (const event of network.train(dataset.train, { ...options, validation: dataset.val, previews: 64 })) {
      if (event.kind === "epoch") expect(event.previews.map(({ index }) => index)).toEqual([0, 2, 1, 4, 3, 5]);
    }
    for await (const event of network.train(dataset.train, options)) {
      if (event.kind === "epoch") expect(event.previews).toEqual([]);
    }
    expect(() => network.train(dataset.train, { ...options, previews: 1 })).toThrow(
      expect.objectContaining({ code: "WSSS_ERR_OPTION", details: expect.objectContaining({ option: "previews" }) }),
    );
  });

  test("may be drawn from by subset", async () => {
    const part = dataset.test.subset(3, 1);
    expect(part.count).toBe(3);
    const scores = await segmenter.evaluate(part);
    expect(scores.confusion.flat().reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
  });
});
