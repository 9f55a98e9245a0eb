/**
 * Segments every picture of a folder with the class gate and writes each mask as a palette PNG. Any number of pictures: they are decoded
 * and segmented while those before them are written, and memory stays flat.
 *
 *   node examples/predict-folder.mjs BUNDLE PICTURES OUT
 *
 * BUNDLE is what `saveBundle` or `wsss-tissue bundle` wrote: both networks, the classes and the settings of the gate.
 */
import { mkdir, readdir } from "node:fs/promises";
import path from "node:path";
import { Segmenter, writeMask } from "wsss-tissue-native";

const [bundle, folder, out] = process.argv.slice(2);
const names = (await readdir(folder)).filter((name) => /\.(png|jpe?g|tiff?|webp)$/i.test(name)).sort();
await mkdir(out, { recursive: true });

const segmenter = await Segmenter.load(bundle);
const pictures = names.map((name) => path.join(folder, name));
const onUnreadable = ({ name, error }) => console.error(`${name} is left out: ${error.message}`);
for await (const map of segmenter.predictEach(pictures, { onUnreadable })) {
  const file = path.join(out, `${path.parse(map.name).name}.png`);
  await writeMask(file, map, segmenter.palette);
  console.log(file);
}
await segmenter.dispose();
