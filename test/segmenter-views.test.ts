// Test-time augmentation: the logits of a patch are the mean of those of the ways to lay it, wherever a segmenter predicts.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Dataset, type PatchPixels, Segmenter, type SegmentationPrediction } from "../dist/index.js";
import { readIndexPng } from "../dist/image/index-png.js";
import { recordedPlan, resolveSections } from "../dist/run/plan.js";
import { command } from "./support/command-line.js";
import { freshFolder, tinyDataset, tinyWidth } from "./support/tiny-models.js";

/** One way to lay a patch: mirrored, then transposed. */
interface Laying {
  readonly flop: boolean;
  readonly flip: boolean;
  readonly transposed: boolean;
}

const flips: readonly Laying[] = [0, 1, 2, 3].map((bits) => ({
  flop: (bits & 1) !== 0,
  flip: (bits & 2) !== 0,
  transposed: false,
}));
const symmetries: readonly Laying[] = [...flips, ...flips.map((one) => ({ ...one, transposed: true }))];

/** Where pixel (x, y) of a laid patch lies in the patch of so many pixels. */
function sourceOf({ flop, flip, transposed }: Laying, height: number, width: number, x: number, y: number): number {
  const [column, row] = transposed ? [y, x] : [x, y];
  return (flip ? height - 1 - row : row) * width + (flop ? width - 1 - column : column);
}

function lay({ rgb, height, width }: PatchPixels, laying: Laying): PatchPixels {
  const [h, w] = laying.transposed ? [width, height] : [height, width];
  const laid = new Uint8Array(rgb.length);
  for (let y = 0; y < h; y += 1) {
    for (let x = 0; x < w; x += 1) {
      const from = 3 * sourceOf(laying, height, width, x, y);
      laid.set(rgb.subarray(from, from + 3), 3 * (y * w + x));
    }
  }
  return { rgb: laid, height: h, width: w };
}

/** The probabilities of the mean of logits, from the predictions of laid patches: a constant of each pixel falls out. */
async function expected(segmenter: Segmenter, patch: PatchPixels, layings: readonly Laying[]): Promise<Float64Array> {
  const { height, width } = patch;
  const pixels = height * width;
  const classes = segmenter.classes.length;
  const sums = new Float64Array(classes * pixels);
  for (const laying of layings) {
    const { probabilities, width: w } = await segmenter.predict(lay(patch, laying));
    for (let at = 0; at < pixels; at += 1) {
      const source = sourceOf(laying, height, width, at % w, Math.floor(at / w));
      for (let k = 0; k < classes; k += 1) sums[k * pixels + source]! += Math.log(probabilities[k * pixels + at]!);
    }
  }
  const exponents = sums.map((sum) => Math.exp(sum / layings.length));
  return exponents.map((one, at) => {
    let total = 0;
    for (let k = 0; k < classes; k += 1) total += exponents[k * pixels + (at % pixels)]!;
    return one / total;
  });
}

function unevenPatch(height: number, width: number): PatchPixels {
  const rgb = new Uint8Array(height * width * 3);
  for (let at = 0; at < height * width; at += 1) {
    const [x, y] = [at % width, Math.floor(at / width)];
    rgb.set([x < width / 3 ? 230 : 60, (y * 7) % 256, x > y ? 200 : 30], 3 * at);
  }
  return { rgb, height, width };
}

function farthest(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  return Math.max(...Array.from(found, (one, at) => Math.abs(one - wanted[at]!)));
}

