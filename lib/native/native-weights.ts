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

/** What loading took of a weight file and left out; all lists are tensor names. */
export interface LoadedWeights {
  /** Its container, as `WeightInspection.container`. */
  readonly container: string;
  /** Whose names were translated, for example `"MXNet ResNet38"`; `""` for our own. */
  readonly origin: string;
  /** Whether ImageNet's normalisation was folded into the first layer. */
  readonly foldedNormalization: boolean;
  /** Taken from the file. */
  readonly loaded: readonly string[];
  /** In the network but not in the file: they keep their random start. */
  readonly missing: readonly string[];
  /** In the file but not in the network. */
  readonly unexpected: readonly string[];
  /** In both with different shapes, as `"name: file [..], network [..]"`: they keep their random start. */
  readonly misshapen: readonly string[];
  /**
   * In the file, but the output layer of another task (ImageNet's, or another number of classes), named twice, or beside the network
   * under another prefix than the one that was taken off: left out.
   */
  readonly dropped: readonly string[];
  /** In the network, and by design in no file of this origin: they keep their random start. */
  readonly fresh: readonly string[];
  /** Key under which a checkpoint keeps the state dict that was taken, for example `"model_ema"`; `""` where the file is one. */
  readonly foundUnder: string;
  /** What else a checkpoint holds, for example `"epoch"` and `"optimizer"`: names only. */
  readonly otherKeys: readonly string[];
  /** What was taken off the start of names or out of them, for example `"module."` or `"_orig_mod."`. */
  readonly stripped: readonly string[];
  /** `"name: kind"` of tensors of kinds that are not read (sparse, complex, ...): left out. */
  readonly unread: readonly string[];
  /** Python objects beside the weights, for example `"argparse.Namespace"`: skipped, never executed; at most 100 names. */
  readonly skippedObjects: readonly string[];
}

/** What loading says to this library beside what it says to its users. */
export interface NativeLoadReport extends LoadedWeights {
  /** What to think of names that did not fit: a clause of a message, or `""`. */
  readonly hint: string;
}

/** What a conversion did. */
export interface WeightConversion {
  /** Container of the input, as in `WeightInspection`. */
  readonly container: string;
  /** Whose names were translated; `""` if none were. */
  readonly origin: string;
  /** Output layers of another task and what lies beside the network, which the translation left out. */
  readonly dropped: readonly string[];
  /** `"name: kind"` of tensors of kinds that are not read: left out. */
  readonly unread: readonly string[];
  /** What was taken off the start of names or out of them, for example `"module."`. */
  readonly stripped: readonly string[];
  /** Key under which a checkpoint keeps its state dict, as in `WeightInspection`. */
  readonly foundUnder: string;
  /** Tensors written. */
  readonly tensorCount: number;
}

/** How a weight file compares with one of our networks, by names, after those of other authors were translated. */
export interface NetworkFit {
  /** For people, for example `"ResNet38 classifier"` or `"DeepLab v3+ (ResNet101)"`. */
  readonly network: string;
  /** Whose names the file has, for example `"MXNet ResNet38"`; `""` for our own and the published ones. */
  readonly origin: string;
  /** Channel multiplier, read off the shapes. */
  readonly width: number;
  /** Tensors that both have. */
  readonly matched: number;
  /** In the network, not in the file; without the layers that no file of that origin has, which begin at random. */
  readonly missing: readonly string[];
  /** In the file, not in the network. */
  readonly unexpected: readonly string[];
  /** What was taken off the start of names or out of them to make them fit, for example `"module."`. */
  readonly stripped: readonly string[];
  /** Other prefixes under which the file holds this network too; `weightsKey` then says which one is meant. */
  readonly rivals: readonly string[];
  /** In both, but in the file of a kind that is not read. */
  readonly unread: readonly string[];
}

/** A dictionary of tensors in a checkpoint. */
export interface FoundStateDict {
  /** The key that leads to it, for `weightsKey`; `"."` for the top level. */
  readonly key: string;
  /** Tensors in it, of whatever kind. */
  readonly tensorCount: number;
}

/** A tensor whose values are not read, since no network here has one of its kind. */
export interface UnreadTensor {
  /** As in the file. */
  readonly name: string;
  /** For example `"sparse"`, `"quantized"`, `"complex64"`, `"float8_e4m3fn"` or `"meta (it has no values)"`. */
  readonly kind: string;
}

export interface NativeTensorSummary {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** 0 without statistics. */
  readonly sum: number;
  readonly absMax: number;
}

export interface NativeWeightInspection {
  readonly container: string;
  /** Keys that lead to the state dict inside a checkpoint, joined by dots. */
  readonly foundUnder: string;
  readonly otherKeys: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly stateDicts: readonly FoundStateDict[];
  readonly unread: readonly UnreadTensor[];
  readonly skippedObjects: readonly string[];
  readonly tensors: readonly NativeTensorSummary[];
  readonly fits: readonly NetworkFit[];
}
