/**
 * What the C++ addon offers, typed. Everything here is internal: the public classes wrap it.
 *
 * Two rules hold for every function:
 * - Options arrive complete and already checked; the addon has no defaults.
 * - Long work takes callbacks, runs on a native thread, and returns a {@link NativeJob} at once. Nothing native is ever an
 *   `Error` or a typed array: failures are {@link NativeFailure} objects and numbers come as `ArrayBuffer`s, because
 *   objects made natively belong to another realm inside test runners and would fail `instanceof`.
 */

/** A failure as plain data; lib turns it into a `WsssError` with the caller's stack. */
export interface NativeFailure {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, string | number>>;
}

/**
 * Work under way. `cancel` asks it to stop at the next safe point (a training with checkpoints ends its step and saves first);
 * the done callback still comes.
 */
export interface NativeJob {
  cancel(): void;
}

/** Called once, when the work has ended: `(null, result)` or `(failure)`. */
export type Done<Result> = (failure: NativeFailure | null, result?: Result) => void;
/** Called for every report of the work, in order, always before its {@link Done}. */
export type OnEvent<Event> = (event: Event) => void;

/** N patches of one size, decoded: RGB uint8 [N, H, W, 3], and their patch-level labels uint8 [N, K]. */
export interface NativePatchStore {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly classCount: number;
  /** Copies one decoded patch in: H * W * 3 bytes, RGB interleaved. */
  setPatch(index: number, rgb: Uint8Array): void;
  /** Sets one patch-level label: K bytes of 0 or 1. */
  setLabels(index: number, labels: Uint8Array): void;
  patch(index: number): ArrayBuffer;
  labels(index: number): ArrayBuffer;
}

/** L index masks for each of N patches: uint8 [L, N, H, W], values 0..K-1 tissue, K background. */
export interface NativeMaskStore {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly levelCount: number;
  setMask(level: number, index: number, indices: Uint8Array): void;
  mask(level: number, index: number): ArrayBuffer;
}

export interface NativeClassifierConfig {
  readonly classCount: number;
  /** Channel multiplier, 1 = the paper's network. */
  readonly width: number;
  /** `"cpu"`, `"cuda"` or `"cuda:N"`. */
  readonly device: string;
  readonly seed: number;
  /** Intra-op threads of this object's executor, 0 = all cores. */
  readonly threads: number;
}

export interface NativeSegmenterConfig extends NativeClassifierConfig {
  readonly backbone: "resnet101";
  readonly outputStride: 8 | 16;
}

export interface NativeNetworkReport {
  readonly parameterCount: number;
  readonly tensorCount: number;
  readonly device: string;
}

export interface NativeLoadReport {
  /** For example `"safetensors"`, `"zip"`, `"MXNet NDArray list V0"`. */
  readonly container: string;
  /** Whose names the file has, for example `"MXNet ResNet38"`; `""` for our own. */
  readonly origin: string;
  readonly loaded: readonly string[];
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  /** Tensors whose shape in the file differs; `"name: file [..], network [..]"`. */
  readonly misshapen: readonly string[];
  /** In the file, but an output layer of another task. */
  readonly dropped: readonly string[];
  /** In the network, and never in files of this origin. */
  readonly fresh: readonly string[];
}

export interface NativeTensorSummary {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** 0 without statistics. */
  readonly sum: number;
  readonly absMax: number;
}

export interface NativeNetworkFit {
  readonly network: string;
  readonly origin: string;
  readonly width: number;
  readonly matched: number;
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
}

export interface NativeConversion {
  readonly container: string;
  readonly origin: string;
  readonly dropped: readonly string[];
  readonly tensorCount: number;
}

export interface NativeWeightInspection {
  readonly container: string;
  /** Keys that lead to the state dict inside a checkpoint, joined by dots. */
  readonly foundUnder: string;
  readonly otherKeys: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: readonly NativeTensorSummary[];
  readonly fits: readonly NativeNetworkFit[];
}

