/**
 * What the labelling page's order and suggestions are worth: an oracle that knows the true labels answers through the server's own
 * interface, all stages are trained on what it has labelled, and the segmenter is scored on the test patches.
 *
 *   node bench/labelling.mjs [--set demo|glas] [--out FOLDER] [--shares 0.0625,0.125,0.25] [--seeds 3] [--threads 0] [--presses-only]
 *
 * demo  procedural tissue, patches of 96 px, four classes
 * glas  GlaS in three classes (../shared), patches of 224 px
 *
 * Networks are MobileNetV2 from ImageNet weights, trained as the page trains: 8 epochs, or 300 steps if these are more.
 *
 * Prints labels, key presses, suggestions that had to be corrected, and mIoU, with our order and with one that is drawn (and nothing
 * suggested), as a share of the mIoU that all labels reach; and the presses that all patches cost one by one and in sweeps. A seed draws
 * the order of the patches, and what is random in the trainings. Trained runs in --out are kept, and not made again.
 *
 * --seeds  so many (3 = 0, 1 and 2), or a list: 1,2; one alone with a comma behind it: 1,
 */
/* global fetch */
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";

import { demoSettings } from "../dist/demo/settings.js";
import { demoDescription } from "../dist/demo/tissue.js";
import { writeDemoDataset } from "../dist/demo/write-dataset.js";
import { makeLabelNetwork } from "../dist/labelling/label-network.js";
import { serveLabelling } from "../dist/labelling/label-server.js";
import { LabelSlides } from "../dist/labelling/label-slides.js";
import { LabelTraining } from "../dist/labelling/label-training.js";
import { Labelling } from "../dist/labelling/labelling.js";
import { planForLabels } from "../dist/labelling/training-plan.js";
import { checkPlan } from "../dist/run/check-plan.js";
import { withRun } from "../dist/run/open-run.js";
import { mergeOptions } from "../dist/run/plan-options.js";
import { runPipeline } from "../dist/run/pipeline.js";
import { allSections } from "../dist/run/plan.js";
import { silentReporter } from "../dist/run/reporter.js";
import { source } from "./glas/material.mjs";

const { values } = parseArgs({
  options: {
    set: { type: "string", default: "demo" },
    out: { type: "string", default: "runs/labelling" },
    shares: { type: "string", default: "0.0625,0.125,0.25" },
    seeds: { type: "string", default: "3" },
    threads: { type: "string", default: "0" },
    "presses-only": { type: "boolean", default: false },
  },
});
/** Seconds a key press takes somebody who has to look first: stated, not measured. */
const secondsAPress = 0.6;
/** And the look itself, at a patch, or at a page of a sweep. */
const secondsALook = { single: 1.5, sweep: 25 };
const pageSize = 48;
const backbone = "mobilenet";
const small = { backbone, weights: "imagenet", training: { epochs: 8 } };
/** As the page trains, with MobileNetV2. */
const plan = { classifier: small, segmenter: { ...small, headWidth: 0.25 } };

if (values.set === "glas" && !existsSync(path.join(source, "make_variant.mjs"))) {
  console.log(`SKIPPED: there is no real tissue in ${source}`);
  process.exit(0);
}
const out = path.resolve(values.out, values.set);
const material = await prepareMaterial();
const trainFiles = (await readdir(path.join(material.folder, "train"))).sort();
console.log(`${values.set}: ${trainFiles.length} train patches, ${material.classes.length} classes`);

/** The set in the published layout. */
async function prepareMaterial() {
  const folder = path.join(out, "material");
  const { classes } = values.set === "demo" ? demoDescription : { classes: [] };
  if (!existsSync(path.join(folder, "wsss-dataset.json"))) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    if (values.set === "demo") {
      const { patchPx, counts } = demoSettings;
      await writeDemoDataset(folder, { seed: 0, patchPx, counts }, { onProgress: () => undefined });
    } else {
      spawnSync(process.execPath, [path.join(source, "make_variant.mjs"), "3", folder]);
      const three = ["benign gland", "malignant gland", "stroma"].map((name, index) => ({
        name,
        colour: [60 * index, 120, 200],
      }));
      const described = { name: "glas3", classes: three, labels: { rule: "separated" }, glass: {} };
      await writeFile(path.join(folder, "wsss-dataset.json"), JSON.stringify(described));
    }
  }
  const described = JSON.parse(await readFile(path.join(folder, "wsss-dataset.json"), "utf8"));
  return { folder, described, classes: described.classes ?? classes };
}

/** What each train patch shows, by its name without the label. Names decide in which order patches are drawn, so a seed goes into them. */
function truthOf(seed) {
  const found = new Map();
  for (const file of trainFiles) {
    const [, stem, label] = /^(.*)\[([\d ]+)\]\.png$/.exec(file);
    const name = stem.replace(/-+$/, "") + (seed === 0 ? "" : `-draw${seed}`);
    found.set(`train/${name}.png`, { file, labels: label.split(" ").map(Number) });
  }
  return found;
}

