/** The stage `pseudo-masks`: masks of the train patches, written into the run folder and scored. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Classifier } from "../../classifier/classifier.js";
import { classesOf } from "../../dataset/dataset-fingerprint.js";
import type { ClassifierBackbone } from "../../model/backbones.js";
import { describeSavedModel } from "../../model/model-opening.js";
import { recordedSettings } from "../../options/declared-option.js";
import { maskLevels } from "../../pseudo-masks/mask-level.js";
import { pseudoMaskOptionTable } from "../../pseudo-masks/pseudo-mask-option-table.js";
import { levelsOf } from "../../pseudo-masks/pseudo-mask-options.js";
import { type RunContext, sectionOf } from "../context.js";
import { type SegmentationResult, segmentationResult } from "../result.js";
import { pseudoMaskFolder, type StageSource, weightSource } from "../sources.js";
import { performStage, type StageOutcome } from "../stage.js";
import { loadForStage, progressOf } from "./load-split.js";

const stage = "pseudo-masks";

/** What the stage leaves in its marker: scores by level, null without true masks of the train split. */
export interface PseudoMaskRecord {
  readonly scores: Readonly<Record<string, SegmentationResult>> | null;
}

/** Draws this process's part of the masks that process 0 of a group writes down. */
export async function sharePseudoMasks(context: RunContext): Promise<void> {
  const { root, dataset, device, group, signal, memory, sources } = context;
  const { path } = await weightSource(root, "classifier", sources.classifier);
  const classifier = await Classifier.load(path, { ...device, signal });
  try {
    const settings = sectionOf(context, "pseudoMasks");
    memory.pseudoMasks = await classifier.generatePseudoMasks(dataset.train, { ...settings, group, signal });
  } finally {
    await classifier.dispose();
  }
}

async function draw(context: RunContext, source: StageSource): Promise<PseudoMaskRecord> {
  const { root, dataset, device, group, signal, memory } = context;
  const settings = sectionOf(context, "pseudoMasks");
  await loadForStage(context, stage, dataset.train);
  const classifier = await Classifier.load(source.path, { ...device, signal });
  try {
    await context.groupWork?.begin(stage, context);
    const masks = await classifier.generatePseudoMasks(dataset.train, {
      ...settings,
      group,
      output: join(root, pseudoMaskFolder),
      signal,
      onProgress: progressOf(context, stage, "train"),
    });
    // What another classifier drew before must not be taken for levels of this one.
    for (const level of maskLevels) {
      if (!masks.levels.includes(level))
        await rm(join(root, pseudoMaskFolder, `PM_${level}`), { recursive: true, force: true });
    }
    memory.pseudoMasks = masks;
    if (!dataset.train.hasMasks) return { scores: null };
    const scores: Record<string, SegmentationResult> = {};
    for (const level of masks.levels) {
      scores[level] = segmentationResult(await masks.score(level, dataset.train, { signal }));
    }
    return { scores };
  } finally {
    await classifier.dispose();
  }
}

/** Stage 2: draws pseudo masks for the train patches into `train_PM/`, and scores them where true masks are there. */
export async function performPseudoMasksStage(context: RunContext): Promise<StageOutcome<PseudoMaskRecord>> {
  const { root, fingerprint, sources } = context;
  const section = sectionOf(context, "pseudoMasks");
  const source = await weightSource(root, "classifier", sources.classifier);
  const { backbone } = await describeSavedModel(stage, "classifier", source.path);
  const levels = levelsOf(stage, backbone as ClassifierBackbone, section.levels);
  return await performStage(context, {
    name: stage,
    key: {
      section: recordedSettings(pseudoMaskOptionTable, section),
      classifier: source.identity,
      classes: classesOf(fingerprint),
      glass: fingerprint.glass,
      train: fingerprint.train,
    },
    outputs: levels.map((level) => `${pseudoMaskFolder}/PM_${level}`),
    work: async () => await draw(context, source),
  });
}
