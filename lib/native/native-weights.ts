/** Weight files as the addon reads and writes them. */

/** A weight file to start from. */
export interface NativeWeightLoading {
  readonly path: string;
  readonly strict: boolean;
  /** Fold ImageNet's normalisation into the first layer of files that were trained with it. */
  readonly foldNormalization: boolean;
}

export interface NativeLoadReport {
  /** For example `"safetensors"`, `"zip"`, `"MXNet NDArray list V0"`. */
  readonly container: string;
  /** Whose names the file has, for example `"MXNet ResNet38"`; `""` for our own. */
  readonly origin: string;
  readonly foldedNormalization: boolean;
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
