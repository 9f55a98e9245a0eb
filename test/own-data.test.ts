/** What docs/own-data.md shows: its descriptions are valid, and its example runs as it stands there. */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { beforeAll, describe, expect, test } from "@jest/globals";
import sharp from "sharp";

import { checkDescription } from "../dist/dataset/description.js";
import { openDataset } from "../dist/index.js";
import { command, freshFolder, lastJson } from "./support/command-line.js";
import { maskPng, pixels, writeTree } from "./support/dataset-folder.js";

const page = fileURLToPath(new URL("../docs/own-data.md", import.meta.url));
const side = 32;
/** Side of the one test patch that is of another size. */
const otherSide = 48;

/** Fenced blocks of a language, in their order. */
async function blocks(language: string): Promise<string[]> {
  const text = await readFile(page, "utf8");
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))].map(([, block]) => block ?? "");
}

async function picture(file: string, px: number, seed: number): Promise<Buffer> {
  const image = sharp(pixels(px, px, seed), { raw: { height: px, width: px, channels: 3 } });
  const format = { ".png": "png", ".jpg": "jpeg", ".webp": "webp", ".tif": "tiff" } as const;
  return await image.toFormat(format[path.extname(file) as keyof typeof format]).toBuffer();
}

/** The example's files: pictures of noise, masks with equal parts of what their rows name, and some ignored pixels. */
async function writeExample(folder: string): Promise<void> {
  const [description = ""] = await blocks("json");
  const [manifest = ""] = await blocks("csv");
  const { classes } = JSON.parse(description) as { classes: { name: string }[] };
  const files: Record<string, Buffer | string> = { "wsss-dataset.json": description, "patches.csv": manifest };
  for (const [seed, line] of manifest.trim().split("\n").slice(1).entries()) {
    const [image = "", mask = "", , , labels = ""] = line.split(",");
    const px = image.includes("d-0301") ? otherSide : side;
    files[image] = await picture(image, px, seed);
    if (mask === "") continue;
    const named = labels.split(";").map((name) => classes.findIndex((one) => one.name === name));
    const indices = Uint8Array.from({ length: px * px }, (_, at) => (at % 9 === 0 ? 255 : named[at % named.length]!));
    files[mask] = maskPng(indices, px, px);
  }
  await writeTree(folder, files);
}

describe("docs/own-data.md", () => {
  let root: string;
  let data: string;
  beforeAll(async () => {
    root = await freshFolder();
    data = path.join(root, "my-tissue");
    await writeExample(data);
  });

  test("its description and its other JSON are what the library takes", async () => {
    const [description = "", entries = "", draw = ""] = await blocks("json");
    const value = JSON.parse(description) as object;
    expect(checkDescription(value)).toMatchObject(value);
    expect(checkDescription({ ...value, ...(JSON.parse(draw) as object) }).split).toMatchObject({ by: "patient" });
    await writeTree(data, { "patches.json": entries });
    const labels = { rule: "manifest", file: "patches.json" };
    // The excerpt has two patches only, so that a class may be missing in train.
    await expect(openDataset(data, { description: { ...value, labels } as never })).rejects.toThrow(
      /has 1 problem in 2 rows:\n {2}class "necrosis": never occurs/,
    );
  });

  test("its example opens", async () => {
    const dataset = await openDataset(data, { require: ["train", "val", "test"] });
    expect([dataset.train.count, dataset.val.count, dataset.test.count]).toEqual([4, 1, 2]);
    expect(dataset.train.files.map(({ labels, patient }) => [labels, patient])).toEqual([
      [[1, 1, 0], "P01"],
      [[0, 1, 0], "P01"],
      [[1, 0, 1], "P02"],
      [[0, 1, 1], "P02"],
    ]);
  });

  test("its command runs to the end, with networks made small", async () => {
    const line = (await blocks("sh"))[0]?.trim().replace("npx wsss-tissue ", "") ?? "";
    expect(line).toBe("run --data my-tissue --out runs/mine");
    const out = path.join(root, "runs/mine");
    const words = line.replace("my-tissue", data).replace("runs/mine", out).split(" ");
    const small = ["--width", "1/16", "--epochs", "1", "--batch-size", "2", "--pictures", "2", "--json"];
    const result = await command(...words, ...small);
    expect(result.stderr).not.toContain("wsss-tissue:");
    expect(result.code).toBe(0);
    const { classifier, segmenter } = lastJson(result) as Record<string, any>;
    expect(classifier.classAccuracy).toHaveLength(3);
    expect(segmenter.gated.iou).toHaveLength(3);
    expect(existsSync(path.join(out, "pictures/test-d-0301.png"))).toBe(true);
    expect(existsSync(path.join(out, "train_PM/PM_bn7/b-0077.png"))).toBe(true);

    const again = await command("run", "--out", out);
    expect(again.stderr.match(/already done/g)).toHaveLength(5);
    const manifest = await readFile(path.join(data, "patches.csv"), "utf8");
    await writeTree(data, { "patches.csv": manifest.replace("P01,stroma", "P01,gland") });
    const changed = await command("run", "--out", out);
    expect(changed.code).toBe(2);
    expect(changed.stderr).toMatch(/holds a run with other options: dataset\.train\.patches was/);
  });

  test("a draw of patients is said aloud", async () => {
    const drawn = path.join(root, "drawn");
    await writeExample(drawn);
    const manifest = await readFile(path.join(drawn, "patches.csv"), "utf8");
    const rows = manifest
      .trim()
      .split("\n")
      .map((line) =>
        line
          .split(",")
          .filter((_, column) => column !== 1 && column !== 2)
          .join(","),
      );
    const [description = "", , draw = ""] = await blocks("json");
    const value = { ...(JSON.parse(description) as object), ...(JSON.parse(draw) as object) };
    await writeTree(drawn, { "patches.csv": rows.join("\n"), "wsss-dataset.json": JSON.stringify(value) });
    const words = ["--data", drawn, "--out", path.join(root, "runs/drawn"), "--batch-size", "2", "--epochs", "1"];
    const { stderr } = await command("train-classifier", ...words, "--width", "1/16");
    expect(stderr).toMatch(
      /patients are drawn into splits: train \d patches of \d patients?, val \d patches? of 1 patient, test \d patches of 1 patient/,
    );
  });

  test("without masks of test all is trained and nothing is scored; what needs scores refuses at once", async () => {
    const bare = path.join(root, "bare");
    await writeExample(bare);
    const manifest = await readFile(path.join(bare, "patches.csv"), "utf8");
    await writeTree(bare, { "patches.csv": manifest.replaceAll(/masks\/d-\d+\.png/g, "") });
    const out = path.join(root, "runs/bare");
    const small = ["--width", "1/16", "--epochs", "1", "--batch-size", "2", "--json"];
    const run = await command("run", "--data", bare, "--out", out, ...small);
    expect([run.code, run.stderr]).toEqual([
      0,
      expect.stringMatching(/has no test patches with true masks: all is trained/),
    ]);
    const result = lastJson(run);
    expect(Object.keys(result)).toEqual(["elapsedMs"]);
    expect(await readdir(path.join(out, "pictures"))).toContain("test.png");
    for (const words of [
      ["evaluate", "--out", out],
      ["ablate", "--data", bare, "--out", path.join(root, "runs/table"), ...small],
    ]) {
      const { code, stderr } = await command(...words);
      expect([code, stderr]).toEqual([3, expect.stringMatching(/has no test patches with masks to evaluate on/)]);
      expect(stderr).not.toContain("train-classifier: train");
    }
  });
});
