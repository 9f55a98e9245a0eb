/** The two networks of the addon. */
import type { PatchViews } from "./patch-views.js";
import type { Done, NativeJob, OnEvent } from "./native-contract.js";
import type { NativeCounts } from "./native-evaluation.js";
import type {
  NativeSegmentedSlide,
  NativeSlide,
  NativeSlideGate,
  NativeSlideWork,
  NativeTissueSearch,
} from "./native-slides.js";
import type { NativePatchFeatures } from "./native-label-suggestion.js";
import type { NativeProcessGroup } from "./native-process-group.js";
import type { NativeMaskStore, NativePatchStore } from "./native-stores.js";
import type {
  ClassifierEpochEvent,
  ClassifierStepEvent,
  LabelScores,
  NativeSegmenterEpochEvent,
  NativeTrainingSurroundings,
  NativeValidation,
  StepEvent,
  TrainingSummary,
} from "./native-training.js";
import type { NativeLoadReport, NativeWeightLoading } from "./native-weights.js";

export interface NativeModelConfig {
  readonly classCount: number;
  /** Channel multiplier, 1 = the paper's network. */
  readonly width: number;
  /** Channel multiplier of a segmenter's ASPP and decoder; classifiers have neither. */
  readonly headWidth: number;
  /** Classifier: `"resnet38"` or `"mobilenet"`. Segmenter: `"resnet101"`, `"xception"`, `"drn"` or `"mobilenet"`. */
  readonly backbone: string;
  /** 8 or 16; of classifiers it is the backbone's. */
  readonly outputStride: number;
  /** `"cpu"`, `"cuda"` or `"cuda:N"`. */
  readonly device: string;
  readonly seed: number;
  /** Intra-op threads of this object's executor, 0 = all cores. */
  readonly threads: number;
  /** In what everything but trainings multiplies. */
  readonly precision: "float32" | "bfloat16";
  /** Whether float32 convolutions on a GPU may multiply in TF32. */
  readonly tf32: boolean;
}

export interface NativeNetworkReport {
  readonly parameterCount: number;
  readonly tensorCount: number;
  readonly device: string;
}

export interface NativeInitialization {
  readonly network: NativeNetworkReport;
  /** Null without a weight file. */
  readonly weights: NativeLoadReport | null;
}

/** Patches done so far of all patches. */
export interface NativeProgressEvent {
  readonly done: number;
  readonly total: number;
}

/** Patches whose masks of all levels are finished since the event before, by their positions. */
export interface NativeFinishedMasksEvent extends NativeProgressEvent {
  readonly patches: readonly number[];
}

export interface NativeGlassOptions {
  /** White areas become background. */
  readonly glass: boolean;
  readonly glassGreyAbove: number;
  readonly glassMinAreaPx: number;
}

/** Work over patches that several processes can share out. */
export interface NativeSharedWork {
  readonly batchSize: number;
  /** Processes that do it together; null for one alone. */
  readonly group: NativeProcessGroup | null;
}

export interface NativeMaskEvaluation extends NativeSharedWork {
  /** What logits are averaged over. */
  readonly views: PatchViews;
  /** As in `scoreMasks`. */
  readonly boundaryTolerance: number;
}

export interface NativeRedrawOptions extends NativeGlassOptions, NativeSharedWork {
  /** What logits are averaged over. */
  readonly views: PatchViews;
}

export interface NativePseudoMaskOptions extends NativeGlassOptions, NativeSharedWork {
  /** Feature levels of the classifier's network, one per level of the mask store, in that order. */
  readonly levels: readonly string[];
  /** `"present"`: argmax over the present classes' raw maps. `"published"`: joint min-max with its tie pixel. */
  readonly scaling: "present" | "published";
  /** `"flips"`: maps averaged over the patch and its three mirror images; `"symmetries"`: over all eight ways to lay it. */
  readonly views: PatchViews;
  /** The patch goes on mirrored by so many pixels while its maps are drawn. */
  readonly paddingPx: number;
}

export interface NativeGate {
  /** float32 [N, K]: probabilities of the classifier for every patch of the store. */
  readonly probabilities: Float32Array;
  readonly threshold: number;
  /** `"exclude"`: closed classes can't win, unless all are closed. `"multiply"`: published, logits times 0 or 1. */
  readonly rule: "exclude" | "multiply";
}

export interface NativeClassifierExport {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** The one size of pictures that the model takes, in px; 0 and 0: any. */
  readonly height: number;
  readonly width: number;
}

export interface NativeSegmenterExport extends NativeClassifierExport {
  readonly output: "logits" | "probabilities" | "class-map";
}

