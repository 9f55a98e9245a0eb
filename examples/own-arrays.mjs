/**
 * A dataset that a program holds, without a file: patches as typed arrays, with the labels that a pathologist gave. Here they are drawn, so
 * that the program runs as it stands; put yours in their place.
 *
 *   node examples/own-arrays.mjs
 */
import { Classifier, datasetFromMemory, Segmenter } from "wsss-tissue-native";

const side = 64;
const classes = [
  { name: "nuclei", colour: [90, 60, 150] },
  { name: "stroma", colour: [240, 160, 200] },
];

/** One patch: nuclei are dark and in spots, stroma is pink and in stripes. Its label says which of the two it shows. */
function draw(number) {
  const label = [
    [1, 0],
    [0, 1],
    [1, 1],
  ][number % 3];
  const rgb = new Uint8Array(side * side * 3);
  const mask = new Uint8Array(side * side);
  for (let y = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1) {
      const tissue = label[0] === 1 && (label[1] === 0 || x < side / 2) ? 0 : 1;
      const texture = tissue === 0 ? ((x >> 3) + (y >> 3) + number) % 2 : (y + number) % 6 < 3 ? 1 : 0;
      const colour = classes[tissue].colour.map((value) => Math.max(0, value - 40 * texture));
      rgb.set(colour, 3 * (y * side + x));
      mask[y * side + x] = tissue;
    }
  }
  return { rgb, height: side, width: side, label, mask };
}

/** Patches may also come one by one, from a database or another program. */
async function* patches(from, count) {
  for (let number = from; number < from + count; number += 1) yield draw(number);
}

const data = await datasetFromMemory({
  classes,
  // True masks are for scores alone: nothing here learns from them.
  train: patches(0, 24),
  val: patches(24, 6),
  test: patches(30, 6),
});

const network = { classes: data.classes, background: data.background, width: 1 / 16, device: "auto", seed: 0 };
// Four steps an epoch: a few epochs would show the dice of dropout more than what is learned.
const training = { epochs: 12, batchSize: 6, validation: data.val };
const classifier = await Classifier.create(network);
for await (const event of classifier.train(data.train, { ...training, pdaStartEpoch: "never" })) {
  if (event.kind === "epoch") console.log(`classifier, epoch ${event.epoch + 1}: loss ${event.meanLoss.toFixed(3)}`);
}
const masks = await classifier.generatePseudoMasks(data.train);
const segmenter = await Segmenter.create(network);
for await (const event of segmenter.train(data.train, { ...training, masks })) {
  if (event.kind === "epoch") console.log(`segmenter, epoch ${event.epoch + 1}: loss ${event.meanLoss.toFixed(3)}`);
}

// Pixels go in, a class map comes out.
const { classMap } = await segmenter.predict(draw(99), { gate: classifier });
const seen = classes.map(({ name }, index) => `${name} ${classMap.filter((each) => each === index).length} px`);
console.log(`an unseen patch: ${seen.join(", ")}`);
await segmenter.dispose();
await classifier.dispose();
