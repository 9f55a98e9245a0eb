/** The table of options of scoring masks. */
import type { OptionTable } from "../options/declared-option.js";

/** How masks are scored. `npm run generate` writes `evaluation-settings.ts` and the docs from it. */
export const evaluationOptionTable = {
  boundaryTolerancePx: {
    kind: { type: "word-or", word: "auto", other: { type: "number", min: 0, max: 64 } },
    flag: "boundary-tolerance",
    value: "px",
    brief:
      "how far a boundary may be off to count as met, for the boundary F1; `auto` is 0.75 % of the patch's diagonal",
    meaning:
      'How far a boundary may be off to count as met, in pixels of the patch, for the boundary F1. `"auto"`: 0.75 per cent of the patch\'s ' +
      "diagonal.",
    defaults: { default: "auto" },
    reason: "the custom since Csurka et al. 2013: 2.4 pixels of a patch of 224",
  },
} as const satisfies OptionTable;
