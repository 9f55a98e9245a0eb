/**
 * All three stages: a classifier from patch-level labels, pseudo masks from it, a segmenter from the pseudo masks.
 *
 *   node examples/train.mjs DATASET OUT [WIDTH] [EPOCHS]
 *
 * DATASET is a folder as docs/own-data.md describes it. On a GPU leave WIDTH out; on a CPU try 1/8.
 */
import path from "node:path";
import { Classifier, openDataset, saveBundle, Segmenter } from "wsss-tissue-native";

const [dataset, out, width = "1", epochs = "20"] = process.argv.slice(2);
const data = await openDataset(dataset);
const { classes, background } = data;
const network = { classes, background, width: fraction(width), device: "auto", seed: 0 };
const training = { epochs: Number(epochs), batchSize: "auto", validation: data.val.count > 0 ? data.val : undefined };

const classifier = await Classifier.create(network);
for await (const event of classifier.train(data.train, training)) {
  if (event.kind === "epoch") console.log(`classifier, epoch ${event.epoch + 1}: loss ${event.meanLoss.toFixed(3)}`);
}

const masks = await classifier.generatePseudoMasks(data.train, { output: path.join(out, "train_PM") });

const segmenter = await Segmenter.create(network);
for await (const event of segmenter.train(data.train, { ...training, masks })) {
  if (event.kind === "epoch") console.log(`segmenter, epoch ${event.epoch + 1}: loss ${event.meanLoss.toFixed(3)}`);
}

if (data.test.hasMasks) {
  const { mIoU } = await segmenter.evaluate(data.test, { gate: classifier });
  console.log(`mIoU on the test patches: ${mIoU}`);
}
// One folder with everything that whoever segments needs: examples/predict-folder.mjs reads it.
await saveBundle(path.join(out, "bundle"), { classifier, segmenter });
await segmenter.dispose();
await classifier.dispose();

function fraction(text) {
  const [above, below = "1"] = text.split("/");
  return Number(above) / Number(below);
}