/** What both trainers share. */
export interface NativeTrainingOptions {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Factor on the learning rate of the new layers (fc8; ASPP and decoder). */
  readonly headLearningRateFactor: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
  /** `"poly"`, `"cosine"` or `"step"`. */
  readonly schedule: string;
  /** Exponent of the poly schedule. */
  readonly power: number;
  /** Epochs between two drops of the step schedule. */
  readonly stepEpochs: number;
  readonly warmupEpochs: number;
  /** Largest L2 norm of the gradient over all parameters; 0 = no clipping. */
  readonly gradientClipNorm: number;
  /** Decay of the weight average that is validated, saved and kept; 0 = none. */
  readonly emaDecay: number;
  /** Whether a last batch smaller than batchSize is left out. */
  readonly dropLastBatch: boolean;
  readonly seed: number;
  readonly horizontalFlip: number;
  readonly verticalFlip: number;
  /**
   * Folder for `last.safetensors` (every epoch), `best.safetensors` (whenever validation improves) and the checkpoints that a
   * run resumes from; `""` = none.
   */
  readonly checkpointFolder: string;
  /** A checkpoint every so many steps, beside the one of each epoch; 0 = none. */
  readonly checkpointSteps: number;
  /** So many of the newest checkpoints stay; at least 1. */
  readonly checkpointKeep: number;
  /** Options and data of the run as text; a resumed run must have the same. */
  readonly checkpointConfig: string;
  /** Checkpoint to go on from; `""` = from the start. */
  readonly resumeFrom: string;
  /** Written into every checkpoint. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Weights that the object holds at the end: of the best validation score, or the last. */
  readonly keep: "best" | "last";
}

export interface NativeClassifierTrainingOptions extends NativeTrainingOptions {
  /** PDA is on from this epoch, counted from 0; a value of `epochs` or more turns it off. */
  readonly pdaStartEpoch: number;
  readonly gammaInitial: number;
  readonly gammaDecay: number;
  readonly gammaFloor: number;
  /** Published: gamma decays from epoch 0 on; paper: from the start of PDA. */
  readonly gammaDecaysFrom: "start" | "pda";
  /** Divisor of the PDA map; 0 = the number of classes. The published code divides by 4. */
  readonly pdaDivisor: number;
  readonly freezeStem: boolean;
  readonly freezeBatchNorm: boolean;
  /** Factor on all dropout probabilities, 1 = the paper's. */
  readonly dropoutFactor: number;
}

export interface NativeSegmenterTrainingOptions extends NativeTrainingOptions {
  /** One factor for each level of the mask store. */
  readonly levelWeights: readonly number[];
  /** `"ignore"`: background has no loss. `"fifth-logit"`: the published constant channel of 100 and 0. */
  readonly background: "ignore" | "fifth-logit";
  /** Published: the mean cross-entropy is divided by the batch size once more. */
  readonly divideByBatch: boolean;
  /** `"cross-entropy"` or `"focal"`. */
  readonly loss: "cross-entropy" | "focal";
  /** Probability that a patch is blurred, with a radius drawn from [0, 1). */
  readonly blur: number;
  readonly dropoutFactor: number;
}

/** Patches of one size to choose the best epoch by, with their true masks. */
export interface NativeValidation {
  readonly patches: NativePatchStore;
  readonly truth: NativeMaskStore;
}

/** Labels against probabilities > 0.5, as fractions. */
export interface NativeLabelScores {
  readonly exactMatch: number;
  readonly jaccard: number;
  readonly classAccuracy: readonly number[];
}

export interface NativeScores {
  /** float64 [K, K + 1], rows = ground truth, columns = prediction; the last column counts tissue predicted as background. */
  readonly confusion: ArrayBuffer;
  readonly pixelAccuracy: number;
  readonly meanClassAccuracy: number;
  readonly mIoU: number;
  readonly fwIoU: number;
  /** Per class; NaN where a class is in neither truth nor prediction. */
  readonly iou: readonly number[];
  readonly dice: readonly number[];
}

