/** The table of options of the class gate (paper section 3.3). */
import { callRecipe, type OptionTable } from "../options/declared-option.js";
import { share } from "../options/kinds.js";

/** How the class gate is applied. `npm run generate` writes `gate-settings.ts` and the docs from it. */
export const gateOptionTable = {
  recipe: callRecipe,
  gateThreshold: {
    kind: share,
    flag: "gate-threshold",
    value: "p",
    brief: "a class is open above this probability of the classifier",
    meaning: "A class is open where the classifier's probability for the patch is above this (strictly).",
    defaults: { default: 0.1 },
    reason: "as published: low, since a class that is wrongly closed is lost for the whole patch",
  },
  gateRule: {
    kind: { type: "choice", words: ["exclude", "multiply"] },
    flag: "gate-rule",
    value: "name",
    brief: "`exclude` closed classes, or `multiply` their logits by 0, as published",
    meaning:
      '`"exclude"`: closed classes can\'t win, unless all are closed. `"multiply"`: logits of closed classes become 0, which still beats ' +
      "negative ones.",
    defaults: { default: "exclude", published: "multiply" },
    reason: "what is closed should not win",
  },
} as const satisfies OptionTable;
