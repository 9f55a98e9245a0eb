/**
 * What patch-level labels cost: the same segmenter from pseudo masks (and mosaics, where the labels allow them) and from true masks, scored
 * on the same test patches, with an interval and a paired test for the difference.
 *
 *   node examples/compare-supervision.mjs DATASET [WIDTH] [EPOCHS]
 *
 * DATASET needs true masks of its train and test patches: `train_mask/` and `test/mask/`.
 */
import { Classifier, compareEvaluations, openDataset, Segmenter } from "wsss-tissue-native";

const [dataset, width = "0.125", epochs = "20"] = process.argv.slice(2);
const { classes, background, train, test } = await openDataset(dataset);
const network = { classes, background, width: Number(width), seed: 0 };
const training = { epochs: Number(epochs), batchSize: "auto" };

const classifier = await Classifier.create(network);
for await (const event of classifier.train(train, training)) report("classifier", event);
const pseudo = await classifier.generatePseudoMasks(train);
await classifier.dispose();

const evaluations = {};
for (const [name, masks] of [
  ["from labels", pseudo],
  ["from true masks", "ground-truth"],
]) {
  const segmenter = await Segmenter.create(network);
  for await (const event of segmenter.train(train, { ...training, masks })) report(name, event);
  evaluations[name] = await segmenter.evaluate(test);
  await segmenter.dispose();
}
const { difference, intervals, pValues } = await compareEvaluations(
  evaluations["from labels"],
  evaluations["from true masks"],
);
for (const [name, { mIoU }] of Object.entries(evaluations)) console.log(`mIoU ${name}: ${mIoU}`);
const { low, high } = intervals.mIoU;
console.log(`true masks are better by ${difference.mIoU} (95 % interval ${low} to ${high}, p = ${pValues.mIoU})`);

function report(what, event) {
  if (event.kind === "epoch") console.log(`${what}, epoch ${event.epoch + 1}: loss ${event.meanLoss.toFixed(3)}`);
}
