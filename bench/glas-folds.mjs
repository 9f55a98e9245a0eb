/**
 * GlaS in three classes with every patient scored once: patients are dealt into folds, each fold is scored by networks that learned from the
 * others, and the counts of all folds are pooled. Three test patients cannot show a gain of a point; sixteen can show more.
 *
 *   node bench/glas-folds.mjs [--out FOLDER] [--folds 4] [--seeds 1] [--patch-px 224] [--backbone efficientnet-lite0] [--quick]
 *                             [-- OPTIONS OF ablate]
 *
 * Prints mIoU of all patients and the gap to full supervision, mean and deviation over seeds, and the gap of each fold. There is no val: the
 * weights of the last epoch count. The same call goes on after an interruption. What is made of the images lies in --out.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { main, source } from "./glas/material.mjs";
import { makePatches } from "./glas/patches.mjs";
import { differencesOf, percent, scoreOf, spread } from "./glas/spread.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: "string", default: "runs/glas-folds" },
    folds: { type: "string", default: "4" },
    seeds: { type: "string", default: "1" },
    "patch-px": { type: "string", default: "224" },
    backbone: { type: "string", default: "efficientnet-lite0" },
    quick: { type: "boolean", default: false },
  },
});
if (!existsSync(path.join(source, "make_variant.mjs"))) {
  console.log(`SKIPPED: there is no real tissue in ${source}`);
  process.exit(0);
}

/** Patients in folds of about as many patches each: the largest first, each into the fold that has fewest. */
async function dealPatients(count) {
  const rows = (await readFile(path.join(source, "patches.csv"), "utf8")).trim().split("\n").slice(1);
  const patches = new Map();
  for (const row of rows) {
    const patient = Number(row.split(",")[2]);
    patches.set(patient, (patches.get(patient) ?? 0) + 1);
  }
  const folds = Array.from({ length: count }, () => ({ patients: [], patches: 0 }));
  for (const [patient, own] of [...patches].sort(([a, n], [b, m]) => m - n || a - b)) {
    const fold = folds.reduce((fewest, one) => (one.patches < fewest.patches ? one : fewest));
    fold.patients.push(patient);
    fold.patches += own;
  }
  return folds.map(({ patients }) => patients.sort((a, b) => a - b));
}

const { backbone, quick } = values;
const px = Number(values["patch-px"]);
const folds = await dealPatients(quick ? 2 : Number(values.folds));
const epochs = quick ? ["1", "1"] : ["8", "5"];
const limits = quick ? ["--train-limit", "48", "--test-limit", "24"] : [];
const out = path.resolve(values.out);
const folderOf = (fold) => path.join(out, `${px}px-${backbone}${quick ? "-quick" : ""}-${folds.length}-${fold}`);

for (const [fold, patients] of folds.entries()) {
  const data = path.join(out, `glas3-${px}px-${folds.length}-${fold}`);
  await makePatches(data, px, (patient) => (patients.includes(patient) ? "test" : "train"));
  const words = [
    ...[main, "ablate", "--data", data, "--out", folderOf(fold), "--seeds", quick ? "1" : values.seeds],
    ...["--classifier-backbone", backbone, "--segmenter-backbone", backbone, "--head-width", "1/4"],
    ...["--classifier-weights", "imagenet", "--segmenter-weights", "imagenet", "--batch-size", "16", "--vflip", "0.5"],
    ...["--classifier-epochs", epochs[0], "--segmenter-epochs", epochs[1], "--pda-start-epoch", quick ? "0" : "3"],
    ...(positionals.includes("--only") ? [] : ["--only", "multi-layer,full-supervision"]),
    ...[...limits, ...positionals],
  ];
  const { status } = spawnSync(process.execPath, words, { stdio: ["ignore", process.stderr.fd, process.stderr.fd] });
  if (status !== 0) process.exit(status ?? 1);
}

/** Counts [true][predicted] of a run's test patches; the last column is background, which is never predicted. */
async function countsOf(run, way) {
  const text = await readFile(path.join(run, "evaluation", `${way}-confusion.csv`), "utf8");
  const rows = text.trim().split("\n").slice(1);
  return rows.map((row) => row.split(",").slice(1).map(Number));
}

const sum = (some, others) => some.map((row, i) => row.map((n, j) => n + others[i][j]));
const { cells, seeds } = JSON.parse(await readFile(path.join(folderOf(0), "ablation.json"), "utf8"));
const patients = folds.flat().length;
console.log(`\nGlaS, three classes, each of ${patients} patients scored once, ${backbone}, ${px} px; per cent`);
console.log("| cell | way | mIoU | gap | gap of each fold |\n|---|---|---|---|---|");
for (const way of ["plain", "gated"]) {
  const scored = new Map();
  for (const { name } of cells) {
    const own = { pooled: new Map(), byFold: new Map() };
    for (const seed of seeds) {
      const counts = await Promise.all(
        folds.map(async (_, fold) => await countsOf(path.join(folderOf(fold), `seed-${seed}`, name), way)),
      );
      own.pooled.set(seed, scoreOf(counts.reduce(sum)).mIoU);
      counts.forEach((one, fold) => own.byFold.set(`${seed} ${fold}`, scoreOf(one).mIoU));
    }
    scored.set(name, own);
  }
  const full = scored.get("full-supervision");
  for (const [name, { pooled, byFold }] of scored) {
    const isFull = name === "full-supervision" || full === undefined;
    const gap = isFull ? "-" : spread(differencesOf(full.pooled, pooled));
    const each = isFull ? "-" : differencesOf(full.byFold, byFold).map(percent).join(", ");
    console.log(`| ${[name, way, spread([...pooled.values()]), gap, each].join(" | ")} |`);
  }
}
