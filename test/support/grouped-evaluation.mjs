/**
 * One process of several that score and draw together, as a launcher's variables say. Prints one line of JSON: what came out, or the error.
 *
 *   RANK=0 WORLD_SIZE=2 MASTER_PORT=... node grouped-evaluation.mjs DATASET_FOLDER NETWORKS_FOLDER [{"abortAt": "segment", "views": "one"}]
 *
 * With `abortAt` this process gives up at the first patch of a stage; `views` are those of the first evaluation of masks.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { Classifier, joinProcessGroup, openDataset, Segmenter } from "../../dist/index.js";

const [dataFolder, networks, text = "{}"] = process.argv.slice(2);
const { abortAt, views = "one" } = JSON.parse(text);
try {
  const onListening = (port) => console.log(`listening ${port}`);
  const group = await joinProcessGroup({ timeoutMs: 20_000, onListening });
  const { train, test } = await openDataset(dataFolder);
  const place = { device: "cpu", precision: "float32", threads: 1 };
  const classifier = await Classifier.load(path.join(networks, "classifier.safetensors"), place);
  const segmenter = await Segmenter.load(path.join(networks, "segmenter.safetensors"), place);
  const stop = new AbortController();
  const done = [];
  const onProgress = ({ stage, done: patches, total }) => {
    if (stage === abortAt) stop.abort();
    if (stage !== "load") done.push([stage, patches, total]);
  };
  // A patch at a time: then each is computed in the same way in whatever process.
  const shared = { group, batchSize: 1, signal: stop.signal, onProgress };
  const labels = await classifier.evaluate(test, shared);
  const plain = await segmenter.evaluate(test, { ...shared, views });
  const gated = await segmenter.evaluate(test, { ...shared, views: "flips", gate: classifier, gateThreshold: 0.5 });
  const masks = await segmenter.redrawPseudoMasks(train, shared);
  const drawn = createHash("sha256");
  for (let index = 0; index < masks.count; index += 1) drawn.update(masks.mask("segmenter", index));
  await group.leave();
  const inCommon = (readFileSync("/proc/self/maps", "utf8").match(/ \d+ +\/memfd:wsss-tissue/gu) ?? []).sort();
  console.log(JSON.stringify({ labels, plain, gated, masks: drawn.digest("hex"), done, inCommon }));
} catch (error) {
  console.log(JSON.stringify({ code: error.code ?? "none", message: error.message, details: error.details }));
  process.exitCode = 1;
}
