/**
 * Tissue segmentation of H&E patches from patch-level labels: three stages on LibTorch.
 *
 * @packageDocumentation
 */
export { Classifier } from "./classifier.js";
export { Segmenter } from "./segmenter.js";
export type { PredictEachOptions } from "./segmenter.js";
export type { Model } from "./model/model.js";
export { PseudoMasks } from "./pseudo-masks.js";
export type { PseudoMaskOpenOptions, PseudoMaskScoreOptions, PseudoMaskWriteOptions } from "./pseudo-masks.js";

export { openDataset } from "./dataset/open-dataset.js";
export type { Dataset, OpenDatasetOptions } from "./dataset/open-dataset.js";
export { writeDatasetDescription } from "./dataset/description.js";
export type { DatasetDescription, BackgroundInput, DatasetDescriptionInput } from "./dataset/description.js";
export { presetNames, presets } from "./dataset/presets.js";
export type { PresetDescription, PresetName } from "./dataset/presets.js";
export { splitNames } from "./dataset/split.js";
export type { PatchFile, Split, SplitName } from "./dataset/split.js";
export type { LoadedGroup, LoadedSplit } from "./dataset/loaded-split.js";
export type { OnItemProgress } from "./dataset/shared-task.js";
export type { ItemProgress } from "./image/map-concurrently.js";
export { labelGrammars, labelSpellings } from "./dataset/tissue-class.js";
export type {
  Colour,
  GlassRule,
  LabelGrammar,
  LabelRule,
  LabelSpelling,
  ManifestLabelRule,
  MaskIndices,
  NameLabelRule,
  PatientSplit,
  TissueClass,
} from "./dataset/tissue-class.js";

export { examineDataset } from "./doctor/examine-dataset.js";
export type { ExamineDatasetOptions } from "./doctor/examine-dataset.js";
export type { ClassShare, DatasetExamination, MemoryNeed, SplitExamination } from "./doctor/examination.js";
export { checkCodes } from "./doctor/finding.js";
export type { CheckCode, Finding, FindingGroup, Severity } from "./doctor/finding.js";

export type { LabelScores, SegmentationScores } from "./evaluation/scores.js";
export type { Score, ScoreTable } from "./evaluation/score-table.js";
export type { PatchCounts } from "./evaluation/patch-counts.js";
export type { BoundaryTolerance, PatchScores, SegmentationEvaluation } from "./evaluation/segmentation-evaluation.js";
export type { ResampledEvaluation, ResamplingUnit } from "./evaluation/groups.js";
export { confidenceIntervals } from "./evaluation/confidence-intervals.js";
export type { ConfidenceIntervals, Interval, ResamplingOptions } from "./evaluation/confidence-intervals.js";
export { compareEvaluations } from "./evaluation/compare-evaluations.js";
export type { ComparisonOptions, EvaluationComparison } from "./evaluation/compare-evaluations.js";
export type { LabelPrediction } from "./inference/label-prediction.js";
export type { PatchInput, PatchPixels } from "./inference/patch-source.js";
export type { UnreadablePatch } from "./inference/patch-source.js";
export type { ClassMap, SegmentationPrediction } from "./inference/segmentation-prediction.js";
export type { OnProgress, Progress, ProgressStage } from "./progress.js";
export type {
  ClassifierEpochEvent,
  ClassifierStepEvent,
  ClassifierTrainingEvent,
  EpochEvent,
  SegmenterEpochEvent,
  SegmenterTrainingEvent,
  StepEvent,
  TrainingSummary,
} from "./training-events.js";

export { resolveClassifierTraining } from "./options/classifier-training.js";
export type {
  ClassifierTrainingOptions,
  ClassifierTrainingSettings,
  ResolvedClassifierTraining,
  TrainedNetwork,
} from "./options/classifier-training.js";
export { resolveSegmenterTraining } from "./options/segmenter-training.js";
export type {
  ResolvedSegmenterTraining,
  SegmenterTrainingOptions,
  SegmenterTrainingSettings,
  TrainedSegmenter,
} from "./options/segmenter-training.js";
export { resolveGate, resolvePseudoMasks } from "./options/inference.js";
export type {
  EvaluationOptions,
  GateSettings,
  InferenceOptions,
  PseudoMaskOptions,
  PseudoMaskSettings,
  SegmentationOptions,
} from "./options/inference.js";
export type {
  ClassifierCreateOptions,
  ModelCreateOptions,
  ModelLoadOptions,
  SaveOptions,
  SegmenterCreateOptions,
} from "./options/model.js";
export type { Complete, Schedule, TrainingCallOptions, TrainingSettings } from "./options/training.js";
export type { OptionErrorDetails } from "./options/check.js";
export type { ModelPrecision, Precision } from "./options/precision.js";
export type { Device } from "./options/device.js";
export { classifierBackbones, featureLevels, featureLevelsOf, segmenterBackbones } from "./options/backbones.js";
export type { ClassifierBackbone, FeatureLevel, SegmenterBackbone } from "./options/backbones.js";
export { recipes } from "./options/fields.js";
export type { Recipe } from "./options/fields.js";
export type { TrainingHistory } from "./model/training-history.js";
export type { WeightsReport } from "./model/model-opening.js";
export { saveBundle } from "./bundle/bundle.js";
export type { BundleManifest, BundleOptions } from "./bundle/bundle.js";
export { convertWeights } from "./weights/convert-weights.js";
export type { ConvertWeightsOptions, WeightConversion } from "./weights/convert-weights.js";
export { inspectWeights } from "./weights/inspect-weights.js";
export type {
  FoundStateDict,
  InspectWeightsOptions,
  NetworkFit,
  UnreadTensor,
  WeightInspection,
  WeightTensor,
} from "./weights/inspect-weights.js";

export { errorCodes, isWsssError, WsssError } from "./errors.js";
export type { CodedError, ErrorCode, ErrorDetails } from "./errors.js";
export { packageVersion } from "./package-version.js";
