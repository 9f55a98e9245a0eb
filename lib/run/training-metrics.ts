/** The columns of the metric files of both trainings, by step and by epoch. */
import type {
  ClassifierEpochEvent,
  ClassifierStepEvent,
  EpochEvent,
  SegmenterEpochEvent,
  StepEvent,
} from "../model/training-events.js";
import type { MetricColumn } from "./metrics-file.js";
import type { BoardScalars } from "./training-board.js";

const stepColumns: readonly MetricColumn<StepEvent>[] = [
  { heading: "epoch", value: (event) => event.epoch + 1 },
  { heading: "step", value: (event) => event.step },
  { heading: "loss", value: (event) => event.loss },
  { heading: "learningRate", value: (event) => event.learningRate },
  { heading: "patches", value: (event) => event.patches },
  { heading: "elapsedMs", value: (event) => Math.round(event.elapsedMs) },
  { heading: "fromRecording", value: (event) => event.fromRecording },
];

const epochColumns: readonly MetricColumn<EpochEvent>[] = [
  { heading: "epoch", value: (event) => event.epoch + 1 },
  { heading: "meanLoss", value: (event) => event.meanLoss },
  { heading: "elapsedMs", value: (event) => Math.round(event.elapsedMs) },
  { heading: "best", value: (event) => event.best },
  { heading: "replayedSteps", value: (event) => event.replayedSteps },
  { heading: "whyNotRecorded", value: (event) => event.whyNotRecorded },
];

/** Columns of `metrics/classifier-steps.csv`; epochs count from 1. */
export const classifierStepColumns: readonly MetricColumn<ClassifierStepEvent>[] = [
  ...stepColumns,
  { heading: "exactMatch", value: (event) => event.exactMatch },
  { heading: "jaccard", value: (event) => event.jaccard },
];

/** Columns of `metrics/classifier-epochs.csv`. */
export const classifierEpochColumns: readonly MetricColumn<ClassifierEpochEvent>[] = [
  ...epochColumns,
  { heading: "pda", value: (event) => event.pdaEnabled },
  { heading: "gamma", value: (event) => event.gamma },
  { heading: "exactMatch", value: (event) => event.exactMatch },
  { heading: "jaccard", value: (event) => event.jaccard },
  { heading: "valExactMatch", value: (event) => event.labelValidation?.exactMatch },
  { heading: "valJaccard", value: (event) => event.labelValidation?.jaccard },
];

/** Columns of `metrics/segmenter-steps.csv`. */
export const segmenterStepColumns = stepColumns;

/** Columns of `metrics/segmenter-epochs.csv`. */
export const segmenterEpochColumns: readonly MetricColumn<SegmenterEpochEvent>[] = [
  ...epochColumns,
  { heading: "scoredPixels", value: (event) => event.scoredPixels },
  { heading: "valAccuracy", value: (event) => event.validation?.pixelAccuracy },
  { heading: "valMIoU", value: (event) => event.validation?.mIoU },
  { heading: "valFwIoU", value: (event) => event.validation?.fwIoU },
];

const stepScalars = ({ loss, learningRate }: StepEvent): Readonly<Record<string, number>> => ({
  "train/loss": loss,
  "train/learning rate": learningRate,
});

const epochScalars = ({ meanLoss, best }: EpochEvent): Readonly<Record<string, number>> => ({
  "epoch/mean loss": meanLoss,
  "epoch/best so far": best ? 1 : 0,
});

/** What TensorBoard shows of the classifier's training. */
export const classifierScalars: BoardScalars<ClassifierStepEvent, ClassifierEpochEvent> = {
  ofStep: (event) => ({
    ...stepScalars(event),
    "train/exact match": event.exactMatch,
    "train/Jaccard": event.jaccard,
  }),
  ofEpoch: (event) => ({
    ...epochScalars(event),
    "epoch/gamma": event.pdaEnabled ? event.gamma : undefined,
    "val/exact match": event.labelValidation?.exactMatch,
    "val/Jaccard": event.labelValidation?.jaccard,
  }),
};

/** What TensorBoard shows of the segmenter's training. */
export const segmenterScalars: BoardScalars<StepEvent, SegmenterEpochEvent> = {
  ofStep: stepScalars,
  ofEpoch: (event) => ({
    ...epochScalars(event),
    "epoch/scored pixels": event.scoredPixels,
    "val/accuracy": event.validation?.pixelAccuracy,
    "val/mIoU": event.validation?.mIoU,
    "val/fwIoU": event.validation?.fwIoU,
  }),
};