export interface NativeStepEvent {
  readonly kind: "step";
  readonly epoch: number;
  /** Optimiser steps done, 1-based over the whole run. */
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  readonly learningRate: number;
  /** Patches trained on in this step. */
  readonly patches: number;
  readonly elapsedMs: number;
  /** Reported once more, from before the checkpoint that the run resumed from. */
  readonly replayed: boolean;
  /** Classifier only: running means of this epoch. */
  readonly exactMatch?: number;
  readonly jaccard?: number;
}

export interface NativeEpochEvent {
  readonly kind: "epoch";
  readonly epoch: number;
  readonly meanLoss: number;
  readonly elapsedMs: number;
  /** Whether this epoch's validation score is the best so far. */
  readonly best: boolean;
  readonly replayed: boolean;
  readonly pdaEnabled?: boolean;
  readonly gamma?: number;
  readonly exactMatch?: number;
  readonly jaccard?: number;
  readonly labelValidation?: NativeLabelScores;
  readonly validation?: NativeScores;
}

export type NativeTrainingEvent = NativeStepEvent | NativeEpochEvent;

export interface NativeTrainingSummary {
  readonly steps: number;
  readonly epochs: number;
  /** 0-based; -1 without validation. */
  readonly bestEpoch: number;
  readonly bestScore: number;
  readonly lastLoss: number;
  readonly elapsedMs: number;
}

/** Patches done so far of all patches. */
export interface NativeProgressEvent {
  readonly done: number;
  readonly total: number;
}

export interface NativePseudoMaskOptions {
  /** Feature levels, one per level of the mask store, in that order: `"b4_5"`, `"b5_2"`, `"bn7"`. */
  readonly levels: readonly string[];
  readonly batchSize: number;
  /** White areas become background. */
  readonly glass: boolean;
  readonly glassGreyAbove: number;
  readonly glassMinAreaPx: number;
  /** `"present"`: argmax over the present classes' raw maps. `"published"`: joint min-max with its tie pixel. */
  readonly scaling: "present" | "published";
}

export interface NativeGate {
  /** float32 [N, K]: probabilities of the classifier for every patch of the store. */
  readonly probabilities: Float32Array;
  readonly threshold: number;
  /** `"exclude"`: closed classes can't win, unless all are closed. `"multiply"`: published, logits times 0 or 1. */
  readonly rule: "exclude" | "multiply";
}

export interface NativeClassifier {
  /** Builds the network; the first job. */
  initialize(done: Done<NativeNetworkReport>): NativeJob;
  loadWeights(options: { path: string; strict: boolean }, done: Done<NativeLoadReport>): NativeJob;
  saveWeights(options: { path: string; metadata: Record<string, string> }, done: Done<null>): NativeJob;
  /** @param validation - one store, or one for each size of the validation patches. */
  train(
    options: NativeClassifierTrainingOptions,
    train: NativePatchStore,
    validation: NativePatchStore | readonly NativePatchStore[] | null,
    onEvent: OnEvent<NativeTrainingEvent>,
    done: Done<NativeTrainingSummary>,
  ): NativeJob;
  /** float32 [N, K] probabilities. */
  classify(
    options: { batchSize: number },
    patches: NativePatchStore,
    onEvent: OnEvent<NativeProgressEvent>,
    done: Done<{ probabilities: ArrayBuffer }>,
  ): NativeJob;
  evaluate(
    options: { batchSize: number },
    patches: NativePatchStore,
    onEvent: OnEvent<NativeProgressEvent>,
    done: Done<NativeLabelScores>,
  ): NativeJob;
  generatePseudoMasks(
    options: NativePseudoMaskOptions,
    patches: NativePatchStore,
    masks: NativeMaskStore,
    onEvent: OnEvent<NativeProgressEvent>,
    done: Done<null>,
  ): NativeJob;
  /** Cancels what runs and frees the network; later calls fail with WSSS_ERR_DISPOSED. Calls back when the thread is idle. */
  dispose(done: () => void): void;
}

