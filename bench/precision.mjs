/**
 * How far bfloat16 is from float32 for trained networks: of a run folder's classifier the share of pseudo mask pixels that are equal, and of its
 * segmenter that of predicted pixels, with the mIoU of both against the true masks.
 *
 *   node bench/precision.mjs --run wsss-demo/seed-0 [--threads 0]
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { Classifier, openDataset, Segmenter } from "../dist/index.js";

const { values } = parseArgs({ options: { run: { type: "string" }, threads: { type: "string", default: "0" } } });
const { data: location } = JSON.parse(await readFile(path.join(values.run, "run.json"), "utf8"));
const { folder, ...rules } = location;
const data = await openDataset(path.resolve(values.run, folder), rules);
const place = { device: "cpu", threads: Number(values.threads) };

/** What `use` makes of a stage's network in each precision. */
async function inBoth(kind, stage, use) {
  const results = [];
  for (const precision of ["float32", "bfloat16"]) {
    const network = await kind.load(path.join(values.run, `${stage}.safetensors`), { ...place, precision });
    results.push(await use(network));
    await network.dispose();
  }
  return results;
}

/** Mean share of the positions at which two lists of masks agree. */
function agreement(exact, rounded) {
  const shares = exact.map((mask, i) => mask.filter((value, at) => value === rounded[i][at]).length / mask.length);
  return Number((shares.reduce((sum, each) => sum + each, 0) / shares.length).toFixed(5));
}

const drawn = await inBoth(
  Classifier,
  "classifier",
  async (classifier) => await classifier.generatePseudoMasks(data.train),
);
for (const level of drawn[0].levels) {
  const [exact, rounded] = drawn.map((masks) => data.train.files.map((_, index) => masks.mask(level, index)));
  console.log(
    JSON.stringify({ what: `pseudo masks, ${level}`, patches: exact.length, equal: agreement(exact, rounded) }),
  );
}
const segmented = await inBoth(Segmenter, "segmenter", async (segmenter) => ({
  masks: (await segmenter.predict(data.test)).map(({ classMap }) => classMap),
  mIoU: (await segmenter.evaluate(data.test)).mIoU,
}));
const [exact, rounded] = segmented;
console.log(
  JSON.stringify({
    what: "segmentation",
    patches: exact.masks.length,
    equal: agreement(exact.masks, rounded.masks),
    mIoU: { float32: exact.mIoU, bfloat16: rounded.mIoU },
  }),
);
