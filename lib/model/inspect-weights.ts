import path from "node:path";
import { z } from "zod";
import type { NativeWeightInspection } from "../native/addon.js";
import { runJob } from "../native/job.js";
import { loadAddon } from "../native/load.js";
import { checkOptions, refuseOption } from "../options/check.js";
import * as fields from "../options/fields.js";
import { withGivenPath, withLists } from "./weight-failure.js";

/** One tensor of a weight file. */
export interface WeightTensor {
  /** Element type as PyTorch spells it: `"float32"`, `"float16"`, `"bfloat16"`, `"int64"`, ... */
  readonly dtype: string;
  /** Lengths of the axes; `[]` for a single number. */
  readonly shape: readonly number[];
  /** Sum in double precision; `null` without statistics. */
  readonly sum: number | null;
  /** Largest absolute value; `null` without statistics, 0 for an empty tensor. */
  readonly absMax: number | null;
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

/** What a weight file holds. */
export interface WeightInspection {
  /**
   * `"safetensors"`, `"zip"` (PyTorch 1.6 and later), `"legacy pickle stream"` (before it), `"tar (PyTorch <= 0.1.9)"` or
   * `"MXNet NDArray list V0"` to `"V3"`.
   */
  readonly container: string;
  /** Key under which a checkpoint keeps its state dict, for example `"state_dict"`; `""` where the file is one. */
  readonly foundUnder: string;
  /** What else a checkpoint holds, for example `"epoch"` and `"optimizer"`: names only. */
  readonly otherKeys: readonly string[];
  /** All state dicts of a checkpoint, also the one that is described here; empty for files that can hold one only. */
  readonly stateDicts: readonly FoundStateDict[];
  /** Tensors of the state dict that are left out, by their kind. */
  readonly unread: readonly UnreadTensor[];
  /** Python objects beside the weights, for example `"argparse.Namespace"`: skipped, never executed; at most 100 names. */
  readonly skippedObjects: readonly string[];
  /** Text that the writer of a safetensors file left. */
  readonly metadata: Readonly<Record<string, string>>;
  /** By name as in the file, in the order of the file. */
  readonly tensors: ReadonlyMap<string, WeightTensor>;
  /** Our networks that share names with it, the best first. */
  readonly fits: readonly NetworkFit[];
}

/** Options of {@link inspectWeights}. */
export interface InspectWeightsOptions {
  /**
   * Which of several state dicts to describe, as `ModelCreateOptions.weightsKey`.
   * @defaultValue the one that there is
   */
  readonly weightsKey?: string | undefined;
  /**
   * Whether every tensor is read through for its sum and largest value.
   * @defaultValue `true`
   */
  readonly statistics?: boolean | undefined;
  /** Aborting it rejects the promise with `WSSS_ERR_CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
}

const call = "inspectWeights";
const schema = z.strictObject({
  weightsKey: fields.weightsKey.optional(),
  statistics: fields.flag.default(true),
  signal: fields.signal.optional(),
});

/**
 * Reads a weight file of any container that this library loads, and says what it holds. Nothing in it is executed.
 *
 * @param file - path of the weight file.
 * @throws WsssError `WSSS_ERR_OPTION`; `WSSS_ERR_IO` if the file can't be read; `WSSS_ERR_WEIGHTS` if it is of another kind,
 *   damaged, or made to run code; or if it holds several state dicts and `weightsKey` does not say which
 *   (`details.stateDicts`); `WSSS_ERR_CANCELLED`.
 */
export async function inspectWeights(file: string, options: InspectWeightsOptions = {}): Promise<WeightInspection> {
  const { weightsKey = "", statistics, signal } = checkOptions(schema, call, options);
  const checked = fields.path.safeParse(file);
  if (!checked.success) throw refuseOption(call, "file", "a path", file);
  const addon = await loadAddon();
  try {
    const inspection = await runJob<NativeWeightInspection>(
      (done) => addon.inspectWeights({ path: path.resolve(file), key: weightsKey, statistics }, done),
      signal,
    );
    return inspectionOf(inspection, statistics);
  } catch (error) {
    throw withGivenPath(withLists(error), file);
  }
}

function inspectionOf(native: NativeWeightInspection, statistics: boolean): WeightInspection {
  const tensors = new Map<string, WeightTensor>();
  for (const { name, dtype, shape, sum, absMax } of native.tensors) {
    tensors.set(name, {
      dtype,
      shape: [...shape],
      sum: statistics ? sum : null,
      absMax: statistics ? absMax : null,
    });
  }
  return {
    container: native.container,
    foundUnder: native.foundUnder,
    otherKeys: [...native.otherKeys],
    stateDicts: native.stateDicts.map(({ key, tensorCount }) => ({ key: key === "" ? "." : key, tensorCount })),
    unread: native.unread.map((tensor) => ({ ...tensor })),
    skippedObjects: [...native.skippedObjects],
    metadata: { ...native.metadata },
    tensors,
    fits: native.fits.map((fit) => ({
      ...fit,
      missing: [...fit.missing],
      unexpected: [...fit.unexpected],
      stripped: [...fit.stripped],
      rivals: [...fit.rivals],
      unread: [...fit.unread],
    })),
  };
}
