/** Procedural patches for bench/speed.mjs, as a dataset for us and as raw bytes for the peers. */
import { mkdir, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { demoSettings } from "../../dist/demo/settings.js";
import { demoDescription } from "../../dist/demo/tissue.js";
import { writeDemoDataset } from "../../dist/demo/write-dataset.js";
import { decodePatch } from "../../dist/image/decode-patch.js";
import { readIndexPng, writeIndexPng } from "../../dist/image/index-png.js";
import { openDataset } from "../../dist/index.js";

/** Of whatever classifier: masks of a training are read by their folders' names. */
const levels = ["bn7", "b5_2", "b4_5"];

/** Labels of patches as a real set has them (LUAD-HistoSeg): most hold two or three tissues, some one, few all four. */
const mixedLabels = ["0101", "0001", "1001", "1011", "1000", "0011", "1101", "1111"];

function labelOf(labels, index, classes) {
  if (labels === "all") return "1".repeat(classes);
  if (labels === "mixed") return mixedLabels[index % mixedLabels.length];
  return Array.from({ length: classes }, (_, k) => (k === index % classes ? "1" : "0")).join("");
}

/**
 * Writes a dataset whose train patches have the labels that are wanted.
 * @param labels - `"mixed"`; `"all"`: every patch has every class; or `"single"`: each has one, in turn.
 * @param network - `backbone` and `headWidth`, where they are not the paper's.
 */
export async function makeData(folder, { count, size, batch, labels, network = {} }) {
  await writeDemoDataset(folder, { seed: 1, patchPx: size, counts: { train: count, val: 1, test: 1 } });
  const { train } = await openDataset(folder);
  const classes = demoDescription.classes.length;
  const palette = [...demoDescription.classes, demoDescription.background].map(({ colour }) => colour);
  const patches = [];
  const masks = [];
  const given = [];
  for (const [index, { imagePath, maskPath, stem }] of train.files.entries()) {
    const label = labelOf(labels, index, classes);
    given.push([...label].map(Number));
    const name = `${stem.replace(/\[.*$/, "")}[${[...label].join(" ")}]`;
    patches.push((await decodePatch(imagePath)).data);
    const mask = await readIndexPng(maskPath, { palette });
    masks.push(mask.indices);
    for (const level of levels) {
      await mkdir(path.join(folder, "masks", `PM_${level}`), { recursive: true });
      await writeIndexPng(path.join(folder, "masks", `PM_${level}`, `${name}.png`), mask, palette);
    }
    await rename(imagePath, path.join(folder, "train", `${name}.png`));
    await rename(maskPath, path.join(folder, "train_mask", `${name}.png`));
  }
  await writeFile(path.join(folder, "patches.bin"), Buffer.concat(patches));
  await writeFile(path.join(folder, "masks.bin"), Buffer.concat([...masks, ...masks, ...masks]));
  const set = { count, size, classes, batch, labels: given, masks: "masks", ...network };
  await writeFile(path.join(folder, "set.json"), JSON.stringify(set));
  return folder;
}

/** Patches in a batch of inference, as is our default. */
const inferenceBatch = 20;

/** Writes the demo's dataset, and for the peers what is in it and how the demo trains on it. */
export async function makeDemoData(folder) {
  const { patchPx, counts, plan } = demoSettings;
  await writeDemoDataset(folder, { seed: 1, patchPx, counts });
  const data = await openDataset(folder);
  const relative = (file) => path.relative(folder, file);
  const splits = Object.fromEntries(
    Object.keys(counts).map((name) => {
      const entries = data[name].files.map(({ imagePath, maskPath, labels }) => ({
        image: relative(imagePath),
        mask: relative(maskPath),
        labels: labels ?? demoDescription.classes.map(() => 1),
      }));
      return [name, entries];
    }),
  );
  const { classifier, segmenter } = plan;
  const set = {
    splits,
    classes: demoDescription.classes.length,
    batch: inferenceBatch,
    classifier: { width: classifier.width, ...classifier.training },
    segmenter: { width: segmenter.width, ...segmenter.training },
  };
  await writeFile(path.join(folder, "set.json"), JSON.stringify(set));
  return folder;
}
