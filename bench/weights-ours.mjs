/** One measurement of bench/weights.mjs: loads IN and saves OUT; or with --make writes the files to load. */
import { performance } from "node:perf_hooks";
import { Classifier, convertWeights } from "../dist/index.js";

const classes = ["a", "b", "c", "d"].map((name, i) => ({ name, colour: [60 * i, 0, 0] }));
const seconds = (since) => (performance.now() - since) / 1000;
const [first, second, third] = process.argv.slice(2);
if (first === "--make") {
  const network = await Classifier.create({ classes, device: "cpu", seed: 1 });
  await network.save(second);
  await network.dispose();
  await convertWeights(second, third);
} else {
  // The library is in memory before the clock starts, as an imported torch is.
  await (await Classifier.create({ classes, width: 1 / 16, device: "cpu" })).dispose();
  let since = performance.now();
  const network = await Classifier.create({ classes, weights: first, device: "cpu" });
  const load = seconds(since);
  since = performance.now();
  if (second.endsWith(".pth")) {
    // There is no direct way to .pth: the network is saved, and the file converted.
    await network.save(`${second}.safetensors`);
    await convertWeights(`${second}.safetensors`, second);
  } else {
    await network.save(second);
  }
  const save = seconds(since);
  await network.dispose();
  console.log(JSON.stringify({ load, save, flushed: save, memoryBytes: process.resourceUsage().maxRSS * 1024 }));
}
