/** The table of training options that classifier and segmenter share: recipe, epochs, batch size and more. */
import type { OptionTable } from "../options/declared-option.js";
import { largestSeed, recipes } from "../options/fields.js";
import { integerFrom, positive, share } from "../options/kinds.js";
import { augmentationOptionTable } from "./augmentation-option-table.js";

/** The options that both trainings have. `npm run generate` writes `training-settings.ts` and the docs from it. */
export const trainingOptionTable = {
  recipe: {
    kind: { type: "choice", words: recipes },
    flag: "recipe",
    value: "name",
    brief: "base values: `default`, or `published` (the published code with its oddities)",
    meaning: "Base values of all other options.",
    defaults: { default: "default" },
    reason: "the method with its known defects repaired",
  },
  epochs: {
    kind: integerFrom(1, 1_000_000),
    flag: "epochs",
    value: "n",
    brief: "passes over the train patches",
    meaning: "Passes over the training split.",
    defaults: { classifier: { default: 20 }, segmenter: { default: 30 } },
    reason: "as published",
  },
  batchSize: {
    kind: { type: "word-or", word: "auto", other: integerFrom(1, 65_536) },
    segmenterKind: { type: "word-or", word: "auto", other: integerFrom(2, 65_536) },
    flag: "batch-size",
    short: "b",
    value: "n",
    brief: "patches in a step; `auto`: 20, or as many as memory has room for",
    meaning:
      "Patches in one optimiser step; of the segmenter at least 2, since its pooled branch normalises over the batch. " +
      '`"auto"`: 20, or as many as memory has room for, which small steps before the first find out. The number of steps, and so the ' +
      "result, then depends on the machine; a resumed training takes as many patches as before.",
    defaults: { default: 20 },
    reason: "as published",
  },
  gradientCheckpointing: {
    kind: { type: "switch" },
    flag: "grad-checkpointing",
    brief: "keep less of each step and compute it twice: less memory for more time, the same result",
    meaning:
      "Whether the blocks of the network keep their inputs alone and compute what is inside twice (gradient checkpointing): less " +
      "memory for more time, and the same result but for rounding.",
    defaults: { default: false },
    reason: "memory is enough for the published batch on most machines",
    changesNoResult: true,
  },
  optimizer: {
    kind: { type: "choice", words: ["sgd", "adamw"] },
    flag: "opt",
    value: "name",
    brief: "`sgd`, or `adamw` (betas 0.9 and 0.999)",
    meaning:
      '`"sgd"`: stochastic gradient descent with momentum. `"adamw"`: Adam with decoupled weight decay, betas 0.9 and 0.999 and epsilon ' +
      "1e-8, as in PyTorch; it has other defaults of the learning rate and the weight decay, and takes no momentum.",
    defaults: { default: "sgd" },
    reason: "as published",
    before: "sgd",
  },
  learningRate: {
    kind: positive(100),
    flag: "lr",
    value: "x",
    brief: "learning rate of the backbone",
    meaning: "Learning rate of the first step for the backbone.",
    defaults: {
      classifier: { default: 0.01, small: 0.001, adamw: 1e-4, published: 0.01 },
      segmenter: { default: 5e-4, small: 0.004, adamw: 1e-4, published: 0.01 },
    },
    reason:
      "of the classifier as published, but for small networks: MobileNetV2 diverges at more. Of the segmenter the published 0.01 acts on a loss " +
      "that is divided by the batch size of 20 once more, so that its true rate on the mean loss is 0.01 / 20; the head of a small network " +
      "has more to learn in fewer steps. AdamW's is the one usual for starts from ImageNet weights",
  },
  headLearningRateFactor: {
    kind: positive(1000),
    flag: "head-lr-factor",
    value: "x",
    brief: "factor on it for the new layers",
    meaning: "Factor on the learning rate of the new layers (classifier: fc8; segmenter: ASPP and decoder).",
    defaults: { default: 10 },
    reason: "as published",
  },
  momentum: {
    kind: { type: "number", min: 0, max: 1, below: true },
    flag: "momentum",
    value: "x",
    brief: "momentum of SGD",
    meaning: "Momentum of SGD; AdamW has none.",
    defaults: { classifier: { default: 0.9, published: 5e-4 }, segmenter: { default: 0.9 } },
    reason: "the usual; the published code passes the weight decay in momentum's place to the classifier's optimizer",
  },
  nesterov: {
    kind: { type: "switch" },
    flag: "nesterov",
    brief: "Nesterov's variant of momentum",
    meaning: "Nesterov's variant of momentum; needs a momentum above 0.",
    defaults: { default: false },
    reason: "as published",
  },
  weightDecay: {
    kind: share,
    flag: "weight-decay",
    value: "x",
    brief: "L2 penalty; of AdamW its decoupled decay",
    meaning: "L2 penalty, added to the gradient as `weightDecay * weight`; with AdamW its decoupled weight decay.",
    defaults: {
      classifier: { default: 5e-4, adamw: 0.01 },
      segmenter: { default: 0.01, small: 5e-4, adamw: 0.01, published: 5e-4 },
    },
    reason:
      "of the classifier as published. Of the segmenter, whose learning rate is divided by 20, it must be 20 times the published one to " +
      "shrink the weights as much per step. AdamW's is PyTorch's",
  },
  schedule: {
    kind: { type: "choice", words: ["poly", "cosine", "step"] },
    flag: "sched",
    value: "name",
    brief: "learning rate over time: `poly`, `cosine` or `step`",
    meaning:
      'The learning rate over the steps. `"poly"`: rate * (1 - step / steps) ^ power. `"cosine"`: half a cosine down to 0. `"step"`: a ' +
      "tenth after every `stepEpochs`.",
    defaults: { default: "poly" },
    reason: "as published",
  },
  power: {
    kind: positive(10),
    flag: "poly-power",
    value: "x",
    brief: "exponent of the poly schedule",
    meaning: "Exponent of the poly schedule.",
    defaults: { default: 0.9 },
    reason: "as published",
  },
  stepEpochs: {
    kind: integerFrom(1),
    flag: "decay-epochs",
    value: "n",
    brief: "epochs between two drops of the step schedule",
    meaning: "Epochs between two drops of the step schedule.",
    defaults: { default: 10 },
    reason: "hence a hundredth of the rate in the last third of 30 epochs",
  },
  warmupEpochs: {
    kind: integerFrom(0),
    flag: "warmup-epochs",
    value: "n",
    brief: "epochs in which the rate rises from 0",
    meaning: "Epochs in which the rate rises linearly from 0 to its schedule. The very first step then has rate 0.",
    defaults: { default: 0 },
    reason: "as published",
  },
  gradientClipNorm: {
    kind: { type: "number", min: 0, max: 1e9 },
    flag: "clip-grad",
    value: "x",
    brief: "largest norm of the gradient, 0 = no clipping",
    meaning: "Largest L2 norm of the gradient over all parameters; longer ones are scaled down to it. 0 clips nothing.",
    defaults: { default: 5, published: 0 },
    reason: "normal steps stay well below it, while the rare huge one, which ends in NaN without it, is tamed",
  },
  emaDecay: {
    kind: { type: "number", min: 0, max: 1, below: true },
    flag: "model-ema-decay",
    value: "x",
    brief: "decay of a running average of the weights, which is then kept; 0 = none",
    meaning:
      "Share of its old value that a running average of the weights and batch-norm statistics keeps at each step. Above 0 the average " +
      "is what is validated, saved and kept; while the rate is high it scores far better than the weights themselves. About 1 - 1 / " +
      "(steps of one epoch) is a good value.",
    defaults: { classifier: { default: 0 }, segmenter: { default: 0, small: 0.98, published: 0 } },
    reason:
      "no average, as published; the segmenter on a small network has one, since wrong pseudo masks pull each step another way",
  },
  ...augmentationOptionTable,
  dropoutFactor: {
    kind: share,
    flag: "dropout-factor",
    value: "x",
    brief: "factor on all dropout probabilities, 0 = off",
    meaning: "Factor on every dropout probability of the network; 0 turns dropout off.",
    defaults: { default: 1 },
    reason: "the paper's probabilities",
  },
  dropLastBatch: {
    kind: { type: "switch" },
    flag: "drop-last",
    brief: "leave out a last batch that is not full",
    meaning:
      "Whether the last patches of an epoch that don't fill a batch are left out (others every epoch, by the shuffle).",
    defaults: { classifier: { default: true }, segmenter: { default: true, published: false } },
    reason: "a tiny last batch has a noisy gradient, and noisy batch statistics just before validation",
  },
  unfoldBatchNorm: {
    kind: { type: "switch" },
    flag: "unfold-batch-norm",
    brief: "give folded batch norms of a start from elsewhere their statistics back",
    meaning:
      "Files made for inference have their batch norms folded into the convolutions: norms of such a start have no statistics of their " +
      "own. With `true`, those that learn in this training get them back before the first step, from 64 training patches, in a way that " +
      "leaves what the network computes in evaluation as it is. With `false` the first training step throws the pretrained features " +
      "away, since it normalises them anew. Other starts are not touched.",
    defaults: { default: true, published: false },
    reason: "pretrained features are what such a start is for",
  },
  freezeBatchNorm: {
    kind: { type: "switch-or-auto" },
    flag: "freeze-batch-norm",
    value: "how",
    brief:
      "keep batch norms as they are, of the segmenter those of its backbone: `yes`, `no`, or `auto`: if the weights come from elsewhere",
    meaning:
      "Whether batch norms keep their statistics, scales and shifts; of the segmenter those of its backbone, while those of ASPP and " +
      'decoder always learn. `"auto"`: exactly if the weights come from elsewhere.',
    defaults: { classifier: { default: "auto" }, segmenter: { default: "auto", published: false } },
    reason:
      "statistics of small batches of a few patients unlearn what ImageNet taught, while norms of random weights must learn",
  },
  seed: {
    kind: integerFrom(0, largestSeed),
    brief: "seed of shuffle, augmentation and dropout",
    meaning: "Seed of shuffle, augmentation and dropout. One seed on one device gives one result.",
    defaults: { default: 0 },
    reason: "any will do",
  },
  keep: {
    kind: { type: "choice", words: ["best", "last"] },
    flag: "keep",
    value: "which",
    brief: "weights to keep: `best` on val, or `last`; without val patches the last",
    meaning:
      "The weights that the model holds when training ends: those of the best epoch on the validation split, or the last. " +
      '`"best"` can\'t be asked for without a validation split, and without one `"last"` is the default.',
    defaults: { classifier: { default: "best", published: "last" }, segmenter: { default: "best" } },
    reason: "the last epoch is not always the best",
  },
} as const satisfies OptionTable;
