/**
 * The whole pipeline on real H&E tissue (GlaS colon glands, ../shared/data), and beside it the same segmenter trained on the
 * true masks with the same budget: the gap to full supervision, measured.
 *
 * The patches may be used for research only and never enter this repository: what is made of them lies in --out.
 *
 *   node bench/real-tissue.mjs [--out FOLDER] [--patch-px 112] [--width 1/8] [--epochs 24] [--seed 0] [--quick]
 */
import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { decodePatch } from "../dist/image/decode-patch.js";
import { readIndexPng, writeIndexPng } from "../dist/image/index-png.js";
import { mapConcurrently } from "../dist/image/map-concurrently.js";
import { writeDatasetDescription } from "../dist/index.js";
import { formatDuration, reportTable } from "../dist/run/report-table.js";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const source = path.resolve(root, "..", "shared", "data", "glas4");
const main = path.join(root, "dist", "cli", "main.js");

/** GlaS in its recommended three classes: the grade of each image is the grade of its glands. */
const description = {
  name: "GlaS, three classes",
  classes: [
    { name: "benign gland", colour: [205, 51, 51] },
    { name: "malignant gland", colour: [65, 105, 225] },
    { name: "stroma", colour: [255, 165, 0] },
  ],
  background: { name: "background", colour: [255, 255, 255] },
  labels: { rule: "separated" },
  // The lumen of a gland is white and belongs to the gland here: a glass rule would cut it out.
  glass: null,
};

const { values } = parseArgs({
  options: {
    out: { type: "string", default: "runs/real-tissue" },
    "patch-px": { type: "string", default: "112" },
    width: { type: "string", default: "1/8" },
    epochs: { type: "string", default: "24" },
    "batch-size": { type: "string", default: "16" },
    seed: { type: "string", default: "0" },
    quick: { type: "boolean", default: false },
  },
});

/** Patches and masks of one size, in the published layout; the three-class variant of the shared data, reduced. */
async function makeDataset(folder, patchPx) {
  if (existsSync(path.join(folder, "wsss-dataset.json"))) return;
  const full = `${folder}-full-size`;
  await rm(folder, { recursive: true, force: true });
  await mkdir(path.dirname(folder), { recursive: true });
  execFileSync(process.execPath, [path.join(source, "make_variant.mjs"), "3", full], { stdio: "ignore" });
  const palette = [...description.classes, description.background].map(({ colour }) => colour);
  const size = { width: patchPx, height: patchPx, fit: "fill" };
  for (const part of ["train", "train_mask", "val/img", "val/mask", "test/img", "test/mask"]) {
    await mkdir(path.join(folder, part), { recursive: true });
    const isMask = part.endsWith("mask");
    await mapConcurrently(await readdir(path.join(full, part)), async (name) => {
      const [from, to] = [path.join(full, part, name), path.join(folder, part, name)];
      if (isMask) {
        const { indices, width, height } = await readIndexPng(from, { palette });
        const reduced = sharp(indices, { raw: { width, height, channels: 1 } }).resize({ ...size, kernel: "nearest" });
        const data = await reduced.toColourspace("b-w").raw().toBuffer();
        await writeIndexPng(to, { indices: data, width: patchPx, height: patchPx }, palette);
      } else {
        const { data, width, height } = await decodePatch(from);
        await sharp(data, { raw: { width, height, channels: 3 } })
          .resize(size)
          .png()
          .toFile(to);
      }
    });
  }
  await rm(full, { recursive: true });
  await writeDatasetDescription(folder, description);
}

/** Runs one command of the command line, its talk passed on, and returns its JSON. */
async function command(...words) {
  console.error(`\n$ wsss-tissue ${words.join(" ")}`);
  const child = spawn(process.execPath, [main, ...words, "--json"], { stdio: ["ignore", "pipe", "inherit"] });
  let stdout = "";
  child.stdout.on("data", (chunk) => (stdout += String(chunk)));
  const code = await new Promise((resolve) => child.on("close", resolve));
  if (code !== 0) {
    console.error(`wsss-tissue ended with exit code ${code}`);
    process.exit(code ?? 1);
  }
  return JSON.parse(stdout.trimEnd().split("\n").at(-1));
}

if (!existsSync(path.join(source, "make_variant.mjs"))) {
  console.log(`SKIPPED: there is no real tissue in ${source}`);
  process.exit(0);
}

const startedAt = performance.now();
const out = path.resolve(values.out);
const patchPx = Number(values["patch-px"]);
const data = path.join(out, `glas3-${patchPx}px`);
await makeDataset(data, patchPx);

const epochs = values.quick ? "1" : values.epochs;
const limits = values.quick ? ["--train-limit", "48", "--val-limit", "16", "--test-limit", "16"] : [];
const shared = ["--data", data, ...limits, "--seed", values.seed];
const training = ["--epochs", epochs, "--batch-size", values["batch-size"], "--lr", "0.05", "--head-lr-factor", "1"];
training.push("--sched", "cosine", "--model-ema-decay", "0.97", "--vflip", "0.5");
if (!values.quick) training.push("--warmup-epochs", "1");
// From random weights the shallow maps are the better ones, as in the demo.
const levelWeights = ["--level-weights", "0.2,0.2,0.6"];
// PDA from the middle on: earlier, a network from random weights has not learned the classes yet.
const pdaStart = ["--pda-start-epoch", values.quick ? "1" : String(Math.floor(Number(values.epochs) / 2))];
const network = ["--width", values.width, "--weight-decay", "5e-4"];
const name = `${patchPx}px-seed-${values.seed}${values.quick ? "-quick" : ""}`;
const weak = path.join(out, `weak-${name}`);
const full = path.join(out, `full-${name}`);

const weakly = await command("run", ...shared, ...network, ...training, ...levelWeights, ...pdaStart, "--out", weak);
const trained = await command(
  "train-segmenter",
  ...shared,
  ...network,
  ...training,
  "--out",
  full,
  "--masks",
  "ground-truth",
);
const gate = ["--classifier", path.join(weak, "classifier.safetensors")];
const fully = await command("evaluate", ...shared, "--out", full, ...gate);

const classNames = description.classes.map((one) => one.name);
const elapsedMs = Math.round(performance.now() - startedAt);
const gap = {
  plain: fully.segmenter.plain.mIoU - weakly.segmenter.plain.mIoU,
  gated: fully.segmenter.gated.mIoU - weakly.segmenter.gated.mIoU,
};
const { train, val, test } = JSON.parse(await readFile(path.join(weak, "run.json"), "utf8")).dataset;
await writeFile(
  path.join(out, `result-${name}.json`),
  `${JSON.stringify({ weakly, fully, gap, elapsedMs }, null, 2)}\n`,
);

console.log(
  `GlaS, three classes, ${patchPx} px, width ${values.width}, ${epochs} epochs a network, seed ${values.seed}`,
);
console.log(`${train.count} train, ${val.count} val and ${test.count} test patches; no patient is in two splits\n`);
console.log("From patch-level labels");
console.log(reportTable({ ...weakly, elapsedMs: weakly.elapsedMs }, classNames));
console.log("\nThe same segmenter from true masks (full supervision)");
console.log(reportTable({ segmenter: fully.segmenter, elapsedMs: trained.elapsedMs + fully.elapsedMs }, classNames));
const points = (value) => `${(value * 100).toFixed(1)} points of mIoU`;
console.log(`\nGap to full supervision: ${points(gap.plain)}, gated ${points(gap.gated)}.`);
console.log(`All in all ${formatDuration(elapsedMs)}. Pictures: ${path.join(weak, "pictures")}`);
