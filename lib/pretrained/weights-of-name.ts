/** Weights that a caller asked for by name, as the file of their network. */
import { refuseOption } from "../options/check.js";
import { isWeightsName, pretrainedFile, pretrainedFiles, type PretrainedName } from "./catalogue.js";
import { fetchWeights } from "./fetch-weights.js";

/** The network that weights are meant for. */
export interface NamedNetwork {
  readonly backbone: string;
  readonly width: number;
}

/**
 * The catalogue's name for what a caller asked for; null if that is a path.
 * @throws WsssError `WSSS_ERR_OPTION` if there are no such weights for the network.
 */
export function pretrainedNameOf(
  call: string,
  weights: string,
  { backbone, width }: NamedNetwork,
): PretrainedName | null {
  if (!isWeightsName(weights)) return null;
  const own = pretrainedFiles.find((file) => file.backbone === backbone);
  if (own !== undefined && (weights === "imagenet" || weights === own.name)) {
    if (width === 1) return own.name;
    throw refuseOption(
      call,
      "weights",
      `the path of a weight file: those that have a name are of width 1, not ${width}`,
      weights,
    );
  }
  const others = pretrainedFiles.map(({ name }) => name).join(", ");
  const bound =
    own === undefined
      ? `the path of a weight file: none is had by name for the network ${backbone} (there are ${others})`
      : `"imagenet" or "${own.name}" for the network ${backbone}, or the path of a weight file`;
  throw refuseOption(call, "weights", bound, weights);
}

/**
 * The path of the weights that a caller asked for, by name or by path; undefined for none.
 * @throws WsssError like {@link pretrainedNameOf} and `fetchWeights`.
 */
export async function pathOfWeights(
  call: string,
  weights: string | undefined,
  network: NamedNetwork,
  signal?: AbortSignal,
): Promise<string | undefined> {
  if (weights === undefined) return undefined;
  const name = pretrainedNameOf(call, weights, network);
  return name === null ? weights : await fetchWeights(name, { signal });
}

/** What tells weights of the catalogue from others: their checksum; null for a path. */
export function pinnedDigestOf(call: string, weights: string, network: NamedNetwork): string | null {
  const name = pretrainedNameOf(call, weights, network);
  return name === null ? null : pretrainedFile(name).sha256;
}
