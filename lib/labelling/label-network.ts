/** The network that looks at patches while they are labelled. */
import { Classifier } from "../classifier/classifier.js";
import { isWsssError } from "../errors.js";
import type { ClassifierBackbone } from "../model/backbones.js";

/** Which network, and with which weights. */
export interface LabelNetworkOptions {
  readonly backbone: ClassifierBackbone;
  /** A file, or the name of weights; null = random ones; undefined = ImageNet's, where they can be had. */
  readonly weights: string | null | undefined;
  /** Threads: one leaves the others to the page. */
  readonly threads: number;
  /** Told that there are no weights. */
  readonly warn: (message: string) => void;
}

/** Its head is not used, so that its classes do not matter. */
const anyClass = { name: "tissue", colour: [0, 0, 0] } as const;

/**
 * Makes the network, with random weights where those of ImageNet can't be had: their textures tell tissues apart, only less well.
 * @throws WsssError as `Classifier.create`.
 */
export async function makeLabelNetwork(
  { backbone, weights, threads, warn }: LabelNetworkOptions,
  signal: AbortSignal,
): Promise<Classifier> {
  const base = { classes: [anyClass], backbone, threads, device: "cpu", signal } as const;
  if (weights === null) return await Classifier.create(base);
  if (weights !== undefined) return await Classifier.create({ ...base, weights });
  try {
    return await Classifier.create({ ...base, weights: "imagenet" });
  } catch (error) {
    if (!isWsssError(error, "WSSS_ERR_WEIGHTS")) throw error;
    warn(`suggestions come from random weights, and are worse for it: ${error.message}`);
    return await Classifier.create(base);
  }
}
