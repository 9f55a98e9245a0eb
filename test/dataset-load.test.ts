// Loading a split into stores: order, progress, cancelling, and files that can't be used.
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import path from "node:path";

import { describe, expect, test } from "@jest/globals";
import sharp from "sharp";

import type { LoadedSplit } from "../dist/dataset/loaded-split.js";
import { loadMaskStore, loadPatchStore } from "../dist/dataset/loaded-split.js";
import { openDatasetWith, type OpenDatasetOptions } from "../dist/dataset/open-dataset.js";
import { SharedTask } from "../dist/async/shared-task.js";
import {
  datasetFolder,
  fakeStores,
  indexPattern,
  turnsDuring,
  maskPng,
  patchPng,
  pixels,
  smallDataset,
  twoClasses,
  writeTree,
} from "./support/dataset-folder.js";

const open = async (folder: string, options: OpenDatasetOptions = {}) =>
  await openDatasetWith(async () => fakeStores, folder, options);

const bytes = (buffer: ArrayBuffer): Buffer => Buffer.from(buffer);

/** A dataset of `count` train patches, 32 px, and a val split of two whose names carry no labels. */
async function manyPatches(count: number): Promise<string> {
  const folder = await datasetFolder();
  const patch = await patchPng(32, 32, 1);
  const names = Array.from(
    { length: count },
    (_, index) => [`train/p${String(index).padStart(3, "0")}[1 0].png`, patch] as const,
  );
  await writeTree(folder, { "wsss-dataset.json": JSON.stringify(twoClasses), ...Object.fromEntries(names) });
  return folder;
}

describe("loading", () => {
  test("fills one store with patches and labels in the split's order, once", async () => {
    const { train } = await open(await smallDataset());
    const reports: string[] = [];
    const loaded = await train.load(undefined, ({ done, total }) => reports.push(`${done}/${total}`));
    expect(loaded).toMatchObject({ count: 3, height: 40, width: 36, truth: null });
    // Written as b, a, c with the seeds 0, 1, 2.
    for (const [index, seed] of [1, 0, 2].entries()) {
      expect(bytes(loaded.patches.patch(index)).equals(pixels(40, 36, seed))).toBe(true);
    }
    expect([0, 1, 2].map((index) => [...bytes(loaded.patches.labels(index))])).toEqual([
      [1, 0],
      [0, 1],
      [1, 1],
    ]);
    expect(reports).toEqual(["1/3", "2/3", "3/3"]);
    expect(await train.load()).toBe(loaded);
    train.release();
    expect(await train.load()).not.toBe(loaded);
  });

  test("true masks of train are loaded only when asked for", async () => {
    const folder = await smallDataset();
    const { train } = await open(folder);
    await rm(path.join(folder, "train_mask", "c[1 1].png"));
    await train.load();
    await expect(train.loadTruth()).rejects.toMatchObject({ code: "WSSS_ERR_IO", details: { reason: "ENOENT" } });
    await writeFile(path.join(folder, "train_mask", "c[1 1].png"), maskPng(indexPattern(40, 36, 3, 2), 40, 36));
    const reports: number[] = [];
    const truth = await train.loadTruth(undefined, ({ done }) => reports.push(done));
    expect(truth).toMatchObject({ count: 3, levelCount: 1, height: 40, width: 36 });
    expect(bytes(truth.mask(0, 0)).equals(indexPattern(40, 36, 3, 1))).toBe(true);
    expect(reports.at(-1)).toBe(6);
    expect(await train.loadTruth()).toBe(truth);
  });

  test("val comes with its masks, and with labels read from them", async () => {
    const folder = await smallDataset();
    const onlyGland = new Uint8Array(40 * 36).fill(2);
    onlyGland[5] = 0;
    await writeFile(path.join(folder, "val", "mask", "y.png"), maskPng(onlyGland, 40, 36));
    const loaded = await (await open(folder)).val.load();
    expect(bytes(loaded.truth!.mask(0, 1)).equals(onlyGland)).toBe(true);
    expect([0, 1].map((index) => [...bytes(loaded.patches.labels(index))])).toEqual([
      [1, 1],
      [1, 0],
    ]);
    const labels = { rule: "separated", minClassShare: 0.01 } as const;
    const strict = await (await open(folder, { description: { ...twoClasses, labels } })).val.load();
    expect([0, 1].map((index) => [...bytes(strict.patches.labels(index))])).toEqual([
      [1, 1],
      [0, 0],
    ]);
    const { val } = await open(folder);
    expect(await val.loadTruth()).toBe((await val.load()).truth);
  });

  test("is the same twice, whatever finishes first", async () => {
    const folder = await smallDataset();
    const read = async (): Promise<string> => {
      const { patches, truth } = await (await open(folder)).test.load();
      return [0, 1]
        .map((index) => bytes(patches.patch(index)).toString("hex") + bytes(truth!.mask(0, index)).toString("hex"))
        .join();
    };
    expect(await read()).toBe(await read());
  });

  test("keeps the event loop free", async () => {
    const { train } = await open(await manyPatches(300));
    // Each patch is waited for in turn, at most as many at a time as there are cores.
    const turns = await turnsDuring(async () => await train.load());
    expect(turns).toBeGreaterThanOrEqual(300 / Math.max(2, availableParallelism()));
  });

  test("loose patches and masks of several levels, for predictions and pseudo masks", async () => {
    const folder = await smallDataset();
    const paths = ["x", "y"].map((name) => path.join(folder, "test", "img", `${name}.png`));
    const store = await loadPatchStore(
      fakeStores,
      paths.map((imagePath) => ({ imagePath })),
      2,
    );
    expect(store).toMatchObject({ count: 2, classCount: 2, height: 40, width: 36 });
    expect([...bytes(store.labels(0))]).toEqual([0, 0]);
    const masks = ["x", "y"].map((name) => path.join(folder, "test", "mask", `${name}.png`));
    const palette = [
      [1, 0, 0],
      [2, 0, 0],
      [255, 255, 255],
    ] as const;
    const levels = await loadMaskStore(fakeStores, {
      levels: [masks, [...masks].reverse()],
      height: 40,
      width: 36,
      palette,
    });
    expect(levels).toMatchObject({ count: 2, levelCount: 2 });
    expect(bytes(levels.mask(1, 1)).equals(bytes(levels.mask(0, 0)))).toBe(true);
    await expect(loadPatchStore(fakeStores, [], 2)).rejects.toMatchObject({ code: "WSSS_ERR_DATASET" });
    await expect(loadMaskStore(fakeStores, { levels: [masks, []], height: 40, width: 36, palette })).rejects.toThrow(
      /each level needs one mask/,
    );
  });
});

