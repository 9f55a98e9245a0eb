/** The part of the table of training options that says how patches are augmented: flips, turns, scale, light, stain. */
import type { OptionTable } from "../options/declared-option.js";
import { share } from "../options/kinds.js";

/** Augmentation of both trainings; the blur is the segmenter's alone. All but the flips is off unless asked for. */
export const augmentationOptionTable = {
  horizontalFlip: {
    kind: share,
    flag: "hflip",
    value: "p",
    brief: "probability of a left-right flip",
    meaning: "Probability that a patch is mirrored left to right.",
    defaults: { default: 0.5 },
    reason: "as published",
  },
  verticalFlip: {
    kind: share,
    flag: "vflip",
    value: "p",
    brief: "probability of a top-bottom flip",
    meaning: "Probability that a patch is mirrored top to bottom.",
    defaults: { classifier: { default: 0.5 }, segmenter: { default: 0 } },
    reason: "as published",
  },
  quarterTurns: {
    kind: share,
    flag: "quarter-turns",
    value: "p",
    brief: "probability of a turn by 90, 180 or 270 degrees",
    meaning:
      "Probability that a patch is turned by 90, 180 or 270 degrees, each as probable; by 180 where patches are not square.",
    defaults: { default: 0 },
    before: 0,
    reason: "as published",
  },
  scaleMin: {
    kind: { type: "number", min: 0.5, max: 4 },
    flag: "scale-min",
    value: "x",
    brief: "smallest factor by which tissue is enlarged; below 1 it is reduced",
    meaning:
      "Smallest factor by which the tissue of a patch is enlarged. What no longer fits is cut off at a random place; where tissue is " +
      "reduced, it goes on mirrored beyond the border of the patch. The labels of the patch stay.",
    defaults: { default: 1 },
    before: 1,
    reason: "as published",
  },
  scaleMax: {
    kind: { type: "number", min: 0.5, max: 4 },
    flag: "scale-max",
    value: "x",
    brief: "largest factor by which tissue is enlarged",
    meaning:
      "Largest factor by which the tissue of a patch is enlarged, at least `scaleMin`; as many patches get a factor below the geometric " +
      "mean of both as above.",
    defaults: { default: 1 },
    before: 1,
    reason: "as published",
  },
  brightness: {
    kind: share,
    flag: "brightness",
    value: "x",
    brief: "jitter of brightness: a factor of 1 - x to 1 + x, as torchvision's ColorJitter",
    meaning:
      "Jitter of brightness: a patch is multiplied by a factor of 1 - x to 1 + x, as torchvision's ColorJitter does.",
    defaults: { default: 0 },
    before: 0,
    reason: "as published",
  },
  contrast: {
    kind: share,
    flag: "contrast",
    value: "x",
    brief: "jitter of contrast: a factor of 1 - x to 1 + x on distances from the mean grey",
    meaning:
      "Jitter of contrast: distances from the mean grey of the patch are multiplied by a factor of 1 - x to 1 + x.",
    defaults: { default: 0 },
    before: 0,
    reason: "as published",
  },
  saturation: {
    kind: share,
    flag: "saturation",
    value: "x",
    brief: "jitter of saturation: a factor of 1 - x to 1 + x on distances from grey",
    meaning:
      "Jitter of saturation: distances of pixels from their own grey are multiplied by a factor of 1 - x to 1 + x.",
    defaults: { default: 0 },
    before: 0,
    reason: "as published",
  },
  hue: {
    kind: { type: "number", min: 0, max: 0.5 },
    flag: "hue",
    value: "x",
    brief: "jitter of hue: a turn of the chroma (in YIQ) by up to x of a whole turn",
    meaning: "Jitter of hue: the chroma of a patch is turned in YIQ by -x to x of a whole turn.",
    defaults: { default: 0 },
    before: 0,
    reason: "as published",
  },
  stainJitter: {
    kind: { type: "number", min: 0, max: 0.5 },
    flag: "stain-jitter",
    value: "x",
    brief: "jitter of haematoxylin and eosin in optical density: factors of 1 - x to 1 + x, and shifts of up to x",
    meaning:
      "Jitter of the stain (Tellez et al. 2018): the densities of haematoxylin and of eosin are multiplied by factors of 1 - x to 1 + x, and " +
      "shifted by -x to x. Dyes are told apart by the colours of Ruifrok and Johnston (2001).",
    defaults: { default: 0 },
    before: 0,
    reason: "as published",
  },
} as const satisfies OptionTable;
