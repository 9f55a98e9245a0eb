/** The table of training options of the classifier alone: attention (PDA), dense loss and frozen first layers. */
import type { OptionTable } from "../options/declared-option.js";
import { integerFrom, positive, share } from "../options/kinds.js";

/** The options that only the classifier's training has. `npm run generate` writes `classifier-training-settings.ts` and the docs from it. */
export const classifierOptionTable = {
  pdaStartEpoch: {
    kind: { type: "word-or", word: "never", other: integerFrom(0) },
    flag: "pda-start-epoch",
    value: "n",
    brief: "progressive dropout attention from this epoch on (from 0), or `never`",
    meaning:
      'Progressive dropout attention (PDA, paper section 3.1) is on from this epoch, counted from 0, or `"never"`.',
    defaults: { default: 3 },
    reason: "the fourth epoch, as published: the attention maps must mean something first",
  },
  gammaInitial: {
    kind: share,
    flag: "gamma-initial",
    value: "x",
    brief: "gamma of PDA at its start",
    meaning: "Gamma at its start: activations above gamma times the maximum are dropped.",
    defaults: { default: 1 },
    reason: "which drops nothing yet",
  },
  gammaDecay: {
    kind: positive(1),
    flag: "gamma-decay",
    value: "x",
    brief: "factor on gamma after each epoch",
    meaning: "Factor on gamma after every epoch.",
    defaults: { default: 0.985, published: 0.98 },
    reason: "the paper's; the published one is the code's",
  },
  gammaFloor: {
    kind: share,
    flag: "gamma-floor",
    value: "x",
    brief: "gamma does not shrink below this",
    meaning: "Gamma shrinks only while it is above this.",
    defaults: { default: 0.65 },
    reason: "the paper's",
  },
  gammaDecaysFrom: {
    kind: { type: "choice", words: ["start", "pda"] },
    flag: "gamma-from",
    value: "when",
    brief: "gamma shrinks from the `start`, or from `pda`'s start",
    meaning: 'Whether gamma shrinks from the first epoch (`"start"`) or from the start of PDA (`"pda"`).',
    defaults: { default: "pda", published: "start" },
    reason: "the paper's; in the published code PDA begins at 0.941 instead of 1",
  },
  pdaDivisor: {
    kind: { type: "word-or", word: "classes", other: positive(1e6) },
    flag: "pda-divisor",
    value: "x",
    brief: "divisor of the summed class maps, or `classes`",
    meaning: "Divisor of the sum of the class maps: the number of classes, or a number.",
    defaults: { default: "classes", published: 4 },
    reason: "a mean, as the paper has it; the published code divides by 4 for any number of classes",
  },
  denseLoss: {
    kind: { type: "number", min: 0, max: 1000 },
    flag: "dense-loss",
    value: "x",
    brief: "weight of a loss on each cell of the maps of patches of one class",
    meaning:
      "Weight of the dense loss: each cell of the maps of a patch whose label names one class shows that class, so the mean over such " +
      "patches and cells of the cross-entropy of their class is added to the loss on the labels.",
    defaults: { default: 0 },
    before: 0,
    reason: "as published",
  },
  freezeStem: {
    kind: { type: "switch-or-auto" },
    flag: "freeze-stem",
    value: "how",
    brief: "keep the first layers as they are: `yes`, `no`, or `auto`: if the weights come from elsewhere",
    meaning:
      'Whether conv1a and the blocks b2, b2_1, b2_2 keep their weights. `"auto"`: exactly if the weights come from elsewhere.',
    defaults: { default: "auto" },
    reason: "frozen random filters learn nothing",
  },
} as const satisfies OptionTable;
