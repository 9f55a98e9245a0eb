/** Networks that a classifier can have. */
export const classifierBackbones = ["resnet38", "mobilenet"] as const;

/**
 * The network of a classifier: `"resnet38"` is the paper's, 105 million parameters; `"mobilenet"` is MobileNetV2, 2.2 million, for
 * machines without a GPU.
 */
export type ClassifierBackbone = (typeof classifierBackbones)[number];

/** Ratio of patch size to the size of the deepest features. */
export const outputStrideOf = { resnet38: 8, mobilenet: 16 } as const satisfies Record<ClassifierBackbone, 8 | 16>;

/** Networks that a segmenter can have below ASPP and decoder. */
export const segmenterBackbones = ["resnet101", "xception", "drn", "mobilenet"] as const;

/**
 * The network below ASPP and decoder, as published: `"resnet101"`, `"xception"` (the modified aligned one), `"drn"` (DRN-D-54, always at
 * output stride 8) or `"mobilenet"` (MobileNetV2).
 */
export type SegmenterBackbone = (typeof segmenterBackbones)[number];

/** Feature levels of each classifier, deepest first: the order of the paper's level weights. */
export const featureLevelsOf = {
  /** The rectified last features, and the residual sums of two blocks. */
  resnet38: ["bn7", "b5_2", "b4_5"],
  /** The outputs of the last three layers. */
  mobilenet: ["features18", "features17", "features16"],
} as const satisfies Record<ClassifierBackbone, readonly string[]>;

/**
 * A place in a classifier where Grad-CAM taps, deepest first. ResNet38: `"bn7"` the rectified last features, `"b5_2"` and `"b4_5"` the
 * residual sums of those blocks. MobileNetV2: the outputs of its layers 18 (rectified), 17 and 16.
 */
export type FeatureLevel = (typeof featureLevelsOf)[ClassifierBackbone][number];

/** All feature levels that there are. */
export const featureLevels: readonly FeatureLevel[] = classifierBackbones.flatMap((name) => featureLevelsOf[name]);
