/** What a later stage would refuse is refused before the first step of the first one: exit code, sentence, what is left. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { existsSync } from "node:fs";
import { cp, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { openDataset, type PseudoMasks } from "../dist/index.js";
import { command, type CommandResult, freshFolder } from "./support/command-line.js";
import { maskPng, patchPng, writeTree } from "./support/dataset-folder.js";
import { manifestFolder } from "./support/manifest-folder.js";
import { brief, tinyClassifier, tinyDataset, tinySegmenter, tinySide } from "./support/tiny-models.js";

let folder: string;
/** A dataset that all is right with: 8 train patches. */
let clean: string;
let copies = 0;

beforeAll(async () => {
  folder = await freshFolder();
  clean = (await tinyDataset()).folder;
});

/** A copy of the dataset, changed. */
async function changed(change: (data: string) => Promise<unknown>): Promise<string> {
  const data = path.join(folder, `data-${copies++}`);
  await cp(clean, data, { recursive: true });
  await change(data);
  return data;
}

const small = ["--width", "1/16", "--epochs", "1", "--pictures", "1", "--device", "cpu", "--threads", "1"];

interface Refused extends CommandResult {
  readonly out: string;
}

async function run(data: string, ...more: string[]): Promise<Refused> {
  const out = path.join(folder, `out-${copies++}`);
  return { ...(await command("run", "--data", data, "--out", out, ...small, ...more)), out };
}

/** Nothing was trained: no epoch was told, no stage has ended, no weights are there. */
async function expectNothingTrained({ stderr, stdout, out }: Refused): Promise<void> {
  expect(stderr).not.toContain("epoch 1/1");
  expect(stdout).toBe("");
  expect(await readdir(path.join(out, "stages")).catch(() => [])).toEqual([]);
  expect(existsSync(path.join(out, "classifier.safetensors"))).toBe(false);
  expect(existsSync(path.join(out, "run.lock"))).toBe(false);
}

describe("options against the data leave no folder behind", () => {
  const two = ["--classifier-batch-size", "4"];
  test.each([
    [
      "a batch larger than the split",
      [...two, "--segmenter-batch-size", "20"],
      "received 20",
      "--segmenter-batch-size",
    ],
    ["the default batch", two, "batchSize must be at most 8", "set it with --segmenter-batch-size"],
    ["a batch for both", ["--batch-size", "20"], "batchSize must be at most 8", "set it with --batch-size"],
    [
      "one patch left alone",
      ["--train-limit", "7", "--batch-size", "2", "--no-drop-last"],
      "alone in the last batch",
      "set it with --batch-size",
    ],
    [
      "weights for other levels",
      ["--batch-size", "4", "--level-weights", "0.6,0.4"],
      "levelWeights must be 3 long",
      "--level-weights",
    ],
  ])("%s: exit 2", async (_, words, what, flag) => {
    const refused = await run(clean, ...words);
    expect(refused.stderr).toContain(what);
    expect(refused.stderr).toContain(flag);
    expect(refused.code).toBe(2);
    expect(existsSync(refused.out)).toBe(false);
  });

  test("one train patch is too few for the segmenter: exit 3", async () => {
    const refused = await run(clean, "--batch-size", "auto", "--train-limit", "1");
    expect(refused.code).toBe(3);
    expect(existsSync(refused.out)).toBe(false);
  });

  test("full supervision without true masks: exit 3", async () => {
    const data = await changed(async (copy) => await rm(path.join(copy, "train_mask"), { recursive: true }));
    for (const stage of [[], ["train-segmenter"]]) {
      const out = path.join(folder, `out-${copies++}`);
      const words = [stage[0] ?? "run", "--data", data, "--out", out, "--masks", "ground-truth", "--batch-size", "4"];
      const refused = await command(...words);
      expect(refused.stderr).toContain(`put one for each patch into ${data}/train_mask`);
      expect(refused.code).toBe(3);
      expect(existsSync(out)).toBe(false);
    }
  });

  test("a class that no train patch has: exit 3, and the API says the same", async () => {
    const data = await changed(async (copy) => {
      for (const name of await readdir(path.join(copy, "train"))) {
        if (!name.includes("[10]")) await rm(path.join(copy, "train", name));
      }
      await rm(path.join(copy, "train_mask"), { recursive: true });
    });
    const refused = await run(data, "--batch-size", "2");
    expect(refused.stderr).toMatch(/a class never occurs in the labels of the 3 train patches[^]*class "stroma"/);
    expect(refused.code).toBe(3);
    expect(existsSync(refused.out)).toBe(false);
    const { train, classes, background } = await openDataset(data);
    await using classifier = await tinyClassifier({ classes, background });
    const training = (): unknown => classifier.train(train, { batchSize: 2 });
    expect(training).toThrow(
      expect.objectContaining({ code: "WSSS_ERR_DATASET", details: expect.objectContaining({ classes: ["stroma"] }) }),
    );
    // A limit may draw such patches too.
    const limited = await run(clean, "--batch-size", "auto", "--train-limit", "1");
    expect(limited.stderr).toContain("never occur");
  });

  test("cells of an ablation too: exit 2", async () => {
    const out = path.join(folder, "ablation");
    const words = ["ablate", "--data", clean, "--out", out, "--seeds", "1", "--width", "1/16", "--batch-size", "4"];
    const refused = await command(...words, "--segmenter-batch-size", "20");
    expect(refused.stderr).toContain("--segmenter-batch-size");
    expect(refused.code).toBe(2);
    expect(existsSync(out)).toBe(false);
  });
});

