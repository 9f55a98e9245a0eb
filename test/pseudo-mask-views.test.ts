// Pseudo masks averaged over mirror images are mirrored with their patch.
import { beforeAll, expect, test } from "@jest/globals";
import sharp from "sharp";

import { Classifier, type Dataset, openDataset } from "../dist/index.js";
import { twoClasses, writeTree } from "./support/dataset-folder.js";
import { freshFolder, tinySide, tinyWidth } from "./support/tiny-models.js";

const mirrors = {
  upright: (png: Buffer) => sharp(png),
  flopped: (png: Buffer) => sharp(png).flop(),
  flipped: (png: Buffer) => sharp(png).flip(),
  turned: (png: Buffer) => sharp(png).flop().flip(),
} as const;

/** RGB bytes with a bright corner and a reddish edge, so that every mirror image is another one. */
function unevenPixels(): Uint8Array {
  const bytes = new Uint8Array(tinySide * tinySide * 3);
  for (let y = 0; y < tinySide; ++y) {
    for (let x = 0; x < tinySide; ++x) {
      const bright = x < tinySide / 2 && y < tinySide / 3 ? 255 : 40;
      bytes.set([x > tinySide - 8 ? 200 : bright, bright, (y * 5) % 256], 3 * (y * tinySide + x));
    }
  }
  return bytes;
}

let dataset: Dataset;
let classifier: Classifier;

beforeAll(async () => {
  const folder = await freshFolder();
  const png = await sharp(unevenPixels(), { raw: { width: tinySide, height: tinySide, channels: 3 } })
    .png()
    .toBuffer();
  for (const [name, mirror] of Object.entries(mirrors)) {
    await writeTree(folder, { [`train/${name}-[1 1].png`]: await mirror(png).png().toBuffer() });
  }
  await writeTree(folder, { "wsss-dataset.json": JSON.stringify(twoClasses) });
  dataset = await openDataset(folder, { require: ["train"] });
  classifier = await Classifier.create({ classes: dataset.classes, width: tinyWidth, device: "cpu", seed: 9 });
});

/** The share of pixels in which the masks of the mirror images, mirrored back, are the mask of the patch itself. */
async function agreement(views: "one" | "flips"): Promise<number> {
  const masks = await classifier.generatePseudoMasks(dataset.train, { views });
  let same = 0;
  let all = 0;
  const classes = new Set<number>();
  for (const level of masks.levels) {
    const maskOf = (name: string): Uint8Array =>
      masks.mask(
        level,
        dataset.train.files.findIndex(({ stem }) => stem.startsWith(name)),
      );
    const upright = maskOf("upright");
    upright.forEach((index) => classes.add(index));
    for (const [name, mirror] of Object.entries(mirrors)) {
      const raw = { width: tinySide, height: tinySide, channels: 1 } as const;
      const grey = await sharp(maskOf(name), { raw }).png().toBuffer();
      const back = await mirror(grey).toColourspace("b-w").raw().toBuffer();
      same += back.filter((index, at) => index === upright[at]).length;
      all += back.length;
    }
  }
  expect([...classes].sort()).toEqual([0, 1]);
  return same / all;
}

test("masks averaged over mirror images are mirrored with the patch; masks of the patch alone are not", async () => {
  expect(await agreement("flips")).toBeGreaterThan(0.99);
  expect(await agreement("one")).toBeLessThan(0.9);
});
