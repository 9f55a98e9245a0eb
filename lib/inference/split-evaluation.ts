import { truthOf } from "../dataset/loaded-split.js";
import type { Split } from "../dataset/split.js";
import type { CountedGroup } from "../evaluation/patch-counts.js";
import { type LabelScores, labelScoresOf, meanLabelScores } from "../evaluation/scores.js";
import {
  type BoundaryTolerance,
  evaluationOf,
  type SegmentationEvaluation,
} from "../evaluation/segmentation-evaluation.js";
import type { NativeCounts, NativeLabelScores, NativeProgressEvent } from "../native/addon.js";
import { runJob } from "../native/job.js";
import { nativeTolerance } from "../options/inference.js";
import { inStage } from "../progress.js";
import type { LabelWork } from "./label-prediction.js";
import type { SegmentationWork } from "./segmentation-prediction.js";

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

/** Scores predicted masks of a split, whose patches may differ in size. */
export async function evaluateSegmentation(
  work: SegmentationWork,
  split: Split,
  boundaryTolerancePx: BoundaryTolerance,
): Promise<SegmentationEvaluation> {
  const { native, gate, batchSize, classes, signal, report } = work;
  const segmented = inStage(report, "segment");
  const boundaryTolerance = nativeTolerance(boundaryTolerancePx);
  const groups = await split.loadGroups(signal, inStage(report, "load"));
  const counted: CountedGroup[] = [];
  let before = 0;
  for (const group of groups) {
    const { patches, positions, count } = group;
    const truth = truthOf(group);
    const opened = gate && (await gate.open(patches, signal, report));
    const onEvent = ({ done }: NativeProgressEvent): void => segmented({ done: before + done, total: split.count });
    const counts = await runJob<NativeCounts>(
      (done) => native.evaluate({ batchSize, boundaryTolerance }, patches, truth, opened, onEvent, done),
      signal,
    );
    counted.push({ counts, positions });
    before += count;
  }
  const origin = { patches: split.files, classCount: classes.length, boundaryTolerancePx };
  return await evaluationOf(counted, origin, signal);
}