/** The set with a manifest in which no train patch has a label. */
async function unlabelledDataset(folder, truth) {
  await rm(folder, { recursive: true, force: true });
  await mkdir(path.join(folder, "train"), { recursive: true });
  const lines = ["image,mask,split,labels"];
  for (const [name, { file }] of truth) {
    await copyFile(path.join(material.folder, "train", file), path.join(folder, name));
    lines.push(`${name},,train,`);
  }
  for (const split of ["val", "test"]) {
    for (const part of ["img", "mask"]) await mkdir(path.join(folder, split, part), { recursive: true });
    for (const name of await readdir(path.join(material.folder, split, "img"))) {
      for (const part of ["img", "mask"])
        await copyFile(path.join(material.folder, split, part, name), path.join(folder, split, part, name));
      lines.push(`${split}/img/${name},${split}/mask/${name},${split},`);
    }
  }
  await writeFile(path.join(folder, "patches.csv"), `${lines.join("\n")}\n`);
  const labels = { rule: "manifest", file: "patches.csv" };
  await writeFile(path.join(folder, "wsss-dataset.json"), JSON.stringify({ ...material.described, labels }));
}

/** Labels a share of the patches in one order, trains on it, and scores. */
async function labelAndTrain(order, share, seed) {
  const folder = path.join(out, `${order}-${share}-${seed}`);
  const kept = path.join(folder, "row.json");
  if (existsSync(kept)) return JSON.parse(await readFile(kept, "utf8"));
  const effort = path.join(folder, "effort.json");
  if (!existsSync(effort)) {
    const truth = truthOf(seed);
    await unlabelledDataset(folder, truth);
    const made = await withOracle(
      { folder, truth, suggests: order === "ours" },
      async (oracle) => await oracle.labelSingly(Math.round(share * truth.size)),
    );
    await writeFile(effort, JSON.stringify(made));
  }
  const row = JSON.parse(await readFile(effort, "utf8"));
  if (!values["presses-only"]) row.mIoU = await scoreOfRun(folder, row.labels, seed);
  await writeFile(kept, JSON.stringify(row));
  return row;
}

async function labelAll(way) {
  const folder = path.join(out, `presses-${way}`);
  const truth = truthOf(0);
  await unlabelledDataset(folder, truth);
  return await withOracle({ folder, truth, suggests: true }, async (oracle) => {
    if (way === "single") return await oracle.labelSingly(truth.size);
    const first = await oracle.labelSingly(Math.round(truth.size / 16));
    const rest = await oracle.labelBySweeps();
    return Object.fromEntries(Object.keys(first).map((key) => [key, first[key] + rest[key]]));
  });
}

/** A server with a labelling, and who answers it right. */
async function withOracle({ folder, truth, suggests }, work) {
  const onFault = (error) => console.error(error);
  const makeClassifier = async (signal) =>
    await makeLabelNetwork({ backbone, weights: undefined, threads: 2, warn: console.error }, signal);
  const labelling = await Labelling.open({
    ...{ folder, annotator: "oracle", classes: [], threads: 2, onFault },
    makeClassifier: suggests ? makeClassifier : null,
  });
  const training = new LabelTraining({ labelling, plan: () => ({}), device: "cpu", threads: 1, onFault });
  const slides = new LabelSlides({ dataset: labelling.dataset, training, device: "cpu", threads: 1, onFault });
  const server = await serveLabelling({ labelling, training, slides, threads: 1, port: 0, onFault });
  try {
    await labelling.suggester?.settled();
    return await work(new Oracle(labelling, truth, await enter(server)));
  } finally {
    await server.close();
    await labelling.close();
  }
}

/** As a browser would: the cookie for the token, and the token of the page. */
async function enter({ url, port }) {
  const cookie = (await fetch(url)).headers.get("set-cookie").split(";")[0];
  const base = `http://127.0.0.1:${port}`;
  const { writeToken } = await (await fetch(`${base}/facts`, { headers: { cookie } })).json();
  const writing = { cookie, origin: base, "content-type": "application/json", "x-wsss-token": writeToken };
  const ask = async (address, body) => {
    const post = { method: "POST", headers: writing, body: JSON.stringify({ request: randomUUID(), ...body }) };
    const answer = await fetch(base + address, body === undefined ? { headers: { cookie } } : post);
    if (!answer.ok) throw new Error(`${address}: ${answer.status} ${await answer.text()}`);
    return await answer.json();
  };
  return ask;
}

class Oracle {
  constructor(labelling, truth, ask) {
    Object.assign(this, { labelling, truth, ask, ids: labelling.classes.map(({ id }) => id) });
  }

