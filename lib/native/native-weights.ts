/** Weight files as the addon reads and writes them. */

/** A weight file to start from. */
export interface NativeWeightLoading {
  readonly path: string;
  readonly strict: boolean;
  /** Fold ImageNet's normalisation into the first layer of files that were trained with it. */
  readonly foldNormalization: boolean;
  /** Which of several state dicts, or which part of one by the start of its names; `""` = the one. */
  readonly key: string;
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
  readonly foundUnder: string;
  readonly otherKeys: readonly string[];
  /** What was taken off the start of names or out of them. */
  readonly stripped: readonly string[];
  /** `"name: kind"` of tensors whose kind is not read. */
  readonly unread: readonly string[];
  readonly skippedObjects: readonly string[];
  /** What to think of names that did not fit: a clause of a message, or `""`. */
  readonly hint: string;
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
  readonly stripped: readonly string[];
  readonly rivals: readonly string[];
  readonly unread: readonly string[];
}

export interface NativeConversion {
  readonly container: string;
  readonly origin: string;
  readonly dropped: readonly string[];
  readonly unread: readonly string[];
  readonly stripped: readonly string[];
  readonly foundUnder: string;
  readonly tensorCount: number;
}

export interface NativeWeightInspection {
  readonly container: string;
  /** Keys that lead to the state dict inside a checkpoint, joined by dots. */
  readonly foundUnder: string;
  readonly otherKeys: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly stateDicts: readonly { readonly key: string; readonly tensorCount: number }[];
  readonly unread: readonly { readonly name: string; readonly kind: string }[];
  readonly skippedObjects: readonly string[];
  readonly tensors: readonly NativeTensorSummary[];
  readonly fits: readonly NativeNetworkFit[];
}
