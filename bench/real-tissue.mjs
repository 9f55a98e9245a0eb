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
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { main, source, weights } from "./glas/material.mjs";
import { makePatches } from "./glas/patches.mjs";

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

if (!existsSync(path.join(source, "make_variant.mjs"))) {
  console.log(`SKIPPED: there is no real tissue in ${source}`);
  process.exit(0);
}

const out = path.resolve(values.out);
const data = path.join(out, `glas3-${values["patch-px"]}px`);
await makePatches(data, Number(values["patch-px"]));

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
