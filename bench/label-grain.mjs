/**
 * Whether patch-level labels say too little: the method on GlaS (../shared/data) with labels of finer grain, from the same pixels.
 *
 * Each train patch of 224 px is cut into N x N pieces at the same scale, and each piece is labelled from its own true mask by
 * the rule of the whole patches. The classifier learns from the pieces and draws their pseudo masks; joined again, these
 * teach the segmenter on the whole patches. It is scored on the whole test patches, without the gate. With N = 1 this is the cell
 * multi-layer of bench/real-tissue.mjs --patch-px 224, whose settings are used throughout.
 *
 * The patches may be used for research only and never enter this repository: what is made of them lies in --out.
 *
 *   node bench/label-grain.mjs [--out FOLDER] [--pieces-a-side 1|2|4] [--seed 0] [-- OPTIONS OF ALL STAGES, SUCH AS --threads 1]
 *
 * --pieces-a-side is N: 1 leaves patches whole, 2 makes quarters of 112 px, 4 sixteenths of 56 px. Finished stages are kept; the same
 * call goes on after an interruption. The last line is JSON, scores in per cent.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { decodePatch } from "../dist/image/decode-patch.js";
import { readIndexPng, writeIndexPng } from "../dist/image/index-png.js";
import { mapConcurrently } from "../dist/async/map-concurrently.js";
import { openDataset, PseudoMasks, writeDatasetDescription } from "../dist/index.js";
import { description, main, palette, source, weights } from "./glas/material.mjs";

const backgroundIndex = description.classes.length;
const patchPx = 224;
const batchOfPatches = 16;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: "string", default: "runs/label-grain" },
    "pieces-a-side": { type: "string", default: "2" },
    seed: { type: "string", default: "0" },
  },
});

/** Name and place of the pieces of a patch; the one piece of a whole patch keeps its name. */
function piecesOf(name, perSide) {
  const px = patchPx / perSide;
  return Array.from({ length: perSide ** 2 }, (_, index) => {
    const [row, column] = [Math.floor(index / perSide), index % perSide];
    return { name: perSide === 1 ? name : `${name}-r${row}c${column}`, left: column * px, top: row * px, px };
  });
}

/** The part of a mask of `patchPx` that a piece covers. */
function cutMask(indices, { left, top, px }) {
  const rows = Array.from({ length: px }, (_, y) => {
    const start = (top + y) * patchPx + left;
    return indices.subarray(start, start + px);
  });
  return Buffer.concat(rows);
}

/** The labels of a mask by the rule of the shared data: a class is present from 3 % of all pixels on. */
function labelsOf(indices) {
  return description.classes.filter((_, index) => {
    const pixels = indices.filter((each) => each === index).length;
    return pixels / indices.length >= description.labels.minClassShare;
  });
}

/** Cuts a patch and its mask; returns the lines of the manifest. A piece without any tissue has no label and is left out. */
async function cutPatch({ image, mask, name, split, patient }, folder, perSide) {
  const { data, width, height } = await decodePatch(image);
  const { indices } = await readIndexPng(mask, { palette });
  const lines = [];
  for (const piece of piecesOf(name, perSide)) {
    const { px, left, top } = piece;
    const part = cutMask(indices, piece);
    const labels = labelsOf(part).map((one) => one.name);
    if (labels.length === 0) continue;
    const picture = sharp(data, { raw: { width, height, channels: 3 } }).extract({ left, top, width: px, height: px });
    const [imagePath, maskPath] = [`patches/${piece.name}.png`, `masks/${piece.name}.png`];
    await picture.png().toFile(path.join(folder, imagePath));
    await writeIndexPng(path.join(folder, maskPath), { indices: part, width: px, height: px }, palette);
    lines.push([imagePath, maskPath, split, `P${patient}`, labels.join(";")].join(","));
  }
  return lines;
}

