/**
 * One process of a small training that several do together, as a launcher's variables say; it may be killed at any moment and goes on when
 * all are started again. Prints one line of JSON: the steps that process 0 was told of, or the error.
 *
 *   RANK=0 WORLD_SIZE=2 MASTER_PORT=... node grouped-training.mjs DATASET_FOLDER RUN_FOLDER [OPTIONS AS JSON]
 *
 * Options are those of the training, and `timeoutMs`; at a step `hangAt` stops this process (SIGSTOP), `leaveAt` leaves its loop, and
 * `breakAt` takes the folder away into which it saves.
 */
import { renameSync } from "node:fs";
import path from "node:path";
import { Classifier, joinProcessGroup, openDataset } from "../../dist/index.js";

const [dataFolder, runFolder, text = "{}"] = process.argv.slice(2);
const { timeoutMs = 20_000, hangAt, leaveAt, breakAt, limit, bfloat16Gradients, ...given } = JSON.parse(text);
const steps = [];
try {
  const onListening = (port) => console.log(`listening ${port}`);
  const group = await joinProcessGroup({ timeoutMs, onListening, bfloat16Gradients });
  const data = await openDataset(dataFolder);
  const train = limit === undefined ? data.train : data.train.subset(limit);
  const classifier = await Classifier.create({
    classes: data.classes,
    width: 1 / 16,
    device: "cpu",
    precision: "float32",
    seed: 1,
    threads: 1,
  });
  const options = {
    epochs: 10,
    batchSize: 4,
    learningRate: 0.02,
    headLearningRateFactor: 1,
    emaDecay: 0.9,
    seed: 3,
    validation: data.val,
    checkpointFolder: path.join(runFolder, "checkpoints"),
    checkpointSteps: 1,
    resume: true,
    group,
    ...given,
  };
  console.log("training");
  for await (const event of classifier.train(train, options)) {
    if (event.kind !== "step") continue;
    steps.push([event.step, event.loss, event.exactMatch]);
    console.log(`step ${event.step}.`);
    if (event.step === hangAt) process.kill(process.pid, "SIGSTOP");
    if (event.step === leaveAt) break;
    if (event.step === breakAt) renameSync(options.checkpointFolder, `${options.checkpointFolder}-elsewhere`);
  }
  if (group.rank === 0) await classifier.save(path.join(runFolder, "final.safetensors"));
  await classifier.dispose();
  await group.leave();
  console.log(JSON.stringify({ steps }));
} catch (error) {
  console.log(
    JSON.stringify({ code: error.code ?? "none", message: error.message, details: error.details, steps: steps.length }),
  );
  process.exitCode = 1;
}
