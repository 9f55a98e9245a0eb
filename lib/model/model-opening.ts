/** Makes or loads a network: device, precision, weight file, and the report of what was taken from it. */
import path from "node:path";
import { throwIfAborted } from "../async/cancellation.js";
import type { TissueClass } from "../dataset/tissue-class.js";
import { WsssError } from "../errors.js";
import { usableCores } from "../machine/usable-cores.js";
import type { NativeAddon, NativeInitialization, NativeModelConfig, NativeNetworkReport } from "../native/addon.js";
import { nativeCall, runJob } from "../native/job.js";
import { loadAddon } from "../native/load.js";
import type { LoadedWeights } from "../native/native-weights.js";
import { plainCopy } from "../native/plain-copy.js";
import { type Device, multipliesBfloat16, resolveDevice } from "../options/device.js";
import { inspectWeights } from "./inspect-weights.js";
import { describeModel, type ModelDescription, type ModelRole } from "./model-description.js";
import { ModelHandle, type NativeModel } from "./model-handle.js";
import { type ModelPrecision, type Precision, resolvePrecision } from "./precision.js";
import { historyOf, type TrainingHistory } from "./training-history.js";
import { withGivenPath } from "./weight-failure.js";

/** What loading a weight file took and left out. */
export interface WeightsReport extends LoadedWeights {
  /** The file, as it was given. */
  readonly path: string;
}

/** A network that is ready for work. */
export interface OpenedModel<Native extends NativeModel> {
  readonly handle: ModelHandle<Native>;
  readonly description: ModelDescription;
  readonly network: NativeNetworkReport;
  readonly precision: ModelPrecision;
  readonly weightsReport: WeightsReport | null;
  /** Trainings that led to the weights, the first one first; grows. */
  readonly trainings: TrainingHistory[];
}

/** A weight file, and how to read it. */
export interface WeightsChoice {
  readonly path: string;
  readonly strict: boolean;
  readonly foldNormalization: boolean;
  /** Which of several state dicts. @defaultValue the one */
  readonly key?: string | undefined;
}

/** Checked choices for {@link openModel}. */
export interface ModelOpening<Native extends NativeModel> {
  /** The public call, for messages. */
  readonly call: string;
  /** The public class, for messages. */
  readonly kind: "Classifier" | "Segmenter";
  readonly device: Device;
  readonly seed: number;
  readonly threads: number;
  readonly precision: Precision;
  readonly tf32: boolean;
  readonly signal?: AbortSignal | undefined;
  /** The network; `pretrained` is found out from the weights. */
  readonly description: Omit<ModelDescription, "pretrained">;
  readonly weights: WeightsChoice | undefined;
  readonly construct: (addon: NativeAddon, config: NativeModelConfig) => Native;
}

/**
 * Builds a network and loads its weights. Weight files are judged by their header before the device is touched.
 * @throws WsssError what `Classifier.create` documents; nothing native is left behind then.
 */
export async function openModel<Native extends NativeModel>(
  opening: ModelOpening<Native>,
): Promise<OpenedModel<Native>> {
  const { call, kind, signal, weights } = opening;
  throwIfAborted(signal);
  const origin = weights === undefined ? null : await checkOrigin(opening, weights);
  const pretrained = weights !== undefined && (origin?.description?.pretrained ?? true);
  const description = { ...opening.description, pretrained };
  const addon = await loadAddon();
  throwIfAborted(signal);
  const report = nativeCall(() => addon.deviceReport());
  const device = resolveDevice(call, opening.device, report);
  const precision = resolvePrecision(opening.precision, multipliesBfloat16(device, report));
  const { seed, tf32 } = opening;
  // LibTorch's own choice is all cores where it was loaded by a worker thread.
  const threads = opening.threads === 0 && report.threads > usableCores() ? usableCores() : opening.threads;
  const { classes, width, headWidth, backbone, outputStride } = description;
  const shape = { classCount: classes.length, width, headWidth, backbone, outputStride };
  const native = nativeCall(() =>
    opening.construct(addon, { ...shape, device, seed, threads, precision: precision.inference, tf32 }),
  );
  const handle = new ModelHandle(kind, native);
  try {
    const { network, weightsReport } = await initialize(handle, call, weights, signal);
    return { handle, description, network, precision, weightsReport, trainings: origin?.trainings ?? [] };
  } catch (error) {
    await handle.dispose();
    throw error;
  }
}

