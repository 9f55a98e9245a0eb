/** The description of the demo's procedural tissue: four classes, and glass as background. */
import type { DatasetDescriptionInput } from "../dataset/description.js";

/** The dataset of the demo: the four tissues that the native generator draws, in the order of its mask indices. */
export const demoDescription = {
  name: "procedural tissue",
  classes: [
    { name: "tumour epithelium", colour: [205, 51, 51] },
    { name: "stroma", colour: [255, 165, 0] },
    { name: "lymphocytes", colour: [65, 105, 225] },
    { name: "necrosis", colour: [46, 160, 67] },
  ],
  background: { name: "glass", colour: [255, 255, 255] },
  labels: { rule: "separated" },
  glass: { greyAbove: 200, minAreaPx: 50 },
} as const satisfies DatasetDescriptionInput;
