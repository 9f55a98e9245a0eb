/**
 * A user's program: trains the smallest networks on a dataset and segments one patch. Prints what came out as JSON.
 *
 *   node train-and-segment.mjs DATASET OUTPUT
 */
import { Classifier, openDataset, Segmenter } from "wsss-tissue-native";

const [, , folder, output] = process.argv;
const { classes, background, train, test } = await openDataset(folder);
const options = { classes, background, width: 1 / 16, device: "auto", seed: 1 };
const training = { epochs: 1, batchSize: 4 };

const classifier = await Classifier.create(options);
let steps = 0;
for await (const event of classifier.train(train, training)) if (event.kind === "step") steps += 1;
const masks = await classifier.generatePseudoMasks(train, { output });

const segmenter = await Segmenter.create(options);
for await (const event of segmenter.train(train, { ...training, masks })) if (event.kind === "step") steps += 1;
const { classMap, height, width } = await segmenter.predict(test.files[0].imagePath, { gate: classifier });

await segmenter.dispose();
await classifier.dispose();
console.log(JSON.stringify({ node: process.version, steps, height, width, classes: [...new Set(classMap)].length }));
