import type { DatasetDescription } from "./description.js";

const white = [255, 255, 255] as const;

/** Descriptions of the two published datasets: order, colours and label spelling as their authors fixed them. */
export const presets = {
  /** LUAD-HistoSeg: lung adenocarcinoma. Glass is background. */
  "luad-histoseg": {
    name: "LUAD-HistoSeg",
    classes: [
      { name: "tumour epithelium", colour: [205, 51, 51] },
      { name: "necrosis", colour: [0, 255, 0] },
      { name: "lymphocyte", colour: [65, 105, 225] },
      { name: "tumour-associated stroma", colour: [255, 165, 0] },
    ],
    background: { name: "background", colour: white },
    labels: { rule: "separated", grammar: "strict", allowEmpty: false, minClassShare: 0 },
    glass: { greyAbove: 200, minAreaPx: 50 },
  },
  /** BCSS-WSSS: breast cancer. Its masks have background, but the published method looks for no glass. */
  "bcss-wsss": {
    name: "BCSS-WSSS",
    classes: [
      { name: "tumour", colour: [255, 0, 0] },
      { name: "stroma", colour: [0, 255, 0] },
      { name: "lymphocytic infiltrate", colour: [0, 0, 255] },
      { name: "necrosis", colour: [153, 0, 255] },
    ],
    background: { name: "background", colour: white },
    labels: { rule: "characters", grammar: "strict", allowEmpty: false, minClassShare: 0 },
    glass: null,
  },
} as const satisfies Readonly<Record<string, DatasetDescription>>;

/** Name of a published dataset whose description is built in. */
export type PresetName = keyof typeof presets;

/** All preset names. */
export const presetNames = Object.keys(presets) as readonly PresetName[];
