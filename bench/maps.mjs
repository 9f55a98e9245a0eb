/**
 * How well the maps of trained classifiers localise on patches that they have not seen: pseudo masks of val, under its true labels, against its
 * true masks, for each way to draw them. Masks of train remember, and mislead (../shared/accuracy.md).
 *
 *   node bench/maps.mjs DATA CLASSIFIER.safetensors... [--views one,flips,symmetries] [--padding 0,32,64] [--threads N]
 *
 * Prints mIoU of each level, and its mean over the classifiers.
 */
import { parseArgs } from "node:util";
import { Classifier, openDataset } from "../dist/index.js";
import { percent, spread } from "./glas/spread.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    views: { type: "string", default: "one,flips,symmetries" },
    padding: { type: "string", default: "0,32,64" },
    threads: { type: "string", default: "0" },
  },
});
const [data, ...files] = positionals;
if (data === undefined || files.length === 0) {
  throw new Error("give a dataset and at least one classifier: node bench/maps.mjs DATA CLASSIFIER.safetensors...");
}
const { val } = await openDataset(data);

console.log(`Maps of ${files.length} classifiers on ${val.count} patches of val, mIoU in per cent\n`);
console.log("| views | padding | level | each | mean |\n|---|---|---|---|---|");
for (const views of values.views.split(",")) {
  for (const padding of values.padding.split(",").map(Number)) {
    const byLevel = new Map();
    for (const file of files) {
      const classifier = await Classifier.load(file, { threads: Number(values.threads) });
      const masks = await classifier.generatePseudoMasks(val, { views, paddingPx: padding });
      for (const level of masks.levels) {
        const { mIoU } = await masks.score(level, val);
        byLevel.set(level, [...(byLevel.get(level) ?? []), mIoU]);
      }
      await classifier.dispose();
    }
    for (const [level, each] of byLevel) {
      console.log(`| ${views} | ${padding} | ${level} | ${each.map(percent).join(", ")} | ${spread(each)} |`);
    }
  }
}
