/** The built-in descriptions of LUAD-HistoSeg and BCSS-WSSS. */
import type { DatasetDescription } from "./description.js";
import type { NameLabelRule } from "./tissue-class.js";

/** Names of the published datasets whose descriptions are built in. */
export const presetNames = ["luad-histoseg", "bcss-wsss"] as const;

/** One of {@link presetNames}. */
export type PresetName = (typeof presetNames)[number];

/** What is known of a published dataset. */
export interface PresetDescription extends DatasetDescription {
  /** How labels are spelled: both datasets have them in the names of the files. */
  readonly labels: NameLabelRule;
}

const white = [255, 255, 255] as const;

/** Descriptions of the two published datasets: order, colours and label spelling as their authors fixed them. */
export const presets: Readonly<Record<PresetName, PresetDescription>> = {
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
};
