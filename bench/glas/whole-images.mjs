/** The whole images of GlaS: crops of them to learn from, and masks of whole images from overlapping windows, with their score. */
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import sharp from "sharp";
import { mapConcurrently } from "../../dist/async/map-concurrently.js";
import { readIndexPng, writeIndexPng } from "../../dist/image/index-png.js";
import { writeDatasetDescription } from "../../dist/index.js";
import { wholeImages } from "./material.mjs";

/** OEEM's protocol: windows of 112 px of the image, shown to the networks at 224. */
const windowPx = 112;
export const shownPx = 224;

/** A class is present in a crop above this share of its pixels. */
const presentAbove = 0.05;

const description = {
  name: "GlaS, official split, two classes",
  classes: [
    { name: "gland", colour: [205, 51, 51] },
    { name: "outside", colour: [255, 165, 0] },
  ],
  background: { name: "background", colour: [255, 255, 255] },
  labels: { rule: "manifest", file: "patches.csv", minClassShare: presentAbove },
  // White counts, as published: the lumen is gland, and nothing is ignored.
  glass: null,
};
const palette = [...description.classes, description.background].map(({ colour }) => colour);

/** Names of the images to learn from and to score. On val every fifth image to learn from is scored instead: test is for the last figure. */
export async function imagesOf(on) {
  const rows = (await readFile(path.join(wholeImages, "images.csv"), "utf8")).trim().split("\n").slice(1);
  const images = rows.map((row) => row.split(",")).map(([name, split]) => ({ name, isTrain: split === "train" }));
  const train = images.filter(({ isTrain }) => isTrain);
  const isHeldOut = (_, i) => i % 5 === 2;
  const [learned, scored] =
    on === "test"
      ? [train, images.filter(({ isTrain }) => !isTrain)]
      : [train.filter((one, i) => !isHeldOut(one, i)), train.filter(isHeldOut)];
  return { learned: learned.map(({ name }) => name), scored: scored.map(({ name }) => name) };
}

/** Pixels of an image, and its classes. */
export async function readImage(name) {
  const file = path.join(wholeImages, "images", `${name}.jpg`);
  const { data, info } = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const { indices } = await readIndexPng(path.join(wholeImages, "masks", `${name}.png`), { palette: null });
  return { name, rgb: data, width: info.width, height: info.height, classes: indices };
}

/** Corners of windows over a length, the last one at its end. */
function cornersOf(length, stride) {
  const corners = [];
  for (let at = 0; at + windowPx <= length; at += stride) corners.push(at);
  if (corners.at(-1) + windowPx < length) corners.push(length - windowPx);
  return corners;
}

/** The corners of all windows of an image. */
export function windowsOf({ width, height }, stride) {
  return cornersOf(height, stride).flatMap((top) => cornersOf(width, stride).map((left) => ({ left, top })));
}

/** A window as the networks see it. */
export async function showWindow({ rgb, width, height }, { left, top }) {
  const raw = { width, height, channels: 3 };
  const data = await sharp(rgb, { raw })
    .extract({ left, top, width: windowPx, height: windowPx })
    .resize(shownPx, shownPx, { kernel: "cubic" })
    .raw()
    .toBuffer();
  return { rgb: data, height: shownPx, width: shownPx };
}

/** The classes of a window at the size at which it is shown. */
function classesOfWindow({ classes, width }, { left, top }) {
  const scale = shownPx / windowPx;
  const shown = new Uint8Array(shownPx * shownPx);
  for (let y = 0; y < shownPx; y += 1) {
    const row = (top + Math.floor(y / scale)) * width + left;
    for (let x = 0; x < shownPx; x += 1) shown[y * shownPx + x] = classes[row + Math.floor(x / scale)];
  }
  return shown;
}

/** The dataset of crops, made once. */
export async function makeDataset(folder, { learned, scored }, stride) {
  if (existsSync(folder)) return;
  const unfinished = `${folder}-unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  for (const part of ["patches", "masks"]) await mkdir(path.join(unfinished, part), { recursive: true });
  const manifest = ["image,mask,split,labels"];
  const crop = async (name, split, step) => {
    const image = await readImage(name);
    for (const corner of windowsOf(image, step)) {
      const stem = `${name}-${corner.left}-${corner.top}`;
      const indices = classesOfWindow(image, corner);
      const glands = indices.reduce((sum, one) => sum + (one === 0 ? 1 : 0), 0) / indices.length;
      const labels = [...(glands > presentAbove ? ["gland"] : []), ...(1 - glands > presentAbove ? ["outside"] : [])];
      const { rgb } = await showWindow(image, corner);
      const raw = { width: shownPx, height: shownPx, channels: 3 };
      await sharp(rgb, { raw })
        .png({ compressionLevel: 3 })
        .toFile(path.join(unfinished, "patches", `${stem}.png`));
      const mask = { indices, width: shownPx, height: shownPx };
      await writeIndexPng(path.join(unfinished, "masks", `${stem}.png`), mask, palette);
      manifest.push(`patches/${stem}.png,masks/${stem}.png,${split},${labels.join(";")}`);
    }
  };
  await mapConcurrently(learned, async (name) => await crop(name, "train", stride));
  // Crops are scored by the way only: windows that do not overlap are enough.
  await mapConcurrently(scored, async (name) => await crop(name, "test", windowPx));
  manifest.push(...manifest.splice(1).sort());
  await writeFile(path.join(unfinished, "patches.csv"), `${manifest.join("\n")}\n`);
  await writeDatasetDescription(unfinished, description);
  await rename(unfinished, folder);
}

/** Which class each pixel of a whole image shows, from the probabilities of its windows, [classes, shown, shown] each. */
export function joinWindows({ width, height }, corners, probabilities, classCount) {
  const scale = shownPx / windowPx;
  const sums = new Float32Array(classCount * height * width);
  corners.forEach(({ left, top }, i) => {
    const own = probabilities[i];
    for (let k = 0; k < classCount; k += 1) {
      for (let y = 0; y < shownPx; y += 1) {
        const from = (k * shownPx + y) * shownPx;
        const to = (k * height + top + Math.floor(y / scale)) * width + left;
        for (let x = 0; x < shownPx; x += 1) sums[to + Math.floor(x / scale)] += own[from + x];
      }
    }
  });
  const pixels = height * width;
  // Each pixel lies in as many windows for one class as for another, so that sums order as means do.
  return Uint8Array.from({ length: pixels }, (_, at) => {
    let best = 0;
    for (let k = 1; k < classCount; k += 1) if (sums[k * pixels + at] > sums[best * pixels + at]) best = k;
    return best;
  });
}

/** The probabilities of a patch with classes excluded that the classifier thinks absent, as the class gate does; all closed: all open. */
export function gated(probabilities, ofPatch, threshold) {
  const isOpen = [...ofPatch].map((one) => one > threshold);
  if (isOpen.every(Boolean) || !isOpen.some(Boolean)) return probabilities;
  const pixels = probabilities.length / isOpen.length;
  const sums = new Float32Array(pixels);
  isOpen.forEach((open, k) => {
    if (open) for (let at = 0; at < pixels; at += 1) sums[at] += probabilities[k * pixels + at];
  });
  return probabilities.map((one, at) => (isOpen[Math.floor(at / pixels)] ? one / sums[at % pixels] : 0));
}
