/** `inspectWeights`: container, tensors and fitting networks of a weight file. */
import path from "node:path";
import { z } from "zod";
import type { NativeWeightInspection } from "../native/addon.js";
import type { FoundStateDict, NetworkFit, UnreadTensor } from "../native/native-weights.js";
import { runJob } from "../native/job.js";
import { loadAddon } from "../native/load.js";
import { plainCopy } from "../native/plain-copy.js";
import { checkOptions, refuseOption } from "../options/check.js";
import * as fields from "../options/fields.js";
import { withGivenPath } from "./weight-failure.js";

export type { FoundStateDict, NetworkFit, UnreadTensor };

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
    throw withGivenPath(error, file);
  }
}

function inspectionOf(
  { tensors: found, stateDicts, ...rest }: NativeWeightInspection,
  statistics: boolean,
): WeightInspection {
  const tensors = new Map<string, WeightTensor>();
  for (const { name, dtype, shape, sum, absMax } of found) {
    tensors.set(name, {
      dtype,
      shape: [...shape],
      sum: statistics ? sum : null,
      absMax: statistics ? absMax : null,
    });
  }
  return {
    ...plainCopy(rest),
    stateDicts: stateDicts.map(({ key, tensorCount }) => ({ key: key === "" ? "." : key, tensorCount })),
    tensors,
  };
}