export interface NativeSegmenter {
  initialize(done: Done<NativeNetworkReport>): NativeJob;
  loadWeights(options: { path: string; strict: boolean }, done: Done<NativeLoadReport>): NativeJob;
  saveWeights(options: { path: string; metadata: Record<string, string> }, done: Done<null>): NativeJob;
  /** @param validation - one part, or one for each size of the validation patches. */
  train(
    options: NativeSegmenterTrainingOptions,
    train: NativePatchStore,
    masks: NativeMaskStore,
    validation: NativeValidation | readonly NativeValidation[] | null,
    onEvent: OnEvent<NativeTrainingEvent>,
    done: Done<NativeTrainingSummary>,
  ): NativeJob;
  /** Writes class indices into level 0 of `predictions`; with `probabilities`, also float32 [N, K, H, W]. */
  segment(
    options: { batchSize: number; probabilities: boolean },
    patches: NativePatchStore,
    gate: NativeGate | null,
    predictions: NativeMaskStore,
    onEvent: OnEvent<NativeProgressEvent>,
    done: Done<{ probabilities: ArrayBuffer | null }>,
  ): NativeJob;
  /** Confusion over the whole store; ground truth background and anything above K-1 is not scored. */
  evaluate(
    options: { batchSize: number },
    patches: NativePatchStore,
    truth: NativeMaskStore,
    gate: NativeGate | null,
    onEvent: OnEvent<NativeProgressEvent>,
    done: Done<NativeScores>,
  ): NativeJob;
  dispose(done: () => void): void;
}

export interface NativeSynthesisOptions {
  readonly seed: number;
  /** Index of the first patch in the endless seeded sequence, so that splits of one seed never share a patch. */
  readonly firstPatch: number;
}

export interface NativeDeviceReport {
  /** LibTorch that is really loaded, for example `2.13.0`. */
  readonly libtorchVersion: string;
  /** LibTorch that the addon was compiled against. */
  readonly builtAgainst: string;
  readonly compiler: string;
  readonly threads: number;
  /** Vector instructions that LibTorch uses, for example `AVX512`. */
  readonly cpuCapability: string;
  /** Whether the processor multiplies bfloat16 matrices in hardware. */
  readonly bfloat16: boolean;
  readonly cuda: { readonly compiledIn: boolean; readonly deviceCount: number; readonly reason: string };
}

export interface NativeAddon {
  readonly PatchStore: new (count: number, height: number, width: number, classCount: number) => NativePatchStore;
  readonly MaskStore: new (count: number, height: number, width: number, levelCount: number) => NativeMaskStore;
  readonly Classifier: new (config: NativeClassifierConfig) => NativeClassifier;
  readonly Segmenter: new (config: NativeSegmenterConfig) => NativeSegmenter;
  /** Scores one level of `predictions` against level 0 of `truth`, off the event loop. */
  scoreMasks(
    options: { classCount: number; level: number },
    predictions: NativeMaskStore,
    truth: NativeMaskStore,
    done: Done<NativeScores>,
  ): NativeJob;
  /** Fills a store of 4 classes (and level 0 of `masks`) with procedural tissue, labels included. */
  synthesizeTissue(
    options: NativeSynthesisOptions,
    patches: NativePatchStore,
    masks: NativeMaskStore,
    done: Done<null>,
  ): NativeJob;
  /** Describes a weight file of any container. */
  inspectWeights(options: { path: string; statistics: boolean }, done: Done<NativeWeightInspection>): NativeJob;
  /** Writes the tensors of a weight file as safetensors, or for Python where `output` ends in `.pth`. */
  convertWeights(
    options: { input: string; output: string; translate: boolean },
    done: Done<NativeConversion>,
  ): NativeJob;
  deviceReport(): NativeDeviceReport;
  /**
   * Cancels all work of this thread's environment and joins its native threads. Called once, from the process's `exit` event: Node tears
   * nothing down on `process.exit()`, and LibTorch's static objects must not die under a running job.
   */
  shutdown(): void;
}
