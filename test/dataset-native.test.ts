// A split loaded into the addon's stores has the bytes of its files.
import { expect, test } from "@jest/globals";

import { openDataset } from "../dist/dataset/open-dataset.js";
import { indexPattern, pixels, smallDataset } from "./support/dataset-folder.js";

test("splits load into the addon's own stores, bytes unchanged", async () => {
  const dataset = await openDataset(await smallDataset());
  const { patches, truth } = await dataset.val.load();
  expect([patches.count, patches.height, patches.width, patches.classCount]).toEqual([2, 40, 36, 2]);
  for (const [index, name] of ["x", "y"].entries()) {
    expect(Buffer.from(patches.patch(index)).equals(pixels(40, 36, name.charCodeAt(0)))).toBe(true);
    expect(Buffer.from(truth!.mask(0, index)).equals(indexPattern(40, 36, 3, 0))).toBe(true);
    expect([...Buffer.from(patches.labels(index))]).toEqual([1, 1]);
  }
  const train = await dataset.train.load();
  expect([0, 1, 2].map((index) => [...Buffer.from(train.patches.labels(index))])).toEqual([
    [1, 0],
    [0, 1],
    [1, 1],
  ]);
  expect((await dataset.train.loadTruth()).count).toBe(3);
});
