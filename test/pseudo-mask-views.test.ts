// Pseudo masks averaged over the ways to lay a patch follow it; patches go on mirrored while their maps are drawn.
import { beforeAll, describe, expect, test } from "@jest/globals";
import sharp from "sharp";

import { Classifier, type Dataset, openDataset } from "../dist/index.js";
import { twoClasses, writeTree } from "./support/dataset-folder.js";
import { freshFolder, tinySide, tinyWidth } from "./support/tiny-models.js";

/** Each is its own opposite. */
const mirrors = {
  upright: (png: Buffer) => sharp(png),
  flopped: (png: Buffer) => sharp(png).flop(),
  flipped: (png: Buffer) => sharp(png).flip(),
  turned: (png: Buffer) => sharp(png).flop().flip(),
  // A quarter turn and then a flip.
  transposed: (png: Buffer) => sharp(png).rotate(90).flop(),
} as const;
type Mirror = keyof typeof mirrors;
const flips: readonly Mirror[] = ["upright", "flopped", "flipped", "turned"];

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
async function agreement(views: "one" | "flips" | "symmetries", names: readonly Mirror[] = flips): Promise<number> {
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
    for (const name of names) {
      const mirror = mirrors[name];
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

test("masks averaged over all ways to lay a patch are transposed with it too; those over mirror images are not", async () => {
  expect(await agreement("symmetries", ["upright", "flopped", "transposed"])).toBeGreaterThan(0.99);
  expect(await agreement("flips", ["transposed"])).toBeLessThan(0.97);
});

describe("a border that goes on mirrored", () => {
  const border = tinySide / 2;
  const wide = tinySide + 2 * border;

  /** The patch with the border around it, as a patch of its own. */
  async function wideDataset(): Promise<Dataset> {
    const pixels = unevenPixels();
    const reflected = (at: number): number => {
      const inside = Math.abs(at - border);
      return inside < tinySide ? inside : 2 * (tinySide - 1) - inside;
    };
    const bytes = new Uint8Array(3 * wide * wide);
    for (let y = 0; y < wide; ++y) {
      for (let x = 0; x < wide; ++x) {
        const from = 3 * (reflected(y) * tinySide + reflected(x));
        bytes.set(pixels.subarray(from, from + 3), 3 * (y * wide + x));
      }
    }
    const folder = await freshFolder();
    const png = await sharp(bytes, { raw: { width: wide, height: wide, channels: 3 } })
      .png()
      .toBuffer();
    await writeTree(folder, {
      "train/wide-[1 1].png": png,
      "wsss-dataset.json": JSON.stringify(twoClasses),
    });
    return await openDataset(folder, { require: ["train"] });
  }

  test("gives the masks of the patch that has it, but for what lies at the cut", async () => {
    const index = dataset.train.files.findIndex(({ stem }) => stem.startsWith("upright"));
    const cut = await classifier.generatePseudoMasks(dataset.train, { views: "one", paddingPx: border });
    const whole = await classifier.generatePseudoMasks((await wideDataset()).train, { views: "one" });
    let [same, all] = [0, 0];
    // Maps are enlarged from cells of 8 px, which have no neighbours beyond the cut.
    const margin = 4;
    for (const level of cut.levels) {
      const [own, other] = [cut.mask(level, index), whole.mask(level, 0)];
      for (let y = margin; y < tinySide - margin; ++y) {
        for (let x = margin; x < tinySide - margin; ++x) {
          same += own[y * tinySide + x] === other[(y + border) * wide + x + border] ? 1 : 0;
          all += 1;
        }
      }
    }
    expect(same / all).toBeGreaterThan(0.995);
  });

  test("must be narrower than the patch", async () => {
    const drawn = classifier.generatePseudoMasks(dataset.train, { paddingPx: tinySide });
    await expect(drawn).rejects.toMatchObject({ code: "WSSS_ERR_OPTION", details: { option: "paddingPx" } });
  });
});
