/**
 * What limits a segmentation of GlaS' whole images (bench/glas-official.mjs): where the pixels are that it gets wrong, by their distance to the
 * nearest true border between gland and the rest, and by image.
 *
 *   node bench/glas-errors.mjs [--on val|test] [--threads N] NAME=SEGMENTER.safetensors... [NAME=SEGMENTER.safetensors,OTHER_SEED...]
 *
 * A name with several files is several seeds: their wrong pixels are counted together. Prints the share of wrong pixels of each band of
 * distances, of glands and of the rest, what part of all wrong pixels that is, and the images with the least mIoU.
 */
import { parseArgs } from "node:util";
import { imagesOf, joinWindows, readImage, showWindow, windowsOf } from "./glas/whole-images.mjs";
import { percent, scoreOf } from "./glas/spread.mjs";
import { Segmenter } from "../dist/index.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { on: { type: "string", default: "val" }, threads: { type: "string", default: "0" } },
});
if (positionals.length === 0) throw new Error("give at least one NAME=SEGMENTER.safetensors");

const windowStride = 56;
/** Upper ends of the bands, in px of the image (0.62 um); the last one is open. */
const bandEnds = [4, 8, 16, 32, Infinity];
const classNames = ["gland", "outside"];

/** Of each pixel the distance to the nearest pixel of the other class, in px: chamfer 3-4, within 8 % of the Euclidean one. */
function distancesToBorder({ width, height, classes }) {
  const thirds = new Uint32Array(width * height).fill(1 << 30);
  const relax = (x, y, dx, dy, step) => {
    if (x + dx < 0 || x + dx >= width || y + dy < 0 || y + dy >= height) return;
    const at = y * width + x;
    const beside = at + dy * width + dx;
    const distance = classes[at] === classes[beside] ? thirds[beside] + step : step;
    if (distance < thirds[at]) thirds[at] = distance;
  };
  const before = [[-1, 0, 3], [0, -1, 3], [-1, -1, 4], [1, -1, 4]]; // prettier-ignore
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) for (const [dx, dy, step] of before) relax(x, y, dx, dy, step);
  }
  for (let y = height - 1; y >= 0; y -= 1) {
    for (let x = width - 1; x >= 0; x -= 1) for (const [dx, dy, step] of before) relax(x, y, -dx, -dy, step);
  }
  return Float32Array.from(thirds, (distance) => distance / 3);
}

const images = (await imagesOf(values.on)).scored;
console.log(`Wrong pixels of ${images.length} images of ${values.on}, per cent\n`);
const bandNames = bandEnds.map((end, i) => {
  const from = i === 0 ? 0 : bandEnds[i - 1];
  return end === Infinity ? `over ${from} px` : `${from} to ${end} px`;
});
const columns = classNames.flatMap((name) => bandNames.map((band) => `${name}, ${band}`));
console.log(`| learned from | mIoU | ${columns.join(" | ")} | worst images |`);
console.log(`|${"---|".repeat(columns.length + 3)}`);

const pixelsIn = columns.map(() => 0);
for (const [index, given] of positionals.entries()) {
  const [name, files] = given.split("=");
  const wrongIn = columns.map(() => 0);
  const confusion = [[0, 0], [0, 0]]; // prettier-ignore
  const ofImages = [];
  const segmenters = await Promise.all(
    files.split(",").map(async (file) => await Segmenter.load(file, { threads: Number(values.threads) })),
  );
  for (const imageName of images) {
    const image = await readImage(imageName);
    const distances = distancesToBorder(image);
    const corners = windowsOf(image, windowStride);
    const windows = await Promise.all(corners.map(async (corner) => await showWindow(image, corner)));
    const own = [[0, 0], [0, 0]]; // prettier-ignore
    for (const segmenter of segmenters) {
      const maps = (await segmenter.predict(windows)).map(({ probabilities }) => probabilities);
      const joined = joinWindows(image, corners, maps, classNames.length);
      image.classes.forEach((truth, at) => {
        const column = truth * bandEnds.length + bandEnds.findIndex((end) => distances[at] <= end);
        if (index === 0 && segmenter === segmenters[0]) pixelsIn[column] += 1;
        if (joined[at] !== truth) wrongIn[column] += 1 / segmenters.length;
        own[truth][joined[at]] += 1;
        confusion[truth][joined[at]] += 1;
      });
    }
    ofImages.push({ imageName, mIoU: scoreOf(own).mIoU });
  }
  await Promise.all(segmenters.map(async (segmenter) => await segmenter.dispose()));
  const allWrong = wrongIn.reduce((sum, one) => sum + one, 0);
  const cells = wrongIn.map((wrong, i) => `${percent(wrong / pixelsIn[i])} (${percent(wrong / allWrong)})`);
  const worst = ofImages.sort((a, b) => a.mIoU - b.mIoU).slice(0, 3);
  const worstCell = worst.map((one) => `${one.imageName} ${percent(one.mIoU)}`).join(", ");
  console.log(`| ${[name, percent(scoreOf(confusion).mIoU), ...cells, worstCell].join(" | ")} |`);
}
const allPixels = pixelsIn.reduce((sum, one) => sum + one, 0);
console.log(`\nAll pixels: ${columns.map((column, i) => `${column} ${percent(pixelsIn[i] / allPixels)}`).join("; ")}`);
