import { type LoadedGroup, truthOf } from "../dataset/loaded-split.js";
import type { Split } from "../dataset/split.js";
import {
  type LabelScores,
  labelScoresOf,
  meanLabelScores,
  type SegmentationScores,
  segmentationScoresOf,
} from "../evaluation.js";
import type { NativeLabelScores, NativeProgressEvent, NativeScores } from "../native/addon.js";
import { runJob } from "../native/job.js";
import { loadAddon } from "../native/load.js";
import { inStage } from "../progress.js";
import type { LabelWork } from "./label-prediction.js";
import { MaskStrips } from "./mask-strips.js";
import { segmentGroup, type SegmentationWork } from "./segmentation-prediction.js";

/** Scores predicted labels of a split, whose patches may differ in size. */
export async function evaluateLabels(
  { native, batchSize, signal, report }: Pick<LabelWork, "native" | "batchSize" | "signal" | "report">,
  split: Split,
): Promise<LabelScores> {
  const classified = inStage(report, "classify");
  const groups = await split.loadGroups(signal, inStage(report, "load"));
  const scores: LabelScores[] = [];
  let before = 0;
  for (const { patches, count } of groups) {
    const onEvent = ({ done }: NativeProgressEvent): void => classified({ done: before + done, total: split.count });
    const ofGroup = await runJob<NativeLabelScores>(
      (done) => native.evaluate({ batchSize }, patches, onEvent, done),
      signal,
    );
    scores.push(labelScoresOf(ofGroup));
    before += count;
  }
  return meanLabelScores(
    scores,
    groups.map(({ count }) => count),
  );
}

/** Scores predicted masks of a split, whose patches may differ in size, over one confusion matrix of all pixels. */
export async function evaluateSegmentation(work: SegmentationWork, split: Split): Promise<SegmentationScores> {
  const { signal, report } = work;
  const groups = await split.loadGroups(signal, inStage(report, "load"));
  const [first] = groups;
  const scores =
    first !== undefined && groups.length === 1
      ? await evaluateGroup(work, first)
      : await evaluateGroups(work, groups, split.count);
  return segmentationScoresOf(scores);
}

/** Patches of one size: the addon segments and counts in one go. */
async function evaluateGroup(
  { native, gate, batchSize, signal, report }: SegmentationWork,
  group: LoadedGroup,
): Promise<NativeScores> {
  const truth = truthOf(group);
  const opened = gate && (await gate.open(group.patches, signal, report));
  return await runJob<NativeScores>(
    (done) => native.evaluate({ batchSize }, group.patches, truth, opened, inStage(report, "segment"), done),
    signal,
  );
}

/** Patches of several sizes: segmented by size, then counted together. */
async function evaluateGroups(
  work: SegmentationWork,
  groups: readonly LoadedGroup[],
  total: number,
): Promise<NativeScores> {
  const addon = await loadAddon();
  const pixels = groups.reduce((sum, { count, height, width }) => sum + count * height * width, 0);
  const [predictions, truths] = [new MaskStrips(addon, pixels), new MaskStrips(addon, pixels)];
  let before = 0;
  for (const group of groups) {
    const { masks } = await segmentGroup(work, addon, group.patches, false, { before, total });
    await predictions.addAll(masks);
    await truths.addAll(truthOf(group));
    before += group.count;
  }
  predictions.end();
  truths.end();
  const choice = { classCount: work.classes.length, level: 0 };
  return await runJob<NativeScores>(
    (done) => addon.scoreMasks(choice, predictions.store, truths.store, done),
    work.signal,
  );
}
