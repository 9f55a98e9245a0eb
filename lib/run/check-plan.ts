/** Checks of a plan before the first stage works: batches, labels, masks, weights, everything to be read. */
import { join } from "node:path";
import { refuseAbsentClasses } from "../dataset/absent-classes.js";
import type { Dataset } from "../dataset/open-dataset.js";
import { maskFolder, type Split } from "../dataset/split.js";
import { WsssError } from "../errors.js";
import { checkBatches } from "../model/split-checks.js";
import { assertNameable } from "../pseudo-masks/pseudo-mask-files.js";
import { assertPadding, levelsOf } from "../pseudo-masks/pseudo-mask-options.js";
import { mosaicShare } from "../segmenter/mosaic-share.js";
import { levelWeightsFor } from "../segmenter/train-segmenter.js";
import type { RunContext, RunSources } from "./context.js";
import type { PlanSections } from "./plan.js";
import { pseudoMaskFolder } from "./sources.js";
import type { StageName } from "../text/stage-names.js";
import { loadForStage } from "./stages/load-split.js";
import { makeSegmenter } from "./stages/segmenter-stage.js";

/** Checks a plan against the files of the data, decoding nothing. */
export type PlanCheck = (plan: Partial<PlanSections>, dataset: Dataset, sources: RunSources) => void;

/**
 * What the training of the classifier would refuse.
 * @throws WsssError `WSSS_ERR_OPTION`, `WSSS_ERR_DATASET`
 */
export const checkClassifierPlan: PlanCheck = ({ classifier }, { train }, sources) => {
  refuseAbsentClasses(train.files, train.classes, train.dataset);
  if (classifier === undefined || sources.classifier !== undefined) return;
  checkBatches("Classifier.train", train, classifier.training, 1);
};

/**
 * What the training of the segmenter would refuse.
 * @throws WsssError `WSSS_ERR_OPTION`, `WSSS_ERR_DATASET`
 */
export const checkSegmenterPlan: PlanCheck = ({ segmenter }, { train, manifest }) => {
  if (segmenter === undefined) return;
  checkBatches("Segmenter.train", train, segmenter.training, 2);
  mosaicShare("Segmenter.train", train, segmenter.training.mosaic, segmenter.masks);
  if (segmenter.masks !== "ground-truth") return;
  levelWeightsFor("Segmenter.train", segmenter.training.levelWeights, null);
  if (train.hasMasks) return;
  const way =
    manifest === null
      ? `put one for each patch into ${train.folder}/${maskFolder("train")}`
      : `name one for each patch in the column mask of ${manifest}`;
  const message = `${train.dataset} has no true masks for its train patches, which full supervision learns from; ${way}`;
  throw new WsssError("WSSS_ERR_DATASET", message, { split: "train", folder: train.folder });
};

/**
 * Checks the options of all stages: what a later stage would refuse is refused before the first one has worked for hours.
 * @throws WsssError `WSSS_ERR_OPTION`, `WSSS_ERR_DATASET` as the stage itself would.
 */
export const checkPlan: PlanCheck = (plan, dataset, sources) => {
  checkClassifierPlan(plan, dataset, sources);
  checkSegmenterPlan(plan, dataset, sources);
  const { classifier, pseudoMasks, segmenter } = plan;
  if (classifier === undefined || pseudoMasks === undefined || segmenter?.masks !== "pseudo") return;
  // Masks that are there already may be of another network's levels.
  if (sources.masks !== undefined || sources.classifier !== undefined) return;
  const levels = levelsOf("Classifier.generatePseudoMasks", classifier.backbone, pseudoMasks.levels);
  levelWeightsFor("Segmenter.train", segmenter.training.levelWeights, levels);
};

/** Stages after which hours of work are spent. */
const trainingStages: readonly StageName[] = ["train-classifier", "pseudo-masks", "train-segmenter"];

/**
 * What is done once before the first stage that works for long: everything that later stages read is read, and the
 * networks that they begin with are made, so that what is damaged or does not fit is told now.
 *
 * @returns a function to be called before the work of each stage.
 */
export function readingOnceBefore(context: RunContext, plan: PlanSections): (stage: StageName) => Promise<void> {
  let isDone = false;
  return async (stage) => {
    if (isDone || !trainingStages.includes(stage)) return;
    isDone = true;
    const { root, dataset, sources, group, signal, reporter } = context;
    const isDrawn = plan.segmenter.masks === "pseudo" && sources.masks === undefined;
    if (isDrawn || (plan.segmenter.rounds ?? 0) > 0) {
      const stems = dataset.train.files.map(({ stem }) => stem);
      await assertNameable(root, join(root, pseudoMaskFolder), stems);
    }
    if (isDrawn && plan.pseudoMasks.paddingPx > 0) {
      await assertMapPadding(context, stage, plan.pseudoMasks.paddingPx);
    }
    const progress = (label: string) => (items: { readonly done: number; readonly total: number }) => {
      reporter.progress({ stage, label, ...items });
    };
    if (dataset.test.count > 0) await dataset.test.check(signal, progress("looking at test"));
    // Full supervision learns from them, and pseudo masks are scored against them.
    if (dataset.train.hasMasks) {
      await dataset.train.loadTruth(signal, progress("reading the true masks of train"), group);
      if (plan.segmenter.masks === "ground-truth") assertTissue(dataset.train, plan.segmenter.training.background);
    }
    await tryWeights(context, plan.segmenter);
  };
}

/** @throws WsssError `WSSS_ERR_DATASET` if the true masks of train have no pixel that full supervision could learn from. */
function assertTissue(
  { name, dataset, count, tissuePixels }: Split,
  background: PlanSections["segmenter"]["training"]["background"],
): void {
  if (background !== "ignore" || tissuePixels !== 0) return;
  const message =
    `none of the ${count} true masks of ${name} of ${dataset} has a pixel of a tissue class: each pixel is background or ignored, ` +
    "so there is nothing to learn from; are the indices of the masks those of the description?";
  throw new WsssError("WSSS_ERR_DATASET", message, { split: name });
}

/** Decodes train, which the first training needs too, to know how large its patches are. */
async function assertMapPadding(context: RunContext, stage: StageName, paddingPx: number): Promise<void> {
  const { train } = context.dataset;
  await loadForStage(context, stage, train);
  assertPadding("Classifier.generatePseudoMasks", paddingPx, await train.load(context.signal));
}

/** Makes the segmenter that the last training begins with, if it begins with weights of a file, and lets it go. */
async function tryWeights(context: RunContext, { weights }: PlanSections["segmenter"]): Promise<void> {
  if (weights !== null) await (await makeSegmenter(context)).dispose();
}
