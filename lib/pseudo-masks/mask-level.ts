/** Where the masks of a set come from. */
import type { z } from "zod";
import { type FeatureLevel, featureLevels } from "../model/backbones.js";
import { ruleOf } from "../options/kinds.js";

/** The level of masks that a segmenter has drawn. */
export const segmenterLevel = "segmenter";

/** What a set of pseudo masks is drawn from: feature levels of a classifier, or `"segmenter"`, which has learned from earlier ones. */
export type MaskLevel = FeatureLevel | "segmenter";

/** All levels that a folder of masks can have. */
export const maskLevels: readonly MaskLevel[] = [...featureLevels, segmenterLevel];

/** The rule of a list of levels. */
export const levelsRule = ruleOf({
  type: "words",
  words: maskLevels,
  noun: "levels",
  typescript: "MaskLevel",
}) as z.ZodType<readonly MaskLevel[], readonly MaskLevel[]>;
