/** Label scores of a split: each group of patches of one size is scored, then all are averaged. */
import { inStage } from "../async/progress.js";
import type { Split } from "../dataset/split.js";
import { type LabelScores, meanLabelScores } from "../evaluation/scores.js";
import type { NativeProgressEvent } from "../native/addon.js";
import { runJob } from "../native/job.js";
import { plainCopy } from "../native/plain-copy.js";
import { groupHandle, type ProcessGroup } from "../process-group/process-group.js";
import type { LabelWork } from "./label-prediction.js";

/** What an evaluation needs beside the split. */
interface LabelEvaluation extends Pick<LabelWork, "native" | "batchSize" | "signal" | "report"> {
  /** Processes that share the patches out. */
  readonly group: ProcessGroup | undefined;
}

/** Scores predicted labels of a split, whose patches may differ in size. */
export async function evaluateLabels(
  { native, batchSize, group, signal, report }: LabelEvaluation,
  split: Split,
): Promise<LabelScores> {
  const classified = inStage(report, "classify");
  const groups = await split.loadGroups(signal, inStage(report, "load"), group);
  const nativeOptions = { batchSize, group: groupHandle(group)?.native ?? null };
  const scores: LabelScores[] = [];
  let before = 0;
  for (const { patches, count } of groups) {
    const onEvent = ({ done }: NativeProgressEvent): void => classified({ done: before + done, total: split.count });
    const ofGroup = await runJob<LabelScores>((done) => native.evaluate(nativeOptions, patches, onEvent, done), signal);
    scores.push(plainCopy(ofGroup));
    before += count;
  }
  return meanLabelScores(
    scores,
    groups.map(({ count }) => count),
  );
}
