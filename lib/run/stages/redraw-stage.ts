/** The stage `pseudo-masks` of a round of self-training: the masks of the train patches, drawn again by the round's segmenter. */
import { join } from "node:path";
import { classesOf } from "../../dataset/dataset-fingerprint.js";
import { segmenterLevel } from "../../pseudo-masks/mask-level.js";
import { Segmenter } from "../../segmenter/segmenter.js";
import { type RunContext, sectionOf } from "../context.js";
import { segmentationResult } from "../result.js";
import { pseudoMaskFolder, type StageSource, weightSource } from "../sources.js";
import { performStage, type StageOutcome } from "../stage.js";
import { loadForStage, progressOf } from "./load-split.js";
import type { PseudoMaskRecord } from "./pseudo-masks-stage.js";

const stage = "pseudo-masks";

/** Draws this process's part of the masks that process 0 of a group writes down. */
export async function shareRedrawing(context: RunContext): Promise<void> {
  const { root, dataset, device, group, signal } = context;
  const { views, glass } = sectionOf(context, "pseudoMasks");
  const { path } = await weightSource(root, "segmenter", undefined);
  const segmenter = await Segmenter.load(path, { ...device, signal });
  try {
    await segmenter.redrawPseudoMasks(dataset.train, { views, glass, group, signal });
  } finally {
    await segmenter.dispose();
  }
}

async function redraw(context: RunContext, source: StageSource): Promise<PseudoMaskRecord> {
  const { root, dataset, device, group, signal } = context;
  const { views, glass } = sectionOf(context, "pseudoMasks");
  await loadForStage(context, stage, dataset.train);
  const segmenter = await Segmenter.load(source.path, { ...device, signal });
  try {
    await context.groupWork?.begin("redraw-pseudo-masks", context);
    const masks = await segmenter.redrawPseudoMasks(dataset.train, {
      views,
      glass,
      group,
      output: join(root, pseudoMaskFolder),
      signal,
      onProgress: progressOf(context, stage, "train"),
    });
    if (!dataset.train.hasMasks) return { scores: null };
    return {
      scores: { [segmenterLevel]: segmentationResult(await masks.score(segmenterLevel, dataset.train, { signal })) },
    };
  } finally {
    await segmenter.dispose();
  }
}

/** Draws the masks of a round into its `train_PM/`, over the views of the run's pseudo masks, and scores them where true masks are there. */
export async function performRedrawStage(context: RunContext): Promise<StageOutcome<PseudoMaskRecord>> {
  const { root, fingerprint } = context;
  const { views, glass } = sectionOf(context, "pseudoMasks");
  const source = await weightSource(root, "segmenter", undefined);
  return await performStage(context, {
    name: stage,
    key: {
      segmenter: source.identity,
      views,
      glass: { wanted: glass, dataset: fingerprint.glass },
      classes: classesOf(fingerprint),
      train: fingerprint.train,
    },
    outputs: [`${pseudoMaskFolder}/PM_${segmenterLevel}`],
    work: async () => await redraw(context, source),
  });
}
