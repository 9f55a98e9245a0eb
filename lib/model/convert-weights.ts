/** `convertWeights`: a weight file written anew as safetensors or `.pth`. */
import path from "node:path";
import { z } from "zod";
import { runJob } from "../native/job.js";
import { loadAddon } from "../native/load.js";
import type { WeightConversion } from "../native/native-weights.js";
import { plainCopy } from "../native/plain-copy.js";
import { checkOptions, refuseOption } from "../options/check.js";
import * as fields from "../options/fields.js";
import { assertWritable } from "./checkpoint-paths.js";

export type { WeightConversion };

/** Options of {@link convertWeights}. */
export interface ConvertWeightsOptions {
  /**
   * Whether tensors of known origin (MXNet's ResNet38, torchvision's ResNets, wrappers such as DataParallel) get the names that
   * our networks, and so the published ones, have.
   * @defaultValue `true`
   */
  readonly translate?: boolean | undefined;
  /**
   * Which of several state dicts to convert, as `ModelCreateOptions.weightsKey`.
   * @defaultValue the one that there is
   */
  readonly weightsKey?: string | undefined;
  /** Aborting it rejects the promise with `WSSS_ERR_CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
}

const call = "convertWeights";
const schema = z.strictObject({
  translate: fields.flag.default(true),
  weightsKey: fields.weightsKey.optional(),
  signal: fields.signal.optional(),
});
const endings = [".safetensors", ".pth"] as const;

/**
 * Reads a weight file of any container and writes its tensors anew: as safetensors, or, where `output` ends in `.pth`, as a file that
 * Python's `torch.load(output, weights_only=True)` reads. Metadata goes along from safetensors to safetensors. The file
 * appears in one step.
 *
 * @param input - a file of any container that `inspectWeights` reads.
 * @param output - a path that ends in `.safetensors` or `.pth`, in a folder that is there.
 * @throws WsssError `WSSS_ERR_OPTION`; `WSSS_ERR_IO`; `WSSS_ERR_WEIGHTS` as `inspectWeights`, and for a `.pth` of 4 GB and more;
 *   `WSSS_ERR_CANCELLED`.
 */
export async function convertWeights(
  input: string,
  output: string,
  options: ConvertWeightsOptions = {},
): Promise<WeightConversion> {
  const { translate, weightsKey = "", signal } = checkOptions(schema, call, options);
  if (!fields.path.safeParse(input).success) throw refuseOption(call, "input", "a path", input);
  if (!fields.path.safeParse(output).success || !endings.some((ending) => output.endsWith(ending))) {
    throw refuseOption(call, "output", `a path that ends in ${endings.join(" or ")}`, output);
  }
  const addon = await loadAddon();
  await assertWritable(output);
  const request = { input: path.resolve(input), key: weightsKey, output: path.resolve(output), translate };
  return plainCopy(await runJob<WeightConversion>((done) => addon.convertWeights(request, done), signal));
}
