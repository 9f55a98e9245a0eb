/**
 * A training that may be killed at any moment: start it again with the same arguments and it goes on where it was, on the CPU to the last
 * bit. Ctrl-C ends the step under way, saves, and stops.
 *
 *   node examples/resume.mjs DATASET CHECKPOINTS [WIDTH] [EPOCHS]
 */
import { Classifier, isWsssError, openDataset } from "wsss-tissue-native";

const [dataset, checkpointFolder, width = "0.125", epochs = "20"] = process.argv.slice(2);
const { classes, background, train } = await openDataset(dataset);
const classifier = await Classifier.create({ classes, background, width: Number(width), seed: 0 });

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stop.abort(new Error(`received ${signal}`)));

const options = {
  epochs: Number(epochs),
  batchSize: "auto", // 20, or as many as memory has room for.
  checkpointFolder,
  checkpointSteps: 100, // Beside the checkpoint of each epoch; the newest two are kept.
  resume: true, // Goes on from the newest one. Without any it begins at the beginning.
  signal: stop.signal,
};
try {
  for await (const event of classifier.train(train, options)) {
    // What happened before the checkpoint is told again, so that a log is whole.
    if (event.kind === "step")
      console.log(`step ${event.step} of ${event.steps}${event.again ? " (before)" : ""}: ${event.loss}`);
  }
  console.log("done");
} catch (error) {
  if (!isWsssError(error, "WSSS_ERR_CANCELLED")) throw error;
  console.log("stopped; the same command goes on");
}
await classifier.dispose();