  async labelSingly(count) {
    const effort = { labels: 0, presses: 0, corrected: 0, seconds: 0 };
    while (effort.labels < count) {
      const tasks = await this.ask("/next?count=5");
      if (tasks.length === 0) break;
      for (const task of tasks.slice(0, count - effort.labels)) {
        const right = this.truth.get(task.name).labels;
        const begun = this.ids.map((id) => task.answers[id] ?? ((task.suggested?.[id] ?? 0) > 0.5 ? 1 : 0));
        const wrong = begun.filter((answer, k) => answer !== right[k]).length;
        const answers = Object.fromEntries(this.ids.map((id, k) => [id, right[k]]));
        const change = {
          patch: task.patch,
          revision: task.revision,
          answers,
          isUnsure: false,
          wasPrefilled: task.suggested !== null,
        };
        await this.ask("/commit", { mode: "single", seconds: 1, changes: [change] });
        effort.labels += 1;
        effort.presses += wrong + 1;
        effort.corrected += task.suggested === null ? 0 : wrong;
        effort.seconds += secondsALook.single + (wrong + 1) * secondsAPress;
      }
      await this.labelling.suggester?.settled();
    }
    await this.labelling.saved();
    return effort;
  }

  /** Class after class, until every patch has an answer to it. */
  async labelBySweeps() {
    const effort = { labels: 0, presses: 0, corrected: 0, seconds: 0 };
    const before = (await this.ask("/progress")).labelled;
    for (const [k, id] of this.ids.entries()) {
      for (;;) {
        const tasks = await this.ask(`/sweep?class=${id}&count=${pageSize}`);
        if (tasks.length === 0) break;
        let at = 0;
        const changes = tasks.map((task, index) => {
          const right = this.truth.get(task.name).labels[k];
          const isWrong = ((task.suggested?.[id] ?? 0) > 0.5 ? 1 : 0) !== right;
          if (isWrong) {
            // Down and across, then the key itself.
            effort.presses +=
              Math.abs(Math.floor(index / 9) - Math.floor(at / 9)) + Math.abs((index % 9) - (at % 9)) + 1;
            effort.corrected += 1;
            at = index;
          }
          return {
            patch: task.patch,
            revision: task.revision,
            answers: { [id]: right },
            isUnsure: false,
            wasPrefilled: task.suggested !== null,
          };
        });
        effort.presses += 1;
        effort.seconds += secondsALook.sweep;
        await this.ask("/commit", { mode: "sweep", seconds: 1, changes });
        await this.labelling.suggester?.settled();
      }
      effort.presses += 1;
    }
    effort.seconds += effort.presses * secondsAPress;
    effort.labels = (await this.ask("/progress")).labelled - before;
    return effort;
  }
}

/** Trains all stages as `run` does; mIoU of the test patches, with the gate. */
async function scoreOfRun(folder, labels, seed) {
  const request = {
    ...{ out: path.join(folder, "run"), data: { folder }, splits: ["train"], sections: allSections },
    ...{ given: mergeOptions(planForLabels(plan, labels), { seed }), force: false, check: checkPlan },
    device: { device: "cpu", threads: Number(values.threads) },
    ...{ signal: new AbortController().signal, reporter: silentReporter },
  };
  const { result } = await withRun(request, async (context) => await runPipeline(context, performance.now()));
  return result.segmenter.gated.mIoU;
}

function report() {
  const scoreOf = (some) => mean(some.map(({ mIoU }) => mIoU));
  const all = rows.filter(({ order }) => order === "all");
  for (const key of new Set(rows.map(({ order, share }) => `${order} ${share}`))) {
    const [order, share] = key.split(" ");
    const some = rows.filter((row) => row.order === order && row.share === Number(share));
    const score = values["presses-only"]
      ? ""
      : `mIoU ${(100 * scoreOf(some)).toFixed(1)} (${some.map(({ mIoU }) => (100 * mIoU).toFixed(1)).join(", ")}), ${((100 * scoreOf(some)) / scoreOf(all)).toFixed(0)} % of all; `;
    console.log(
      `${order.padEnd(5)} ${(100 * Number(share)).toFixed(1).padStart(5)} %: ${score}${describe(meanEffort(some))}`,
    );
  }
}

function mean(some) {
  return some.reduce((sum, value) => sum + value, 0) / some.length;
}

function meanEffort(some) {
  const kinds = ["labels", "presses", "corrected", "seconds"];
  return Object.fromEntries(kinds.map((kind) => [kind, mean(some.map((row) => row[kind]))]));
}

function describe({ labels, presses, corrected, seconds }) {
  return `${labels} labels, ${Math.round(presses)} presses, ${Math.round(corrected)} suggestions corrected, ${(seconds / 60).toFixed(0)} min at ${secondsAPress} s a press`;
}

const rows = [];
const shares = values.shares.split(",").map(Number);
const seeds = values.seeds.includes(",")
  ? values.seeds.split(",").filter(Boolean).map(Number)
  : [...new Array(Number(values.seeds)).keys()];
for (const seed of seeds) {
  for (const [order, share] of [...["ours", "drawn"].flatMap((one) => shares.map((part) => [one, part])), ["all", 1]]) {
    const row = await labelAndTrain(order, share, seed);
    rows.push({ order, share, seed, ...row });
    console.log(`# ${JSON.stringify(rows.at(-1))}`);
  }
}
report();
console.log("all patches, one by one:", describe(await labelAll("single")));
console.log("all patches, a sixteenth one by one and then sweeps:", describe(await labelAll("sweep")));