describe("files that a later stage reads", () => {
  test("a mirrored border as wide as the patches: exit 2", async () => {
    const refused = await run(clean, "--batch-size", "4", "--map-padding", String(tinySide));
    expect(refused.stderr).toContain(
      `paddingPx must be narrower than the patches of ${tinySide}x${tinySide} px, received ${tinySide}`,
    );
    expect(refused.stderr).toContain("set it with --map-padding");
    expect(refused.code).toBe(2);
    await expectNothingTrained(refused);
  });

  test("a damaged test patch: exit 3, and nothing was trained", async () => {
    const data = await changed(async (copy) => await truncate(path.join(copy, "test/img/test1.png"), 60));
    const refused = await run(data, "--batch-size", "4");
    expect(refused.stderr).toContain("test1.png");
    expect(refused.code).toBe(3);
    await expectNothingTrained(refused);
  });

  test("a test mask with an index that no class has: exit 3", async () => {
    const wrong = maskPng(new Uint8Array(tinySide * tinySide).fill(7), tinySide, tinySide);
    const data = await changed(async (copy) => await writeFile(path.join(copy, "test/mask/test2.png"), wrong));
    const refused = await run(data, "--batch-size", "4");
    expect(refused.stderr).toContain("test2.png");
    expect(refused.code).toBe(3);
    await expectNothingTrained(refused);
  });

  test.each(["ground-truth", "pseudo"])("a damaged true mask of train, masks %s: exit 3", async (masks) => {
    const data = await changed(async (copy) => {
      const masks = await readdir(path.join(copy, "train_mask"));
      await truncate(path.join(copy, "train_mask", masks[5]!), 40);
    });
    const refused = await run(data, "--batch-size", "4", "--masks", masks);
    expect(refused.stderr).toContain("train_mask");
    expect(refused.code).toBe(3);
    await expectNothingTrained(refused);
  });

  test("true masks without a pixel of tissue: exit 3", async () => {
    const data = await changed(async (copy) => {
      const background = maskPng(new Uint8Array(tinySide * tinySide).fill(2), tinySide, tinySide);
      for (const name of await readdir(path.join(copy, "train_mask"))) {
        await writeFile(path.join(copy, "train_mask", name), background);
      }
    });
    const refused = await run(data, "--batch-size", "4", "--masks", "ground-truth");
    expect(refused.stderr).toContain("none of the 8 true masks of train of tiny has a pixel of a tissue class");
    expect(refused.code).toBe(3);
    await expectNothingTrained(refused);
  });

  test("weights of another network for the segmenter: exit 4", async () => {
    const { classes, background } = await openDataset(clean);
    await using classifier = await tinyClassifier({ classes, background });
    const weights = path.join(folder, "classifier-weights.safetensors");
    await classifier.save(weights);
    const refused = await run(clean, "--batch-size", "4", "--segmenter-weights", weights);
    expect(refused.stderr).toContain("classifier-weights.safetensors");
    expect(refused.code).toBe(4);
    await expectNothingTrained(refused);
  });

  test("what is refused leaves what an earlier command made", async () => {
    const data = await changed(() => Promise.resolve());
    const first = await run(data, "--batch-size", "4");
    expect(first.code).toBe(0);
    const weights = await readFile(path.join(first.out, "classifier.safetensors"));
    const damaged = path.join(data, "test/img/test1.png");
    await truncate(damaged, 60);
    const words = ["run", "--out", first.out, "--classifier-epochs", "2", "--force"];
    const again = await command(...words);
    expect(again.code).toBe(3);
    expect(await readFile(path.join(first.out, "classifier.safetensors"))).toEqual(weights);
    expect(existsSync(path.join(first.out, "stages", "train-classifier.json"))).toBe(true);
  });
});

