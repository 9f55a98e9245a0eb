/**
 * What the C++ addon offers, typed. Everything here is internal: the public classes wrap it.
 *
 * Two rules hold for every function:
 * - Options arrive complete and already checked; the addon has no defaults.
 * - Long work takes callbacks, runs on a native thread, and returns a {@link NativeJob} at once. Nothing native is ever an
 *   `Error` or a typed array: failures are {@link NativeFailure} objects and numbers come as `ArrayBuffer`s, because
 *   objects made natively belong to another realm inside test runners and would fail `instanceof`.
 */

import type { Done, NativeJob } from "./native-contract.js";
import type { NativeEvaluationFunctions } from "./native-evaluation.js";
import type { NativePatchFeatures, NativePatchFeaturesOptions } from "./native-label-suggestion.js";
import type { NativeClassifier, NativeModelConfig, NativeSegmenter } from "./native-models.js";
import type { NativeProcessGroup } from "./native-process-group.js";
import type { NativeSlideFunctions } from "./native-slides.js";
import type { NativeMaskStore, NativePatchStore, NativeStoreMemory } from "./native-stores.js";
import type { NativeWeightInspection, WeightConversion } from "./native-weights.js";

export type * from "./native-contract.js";
export type * from "./native-evaluation.js";
export type * from "./native-label-suggestion.js";
export type * from "./native-slides.js";
export type * from "./native-stores.js";
export type * from "./native-models.js";
export type * from "./native-process-group.js";
export type * from "./native-training.js";
export type * from "./native-weights.js";

export interface NativeSynthesisOptions {
  readonly seed: number;
  /** Index of the first patch in the endless seeded sequence, so that splits of one seed never share a patch. */
  readonly firstPatch: number;
}

export interface NativeSlideSynthesis {
  readonly seed: number;
  /** Index of the slide in the endless seeded sequence. */
  readonly slide: number;
  readonly width: number;
  readonly height: number;
  /** Path of the annotations. */
  readonly geojson: string;
  /** Of the four classes. */
  readonly names: readonly string[];
  /** [r, g, b] of each, one behind the other. */
  readonly colours: readonly number[];
}

export interface NativeSyntheticSlide {
  /** uint8 [height, width, 3] */
  readonly rgb: ArrayBuffer;
  /** uint8 [height, width]: 0 to 3 = class, 4 = glass */
  readonly mask: ArrayBuffer;
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
  readonly cuda: {
    readonly loaded: boolean;
    readonly deviceCount: number;
    /** Why no device is used; empty if one is, or could be. */
    readonly reason: string;
    /** Why our own kernels are not used on the devices; empty if they are, or if there is no device. */
    readonly kernelsReason: string;
    /** Whether each device multiplies bfloat16 matrices in hardware. */
    readonly bfloat16: readonly boolean[];
  };
}

export interface NativeAddon extends NativeEvaluationFunctions, NativeSlideFunctions {
  readonly PatchStore: new (
    count: number,
    height: number,
    width: number,
    classCount: number,
    memory?: NativeStoreMemory,
  ) => NativePatchStore;
  readonly MaskStore: new (
    count: number,
    height: number,
    width: number,
    levelCount: number,
    memory?: NativeStoreMemory,
  ) => NativeMaskStore;
  readonly Classifier: new (config: NativeModelConfig) => NativeClassifier;
  readonly Segmenter: new (config: NativeModelConfig) => NativeSegmenter;
  readonly PatchFeatures: new (options: NativePatchFeaturesOptions) => NativePatchFeatures;
  readonly ProcessGroup: new () => NativeProcessGroup;
  /** Fills a store of 4 classes (and level 0 of `masks`) with procedural tissue, labels included. */
  synthesizeTissue(
    options: NativeSynthesisOptions,
    patches: NativePatchStore,
    masks: NativeMaskStore,
    done: Done<null>,
  ): NativeJob;
  /** Invents a whole slide, and writes what is on it as annotations. */
  synthesizeSlide(options: NativeSlideSynthesis, done: Done<NativeSyntheticSlide>): NativeJob;
  /** Describes a weight file of any container. */
  inspectWeights(
    options: { path: string; key: string; statistics: boolean },
    done: Done<NativeWeightInspection>,
  ): NativeJob;
  /** Writes the tensors of a weight file as safetensors, or for Python where `output` ends in `.pth`. */
  convertWeights(
    options: { input: string; key: string; output: string; translate: boolean },
    done: Done<WeightConversion>,
  ): NativeJob;
  deviceReport(): NativeDeviceReport;
  /** Records a tiny piece of work of a GPU and replays it; the answer says why that cannot be, and is `""` if it can. */
  tryRecording(options: { device: string }, done: Done<string>): NativeJob;
  /**
   * Cancels all work of this thread's environment and joins its native threads. Called once, from the process's `exit` event: Node tears
   * nothing down on `process.exit()`, and LibTorch's static objects must not die under a running job.
   */
  shutdown(): void;
}