/** The three-class variant of the shared data, its patches cut, with a manifest. Appears whole or not at all. */
async function makeDataset(folder, perSide) {
  if (existsSync(folder)) return;
  const [unfinished, variant] = [`${folder}-unfinished`, `${folder}-variant`];
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(path.join(unfinished, "patches"), { recursive: true });
  await mkdir(path.join(unfinished, "masks"), { recursive: true });
  execFileSync(process.execPath, [path.join(source, "make_variant.mjs"), "3", variant], { stdio: "ignore" });
  const rows = (await readFile(path.join(source, "patches.csv"), "utf8")).trim().split("\n").slice(1);
  const lines = await mapConcurrently(rows, async (row) => {
    const [split, name, patient, , , ...shares] = row.split(",");
    const [healthy, adenomatous, malignant, stroma] = shares.map((share) => Number(share) >= 0.03);
    // In the variant, labels stand in the names of train patches.
    const label = [healthy || adenomatous, malignant, stroma].map(Number).join(" ");
    const file = split === "train" ? `${name}-[${label}].png` : `${name}.png`;
    const [images, masks] = split === "train" ? ["train", "train_mask"] : [`${split}/img`, `${split}/mask`];
    const patch = { image: path.join(variant, images, file), mask: path.join(variant, masks, file) };
    return await cutPatch({ ...patch, name, split, patient }, unfinished, perSide);
  });
  await rm(variant, { recursive: true });
  const manifest = ["image,mask,split,patient,labels", ...lines.flat()];
  await writeFile(path.join(unfinished, "patches.csv"), `${manifest.join("\n")}\n`);
  await writeDatasetDescription(unfinished, description);
  await rename(unfinished, folder);
}

