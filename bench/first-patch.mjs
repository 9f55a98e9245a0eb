/** Segments one patch with a network from random weights; what bench/first-use.mjs runs in the installed package. */
import { Segmenter } from "wsss-tissue-native";

const classes = [
  { name: "gland", colour: [200, 0, 0] },
  { name: "stroma", colour: [0, 200, 0] },
];
const segmenter = await Segmenter.create({ classes, backbone: "mobilenet", device: "cpu", seed: 1 });
const side = 224;
await segmenter.predict({ rgb: new Uint8Array(side * side * 3).fill(200), width: side, height: side });
await segmenter.dispose();