export interface NativeClassifier {
  /** Builds the network, at random or with the weights of a file; the first job. */
  initialize(weights: NativeWeightLoading | null, done: Done<NativeInitialization>): NativeJob;
  saveWeights(options: { path: string; metadata: Record<string, string> }, done: Done<null>): NativeJob;
  exportOnnx(options: NativeClassifierExport, done: Done<null>): NativeJob;
  /** @param validation - one store, or one for each size of the validation patches. */
  train(
    options: NativeTrainingSurroundings,
    train: NativePatchStore,
    validation: NativePatchStore | readonly NativePatchStore[] | null,
    onEvent: OnEvent<ClassifierStepEvent | ClassifierEpochEvent>,
    done: Done<TrainingSummary>,
  ): NativeJob;
  /** float32 [N, K] probabilities. */
  classify(
    options: NativeSharedWork,
    patches: NativePatchStore,
    onEvent: OnEvent<NativeProgressEvent>,
    done: Done<{ probabilities: ArrayBuffer }>,
  ): NativeJob;
  /** Writes a row of features for each patch of the store, at `positions` of the set. */
  describe(
    options: { batchSize: number; positions: Float64Array },
    patches: NativePatchStore,
    features: NativePatchFeatures,
    onEvent: OnEvent<NativeProgressEvent> | null,
    done: Done<null>,
  ): NativeJob;
  evaluate(
    options: NativeSharedWork,
    patches: NativePatchStore,
    onEvent: OnEvent<NativeProgressEvent>,
    done: Done<LabelScores>,
  ): NativeJob;
  generatePseudoMasks(
    options: NativePseudoMaskOptions,
    patches: NativePatchStore,
    masks: NativeMaskStore,
    onEvent: OnEvent<NativeFinishedMasksEvent>,
    done: Done<null>,
  ): NativeJob;
  /** Cancels what runs and frees the network; later calls fail with WSSS_ERR_DISPOSED. Calls back when the thread is idle. */
  /** What tells these weights from others: hexadecimal digits. */
  fingerprint(done: Done<string>): NativeJob;
  dispose(done: () => void): void;
}

export interface NativeSegmenter {
  initialize(weights: NativeWeightLoading | null, done: Done<NativeInitialization>): NativeJob;
  saveWeights(options: { path: string; metadata: Record<string, string> }, done: Done<null>): NativeJob;
  exportOnnx(options: NativeSegmenterExport, done: Done<null>): NativeJob;
  /** @param validation - one part, or one for each size of the validation patches. */
  train(
    options: NativeTrainingSurroundings,
    train: NativePatchStore,
    masks: NativeMaskStore,
    validation: NativeValidation | readonly NativeValidation[] | null,
    onEvent: OnEvent<StepEvent | NativeSegmenterEpochEvent>,
    done: Done<TrainingSummary>,
  ): NativeJob;
  /** Writes class indices into level 0 of `predictions`; with `probabilities`, also float32 [N, K, H, W]. */
  segment(
    options: { batchSize: number; views: PatchViews; probabilities: boolean },
    patches: NativePatchStore,
    gate: NativeGate | null,
    predictions: NativeMaskStore,
    onEvent: OnEvent<NativeProgressEvent>,
    done: Done<{ probabilities: ArrayBuffer | null }>,
  ): NativeJob;
  /** Draws masks under the labels of the patches into level 0. */
  redrawMasks(
    options: NativeRedrawOptions,
    patches: NativePatchStore,
    masks: NativeMaskStore,
    onEvent: OnEvent<NativeProgressEvent>,
    done: Done<null>,
  ): NativeJob;
  /** Counts of every patch; ground truth background and anything above K-1 is not scored. */
  evaluate(
    options: NativeMaskEvaluation,
    patches: NativePatchStore,
    truth: NativeMaskStore,
    gate: NativeGate | null,
    onEvent: OnEvent<NativeProgressEvent>,
    done: Done<NativeCounts>,
  ): NativeJob;
  /** Writes the rows of a slide's map into its rows file, going on with those that are there. */
  segmentSlide(
    work: NativeSlideWork,
    tissue: NativeTissueSearch,
    slide: NativeSlide,
    gate: NativeSlideGate | null,
    onEvent: OnEvent<NativeProgressEvent>,
    done: Done<NativeSegmentedSlide>,
  ): NativeJob;
  /** What tells these weights from others: hexadecimal digits. */
  fingerprint(done: Done<string>): NativeJob;
  dispose(done: () => void): void;
}
