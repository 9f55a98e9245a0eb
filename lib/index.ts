/**
 * Tissue segmentation of H&E patches from patch-level labels: three stages on LibTorch.
 *
 * @packageDocumentation
 */
export { Classifier } from "./classifier/classifier.js";
export { writeMask } from "./segmenter/write-mask.js";
export { Segmenter } from "./segmenter/segmenter.js";
export type { PredictEachOptions } from "./segmenter/segmenter.js";
export type { Model } from "./model/model.js";
export { PseudoMasks } from "./pseudo-masks/pseudo-masks.js";
export type {
  PseudoMaskOpenOptions,
  PseudoMaskScoreOptions,
  PseudoMaskWriteOptions,
} from "./pseudo-masks/pseudo-masks.js";

export { exportOnnx } from "./onnx/export-onnx.js";
export type { OnnxExportOptions, OnnxOutput, OnnxPictureSize } from "./model/onnx-options.js";

export { openSlide } from "./slide/open-slide.js";
export { Slide } from "./slide/slide.js";
export type { SlideBounds, SlideLevel } from "./slide/slide.js";
export type { FindTissueOptions, OpenSlideOptions, SlideRegion } from "./slide/slide-options.js";
export type { MicronsPerPixel, MppSource } from "./slide/slide-scale.js";
export type { SlideTissue } from "./slide/slide-tissue.js";
export type { RgbPixels } from "./image/rgb-png.js";

export { extractPatches } from "./slide-patches/extract-patches.js";
export type { ExtractedPatches, ExtractedSlide } from "./slide-patches/extract-patches.js";
export type { ExtractionProgress, ExtractPatchesOptions } from "./slide-patches/patch-extraction-options.js";

export { joinProcessGroup, type ProcessGroup, type ProcessGroupOptions } from "./process-group/process-group.js";
export type { ProcessPlace } from "./process-group/launch-variables.js";
export { openDataset } from "./dataset/open-dataset.js";
export { datasetFromMemory, type MemoryDataset, type MemoryPatches } from "./dataset/memory/dataset-from-memory.js";
export type { MemoryPatch } from "./dataset/memory/memory-patch.js";
export type { Dataset, OpenDatasetOptions } from "./dataset/open-dataset.js";
export { writeDatasetDescription } from "./dataset/description.js";
export type { DatasetDescription, BackgroundInput, DatasetDescriptionInput } from "./dataset/description.js";
export { presetNames, presets } from "./dataset/presets.js";
export type { PresetDescription, PresetName } from "./dataset/presets.js";
export { splitNames } from "./dataset/split.js";
export type { PatchFile, PatchPlace, Split, SplitName } from "./dataset/split.js";
export type { LoadedGroup, LoadedSplit } from "./dataset/loaded-split.js";
export type { OnItemProgress } from "./async/shared-task.js";
export type { ItemProgress } from "./async/map-concurrently.js";
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
export type {
  ClassShare,
  ColourGroup,
  DatasetExamination,
  MeanColour,
  MemoryNeed,
  SplitExamination,
} from "./doctor/examination.js";
export type { MosaicChoice } from "./segmenter/mosaic-share.js";
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
export type { LabelPrediction } from "./classifier/label-prediction.js";
export type { PatchInput, PatchPixels } from "./model/patch-source.js";
export type { UnreadablePatch } from "./model/patch-source.js";
export type { ClassMap, SegmentationPrediction } from "./segmenter/segmentation-prediction.js";
export type { OnProgress, Progress, ProgressStage } from "./async/progress.js";
export type {
  ClassifierEpochEvent,
  ClassifierStepEvent,
  ClassifierTrainingEvent,
  EpochEvent,
  SegmenterEpochEvent,
  SegmenterTrainingEvent,
  StepEvent,
  TrainingSummary,
  ValidationPreview,
} from "./model/training-events.js";

