/** The table of options of what a segmenter looks at: test-time augmentation. */
import type { OptionTable } from "../options/declared-option.js";
import { patchViews } from "../native/patch-views.js";

/** What a trained segmenter looks at. `npm run generate` writes `view-settings.ts` and the docs from it. */
export const viewOptionTable = {
  views: {
    kind: { type: "choice", words: patchViews },
    flag: "tta",
    value: "which",
    brief:
      "test-time augmentation: the patch alone (`one`), its logits averaged over it and its three mirror images (`flips`), at four times " +
      "the work, or over all eight ways to lay it (`symmetries`), at eight times",
    meaning:
      'What the segmenter looks at, known as test-time augmentation: the patch alone (`"one"`), the patch and its three mirror images ' +
      '(`"flips"`), whose logits are averaged, at four times the work, or all eight ways to lay a square patch (`"symmetries"`), at eight ' +
      "times; of a patch that is not square the four.",
    defaults: { default: "one" },
    before: "one",
    reason:
      "as published; where each pixel is seen several times already, the others gain little (docs/notes/real-tissue.md)",
  },
} as const satisfies OptionTable;
