/** Follows a training of a run: metric files, progress, epochs, warnings, and the record it leaves. */
import { join } from "node:path";
import { drain } from "../async/drain.js";
import type { EpochEvent, StepEvent, TrainingSummary } from "../model/training-events.js";
import { type MetricColumn, MetricsFile } from "./metrics-file.js";
import type { RunReporter } from "./reporter.js";
import type { StageName } from "../text/stage-names.js";
import { type BoardPicture, type BoardScalars, settingsTable, TrainingBoard } from "./training-board.js";

/** What a training leaves in its stage's marker. */
export interface TrainingRecord {
  readonly epochs: number;
  readonly steps: number;
  /** Counted from 1; null without validation. */
  readonly bestEpoch: number | null;
  /** Jaccard index (classifier) or mIoU (segmenter) on val, a fraction; null without validation. */
  readonly bestScore: number | null;
  readonly lastLoss: number;
  /** Steps that were replayed from a recording of the GPU's work; absent in records of before they were counted. */
  readonly replayedSteps?: number;
  /** Why steps were not recorded, in words; empty if they were. */
  readonly whyNotRecorded?: string;
}

/** How one training is written down and shown. */
export interface TrainingLog<Step extends StepEvent, Epoch extends EpochEvent> {
  readonly stage: StageName;
  /** Folder of the metric files. */
  readonly folder: string;
  /** Start of the names of the metric files. */
  readonly name: string;
  readonly epochs: number;
  /** Whether it computes on a GPU, where steps should be recorded. */
  readonly onGpu: boolean;
  readonly stepColumns: readonly MetricColumn<Step>[];
  readonly epochColumns: readonly MetricColumn<Epoch>[];
  /** Folder of TensorBoard's event files of this training; absent where none are written. */
  readonly boardFolder?: string | undefined;
  /** The settings, for TensorBoard. */
  readonly settings: object;
  readonly scalars: BoardScalars<Step, Epoch>;
  /** Pictures of an epoch, for TensorBoard. */
  readonly picturesOf?: ((event: Epoch) => Promise<readonly BoardPicture[]>) | undefined;
  /** The epoch in a few words, without its number. */
  describe(event: Epoch): string;
  /** What a person should look at, if there is something. */
  warningOf?(event: Epoch): string | undefined;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * Follows a training to its end: every event into the metric files, and on to the reporter.
 *
 * @param begin - starts the training; called when the metric files are there.
 * @throws WsssError what the training throws; `WSSS_ERR_IO` if metrics can't be written, the training is then stopped.
 */
export async function followTraining<Step extends StepEvent, Epoch extends EpochEvent>(
  log: TrainingLog<Step, Epoch>,
  reporter: RunReporter,
  begin: () => AsyncGenerator<Step | Epoch, TrainingSummary, void>,
): Promise<TrainingRecord> {
  const steps = await MetricsFile.create(join(log.folder, `${log.name}-steps.csv`), log.stepColumns);
  const epochs = await MetricsFile.create(join(log.folder, `${log.name}-epochs.csv`), log.epochColumns);
  const board =
    log.boardFolder === undefined
      ? undefined
      : await TrainingBoard.open(log.boardFolder, log.scalars, settingsTable(log.settings));
  let stepsBefore = 0;
  let perStep = 0; // The last step of an epoch may have fewer patches.
  // Beside the training: events that waited for pictures would be lost to a file that is cut off.
  let drawing = Promise.resolve();
  const draw = (event: Epoch): void => {
    const { picturesOf } = log;
    if (board === undefined || picturesOf === undefined) return;
    const { step } = board;
    drawing = drawing
      .then(async () => board.addPictures(step, await picturesOf(event)))
      .catch((error: unknown) => reporter.warn(`${log.stage}: no pictures for TensorBoard: ${messageOf(error)}`));
  };
  const take = (event: Step | Epoch): void => {
    board?.add(event);
    if (event.kind === "step") {
      steps.append(event);
      perStep = Math.max(perStep, event.patches);
      if (event.again) {
        stepsBefore = event.step;
        return;
      }
      if (event.step === stepsBefore + 1 && stepsBefore > 0) {
        reporter.note(`${log.stage}: resumed after step ${stepsBefore} of ${event.steps}`);
      }
      const label = `epoch ${event.epoch + 1}/${log.epochs}`;
      const done = event.step * perStep;
      reporter.progress({ stage: log.stage, label, done, total: event.steps * perStep, loss: event.loss });
    } else {
      epochs.append(event);
      if (event.again) return;
      const text = `${log.describe(event)}${event.best ? "  (best so far)" : ""}`;
      reporter.epoch({ stage: log.stage, epoch: event.epoch + 1, epochs: log.epochs, text });
      const warning = log.warningOf?.(event);
      if (warning !== undefined) reporter.warn(`${log.stage}: epoch ${event.epoch + 1}: ${warning}`);
      draw(event);
    }
  };
  try {
    const { bestEpoch, bestScore, ...summary } = await drain(begin(), take);
    if (log.onGpu && summary.whyNotRecorded !== "") {
      reporter.warn(`${log.stage}: slower than it could be, its steps were not recorded: ${summary.whyNotRecorded}`);
    }
    const validated = bestEpoch >= 0;
    return {
      epochs: summary.epochs,
      steps: summary.steps,
      bestEpoch: validated ? bestEpoch + 1 : null,
      bestScore: validated ? bestScore : null,
      lastLoss: summary.lastLoss,
      replayedSteps: summary.replayedSteps,
      whyNotRecorded: summary.whyNotRecorded,
    };
  } finally {
    await drawing;
    steps.close();
    epochs.close();
    board?.close();
  }
}