describe.each(["mobilenet", "resnet101"] as const)("a segmenter of %s", (backbone) => {
  let dataset: Dataset;
  let segmenter: Segmenter;
  beforeAll(async () => {
    dataset = await tinyDataset();
    const network = { classes: dataset.classes, backbone, width: tinyWidth, seed: 4, device: "cpu" } as const;
    segmenter = await Segmenter.create({ ...network, precision: "float32" });
  });
  afterAll(async () => await segmenter.dispose());

  test.each([
    ["flips", 64, 64, flips],
    ["symmetries", 64, 64, symmetries],
    ["flips", 48, 80, flips],
    ["symmetries", 48, 80, flips],
  ] as const)("averages the logits of %s of a patch of %d x %d", async (views, height, width, layings) => {
    const patch = unevenPatch(height, width);
    const alone = await segmenter.predict(patch);
    const seen = await segmenter.predict(patch, { views });
    const wanted = await expected(segmenter, patch, layings);
    expect(farthest(seen.probabilities, wanted)).toBeLessThan(1e-4);
    expect(farthest(alone.probabilities, wanted)).toBeGreaterThan(1e-3);
  });

  test("follows a patch that is laid otherwise", async () => {
    const patch = unevenPatch(64, 64);
    const upright = await segmenter.predict(patch, { views: "symmetries" });
    const laying = symmetries[6]!;
    const laid: SegmentationPrediction = await segmenter.predict(lay(patch, laying), { views: "symmetries" });
    const back = new Float32Array(laid.probabilities.length);
    for (let at = 0; at < 64 * 64; at += 1) {
      const source = sourceOf(laying, 64, 64, at % 64, Math.floor(at / 64));
      for (let k = 0; k < 2; k += 1) back[k * 64 * 64 + source] = laid.probabilities[k * 64 * 64 + at]!;
    }
    expect(farthest(back, upright.probabilities)).toBeLessThan(1e-4);
  });

  test("is scored by what it predicts of a split", async () => {
    const maps = await segmenter.predict(dataset.test, { views: "flips" });
    const { confusion } = await segmenter.evaluate(dataset.test, { views: "flips" });
    const predicted = [0, 1].map((k) => confusion.reduce((sum, row) => sum + row[k]!, 0));
    const truth = await dataset.test.loadTruth();
    const counted = [0, 0];
    for (const [index, { classMap }] of maps.entries()) {
      const mask = new Uint8Array(truth.mask(0, index));
      classMap.forEach((k, at) => (counted[k]! += mask[at]! < 2 ? 1 : 0));
    }
    expect(predicted).toEqual(counted);
  });
});

test("--tta reaches evaluation and predictions, --mosaic the training; both are recorded", async () => {
  const folder = await freshFolder();
  const out = path.join(folder, "run");
  const run = await command("demo", "--tiny", "--tta", "flips", "--mosaic", "0.5", "--out", out);
  expect(run).toMatchObject({ code: 0 });
  const { plan } = JSON.parse(await readFile(path.join(out, "run.json"), "utf8"));
  expect(plan.evaluation).toMatchObject({ views: "flips" });
  expect(plan.segmenter.training).toMatchObject({ mosaic: 0.5 });
  expect(JSON.parse(await readFile(path.join(out, "evaluation", "plain.json"), "utf8"))).toMatchObject({
    views: "flips",
  });
  const bundle = path.join(folder, "bundle");
  expect(await command("bundle", "--run", out, "--out", bundle)).toMatchObject({ code: 0 });
  const card = await readFile(path.join(bundle, "MODEL_CARD.md"), "utf8");
  expect(card).toMatch(/\| segmenter mIoU, gated, --tta flips \(test\) \| 0\.\d+ \|/);
  const picture = path.join(out, "data", "test", "img", "test-00001.png");
  await using segmenter = await Segmenter.load(path.join(out, "segmenter.safetensors"), { device: "cpu" });
  const palette = [...segmenter.classes, segmenter.background].map(({ colour }) => colour);
  for (const views of ["one", "symmetries"] as const) {
    const masks = path.join(folder, views);
    const asked = ["--run", out, "--no-gate", "--tta", views, "--device", "cpu", "--out", masks, picture];
    expect(await command("predict", ...asked)).toMatchObject({ code: 0 });
    const { indices } = await readIndexPng(path.join(masks, "test-00001.png"), { palette });
    expect(indices).toEqual((await segmenter.predict(picture, { views })).classMap);
  }
}, 300_000);

test("another word is refused, and a run that looks at the patch alone is recorded as before there was a choice", async () => {
  await using segmenter = await Segmenter.create({ classes: (await tinyDataset()).classes, width: tinyWidth });
  const refused = segmenter.predict(unevenPatch(32, 32), { views: "all" as never });
  await expect(refused).rejects.toMatchObject({ code: "WSSS_ERR_OPTION", details: { option: "views" } });
  const recorded = (views?: "flips"): unknown =>
    recordedPlan(resolveSections({ evaluation: { views } }, ["evaluation"])).evaluation;
  expect(recorded()).not.toHaveProperty("views");
  expect(recorded("flips")).toHaveProperty("views", "flips");
});
