/** The real tissue of ../shared and what the benchmarks on it share. It never enters this repository. */
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "..");
const shared = path.resolve(root, "..", "shared");
export const source = path.join(shared, "data", "glas4");
export const wholeImages = path.join(shared, "data", "glas-whole");
export const weights = path.join(shared, "weights", "mobilenet_v2_imagenet_q8_legacy.pth");
export const main = path.join(root, "dist", "cli", "main.js");

/** GlaS in its recommended three classes: the grade of each image is the grade of its glands. */
export const description = {
  name: "GlaS, three classes",
  classes: [
    { name: "benign gland", colour: [205, 51, 51] },
    { name: "malignant gland", colour: [65, 105, 225] },
    { name: "stroma", colour: [255, 165, 0] },
  ],
  background: { name: "background", colour: [255, 255, 255] },
  labels: { rule: "manifest", file: "patches.csv", minClassShare: 0.03 },
  // The lumen of a gland is white and belongs to the gland here: a glass rule would cut it out.
  glass: null,
};
export const palette = [...description.classes, description.background].map(({ colour }) => colour);
