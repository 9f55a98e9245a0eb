/** The networks that a classifier and a segmenter can have, and where their pseudo masks come from. */

/** Networks of inverted residuals, for machines without a GPU. They are meant to start from ImageNet weights. */
export const smallBackbones = ["mobilenet", "efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"] as const;

/** Networks that a classifier can have. */
export const classifierBackbones = ["resnet38", ...smallBackbones] as const;

/**
 * The network of a classifier: `"resnet38"` is the paper's, 105 million parameters. For machines without a GPU: `"mobilenet"`, which is
 * MobileNetV2, 2.2 million, and `"efficientnet-lite0"` to `"efficientnet-lite2"`, 3.4 to 4.9 million.
 */
export type ClassifierBackbone = (typeof classifierBackbones)[number];

/** Networks that a segmenter can have below ASPP and decoder. */
export const segmenterBackbones = ["resnet101", "xception", "drn", ...smallBackbones] as const;

/**
 * The network below ASPP and decoder. As published: `"resnet101"`, `"xception"` (the modified aligned one), `"drn"` (DRN-D-54, always at
 * output stride 8) or `"mobilenet"` (MobileNetV2). Beside them `"efficientnet-lite0"` to `"efficientnet-lite2"`.
 */
export type SegmenterBackbone = (typeof segmenterBackbones)[number];

/** Whether a network is one of {@link smallBackbones}. */
export function isSmallBackbone(backbone: string | undefined): boolean {
  return (smallBackbones as readonly (string | undefined)[]).includes(backbone);
}

/** Ratio of patch size to the size of the deepest features. */
export function outputStrideOf(backbone: ClassifierBackbone): 8 | 16 {
  return isSmallBackbone(backbone) ? 16 : 8;
}

/** The last convolution, the last stage of blocks, and the one before it. */
const levelsOfLite = ["head", "stage7", "stage6"] as const;

/** Feature levels of each classifier, deepest first: the order of the paper's level weights. */
export const featureLevelsOf = {
  /** The rectified last features, and the residual sums of two blocks. */
  resnet38: ["bn7", "b5_2", "b4_5"],
  /** The outputs of the last three layers. */
  mobilenet: ["features18", "features17", "features16"],
  /** The last convolution, and the last blocks of two stages. */
  "efficientnet-lite0": levelsOfLite,
  /** The last convolution, and the last blocks of two stages. */
  "efficientnet-lite1": levelsOfLite,
  /** The last convolution, and the last blocks of two stages. */
  "efficientnet-lite2": levelsOfLite,
} as const satisfies Record<ClassifierBackbone, readonly string[]>;

/**
 * A place in a classifier where Grad-CAM taps, deepest first. ResNet38: `"bn7"` the rectified last features, `"b5_2"` and `"b4_5"` the
 * residual sums of those blocks. MobileNetV2: the outputs of its layers 18 (rectified), 17 and 16. EfficientNet-Lite: `"head"` the last
 * convolution (rectified), `"stage7"` and `"stage6"` the last blocks of those stages.
 */
export type FeatureLevel = (typeof featureLevelsOf)[ClassifierBackbone][number];

/** All feature levels that there are. */
export const featureLevels: readonly FeatureLevel[] = [
  ...new Set(classifierBackbones.flatMap((name): readonly FeatureLevel[] => featureLevelsOf[name])),
];
