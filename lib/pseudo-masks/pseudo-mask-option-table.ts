/** The table of options of stage 2: feature levels, glass, scaling, views. */
import { z } from "zod";
import { featureLevels, featureLevelsOf } from "../model/backbones.js";
import { integerFrom, type Kind } from "../options/kinds.js";
import { callRecipe, type OptionTable } from "../options/declared-option.js";
import { patchViews } from "../native/patch-views.js";

const glassRule = z.strictObject({
  greyAbove: z.number().min(0).max(255),
  minAreaPx: z
    .int()
    .min(0)
    .max(2 ** 31 - 1),
});

/** Feature levels, whosever they are. */
export const levelsKind = {
  type: "words",
  words: featureLevels,
  noun: "levels",
  typescript: "FeatureLevel",
} as const satisfies Kind;

/** How pseudo masks are drawn. `npm run generate` writes `pseudo-mask-settings.ts` and the docs from it. */
export const pseudoMaskOptionTable = {
  recipe: callRecipe,
  levels: {
    kind: { type: "word-or", word: "all", other: levelsKind },
    flag: "levels",
    value: "list",
    brief:
      `feature levels, from \`${featureLevelsOf.resnet38.join(",")}\`, of MobileNetV2 \`${featureLevelsOf.mobilenet.join(",")}\`, ` +
      `of EfficientNet-Lite \`${featureLevelsOf["efficientnet-lite0"].join(",")}\`; \`all\`: the network's three`,
    meaning: "Feature levels to draw from. Their order is that of the masks and of `levelWeights`.",
    defaults: { default: "all" },
    reason:
      "the three of the classifier's network, deepest first: for ResNet38 `bn7`, `b5_2` and `b4_5`, as in the paper",
  },
  glass: {
    kind: {
      type: "own",
      rule: z.union([z.literal("dataset"), z.literal(false), glassRule]),
      typescript: '"dataset" | false | GlassRule',
    },
    flag: "glass",
    value: "how",
    wordValues: { dataset: "dataset", none: false },
    brief: "white areas become background by the dataset's own rule (`dataset`), or not (`none`)",
    meaning:
      "White areas that become background: by the dataset's own rule, none (`false`), or by this one: grey value above `greyAbove` " +
      "(0 to 255) in 4-connected areas of at least `minAreaPx` pixels of the patch.",
    defaults: { default: "dataset" },
    reason: "in LUAD-HistoSeg glass is background, in BCSS-WSSS it is not",
  },
  scaling: {
    kind: { type: "choice", words: ["present", "published"] },
    flag: "scaling",
    value: "how",
    brief: "maps compared among the `present` classes, or scaled as `published`",
    meaning:
      '`"present"`: the class with the highest raw map among those of the patch\'s label. `"published"`: maps scaled jointly over all ' +
      "classes first, which differs at the one pixel where a present class holds the joint minimum.",
    defaults: { default: "present", published: "published" },
    reason: "what the map of an absent class holds should not decide between present ones",
  },
  views: {
    kind: { type: "choice", words: patchViews },
    flag: "views",
    value: "which",
    brief:
      "maps of the patch alone (`one`, as published), averaged over it and its three mirror images (`flips`), at four times the work, or " +
      "over all eight ways to lay it (`symmetries`), at eight times",
    meaning:
      'What the classifier looks at: the patch alone, as published (`"one"`), the patch and its three mirror images (`"flips"`), whose ' +
      'maps are averaged, at four times the work, or all eight ways to lay a square patch (`"symmetries"`), at eight times.',
    defaults: { default: "flips", published: "one" },
    reason:
      "tissue has no left or right, so what the mirror images do not share is noise: on real tissue the masks of MobileNetV2 gain about " +
      "3 points of mIoU (docs/notes/real-tissue.md)",
  },
  paddingPx: {
    kind: integerFrom(0, 1024),
    flag: "map-padding",
    value: "px",
    brief: "the patch goes on mirrored by so many pixels while its maps are drawn",
    meaning:
      "The patch goes on mirrored by so many pixels on each side while its maps are drawn; below its size. Networks that pad with zeros see " +
      "where a patch ends, and their maps are biased by it.",
    defaults: { default: 0 },
    before: 0,
    reason: "as published",
  },
} as const satisfies OptionTable;
