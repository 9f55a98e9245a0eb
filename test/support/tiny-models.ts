// The smallest dataset, classifier and segmenter for tests of the API.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll } from "@jest/globals";
import { Classifier, type Dataset, openDataset, Segmenter } from "../../dist/index.js";
import { indexPattern, maskPng, patchPng, writeTree } from "./dataset-folder.js";

/** Side of the patches of {@link tinyDataset}, in pixels: the smallest that the networks take. */
export const tinySide = 32;

/** Width at which every layer has the fewest channels. */
export const tinyWidth = 1 / 16;

const made: string[] = [];

afterAll(async () => {
  for (const folder of made) await rm(folder, { recursive: true, force: true });
});

/** A fresh folder under the system's temporary one, removed when the tests of the file are over. */
export async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "wsss-api-"));
  made.push(folder);
  return folder;
}

/**
 * A dataset of noise in the published layout: 8 train patches with true masks, 3 val and 3 test patches.
 * @param names - the tissue classes; labels name the first, the second, or both.
 */
export async function tinyDataset(names: readonly string[] = ["gland", "stroma"]): Promise<Dataset> {
  const folder = await freshFolder();
  const classes = names.map((name, index) => ({ name, colour: [200, 60 * index, 0] }));
  const description = {
    name: "tiny",
    classes,
    labels: { rule: "characters" },
    glass: { greyAbove: 200, minAreaPx: 4 },
  };
  const files: Record<string, Buffer | string> = { "wsss-dataset.json": JSON.stringify(description) };
  const mask = (seed: number): Buffer => {
    return maskPng(indexPattern(tinySide, tinySide, names.length + 1, seed), tinySide, tinySide);
  };
  for (let seed = 0; seed < 8; seed++) {
    const present = [[0], [1], [0, 1]][seed % 3] ?? [0];
    const label = names.map((_, index) => (present.includes(index) ? 1 : 0)).join("");
    files[`train/p${seed}[${label}].png`] = await patchPng(tinySide, tinySide, seed);
    files[`train_mask/p${seed}[${label}].png`] = mask(seed);
  }
  for (const split of ["val", "test"]) {
    for (let seed = 0; seed < 3; seed++) {
      files[`${split}/img/${split}${seed}.png`] = await patchPng(tinySide, tinySide, 20 + seed);
      files[`${split}/mask/${split}${seed}.png`] = mask(seed);
    }
  }
  await writeTree(folder, files);
  return await openDataset(folder);
}

/** A folder with a dataset of noise that has train patches alone, each of one of two classes. */
export async function trainFolder(count: number, side: number): Promise<string> {
  const folder = await freshFolder();
  const classes = [
    { name: "gland", colour: [200, 0, 0] },
    { name: "stroma", colour: [0, 200, 0] },
  ];
  const description = { name: "large", classes, labels: { rule: "characters" } };
  const files: Record<string, Buffer | string> = { "wsss-dataset.json": JSON.stringify(description) };
  // What they show does not matter here, and large patches of noise take long to compress.
  const [gland, stroma] = [await patchPng(side, side, 0), await patchPng(side, side, 1)];
  for (let i = 0; i < count; i += 1) {
    files[`train/p${i}[${i % 2 === 0 ? "10" : "01"}].png`] = i % 2 === 0 ? gland : stroma;
  }
  await writeTree(folder, files);
  return folder;
}

/** The smallest classifier for a dataset. */
export async function tinyClassifier({
  classes,
  background,
}: Pick<Dataset, "classes" | "background">): Promise<Classifier> {
  return await Classifier.create({ classes, background, width: tinyWidth, device: "cpu", seed: 1 });
}

/** The smallest segmenter for a dataset. */
export async function tinySegmenter({
  classes,
  background,
}: Pick<Dataset, "classes" | "background">): Promise<Segmenter> {
  return await Segmenter.create({ classes, background, width: tinyWidth, device: "cpu", seed: 1 });
}

/** Options of a training that lasts until somebody stops it. */
export const endless = { epochs: 100_000, batchSize: 2 } as const;

/** Options of a training that ends at once. */
export const brief = { epochs: 1, batchSize: 4 } as const;
