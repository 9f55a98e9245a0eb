/**
 * GlaS by the protocol of published weakly supervised work: the official split in two classes (gland, the rest), crops of 112 px of the whole
 * images shown at 224, masks of whole images joined from overlapping windows, mIoU pooled over images, nothing ignored. From labels with all
 * levels and with each alone, and from true masks with the same network; without and with the class gate.
 *
 * Choices are made with --on val, where every fifth image of train is scored and test is not touched.
 *
 *   node bench/glas-official.mjs [--on val|test] [--out FOLDER] [--seeds 3] [--backbone efficientnet-lite0] [--stride 112] [--tta one] [--quick]
 *                                [-- OPTIONS OF ablate]
 *
 * --on      what is scored; default val
 * --stride  of the crops to learn from, in px of the image; published 56, which takes four times as long; windows to score are at 56
 * --tta     ways to lay each window to score: one, flips or symmetries
 * --quick   few images and epochs, to see that it goes
 *
 * The same call goes on after an interruption. The images may be used for research only: what is made of them lies in --out.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { main, wholeImages } from "./glas/material.mjs";
import { gated, imagesOf, joinWindows, makeDataset, readImage, showWindow, windowsOf } from "./glas/whole-images.mjs";
import { differencesOf, scoreOf, spread } from "./glas/spread.mjs";
import { Classifier, Segmenter } from "../dist/index.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    on: { type: "string", default: "val" },
    out: { type: "string", default: "runs/glas-official" },
    seeds: { type: "string", default: "3" },
    backbone: { type: "string", default: "efficientnet-lite0" },
    stride: { type: "string", default: "112" },
    tta: { type: "string", default: "one" },
    quick: { type: "boolean", default: false },
  },
});
if (!["val", "test"].includes(values.on)) throw new Error(`--on must be val or test, not ${values.on}`);
if (!existsSync(wholeImages)) {
  console.log(`SKIPPED: there are no whole images in ${wholeImages}`);
  process.exit(0);
}

/** Read in secondary sources, see ../shared/accuracy.md; mIoU on the official test images. */
const published = [
  ["SEAM", "71.4"],
  ["this method (MLPS)", "73.6"],
  ["OEEM", "76.5 to 77.6"],
  ["HAMIL", "77.4"],
  ["CSC-PLF", "80.4"],
  ["full supervision: UNet, UNet++, TransAttUNet, EWASwin", "64.8, 70.2, 77.7, 81.5"],
];

const stride = Number(values.stride);
const windowStride = 56;
const gateThreshold = 0.1;
const { backbone, on, quick, tta } = values;
const kind = `${on}-${stride}px${quick ? "-quick" : ""}`;
const out = path.resolve(values.out);
const data = path.join(out, `crops-${kind}`);
const folder = path.join(out, `ablation-${kind}-${backbone}`);

const all = await imagesOf(on);
const few = (names) => (quick ? names.filter((_, i) => i % 20 === 0) : names);
const images = { learned: few(all.learned), scored: few(all.scored) };
await makeDataset(data, images, stride);

const epochs = quick ? ["1", "1"] : ["8", "5"];
const status = spawnSync(
  process.execPath,
  [
    ...[main, "ablate", "--data", data, "--out", folder, "--seeds", quick ? "1" : values.seeds],
    ...["--classifier-backbone", backbone, "--segmenter-backbone", backbone, "--head-width", "1/4"],
    ...["--classifier-weights", "imagenet", "--segmenter-weights", "imagenet", "--batch-size", "16", "--vflip", "0.5"],
    ...["--classifier-epochs", epochs[0], "--segmenter-epochs", epochs[1], "--pda-start-epoch", quick ? "0" : "3"],
    ...(positionals.includes("--only") ? [] : ["--only", "all"]),
    ...positionals,
  ],
  { stdio: ["ignore", process.stderr.fd, process.stderr.fd] },
).status;
if (status !== 0) process.exit(status ?? 1);

/** Counts of true and predicted class over whole images, without and with the gate. */
async function countWholeImages(run) {
  const segmenter = await Segmenter.load(path.join(run, "segmenter.safetensors"));
  // Full supervision has no classifier of its own: its gate is that of the cell beside it.
  const own = path.join(run, "classifier.safetensors");
  const beside = path.join(path.dirname(run), "multi-layer", "classifier.safetensors");
  const classifier = await Classifier.load(existsSync(own) ? own : beside);
  const classCount = segmenter.classes.length;
  const counts = () => Array.from({ length: classCount }, () => new Array(classCount).fill(0));
  const confusion = { plain: counts(), gated: counts() };
  for (const name of images.scored) {
    const image = await readImage(name);
    const corners = windowsOf(image, windowStride);
    const windows = await Promise.all(corners.map(async (corner) => await showWindow(image, corner)));
    const maps = (await segmenter.predict(windows, { views: tta })).map(({ probabilities }) => probabilities);
    const labels = (await classifier.predict(windows)).map(({ probabilities }) => probabilities);
    const joined = {
      plain: joinWindows(image, corners, maps, classCount),
      gated: joinWindows(
        image,
        corners,
        maps.map((map, i) => gated(map, labels[i], gateThreshold)),
        classCount,
      ),
    };
    for (const way of ["plain", "gated"]) {
      image.classes.forEach((truth, at) => (confusion[way][truth][joined[way][at]] += 1));
    }
  }
  await Promise.all([segmenter.dispose(), classifier.dispose()]);
  return confusion;
}

const { cells, seeds } = JSON.parse(await readFile(path.join(folder, "ablation.json"), "utf8"));
/** By cell, way and seed. */
const scores = new Map();
for (const seed of seeds) {
  for (const { name } of cells) {
    const run = path.join(folder, `seed-${seed}`, name);
    if (!existsSync(path.join(run, "segmenter.safetensors"))) continue;
    const file = path.join(run, `whole-images-${windowStride}px${tta === "one" ? "" : `-${tta}`}.json`);
    if (!existsSync(file)) await writeFile(file, JSON.stringify(await countWholeImages(run)));
    const confusion = JSON.parse(await readFile(file, "utf8"));
    const own = scores.get(name) ?? { plain: new Map(), gated: new Map() };
    for (const way of ["plain", "gated"]) own[way].set(seed, scoreOf(confusion[way]));
    scores.set(name, own);
  }
}

const mIoUs = (own) => new Map([...(own ?? [])].map(([seed, { mIoU }]) => [seed, mIoU]));
const full = scores.get("full-supervision");
const of = `whole images of ${on} (${images.scored.length}), ${backbone}`;
console.log(`\nGlaS, official split, two classes, ${of}; per cent`);
console.log("| cell | seeds | mIoU | gap | mIoU gated | gap | gland | outside |\n|---|---|---|---|---|---|---|---|");
for (const [name, own] of scores) {
  const columns = ["plain", "gated"].flatMap((way) => {
    const gap = name === "full-supervision" ? "-" : spread(differencesOf(mIoUs(full?.[way]), mIoUs(own[way])));
    return [spread([...mIoUs(own[way]).values()]), gap];
  });
  const classes = [0, 1].map((k) => spread([...own.plain.values()].map(({ iou }) => iou[k])));
  console.log(`| ${[name, [...own.plain.keys()].join(", "), ...columns, ...classes].join(" | ")} |`);
}
if (on === "test") {
  console.log("\nPublished, as read in secondary sources:");
  for (const [name, score] of published) console.log(`| ${name} | ${score} |`);
}