describe("cancelling", () => {
  test("stops the loading, which can be begun again", async () => {
    const { train } = await open(await manyPatches(120));
    const controller = new AbortController();
    const stopped = train.load(controller.signal, ({ done }) => {
      if (done === 3) controller.abort();
    });
    await expect(stopped).rejects.toMatchObject({
      code: "WSSS_ERR_CANCELLED",
      message: expect.stringMatching(/loading the train split of two classes was cancelled/),
    });
    await expect(train.load(AbortSignal.abort())).rejects.toMatchObject({ code: "WSSS_ERR_CANCELLED" });
    expect((await train.load()).count).toBe(120);
  });

  test("one of two who wait leaves the other alone", async () => {
    const { train } = await open(await manyPatches(60));
    const controller = new AbortController();
    const seen: number[] = [];
    const first = train.load(controller.signal, ({ done }) => {
      if (done === 2) controller.abort();
    });
    const second = train.load(new AbortController().signal, ({ done }) => seen.push(done));
    await expect(first).rejects.toMatchObject({ code: "WSSS_ERR_CANCELLED" });
    expect((await second).count).toBe(60);
    expect(seen.at(-1)).toBe(60);
  });

  test("a listener that throws ends only its own call", async () => {
    const { train } = await open(await manyPatches(10));
    const broken = train.load(undefined, () => {
      throw new Error("my listener");
    });
    const whole = train.load();
    await expect(broken).rejects.toThrow("my listener");
    expect((await whole).count).toBe(10);
  });

  test("the work is stopped when nobody waits any more, and failures are not kept", async () => {
    const signals: AbortSignal[] = [];
    let fail = true;
    const task = new SharedTask("the work", async (signal) => {
      signals.push(signal);
      await new Promise((resolve) => setImmediate(resolve));
      if (fail) throw new Error("first time");
      return signals.length;
    });
    await expect(task.get()).rejects.toThrow("first time");
    fail = false;
    const controller = new AbortController();
    const left = task.get(controller.signal);
    controller.abort();
    await expect(left).rejects.toMatchObject({ code: "WSSS_ERR_CANCELLED" });
    expect(signals[1]?.aborted).toBe(true);
    expect(await task.get()).toBe(3);
    expect(await task.get()).toBe(3);
  });
});

