/** A run on a dataset whose masks have 0 for the background gives what the same dataset in the usual numbering gives. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";

import { beforeAll, expect, test } from "@jest/globals";

import { writeDemoDataset } from "../dist/demo/write-dataset.js";
import { decodeIndexPng, readIndexPng } from "../dist/image/index-png.js";
import { command, type CommandResult, digestsOf, freshFolder, lastJson } from "./support/command-line.js";
import { animatedPng, maskPng, patchPng } from "./support/dataset-folder.js";
import { rawTiff } from "./support/tiff.js";

let folder: string;
let [usual, zeroed]: [string, string] = ["", ""];
let [first, second]: CommandResult[] = [];

const small = ["--width", "1/16", "--epochs", "1", "--batch-size", "4", "--pictures", "2", "--threads", "1"];
const run = async (data: string, out: string, ...more: string[]): Promise<CommandResult> =>
  await command("run", "--data", data, "--out", path.join(folder, out), "--device", "cpu", ...small, ...more, "--json");
const scores = (result: CommandResult): object => ({ ...lastJson(result), elapsedMs: 0 });

/** Says of a dataset's description something more. */
async function describe(data: string, change: (background: object) => object): Promise<void> {
  const file = path.join(data, "wsss-dataset.json");
  const description = JSON.parse(await readFile(file, "utf8")) as { background: object };
  await writeFile(file, JSON.stringify({ ...description, background: change(description.background) }));
}

beforeAll(async () => {
  folder = await freshFolder();
  [usual, zeroed] = [path.join(folder, "usual"), path.join(folder, "zeroed")];
  for (const data of [usual, zeroed]) {
    await writeDemoDataset(data, { patchPx: 48, counts: { train: 8, val: 2, test: 4 }, seed: 2 });
  }
  for (const masks of ["train_mask", "val/mask", "test/mask"]) {
    for (const name of await readdir(path.join(zeroed, masks))) {
      const { indices, height, width } = await readIndexPng(path.join(zeroed, masks, name));
      const values = indices.map((index) => (index + 1) % 5);
      await writeFile(path.join(zeroed, masks, name), maskPng(values, height, width));
    }
  }
  await describe(zeroed, (background) => ({ ...background, index: 0 }));
  first = await run(usual, "first");
  second = await run(zeroed, "second");
});

test("the same scores of pseudo masks, labels and segmentation, and the same files", async () => {
  expect([first!.code, second!.code]).toEqual([0, 0]);
  expect(scores(second!)).toEqual(scores(first!));
  const [ours, theirs] = [await digestsOf(path.join(folder, "first")), await digestsOf(path.join(folder, "second"))];
  // Pseudo masks, pictures with the ground truth, and what was counted.
  const compared = Object.keys(ours).filter((name) => /^(train_PM|pictures)\/|-(patches|confusion)\.csv$/.test(name));
  expect(compared.length).toBeGreaterThan(3 * 8 + 6);
  for (const name of compared) expect([name, theirs[name]]).toEqual([name, ours[name]]);
});

test("predictions have the library's own indices", async () => {
  const names = await readdir(path.join(zeroed, "test/img"));
  const predict = async (of: string): Promise<void> => {
    const out = path.join(folder, `predicted-${of}`);
    const { code } = await command(
      "predict",
      "--run",
      path.join(folder, of),
      "--out",
      out,
      path.join(zeroed, "test/img"),
    );
    expect(code).toBe(0);
  };
  await predict("first");
  await predict("second");
  for (const name of names) {
    const [ours, theirs] = ["first", "second"].map((of) => path.join(folder, `predicted-${of}`, name));
    expect(await readFile(theirs!)).toEqual(await readFile(ours!));
    const { counts } = await decodeIndexPng(await readFile(theirs!), name);
    expect(counts.subarray(5).every((count) => count === 0)).toBe(true);
  }
});

test.each<readonly [string, () => Promise<Buffer>, string]>([
  [
    "animated.png",
    async () => animatedPng(await patchPng(48, 48, 1)),
    "is an animated PNG of 2 frames; save the frame",
  ],
  [
    "jpeg2000.tif",
    async () =>
      rawTiff({ height: 48, width: 48, strip: Buffer.alloc(48 * 48 * 3), compression: 34712, bigEndian: true }),
    "is a TIFF file compressed by JPEG 2000 (scheme 34712), which is not decoded here; save it as TIFF with LZW",
  ],
])("predict refuses %s and writes nothing for it", async (name, make, message) => {
  const [picture, out] = [path.join(folder, name), path.join(folder, `refused-${name}`)];
  await writeFile(picture, await make());
  const result = await command("predict", "--run", path.join(folder, "first"), "--out", out, picture);
  expect({ code: result.code, stdout: result.stdout }).toEqual({ code: 3, stdout: "" });
  expect(result.stderr).toContain(message);
  expect(await readdir(out).catch(() => [])).toEqual([]);
});

test("full supervision learns from the same masks", async () => {
  const options = ["--masks", "ground-truth", "--no-gate"];
  const results = [await run(usual, "supervised-1", ...options), await run(zeroed, "supervised-2", ...options)];
  expect(results.map(({ code }) => code)).toEqual([0, 0]);
  expect(scores(results[1]!)).toEqual(scores(results[0]!));
});

test("a description that numbers the masks otherwise is noticed, and nothing made with the other is used again", async () => {
  const before = await digestsOf(path.join(folder, "second"));
  await describe(zeroed, (background) => ({ ...background, index: 1 }));
  const refused = await run(zeroed, "second");
  expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 2, stdout: "" });
  expect(refused.stderr).toMatch(/dataset\.maskIndices\.0 was "glass" and is now "tumour epithelium"/);
  expect(refused.stderr).toContain("--force");
  expect(await digestsOf(path.join(folder, "second"))).toEqual(before);
  const forced = await run(zeroed, "second", "--force");
  expect(forced.code).toBe(0);
  expect(forced.stderr).not.toMatch(/already done, skipped/);
  expect(scores(forced)).not.toEqual(scores(second!));
});
