/** The columns of the metric files of both trainings, by step and by epoch. */
import type {
  ClassifierEpochEvent,
  ClassifierStepEvent,
  EpochEvent,
  SegmenterEpochEvent,
  StepEvent,
} from "../model/training-events.js";
import type { MetricColumn } from "./metrics-file.js";

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