describe("bad files", () => {
  const breaks = async (
    change: (folder: string) => Promise<void>,
    load: (dataset: Awaited<ReturnType<typeof open>>) => Promise<unknown>,
    code: string,
    pattern: RegExp,
    details: Readonly<Record<string, unknown>> = {},
  ): Promise<void> => {
    const folder = await smallDataset();
    const dataset = await open(folder);
    await change(folder);
    await expect(load(dataset)).rejects.toMatchObject({ code, message: expect.stringMatching(pattern), details });
  };
  const train = async (dataset: Awaited<ReturnType<typeof open>>): Promise<LoadedSplit> => await dataset.train.load();
  const val = async (dataset: Awaited<ReturnType<typeof open>>): Promise<LoadedSplit> => await dataset.val.load();
  const put = (name: string, make: () => Promise<Uint8Array> | Uint8Array) => async (folder: string) => {
    await writeFile(path.join(folder, name), await make());
  };

  test("truncated patch", async () => {
    const change = async (folder: string): Promise<void> => {
      const file = path.join(folder, "train", "c[1 1].png");
      await writeFile(file, (await readFile(file)).subarray(0, 900));
    };
    await breaks(change, train, "WSSS_ERR_DATASET", /patch .*c\[1 1\]\.png is cut off or damaged/);
  });

  test("RGBA and grey patches", async () => {
    const image = sharp(pixels(40, 36, 1), { raw: { height: 40, width: 36, channels: 3 } });
    const clear = put("train/b[0 1].png", async () => await image.clone().ensureAlpha(0).png().toBuffer());
    await breaks(clear, train, "WSSS_ERR_DATASET", /b\[0 1\]\.png has pixels that are not opaque/);
    const grey = put("train/b[0 1].png", async () => await image.clone().toColourspace("b-w").png().toBuffer());
    await breaks(grey, train, "WSSS_ERR_DATASET", /b\[0 1\]\.png is a grey picture/);
  });

  test("a patch of another size, named with both sizes; the first in order when there are several", async () => {
    const one = put("train/b[0 1].png", async () => await patchPng(36, 40, 1));
    await breaks(
      one,
      train,
      "WSSS_ERR_DATASET",
      /b\[0 1\]\.png is 36 px high and 40 px wide, but a\[1 0\]\.png is 40 px high and 36 px wide/,
      {
        height: 36,
        width: 40,
        expected: { height: 40, width: 36 },
      },
    );
    const both = async (folder: string): Promise<void> => {
      await put("train/c[1 1].png", async () => await patchPng(64, 64, 1))(folder);
      await put("train/b[0 1].png", async () => await patchPng(48, 48, 1))(folder);
    };
    await breaks(both, train, "WSSS_ERR_DATASET", /b\[0 1\]\.png is 48 px high/);
  });

  test("a patch below 32 px", async () => {
    const small = put("train/a[1 0].png", async () => await patchPng(40, 31, 1));
    await breaks(small, train, "WSSS_ERR_DATASET", /a\[1 0\]\.png is 40 px high and 31 px wide; .* at least 32 px/, {
      minimum: 32,
    });
  });

  test("mask of another size, or with an index out of range", async () => {
    const size = put("val/mask/y.png", () => maskPng(indexPattern(36, 40, 3), 36, 40));
    await breaks(
      size,
      val,
      "WSSS_ERR_DATASET",
      /mask .*val\/mask\/y\.png is 36 px high and 40 px wide, but its patch is 40 px high/,
    );
    const wrong = indexPattern(40, 36, 3);
    wrong[36 * 2 + 7] = 3;
    const range = put("val/mask/x.png", () => maskPng(wrong, 40, 36));
    await breaks(range, val, "WSSS_ERR_DATASET", /mask .*x\.png has the index 3 at pixel x 7, y 2/, {
      index: 3,
      x: 7,
      y: 2,
    });
    const truncated = put("val/mask/x.png", () => maskPng(wrong, 40, 36).subarray(0, 800));
    await breaks(truncated, val, "WSSS_ERR_DATASET", /mask .*x\.png is cut off or damaged/);
  });

  test("a file that went away is WSSS_ERR_IO; loading works again when it is back", async () => {
    const folder = await smallDataset();
    const dataset = await open(folder);
    const file = path.join(folder, "train", "c[1 1].png");
    await rename(file, `${file}.away`);
    await expect(dataset.train.load()).rejects.toMatchObject({
      code: "WSSS_ERR_IO",
      message: expect.stringContaining(file),
    });
    await rename(`${file}.away`, file);
    expect((await dataset.train.load()).count).toBe(3);
  });

  test("an empty split, a split without masks", async () => {
    const folder = await smallDataset();
    await rm(path.join(folder, "val"), { recursive: true });
    await rm(path.join(folder, "train_mask"), { recursive: true });
    const dataset = await open(folder);
    await expect(dataset.val.load()).rejects.toMatchObject({
      code: "WSSS_ERR_DATASET",
      message: expect.stringMatching(/has no val split; put patches into .*val\/img/),
    });
    await expect(dataset.val.loadTruth()).rejects.toMatchObject({ code: "WSSS_ERR_DATASET" });
    await expect(dataset.train.loadTruth()).rejects.toMatchObject({
      code: "WSSS_ERR_DATASET",
      message: expect.stringMatching(/no true masks; .*train_mask/),
    });
  });

  test("a failure of the native store reaches the caller as it is meant", async () => {
    const folder = await smallDataset();
    const failure: unknown = { code: "WSSS_ERR_OUT_OF_MEMORY", message: "no room", details: {} };
    const PatchStore = function () {
      throw failure;
    };
    const full = { ...fakeStores, PatchStore } as unknown as typeof fakeStores;
    const { train: split } = await openDatasetWith(async () => full, folder);
    await expect(split.load()).rejects.toMatchObject({
      name: "WsssError",
      code: "WSSS_ERR_OUT_OF_MEMORY",
      message: "no room",
    });
  });
});
