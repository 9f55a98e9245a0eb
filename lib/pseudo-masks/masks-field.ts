/** The zod rule of the option `masks` of a segmenter's training. */
import { z } from "zod";
import { isPseudoMasks } from "./known-pseudo-masks.js";
import type { PseudoMasks } from "./pseudo-masks.js";

/** A set of pseudo masks, or the words for true masks. */
export const masksField = z.custom<PseudoMasks | "ground-truth">(
  (value) => value === "ground-truth" || isPseudoMasks(value),
  'PseudoMasks or "ground-truth"',
);
