/**
 * A small training that may be killed at any moment and goes on when it is started again; says "training" when it begins and
 * "done" when final.safetensors is written.
 *
 *   node killed-training.mjs DATASET_FOLDER RUN_FOLDER
 */
import path from "node:path";
import { Classifier, openDataset } from "../../dist/index.js";

const [dataFolder, runFolder] = process.argv.slice(2);
const data = await openDataset(dataFolder);
const classifier = await Classifier.create({ classes: data.classes, width: 1 / 16, device: "cpu", seed: 1 });
const options = {
  epochs: 10,
  batchSize: 2,
  learningRate: 0.02,
  headLearningRateFactor: 1,
  emaDecay: 0.9,
  seed: 3,
  validation: data.val,
  checkpointFolder: path.join(runFolder, "checkpoints"),
  checkpointSteps: 1,
  resume: true,
};
console.log("training");
const steps = [];
for await (const event of classifier.train(data.train, options)) {
  if (event.kind === "step") steps.push(`${event.step} ${event.loss} ${event.exactMatch}`);
}
await classifier.save(path.join(runFolder, "final.safetensors"));
await classifier.dispose();
console.log(`steps ${JSON.stringify(steps)}`);
console.log("done");