export { resolveClassifierTraining } from "./classifier/classifier-training-options.js";
export type {
  ClassifierTrainingOptions,
  ResolvedClassifierTraining,
  TrainedNetwork,
} from "./classifier/classifier-training-options.js";
export type { ClassifierTrainingSettings } from "./classifier/classifier-training-settings.js";
export { resolveSegmenterTraining } from "./segmenter/segmenter-training-options.js";
export type {
  ResolvedSegmenterTraining,
  SegmenterTrainingOptions,
  TrainedSegmenter,
} from "./segmenter/segmenter-training-options.js";
export type { SegmenterTrainingSettings } from "./segmenter/segmenter-training-settings.js";
export { resolveGate } from "./segmenter/segmentation-options.js";
export { resolvePseudoMasks } from "./pseudo-masks/pseudo-mask-options.js";
export type { GateSettings } from "./segmenter/gate-settings.js";
export type { ViewSettings } from "./segmenter/view-settings.js";
export { scoreSlideMap } from "./slide-maps/score-slide-map.js";
export type { ScoreSlideMapOptions, SlideMapScores } from "./slide-maps/score-slide-map.js";
export type { SlideProgress } from "./segmenter/segment-slide.js";
export type { ClassArea, SlideMap } from "./segmenter/slide-map.js";
export type { SegmentSlideOptions } from "./segmenter/slide-map-options.js";
export type { EvaluationOptions, SegmentationOptions } from "./segmenter/segmentation-options.js";
export type { RedrawOptions } from "./segmenter/redraw-pseudo-masks.js";
export type { InferenceOptions, SharedInferenceOptions } from "./model/inference-options.js";
export type { PseudoMaskSettings } from "./pseudo-masks/pseudo-mask-settings.js";
export type { MaskLevel } from "./pseudo-masks/mask-level.js";
export type { PseudoMaskOptions } from "./pseudo-masks/pseudo-mask-options.js";
export type { EvaluationSettings } from "./evaluation/evaluation-settings.js";
export type {
  ClassifierCreateOptions,
  ModelCreateOptions,
  ModelLoadOptions,
  SaveOptions,
  SegmenterCreateOptions,
} from "./model/model-options.js";
export type { Complete, Schedule, TrainingCallOptions } from "./model/training-options.js";
export type { TrainingSettings } from "./model/training-settings.js";
export type { OptionErrorDetails } from "./options/check.js";
export type { ModelPrecision, Precision } from "./model/precision.js";
export type { Device } from "./options/device.js";
export { classifierBackbones, featureLevels, featureLevelsOf, segmenterBackbones } from "./model/backbones.js";
export type { ClassifierBackbone, FeatureLevel, SegmenterBackbone } from "./model/backbones.js";
export { recipes } from "./options/fields.js";
export type { Recipe } from "./options/fields.js";
export type { LearnedPatches, TrainingHistory } from "./model/training-history.js";
export type { WeightsReport } from "./model/model-opening.js";
export type { LoadedWeights } from "./native/native-weights.js";
export { pretrainedNames } from "./pretrained/catalogue.js";
export type { PretrainedName } from "./pretrained/catalogue.js";
export { fetchWeights } from "./pretrained/fetch-weights.js";
export type { FetchWeightsOptions } from "./pretrained/fetch-weights.js";
export { type BundleOptions, saveBundle } from "./bundle/save-bundle.js";
export type { BundleManifest } from "./model/bundle-manifest.js";
export { convertWeights } from "./model/convert-weights.js";
export type { ConvertWeightsOptions, WeightConversion } from "./model/convert-weights.js";
export { inspectWeights } from "./model/inspect-weights.js";
export type {
  FoundStateDict,
  InspectWeightsOptions,
  NetworkFit,
  UnreadTensor,
  WeightInspection,
  WeightTensor,
} from "./model/inspect-weights.js";

export { errorCodes, isWsssError, WsssError } from "./errors.js";
export type { CodedError, ErrorCode, ErrorDetails } from "./errors.js";
export { packageVersion } from "./files/package-version.js";