/** One stage of the method, in a process of its own; returns what it prints. Stages that are done are skipped by the command. */
function perform(stage, data, run, options) {
  const command = [stage, "--data", data, "--out", run, "--seed", values.seed, ...options, ...positionals, "--json"];
  console.error(`$ wsss-tissue ${command.join(" ")}`);
  const { status, stdout } = spawnSync(process.execPath, [main, ...command], {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
  if (status !== 0) process.exit(status ?? 1);
  return JSON.parse(stdout.trim().split("\n").at(-1));
}

/** Pastes the masks of the pieces into masks of whole patches. Where a piece has no tissue it is background, which teaches nothing. */
async function joinMasks(ofPieces, patches, perSide, folder) {
  const positions = new Map(ofPieces.stems.map((stem, index) => [stem, index]));
  for (const level of ofPieces.levels) {
    const target = path.join(folder, `PM_${level}`);
    await rm(target, { recursive: true, force: true });
    await mkdir(target, { recursive: true });
    await mapConcurrently(patches.files, async ({ stem }) => {
      const indices = new Uint8Array(patchPx ** 2).fill(backgroundIndex);
      for (const { name, left, top, px } of piecesOf(stem, perSide)) {
        const position = positions.get(name);
        if (position === undefined) continue;
        const mask = ofPieces.mask(level, position);
        for (let y = 0; y < px; y++) indices.set(mask.subarray(y * px, (y + 1) * px), (top + y) * patchPx + left);
      }
      await writeIndexPng(path.join(target, `${stem}.png`), { indices, width: patchPx, height: patchPx }, palette);
    });
  }
}

const percent = (share) => Math.round(share * 1000) / 10;

/** The scores that are reported. */
function scoresOf({ mIoU, fwIoU, accuracy, iou }) {
  return { mIoU: percent(mIoU), fwIoU: percent(fwIoU), accuracy: percent(accuracy), iou: iou.map(percent) };
}

/** Scores of joined masks by level, over all train pixels. */
async function scoreMasks(masks, split) {
  const scores = {};
  for (const level of masks.levels) {
    const { pixelAccuracy: accuracy, ...rest } = await masks.score(level, split);
    scores[level] = scoresOf({ accuracy, ...rest });
  }
  return scores;
}

/** Share of right tissue pixels in pieces of several classes; in the others the label alone draws the mask. */
async function accuracyWhereMixed(masks, split) {
  const right = masks.levels.map(() => 0);
  let tissue = 0;
  for (const [position, { labels, maskPath }] of split.files.entries()) {
    if (labels.filter(Boolean).length < 2) continue;
    const { indices: truth } = await readIndexPng(maskPath, { palette });
    tissue += truth.filter((each) => each !== backgroundIndex).length;
    for (const [row, level] of masks.levels.entries()) {
      const mask = masks.mask(level, position);
      right[row] += truth.filter((each, pixel) => each !== backgroundIndex && each === mask[pixel]).length;
    }
  }
  return Object.fromEntries(masks.levels.map((level, row) => [level, percent(right[row] / tissue)]));
}

if (!existsSync(path.join(source, "make_variant.mjs"))) {
  console.log(`SKIPPED: there is no real tissue in ${source}`);
  process.exit(0);
}
const perSide = Number(values["pieces-a-side"]);
if (![1, 2, 4].includes(perSide))
  throw new Error(`--pieces-a-side must be 1, 2 or 4, received ${values["pieces-a-side"]}`);

const out = path.resolve(values.out);
const wholeData = path.join(out, "data-1");
const pieceData = path.join(out, `data-${perSide}`);
await makeDataset(wholeData, 1);
await makeDataset(pieceData, perSide);

const run = path.join(out, `seed-${values.seed}`, `pieces-${perSide}`);
const [pieceRun, joined, wholeRun] = ["classifier", "joined_PM", "segmenter"].map((name) => path.join(run, name));
const network = ["--backbone", "mobilenet", "--weights", weights, "--vflip", "0.5"];

// A step of the classifier sees as many pixels with pieces as with whole patches.
const batch = String(batchOfPatches * perSide ** 2);
const attention = ["--epochs", "8", "--batch-size", batch, "--pda-start-epoch", "3"];
const { elapsedMs: classifierMs } = perform("train-classifier", pieceData, pieceRun, [...network, ...attention]);
const { folder: pieceMasks } = perform("pseudo-masks", pieceData, pieceRun, []);

const { train: patches } = await openDataset(wholeData);
const { train: pieces } = await openDataset(pieceData);
const ofPieces = await PseudoMasks.open(pieceMasks, pieces);
await joinMasks(ofPieces, patches, perSide, joined);

const head = ["--head-width", "1/4", "--epochs", "5", "--batch-size", String(batchOfPatches), "--masks", joined];
const { elapsedMs: segmenterMs } = perform("train-segmenter", wholeData, wholeRun, [...network, ...head]);
// The classifier of pieces knows no whole patches: its gate would be another question.
const networks = ["--classifier", path.join(pieceRun, "classifier.safetensors"), "--no-gate"];
const { segmenter } = perform("evaluate", wholeData, wholeRun, networks);

const namesOf = ({ labels }) => description.classes.filter((_, index) => labels[index] === 1).map(({ name }) => name);
const ofOneClass = pieces.files.filter((piece) => namesOf(piece).length === 1).length;
const result = {
  seed: Number(values.seed),
  piecesPerPatch: perSide ** 2,
  trainPieces: pieces.count,
  withoutTissue: patches.count * perSide ** 2 - pieces.count,
  ofOneClass: percent(ofOneClass / pieces.count),
  withStroma: percent(pieces.files.filter((piece) => namesOf(piece).includes("stroma")).length / pieces.count),
  pseudoMasks: await scoreMasks(await PseudoMasks.open(joined, patches), patches),
  accuracyWhereMixed: await accuracyWhereMixed(ofPieces, pieces),
  test: scoresOf(segmenter.plain),
  minutes: { classifier: Math.round(classifierMs / 6000) / 10, segmenter: Math.round(segmenterMs / 6000) / 10 },
};
console.log(JSON.stringify(result));