/**
 * Reads what a weight file of ours says about its model.
 * @throws WsssError `WSSS_ERR_IO`, or `WSSS_ERR_WEIGHTS` if it is not ours or of the other network.
 */
export async function describeSavedModel(call: string, role: ModelRole, file: string): Promise<ModelDescription> {
  const { container, metadata } = await inspectWeights(file, { statistics: false });
  const description = describeModel(file, metadata);
  if (description === null) {
    const message =
      `${file} (${container}) is not a file that this library saved: it does not name its classes; ` +
      `use ${call.replace(".load", ".create")} with classes and weights (${call})`;
    throw new WsssError("WSSS_ERR_WEIGHTS", message, { path: file });
  }
  assertRole(call, role, description.role, file);
  return description;
}

/** What a weight file says of itself: its model, if it is one of ours, and the trainings before. */
async function checkOrigin<Native extends NativeModel>(
  { call, description }: ModelOpening<Native>,
  weights: WeightsChoice,
): Promise<{ description: ModelDescription | null; trainings: TrainingHistory[] }> {
  const { metadata } = await inspectWeights(weights.path, { statistics: false, weightsKey: weights.key });
  const origin = describeModel(weights.path, metadata);
  if (origin === null) return { description: null, trainings: [] };
  assertRole(call, description.role, origin.role, weights.path);
  if (weights.strict) assertSameNetwork(call, description, origin, weights.path);
  return { description: origin, trainings: historyOf(metadata) };
}

function assertRole(call: string, wanted: ModelRole, found: ModelRole, file: string): void {
  if (wanted === found) return;
  const message = `${file} holds a ${found}, not a ${wanted} (${call})`;
  throw new WsssError("WSSS_ERR_WEIGHTS", message, { path: file, found, wanted });
}

function assertSameNetwork(
  call: string,
  wanted: Omit<ModelDescription, "pretrained">,
  found: ModelDescription,
  file: string,
): void {
  // A head that is as wide as the rest differs where the rest does, and is not worth a second word.
  const headsDiffer = [wanted, found].some(({ width, headWidth }) => width !== headWidth);
  const facts = (model: Omit<ModelDescription, "pretrained">): Record<string, string> => ({
    classes: `${model.classes.length} (${namesOf(model.classes)})`,
    width: String(model.width),
    ...(headsDiffer && { headWidth: String(model.headWidth) }),
    backbone: model.backbone,
  });
  const [ours, theirs] = [facts(wanted), facts(found)];
  const different = Object.keys(ours).filter((name) => ours[name] !== theirs[name]);
  if (different.length === 0) return;
  const list = different.map((name) => `${name} ${theirs[name]} in the file, ${ours[name]} asked for`).join("; ");
  const message = `${file} is of another network: ${list}; --partial-load on the command line (strict: false in the API) takes what fits (${call})`;
  throw new WsssError("WSSS_ERR_WEIGHTS", message, { path: file, different });
}

/** Names of classes, for messages. */
export function namesOf(classes: readonly TissueClass[]): string {
  return classes.map(({ name }) => name).join(", ");
}

/** Builds the native network, with the weights of a file if one is named. */
async function initialize<Native extends NativeModel>(
  handle: ModelHandle<Native>,
  call: string,
  weights: WeightsChoice | undefined,
  signal: AbortSignal | undefined,
): Promise<{ network: NativeNetworkReport; weightsReport: WeightsReport | null }> {
  const loading =
    weights === undefined ? null : { ...weights, path: path.resolve(weights.path), key: weights.key ?? "" };
  const { network, weights: report } = await handle
    .run(
      call,
      { signal },
      async (native, stop) => await runJob<NativeInitialization>((done) => native.initialize(loading, done), stop),
    )
    .catch((error: unknown) => {
      throw weights === undefined ? error : withGivenPath(error, weights.path);
    });
  if (weights === undefined || report === null) return { network, weightsReport: null };
  const { hint, ...loadedWeights } = plainCopy(report);
  const { loaded, missing, unexpected, misshapen } = loadedWeights;
  if (loaded.length === 0) {
    const message = `no tensor of ${weights.path} fits this network (${call})${hint}`;
    throw new WsssError("WSSS_ERR_WEIGHTS", message, { path: weights.path, missing, unexpected, misshapen });
  }
  return { network, weightsReport: { path: weights.path, ...loadedWeights } };
}