describe("train patches whose label names no class", () => {
  const pixelCount = tinySide * tinySide;
  const onlyBackground = (masks: PseudoMasks, index: number): boolean =>
    masks.levels.every((level) => masks.mask(level, index).every((pixel) => pixel === 2));

  async function withEmptyLabels(): Promise<string> {
    return await changed(async (copy) => {
      const description = JSON.parse(await readFile(path.join(copy, "wsss-dataset.json"), "utf8")) as {
        labels: object;
      };
      description.labels = { ...description.labels, allowEmpty: true };
      await writeTree(copy, {
        "wsss-dataset.json": JSON.stringify(description),
        "train/z1[00].png": await patchPng(tinySide, tinySide, 40),
        "train/z2[00].png": await patchPng(tinySide, tinySide, 41),
      });
      await rm(path.join(copy, "train_mask"), { recursive: true });
    });
  }

  test.each(["default", "published"] as const)("have masks of background alone, recipe %s", async (recipe) => {
    const { train, classes, background } = await openDataset(await withEmptyLabels());
    await using classifier = await tinyClassifier({ classes, background });
    const masks = await classifier.generatePseudoMasks(train, { recipe });
    expect(masks.count).toBe(10);
    const empty = train.files.map(({ labels }) => labels?.every((label) => label === 0) === true);
    for (const [index, isEmpty] of empty.entries()) if (isEmpty) expect(onlyBackground(masks, index)).toBe(true);
    expect(onlyBackground(masks, 0)).toBe(false);
    expect(empty.filter(Boolean)).toHaveLength(2);
  });

  test("of a manifest too, and a segmenter learns from the rest of them", async () => {
    const rows = ["a.png,gland", "b.png,stroma", "c.png,gland;stroma", "d.png,"];
    const files = await Promise.all(rows.map(async (_, i) => [`${"abcd"[i]}.png`, await patchPng(32, 32, i)] as const));
    const data = await manifestFolder(["image,labels,split", ...rows.map((row) => `${row},train`)].join("\n"), {
      files: Object.fromEntries(files),
      description: { labels: { rule: "manifest", file: "patches.csv", allowEmpty: true } },
    });
    const { train, classes, background } = await openDataset(data);
    await using classifier = await tinyClassifier({ classes, background });
    const masks = await classifier.generatePseudoMasks(train);
    expect(onlyBackground(masks, 3)).toBe(true);
    await using segmenter = await tinySegmenter({ classes, background });
    const pixels: number[] = [];
    for await (const event of segmenter.train(train, { masks, ...brief })) {
      if (event.kind === "epoch") pixels.push(event.scoredPixels);
    }
    // Three levels of three patches without glass.
    expect(pixels).toEqual([3 * 3 * pixelCount]);
  });

  test("go through all stages", async () => {
    const result = await run(await withEmptyLabels(), "--batch-size", "4");
    expect(result.stderr).not.toContain("wsss-tissue:");
    expect(result.code).toBe(0);
    expect(await readdir(path.join(result.out, "train_PM/PM_bn7"))).toContain("z1[00].png");
  });
});

describe("epochs without a pixel to learn from", () => {
  /** Of three patches one has tissue; a step takes two and the third is left out. */
  async function mostlyVoid(): Promise<string> {
    return await changed(async (copy) => {
      const names = (await readdir(path.join(copy, "train"))).sort();
      for (const [i, name] of names.entries()) {
        if (i > 2) {
          for (const place of ["train", "train_mask"]) await rm(path.join(copy, place, name));
          continue;
        }
        const mask = new Uint8Array(tinySide * tinySide).fill(i === 0 ? 0 : 2);
        await writeFile(path.join(copy, "train_mask", name), maskPng(mask, tinySide, tinySide));
      }
    });
  }

  test("have a count of 0 in their events, and none is refused", async () => {
    const { train, classes, background } = await openDataset(await mostlyVoid());
    await using segmenter = await tinySegmenter({ classes, background });
    const epochs: { pixels: number; loss: number }[] = [];
    for await (const event of segmenter.train(train, { masks: "ground-truth", epochs: 12, batchSize: 2 })) {
      if (event.kind === "epoch") epochs.push({ pixels: event.scoredPixels, loss: event.meanLoss });
    }
    expect(new Set(epochs.map(({ pixels }) => pixels))).toEqual(new Set([0, tinySide * tinySide]));
    for (const { pixels, loss } of epochs) expect(loss > 0).toBe(pixels > 0);
  });

  test("are told of by the command, and stand in the metrics", async () => {
    const words = ["--masks", "ground-truth", "--classifier-batch-size", "3", "--segmenter-batch-size", "2"];
    const result = await run(await mostlyVoid(), ...words, "--segmenter-epochs", "12");
    expect(result.code).toBe(0);
    expect(result.stderr).toMatch(/warning: train-segmenter: epoch \d+: no mask of it had a pixel to learn from/);
    const lines = (await readFile(path.join(result.out, "metrics/segmenter-epochs.csv"), "utf8")).trim().split("\n");
    const column = lines[0]!.split(",").indexOf("scoredPixels");
    expect(new Set(lines.slice(1).map((line) => line.split(",")[column]))).toEqual(new Set(["0", "1024"]));
  });

  test("a training of nothing but such masks is refused", async () => {
    const { train, classes, background } = await openDataset(clean);
    await using classifier = await tinyClassifier({ classes, background });
    const masks = await classifier.generatePseudoMasks(train, { glass: { greyAbove: 0, minAreaPx: 0 } });
    await using segmenter = await tinySegmenter({ classes, background });
    const training = segmenter.train(train, { masks, ...brief });
    await expect(training.next()).rejects.toMatchObject({
      code: "WSSS_ERR_DATASET",
      message: expect.stringContaining("have no pixel to learn from"),
    });
  });
});

