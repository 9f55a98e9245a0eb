import { inStage } from "../async/progress.js";
import type { Split } from "../dataset/split.js";
import { type LabelScores, labelScoresOf, meanLabelScores } from "../evaluation/scores.js";
import type { NativeLabelScores, NativeProgressEvent } from "../native/addon.js";
import { runJob } from "../native/job.js";
import type { LabelWork } from "./label-prediction.js";

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
