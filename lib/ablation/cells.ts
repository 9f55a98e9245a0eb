/** The cells of an ablation: their names and options, and what each takes from the whole method. */
import type { FeatureLevel } from "../model/backbones.js";
import { levelsOf } from "../pseudo-masks/pseudo-mask-options.js";
import type { PlanOptions } from "../run/plan-options.js";
import type { PlanSections } from "../run/plan.js";

/** Name of a cell, which is that of its run folder too. */
export type CellName =
  | "multi-layer"
  | `single-${FeatureLevel}`
  | "no-pda"
  | "published"
  | "no-mosaics"
  | "mosaics"
  | "self-training"
  | "full-supervision";

/** What a cell takes from `multi-layer` of its seed instead of making its own; with the masks comes the classifier. */
export type Shares = "nothing" | "classifier" | "masks";

/** One line of the table: the method, or the method with one thing changed. */
export interface Cell {
  readonly name: CellName;
  /** What it is, for people. */
  readonly title: string;
  /** Options on top of those of the whole ablation. */
  readonly options: PlanOptions;
  readonly shares: Shares;
}

/** The cell that is the method as it stands, and whose stages others share. */
export const wholeMethod = "multi-layer";

/** The recipe of every part; a part that was given a recipe of its own would keep it otherwise. */
const publishedRecipe: PlanOptions = {
  recipe: "published",
  classifier: { training: { recipe: "published" } },
  pseudoMasks: { recipe: "published" },
  segmenter: { training: { recipe: "published" } },
  evaluation: { recipe: "published" },
};

function singleLevel(level: FeatureLevel): Cell {
  // Weights were given for all levels, if at all; one level has nothing to be weighed against.
  const segmenter = { training: { levelWeights: "auto" } } as const;
  return {
    name: `single-${level}`,
    title: `pseudo masks of ${level} alone`,
    options: { pseudoMasks: { levels: [level] }, segmenter },
    shares: "masks",
  };
}

/** Mosaics as the plan has them, unless there are no other patches: then no true mask of two classes would be seen. */
function trueMasksIn({ segmenter }: PlanSections): { readonly mosaic?: number } {
  return segmenter.training.mosaic === 1 ? { mosaic: 0 } : {};
}

/** The levels that the plan draws pseudo masks from. @throws WsssError `WSSS_ERR_OPTION` for those of another network. */
export function levelsOfPlan({ classifier, pseudoMasks }: PlanSections): readonly FeatureLevel[] {
  return levelsOf("ablate", classifier.backbone, pseudoMasks.levels);
}

/**
 * All cells of a plan, in the order in which they are trained and tabled: what others share comes first.
 * @throws WsssError `WSSS_ERR_OPTION` if the plan names levels of another network.
 */
export function cellsOf(plan: PlanSections): readonly Cell[] {
  return [
    { name: wholeMethod, title: "the method: all levels at once", options: {}, shares: "nothing" },
    ...levelsOfPlan(plan).map(singleLevel),
    {
      name: "no-pda",
      title: "without progressive dropout attention",
      options: { classifier: { training: { pdaStartEpoch: "never" } } },
      shares: "nothing",
    },
    {
      name: "published",
      title: "recipe published, below the options that were given",
      options: publishedRecipe,
      shares: "nothing",
    },
    {
      name: "no-mosaics",
      title: "segmenter from pseudo masks alone, without a mosaic",
      options: { segmenter: { training: { mosaic: 0 } } },
      shares: "masks",
    },
    {
      name: "mosaics",
      title: "segmenter from mosaics of patches of one class alone, without a pseudo mask",
      options: { segmenter: { rounds: 0, training: { mosaic: 1 } } },
      shares: "masks",
    },
    {
      name: "self-training",
      title: "pseudo masks drawn again by a segmenter, in one round of self-training",
      options: { segmenter: { rounds: 1 } },
      shares: "masks",
    },
    {
      name: "full-supervision",
      title: "segmenter from true masks",
      options: {
        segmenter: { masks: "ground-truth", rounds: 0, training: { levelWeights: "auto", ...trueMasksIn(plan) } },
      },
      shares: "classifier",
    },
  ];
}
