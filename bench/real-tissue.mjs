/**
 * The whole method on real H&E tissue (GlaS colon glands, ../shared/data), from ImageNet weights, on a machine without a GPU:
 * full supervision, all levels, each level alone, without PDA, recipe published, each without and with the gate, over
 * several seeds. What is printed last is the table of `wsss-tissue ablate`; the same call goes on after an interruption.
 *
 * The patches may be used for research only and never enter this repository: what is made of them lies in --out.
 *
 *   node bench/real-tissue.mjs [--out FOLDER] [--patch-px 112] [--seeds 3] [--backbone mobilenet] [--quick] [-- OPTIONS OF ablate]
 *
 * Two processes with one thread each (-- --threads 1) and a folder and seeds of their own get a third more done than one with two.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { decodePatch } from "../dist/image/decode-patch.js";
import { readIndexPng, writeIndexPng } from "../dist/image/index-png.js";
import { mapConcurrently } from "../dist/async/map-concurrently.js";
import { writeDatasetDescription } from "../dist/index.js";
import { description, main, palette, source, weights } from "./glas/material.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: "string", default: "runs/real-tissue" },
    "patch-px": { type: "string", default: "112" },
    seeds: { type: "string", default: "3" },
    backbone: { type: "string", default: "mobilenet" },
    quick: { type: "boolean", default: false },
  },
});

/** One patch and its mask at another size. */
async function reducePatch(from, to, px) {
  const size = { width: px, height: px, fit: "fill" };
  const { data, width, height } = await decodePatch(from.image);
  const picture = sharp(data, { raw: { width, height, channels: 3 } }).resize(size);
  await picture.png().toFile(to.image);
  const mask = await readIndexPng(from.mask, { palette });
  const raw = { width: mask.width, height: mask.height, channels: 1 };
  const reduced = sharp(mask.indices, { raw }).resize({ ...size, kernel: "nearest" });
  const indices = await reduced.toColourspace("b-w").raw().toBuffer();
  await writeIndexPng(to.mask, { indices, width: px, height: px }, palette);
}

/** The three-class variant of the shared data at another size, with a manifest that says whom each patch is of. */
async function makeDataset(folder, px) {
  if (existsSync(path.join(folder, "wsss-dataset.json"))) return;
  const full = `${folder}-full-size`;
  await rm(folder, { recursive: true, force: true });
  await mkdir(path.join(folder, "patches"), { recursive: true });
  await mkdir(path.join(folder, "masks"), { recursive: true });
  execFileSync(process.execPath, [path.join(source, "make_variant.mjs"), "3", full], { stdio: "ignore" });
  const rows = (await readFile(path.join(source, "patches.csv"), "utf8")).trim().split("\n").slice(1);
  const manifest = ["image,mask,split,patient,labels"];
  await mapConcurrently(rows, async (row) => {
    const [split, name, patient, , , ...shares] = row.split(",");
    const [healthy, adenomatous, malignant, stroma] = shares.map((share) => Number(share) >= 0.03);
    const present = [healthy || adenomatous, malignant, stroma];
    const label = split === "train" ? `-[${present.map(Number).join(" ")}]` : "";
    const [images, masks] = split === "train" ? ["train", "train_mask"] : [`${split}/img`, `${split}/mask`];
    const from = {
      image: path.join(full, images, `${name}${label}.png`),
      mask: path.join(full, masks, `${name}${label}.png`),
    };
    const to = { image: path.join(folder, "patches", `${name}.png`), mask: path.join(folder, "masks", `${name}.png`) };
    await reducePatch(from, to, px);
    const labels = description.classes.flatMap((one, index) => (present[index] ? [one.name] : [])).join(";");
    manifest.push(`patches/${name}.png,masks/${name}.png,${split},P${patient},${labels}`);
  });
  await rm(full, { recursive: true });
  await writeFile(path.join(folder, "patches.csv"), `${manifest.join("\n")}\n`);
  await writeDatasetDescription(folder, description);
}

if (!existsSync(path.join(source, "make_variant.mjs"))) {
  console.log(`SKIPPED: there is no real tissue in ${source}`);
  process.exit(0);
}

const out = path.resolve(values.out);
const data = path.join(out, `glas3-${values["patch-px"]}px`);
await makeDataset(data, Number(values["patch-px"]));

const { backbone } = values;
const network = ["--classifier-backbone", backbone, "--segmenter-backbone", backbone, "--head-width", "1/4"];
// MobileNetV2's lie in the shared data, so that the figures of before stay comparable; others are had by name.
const first = backbone === "mobilenet" ? weights : "imagenet";
const start = ["--classifier-weights", first, "--segmenter-weights", first];
const limits = values.quick ? ["--train-limit", "48", "--val-limit", "16", "--test-limit", "16"] : [];
const epochs = values.quick ? ["1", "1"] : ["8", "5"];
const budget = [
  "--classifier-epochs",
  epochs[0],
  "--segmenter-epochs",
  epochs[1],
  "--batch-size",
  "16",
  "--vflip",
  "0.5",
];
const pda = ["--pda-start-epoch", values.quick ? "0" : "3"];
const kind = `${values["patch-px"]}px${backbone === "mobilenet" ? "" : `-${backbone}`}${values.quick ? "-quick" : ""}`;
const folder = path.join(out, `ablation-${kind}`);
const words = ["ablate", "--data", data, "--out", folder, "--seeds", values.quick ? "1" : values.seeds];
const command = [...words, ...network, ...start, ...budget, ...pda, ...limits, ...positionals];
console.error(`$ wsss-tissue ${command.join(" ")}`);
const { status } = spawnSync(process.execPath, [main, ...command], { stdio: "inherit" });
process.exitCode = status ?? 1;