describe("predict", () => {
  let trained: string;
  let source: string;

  beforeAll(async () => {
    trained = (await run(clean, "--batch-size", "4")).out;
    source = path.join(clean, "test/img");
  });

  async function predict(pictures: string, ...more: string[]): Promise<Refused> {
    const out = path.join(folder, `predicted-${copies++}`);
    return { ...(await command("predict", "--run", trained, "--out", out, "--json", pictures, ...more)), out };
  }

  async function picturesNamed(names: Readonly<Record<string, string>>): Promise<string> {
    const target = path.join(folder, `pictures-${copies++}`);
    await cp(source, target, { recursive: true });
    for (const [from, to] of Object.entries(names)) await rename(path.join(target, from), path.join(target, to));
    return target;
  }

  test("refuses two results in one file before it writes any: exit 2", async () => {
    const pair = await picturesNamed({ "test0.png": "x.png", "test1.png": "x-overlay.png" });
    const refused = await predict(pair);
    expect(refused.stderr).toMatch(
      /x-overlay\.png and .*x\.png would both be written|x\.png and .*x-overlay\.png would both/,
    );
    expect(refused.code).toBe(2);
    expect(existsSync(refused.out)).toBe(false);
    const jpeg = await picturesNamed({ "test0.png": "x.png", "test1.png": "x.jpg" });
    expect(await predict(jpeg)).toMatchObject({ code: 3, stderr: expect.stringContaining("would both be written") });
  });

  test("refuses to write over a picture by another name of its folder: exit 2", async () => {
    const pictures = await picturesNamed({});
    const { symlink } = await import("node:fs/promises");
    const link = path.join(folder, "link-to-pictures");
    await symlink(pictures, link);
    const before = await readdir(pictures);
    const refused = await command("predict", "--run", trained, "--out", link, pictures);
    expect(refused.stderr).toContain("would be written over the picture");
    expect(refused.code).toBe(2);
    expect(await readdir(pictures)).toEqual(before);
  });

  test("goes on with the others where pictures fail, and says at the end which: exit 3", async () => {
    const long = `${"q".repeat(246)}.png`;
    const pictures = await picturesNamed({ "test0.png": long });
    await writeFile(path.join(pictures, "broken.png"), "this is text");
    await writeFile(path.join(pictures, "tiny.png"), await patchPng(8, 8, 1));
    const result = await predict(pictures);
    expect(result.code).toBe(3);
    expect(result.stderr).toContain("3 of 5 pictures could not be predicted");
    const { predictions, failed } = JSON.parse(result.stdout) as {
      predictions: { picture: string }[];
      failed: { picture: string; code: string; message: string }[];
    };
    expect(predictions.map(({ picture }) => path.basename(picture))).toEqual(["test1.png", "test2.png"]);
    expect(new Set(failed.map(({ picture }) => path.basename(picture)))).toEqual(
      new Set(["broken.png", long, "tiny.png"]),
    );
    expect(failed.every(({ message }) => message.length > 0)).toBe(true);
    // No half of a prediction, and no temporary file, is left.
    expect((await readdir(result.out)).sort()).toEqual(
      ["test1-overlay.png", "test1.png", "test2-overlay.png", "test2.png"].sort(),
    );
  });

  test("in the API, patches that can't be read are told of and left out", async () => {
    const { test: split, classes, background } = await openDataset(clean);
    await using segmenter = await tinySegmenter({ classes, background });
    const good = split.files.map(({ imagePath }) => imagePath);
    const paths = [good[0]!, path.join(folder, "gone.png"), good[1]!];
    const told: { index: number; name: string }[] = [];
    const seen: string[] = [];
    const onUnreadable = ({ index, name }: { index: number; name: string }): void => void told.push({ index, name });
    for await (const { name } of segmenter.predictEach(paths, { onUnreadable })) seen.push(name);
    expect({ seen, told }).toEqual({ seen: ["test0.png", "test1.png"], told: [{ index: 1, name: "gone.png" }] });
    expect(() => segmenter.predictEach(paths, { onUnreadable: "no" as never })).toThrow(
      "onUnreadable must be a function",
    );
  });
});
