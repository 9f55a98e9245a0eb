/** The table of training options of the segmenter alone: level weights, background, loss, blur, mosaics. */
import type { OptionTable } from "../options/declared-option.js";
import { share } from "../options/kinds.js";
import { fewestPieces } from "./mosaic-share.js";

/** The options that only the segmenter's training has. `npm run generate` writes `segmenter-training-settings.ts` and the docs from it. */
export const segmenterOptionTable = {
  levelWeights: {
    kind: { type: "word-or", word: "auto", other: { type: "weights", max: 1000 } },
    flag: "level-weights",
    value: "a,b,c",
    brief:
      "weight of the loss on each level's masks, in the order of the levels, or `auto` (the paper's 0.6, 0.2, 0.2)",
    meaning:
      'Factor on the loss against each level of the masks, in the order of `masks.levels`. `"auto"`: the paper\'s 0.6 for the deepest level ' +
      "(bn7) and 0.2 for each other, scaled to sum to 1 over the levels that are there; 1 for true masks.",
    defaults: { default: "auto" },
    reason: "the paper's",
  },
  background: {
    kind: { type: "choice", words: ["ignore", "fifth-logit"] },
    flag: "background",
    value: "how",
    brief: "background pixels: `ignore`, or `fifth-logit` (published)",
    meaning:
      'What background pixels of a mask do. `"ignore"`: nothing. `"fifth-logit"`: the published constant channel K of 100 where the first ' +
      "level says background and 0 elsewhere, which counts in the mean and competes with every tissue class.",
    defaults: { default: "ignore", published: "fifth-logit" },
    reason: "background is never scored, so it should not teach",
  },
  divideByBatch: {
    kind: { type: "switch" },
    flag: "divide-by-batch",
    brief: "divide the mean loss by the batch size once more (published)",
    meaning: "Whether the mean loss over pixels is divided by the batch size once more.",
    defaults: { default: false, published: true },
    reason: "hence a learning rate that does not depend on the batch size",
  },
  loss: {
    kind: { type: "choice", words: ["cross-entropy", "focal"] },
    flag: "loss",
    value: "name",
    brief: "`cross-entropy` or `focal`",
    meaning:
      '`"cross-entropy"`, or `"focal"`: the published form, computed from the batch\'s mean cross-entropy (gamma 2, alpha 0.5).',
    defaults: { default: "cross-entropy" },
    reason: "as published",
  },
  blur: {
    kind: share,
    flag: "blur",
    value: "p",
    brief: "probability of a slight blur",
    meaning:
      "Probability that a patch is blurred, with a Gaussian radius drawn from 0 (inclusive) to 1 (exclusive) pixels.",
    defaults: { default: 0.5 },
    reason: "as published",
  },
  mosaic: {
    kind: { type: "word-or", word: "auto", other: share },
    flag: "mosaic",
    value: "p",
    brief:
      "share of the patches of a step that are mosaics: joined from pieces of train patches that hold one class each; or `auto`: half, " +
      "where each class has enough such patches",
    meaning:
      "Share of the patches of a step that are mosaics instead: two to six pieces of train patches that are labelled with one class each, " +
      "of two classes or more, joined along arcs, each piece mirrored and turned at random. Their masks are those of their patches, so " +
      "borders between tissues are learned where they are known for certain (as in PistoSeg, Fang et al. 2023). Classes come evenly; one " +
      "without such patches is on no mosaic. Where patients are known and one has such patches of two classes, pieces are of one patient, " +
      "and patients of one class give none. " +
      `\`"auto"\`: 0.5 with pseudo masks where at least ${fewestPieces} patches of each class can be pieces, else 0.`,
    defaults: { default: "auto", published: 0 },
    before: 0,
    reason:
      "where pseudo masks are bad it brought one to three points, where they are good it made no difference, see docs/results.md",
  },
} as const satisfies OptionTable;
