import path from "node:path";
import { z } from "zod";
import { WsssError } from "../errors.js";
import type { NativeWeightInspection } from "../native/addon.js";
import { runJob } from "../native/job.js";
import { loadAddon } from "../native/load.js";
import { checkOptions, refuseOption } from "../options/check.js";
import * as fields from "../options/fields.js";

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
   * Whether every tensor is read through for its sum and largest value.
   * @defaultValue `true`
   */
  readonly statistics?: boolean | undefined;
  /** Aborting it rejects the promise with `WSSS_ERR_CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
}

const call = "inspectWeights";
const schema = z.strictObject({ statistics: fields.flag.default(true), signal: fields.signal.optional() });

/**
 * Reads a weight file of any container that this library loads, and says what it holds. Nothing in it is executed.
 *
 * @param file - path of the weight file.
 * @throws WsssError `WSSS_ERR_OPTION`; `WSSS_ERR_IO` if the file can't be read; `WSSS_ERR_WEIGHTS` if it is of another kind,
 *   damaged, or asks for Python objects that no weights need (each is named); `WSSS_ERR_CANCELLED`.
 */
export async function inspectWeights(file: string, options: InspectWeightsOptions = {}): Promise<WeightInspection> {
  const { statistics, signal } = checkOptions(schema, call, options);
  const checked = fields.path.safeParse(file);
  if (!checked.success) throw refuseOption(call, "file", "a path", file);
  const addon = await loadAddon();
  try {
    const inspection = await runJob<NativeWeightInspection>(
      (done) => addon.inspectWeights({ path: path.resolve(file), statistics }, done),
      signal,
    );
    return inspectionOf(inspection, statistics);
  } catch (error) {
    throw withGivenPath(error, file);
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
    metadata: { ...native.metadata },
    tensors,
    fits: native.fits.map((fit) => ({ ...fit, missing: [...fit.missing], unexpected: [...fit.unexpected] })),
  };
}

/** The failure with the path as the caller wrote it, which is what they look for. */
function withGivenPath(error: unknown, file: string): unknown {
  if (!(error instanceof WsssError) || error.details["path"] !== path.resolve(file)) return error;
  const message = error.message.replaceAll(path.resolve(file), file);
  return new WsssError(error.code, message, { ...error.details, path: file }, { cause: error.cause });
}
