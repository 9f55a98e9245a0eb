// Two datasets of real H&E patches, opened and loaded; skipped where they are not there.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

import { describe, expect, test } from "@jest/globals";

import { openDatasetWith } from "../dist/dataset/open-dataset.js";
import { datasetFolder, fakeStores } from "./support/dataset-folder.js";

const glas4 = path.resolve("..", "shared", "data", "glas4");
const present = existsSync(glas4);
if (!present) console.warn(`skipped: no real tissue at ${glas4}`);
const whenPresent = present ? describe : describe.skip;

const labels = { rule: "separated", minClassShare: 0.03 } as const;
const open = async (folder: string, description: Parameters<typeof openDatasetWith>[2]) =>
  await openDatasetWith(async () => fakeStores, folder, description);

whenPresent("real H&E patches", () => {
  test("glas4 opens as it lies, read-only, and loads; labels of test follow from its masks", async () => {
    const colours = [
      [205, 51, 51],
      [0, 255, 0],
      [65, 105, 225],
      [255, 165, 0],
    ] as const;
    const names = ["healthy gland", "adenomatous gland", "malignant gland", "stroma"];
    const classes = names.map((name, index) => ({ name, colour: colours[index]! }));
    const dataset = await open(glas4, { description: { name: "glas4", classes, labels } });
    expect([dataset.train.count, dataset.val.count, dataset.test.count]).toEqual([744, 125, 376]);
    expect(dataset.train.hasMasks).toBe(true);
    const counts = [0, 1, 2, 3].map((index) => dataset.train.files.filter((file) => file.labels?.[index] === 1).length);
    expect(counts).toEqual([123, 98, 393, 671]);
    const { patches, count, height, width } = await dataset.val.load();
    expect([count, height, width]).toEqual([125, 224, 224]);
    const sums = [0, 0, 0, 0];
    for (let index = 0; index < count; index++) {
      for (const [at, label] of new Uint8Array(patches.labels(index)).entries()) sums[at]! += label;
    }
    expect(sums).toEqual([18, 12, 80, 118]);
    const few = dataset.train.subset(12, 7);
    expect((await few.load()).count).toBe(12);
    expect((await few.loadTruth()).count).toBe(12);
  });

  test("glas3, made by the data's own script", async () => {
    const folder = await datasetFolder();
    await promisify(execFile)(process.execPath, [path.join(glas4, "make_variant.mjs"), "3", folder]);
    const names = ["benign gland", "malignant gland", "stroma"];
    const classes = names.map((name, index) => ({ name, colour: [index * 60, 100, 50] as const }));
    const dataset = await open(folder, { description: { name: "glas3", classes, labels } });
    const combinations = new Map<string, number>();
    for (const file of dataset.train.files) {
      const key = file.labels?.join("") ?? "";
      combinations.set(key, (combinations.get(key) ?? 0) + 1);
    }
    expect(Object.fromEntries(combinations)).toEqual({ "011": 330, "101": 211, "001": 130, "010": 63, "100": 10 });
    expect((await dataset.test.load()).truth).toMatchObject({ count: 376, height: 224, width: 224 });
  });
});
