/** What a training on labels came to, read from its run folder. */
import path from "node:path";
import type { TrainingRecord } from "../run/follow-training.js";
import { readJsonIfPresent } from "../run/files.js";
import type { RunResult } from "../run/result.js";
import { readMarker } from "../run/stage-marker.js";

/** mIoU of a run's segmenter, fractions; null where there are no true masks to score with. */
export interface ScoresOfRun {
  /** On val, of the epoch whose weights were kept. */
  readonly valMIoU: number | null;
  /** On the test patches, with the class gate. */
  readonly testMIoU: number | null;
}

/** The scores of a run that has ended. @throws WsssError `WSSS_ERR_IO`, `WSSS_ERR_DATASET` if its result can't be read */
export async function scoresOfRun(root: string): Promise<ScoresOfRun> {
  const result = (await readJsonIfPresent(path.join(root, "result.json"))) as Partial<RunResult> | undefined;
  const training = (await readMarker(root, "train-segmenter"))?.result as Partial<TrainingRecord> | undefined;
  const { gated, plain } = result?.segmenter ?? {};
  return { valMIoU: training?.bestScore ?? null, testMIoU: (gated ?? plain)?.mIoU ?? null };
}
