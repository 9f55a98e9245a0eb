/** Evaluates a segmenter on a split: pixel counts by group of size, joined into one evaluation. */
import { inStage } from "../async/progress.js";
import { truthOf } from "../dataset/loaded-split.js";
import type { Split } from "../dataset/split.js";
import { nativeTolerance } from "../evaluation/boundary-tolerance.js";
import type { CountedGroup } from "../evaluation/patch-counts.js";
import {
  type BoundaryTolerance,
  evaluationOf,
  type SegmentationEvaluation,
} from "../evaluation/segmentation-evaluation.js";
import type { NativeCounts, NativeProgressEvent } from "../native/addon.js";
import { runJob } from "../native/job.js";
import { groupHandle, type ProcessGroup } from "../process-group/process-group.js";
import type { SegmentationWork } from "./segmentation-prediction.js";

/** What an evaluation needs beside the split. */
interface EvaluationWork extends SegmentationWork {
  /** Processes that share the patches out. */
  readonly group: ProcessGroup | undefined;
}

/** Scores predicted masks of a split, whose patches may differ in size. */
export async function evaluateSegmentation(
  work: EvaluationWork,
  split: Split,
  boundaryTolerancePx: BoundaryTolerance,
): Promise<SegmentationEvaluation> {
  const { native, gate, batchSize, views, classes, signal, report } = work;
  const segmented = inStage(report, "segment");
  const nativeOptions = {
    batchSize,
    views,
    boundaryTolerance: nativeTolerance(boundaryTolerancePx),
    group: groupHandle(work.group)?.native ?? null,
  };
  const groups = await split.loadGroups(signal, inStage(report, "load"), work.group);
  const counted: CountedGroup[] = [];
  let before = 0;
  for (const group of groups) {
    const { patches, positions, count } = group;
    const truth = truthOf(group);
    const opened = gate && (await gate.open(patches, signal, report));
    const onEvent = ({ done }: NativeProgressEvent): void => segmented({ done: before + done, total: split.count });
    const counts = await runJob<NativeCounts>(
      (done) => native.evaluate(nativeOptions, patches, truth, opened, onEvent, done),
      signal,
    );
    counted.push({ counts, positions });
    before += count;
  }
  const origin = { patches: split.files, classCount: classes.length, boundaryTolerancePx };
  return await evaluationOf(counted, origin, signal);
}
