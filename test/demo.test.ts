/** The demo's dataset: seeded, in the published layout, labels that agree with the masks, splits that share no patch. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { demoSettings, tinyDemoSettings } from "../dist/demo/settings.js";
import { writeDemoDataset } from "../dist/demo/write-dataset.js";
import { type Dataset, openDataset } from "../dist/index.js";
import { resolveSections } from "../dist/run/plan.js";
import { digestsOf, freshFolder } from "./support/command-line.js";

const settings = { seed: 5, patchPx: 64, counts: { train: 30, val: 6, test: 12 } };
let folder: string;
let data: Dataset;

beforeAll(async () => {
  folder = path.join(await freshFolder(), "data");
  await writeDemoDataset(folder, settings);
  data = await openDataset(folder);
});

describe("the demo's dataset", () => {
  test("has the published layout and describes itself", async () => {
    expect((await readdir(folder)).sort()).toEqual(["test", "train", "train_mask", "val", "wsss-dataset.json"]);
    expect([data.train.count, data.val.count, data.test.count]).toEqual([30, 6, 12]);
    expect(data.classes).toHaveLength(4);
    expect(data.background.name).toBe("glass");
    expect(data.glass).toEqual({ greyAbove: 200, minAreaPx: 50 });
    expect(data.train.files[0]?.stem).toMatch(/^train-00001-\[[01] [01] [01] [01]\]$/);
    expect(data.test.files[0]?.stem).toBe("test-00001");
    expect([data.train.hasMasks, data.val.hasMasks, data.test.hasMasks]).toEqual([true, true, true]);
  });

  test("labels name exactly the classes of the true masks, one to three of them", async () => {
    const truth = await data.train.loadTruth();
    for (const [index, { labels = [] }] of data.train.files.entries()) {
      const shown = new Set(new Uint8Array(truth.mask(0, index)));
      expect(labels.map((one, k) => one === Number(shown.has(k)))).not.toContain(false);
      const named = labels.filter((one) => one === 1).length;
      expect(named).toBeGreaterThanOrEqual(1);
      expect(named).toBeLessThanOrEqual(3);
    }
  });

  test("has every class in every split, and some glass", async () => {
    for (const split of [data.train, data.test]) {
      const truth = await split.loadTruth();
      const shown = new Set(split.files.flatMap((_, index) => [...new Set(new Uint8Array(truth.mask(0, index)))]));
      expect([...shown].sort()).toEqual([0, 1, 2, 3, 4]);
    }
  });

  test("no two patches are the same, within and across splits", async () => {
    const digests = await Promise.all(
      [data.train, data.val, data.test].flatMap((split) =>
        split.files.map(async ({ imagePath }) =>
          createHash("sha256")
            .update(await readFile(imagePath))
            .digest("hex"),
        ),
      ),
    );
    expect(new Set(digests).size).toBe(48);
  });

  test("one seed gives one dataset, another seed another", async () => {
    const place = await freshFolder();
    await writeDemoDataset(path.join(place, "same"), settings);
    await writeDemoDataset(path.join(place, "other"), { ...settings, seed: 6 });
    const first = await digestsOf(folder);
    expect(await digestsOf(path.join(place, "same"))).toEqual(first);
    const other = await digestsOf(path.join(place, "other"));
    expect(other["val/img/val-00001.png"]).not.toBe(first["val/img/val-00001.png"]);
  });

  test("can be cancelled", async () => {
    const controller = new AbortController();
    const work = writeDemoDataset(path.join(await freshFolder(), "data"), settings, {
      signal: controller.signal,
      onProgress: (done) => {
        if (done === 5) controller.abort();
      },
    });
    await expect(work).rejects.toMatchObject({ code: "WSSS_ERR_CANCELLED" });
  });
});

test.each([
  ["demo", demoSettings],
  ["tiny demo", tinyDemoSettings],
])("the settings of the %s are valid", (_, { plan }) => {
  expect(() =>
    resolveSections(plan, ["classifier", "pseudoMasks", "segmenter", "evaluation", "pictures"]),
  ).not.toThrow();
});
