/** The command `predict`: pictures become index masks and overlays; one that fails does not stop the rest. */
import { realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Command } from "commander";
import { mapConcurrently } from "../../async/map-concurrently.js";
import type { OnProgress } from "../../async/progress.js";
import { paletteOf } from "../../dataset/tissue-class.js";
import { isWsssError, WsssError } from "../../errors.js";
import { writeBytesAtomic } from "../../files/file-access.js";
import { makeFolder } from "../../files/make-folder.js";
import { decodePatch } from "../../image/decode-patch.js";
import { writeIndexPng } from "../../image/index-png.js";
import type { UnreadablePatch } from "../../model/patch-source.js";
import type { Precision } from "../../model/precision.js";
import type { Device } from "../../options/device.js";
import type { PatchViews } from "../../native/patch-views.js";
import { renderOverlay } from "../../pictures/panel.js";
import { resolveGate } from "../../segmenter/segmentation-options.js";
import type { ClassMap } from "../../segmenter/segmentation-prediction.js";
import type { Segmenter } from "../../segmenter/segmenter.js";
import { describeShard, itemsOfShard, type Shard, shardOfScheduler } from "../../slide-maps/shard.js";
import { act, type ActionTools, addTalkOptions, type Streams } from "../environment.js";
import { findPictures, type PictureFile } from "../find-pictures.js";
import { addNetworkNames, type NetworkNames, type Networks, filesOfNetworks, withNetworks } from "../named-networks.js";
import { shardOption } from "../shard-option.js";
import * as groups from "../run-options.js";
import { writeResult } from "../terminal.js";
import { someText } from "../values.js";

interface PredictOptions extends NetworkNames {
  readonly out: string;
  readonly shard?: Shard;
  readonly tta?: PatchViews;
  readonly gateThreshold?: number;
  readonly gateRule?: "exclude" | "multiply";
  readonly device?: Device;
  readonly threads?: number;
  readonly precision?: Precision;
  readonly tf32?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** One picture of the answer. */
interface PredictedPicture {
  readonly picture: string;
  readonly mask: string;
  readonly overlay: string;
  readonly width: number;
  readonly height: number;
}

/** A picture that could not be predicted. */
interface FailedPicture {
  readonly picture: string;
  readonly code: string;
  readonly message: string;
}

interface Predictions {
  readonly predictions: PredictedPicture[];
  readonly failed: FailedPicture[];
}

function outputsOf(stem: string, folder: string): { readonly mask: string; readonly overlay: string } {
  return { mask: join(folder, `${stem}.png`), overlay: join(folder, `${stem}-overlay.png`) };
}

/** A path whose folder is followed through links, as far as it is there: two names of one file become one. */
async function trueName(path: string): Promise<string> {
  const folder = dirname(resolve(path));
  return join(await realpath(folder).catch(() => folder), basename(path));
}

/**
 * Looks for files that would be lost, before anything is written.
 * @throws WsssError `WSSS_ERR_OPTION` if a prediction would be written over a picture or over another prediction.
 */
async function refuseOverwriting(files: readonly PictureFile[], folder: string): Promise<void> {
  const pictures = new Set(await Promise.all(files.map(async ({ path }) => await trueName(path))));
  const writers = new Map<string, string>();
  const out = await trueName(join(folder, "x")).then(dirname);
  for (const { path, stem } of files) {
    for (const output of Object.values(outputsOf(stem, out))) {
      if (pictures.has(output)) {
        const message = `the prediction of ${path} would be written over the picture ${output}; choose another folder with --out`;
        throw new WsssError("WSSS_ERR_OPTION", message, { option: "out", path: output });
      }
      const other = writers.get(output);
      if (other !== undefined) {
        const message = `the predictions of ${other} and ${path} would both be written to ${output}; predict them into two folders`;
        throw new WsssError("WSSS_ERR_OPTION", message, { option: "out", path: output, pictures: [other, path] });
      }
      writers.set(output, path);
    }
  }
}

async function writePrediction(
  { path, stem }: PictureFile,
  { classMap, height, width }: ClassMap,
  { classes, background }: Pick<Segmenter, "classes" | "background">,
  folder: string,
): Promise<PredictedPicture> {
  const { mask, overlay } = outputsOf(stem, folder);
  const { data } = await decodePatch(path);
  const cell = { kind: "overlay", rgb: data, indices: classMap } as const;
  // The overlay first, since it has the longer name: where that is too long, no half of a prediction is left.
  await writeBytesAtomic(overlay, await renderOverlay(cell, { height, width }, { classes, background }));
  await writeIndexPng(mask, { indices: classMap, height, width }, paletteOf(classes, background));
  return { picture: path, mask, overlay, width, height };
}

/** Pictures that are written side by side while the next ones are segmented. */
const picturesWrittenTogether = 8;

/** What is told of a picture that failed. @throws the error, if it is not one of this picture alone. */
function failureOf(picture: string, error: unknown): FailedPicture {
  if (!isWsssError(error) || !["WSSS_ERR_DATASET", "WSSS_ERR_SHAPE", "WSSS_ERR_IO"].includes(error.code)) throw error;
  return { picture, code: error.code, message: error.message };
}

async function predictAll(
  files: readonly PictureFile[],
  { segmenter, classifier }: Networks,
  options: PredictOptions,
  { view, signal }: ActionTools,
): Promise<Predictions> {
  const { out, tta: views, gateThreshold, gateRule } = options;
  await makeFolder(out);
  const given = { gateThreshold, gateRule };
  const gate = classifier === undefined ? given : { gate: classifier, ...resolveGate(given) };
  const paths = files.map(({ path }) => path);
  const onProgress: OnProgress = ({ stage, done, total }) => {
    if (stage === "segment") view.progress({ stage: "predict", label: files[done - 1]?.stem ?? "", done, total });
  };
  const choice = { ...(options.gate === false ? { gate: null } : gate), views };
  const failed: FailedPicture[] = [];
  const fail = (picture: string, error: unknown): void => {
    const failure = failureOf(picture, error);
    failed.push(failure);
    view.warn(failure.message);
  };
  const onUnreadable = ({ index, error }: UnreadablePatch): void => {
    fail(files[index]?.path ?? "", error);
  };
  const maps = segmenter.predictEach(paths, { ...choice, signal, onProgress, onUnreadable });
  // No two have one name, since no two are written to one file.
  const fileOf = new Map(files.map((file) => [basename(file.path), file]));
  const predictions: PredictedPicture[] = [];
  for await (const few of inPortions(maps, picturesWrittenTogether)) {
    const write = async (map: ClassMap): Promise<PredictedPicture[]> => {
      const file = fileOf.get(map.name);
      if (file === undefined) throw new Error(`there is no picture ${map.name}`);
      try {
        return [await writePrediction(file, map, segmenter, out)];
      } catch (error) {
        fail(file.path, error);
        return [];
      }
    };
    predictions.push(...(await mapConcurrently(few, write, { signal, what: "the prediction" })).flat());
  }
  return { predictions, failed };
}

/** The error of a command of whose pictures some failed; the others are written by then. */
function failedPictures(failed: readonly FailedPicture[], count: number): WsssError {
  const [first] = failed;
  const others = failed.length === 1 ? "" : `, and ${failed.length - 1} more`;
  const message = `${failed.length} of ${count} pictures could not be predicted: ${first?.message ?? ""}${others}; the others are written`;
  return new WsssError("WSSS_ERR_DATASET", message, { failed });
}

/** Items that follow each other, `count` at a time, fewer at the end and before a failure. */
async function* inPortions<Item>(items: AsyncIterable<Item>, count: number): AsyncGenerator<Item[], void, void> {
  let portion: Item[] = [];
  try {
    for await (const item of items) {
      portion.push(item);
      if (portion.length < count) continue;
      yield portion;
      portion = [];
    }
  } catch (error) {
    if (portion.length > 0) yield portion;
    throw error;
  }
  if (portion.length > 0) yield portion;
}

async function predict(paths: readonly string[], options: PredictOptions, tools: ActionTools): Promise<void> {
  const { gateThreshold, gateRule } = options;
  resolveGate({ gateThreshold, gateRule });
  const weights = await filesOfNetworks(options, "predict");
  const all = await findPictures(paths);
  await refuseOverwriting(all, options.out);
  const shard = options.shard ?? shardOfScheduler();
  const files = itemsOfShard(all, shard);
  const part = describeShard(shard, files.length, all.length, "pictures");
  if (part !== undefined) tools.view.note(part);
  const where = { ...groups.deviceOf({ ...options }), signal: tools.signal };
  await withNetworks(weights, where, async (networks) => {
    const { segmenter, classifier } = networks;
    const { predictions, failed } = await predictAll(files, networks, options, tools);
    tools.view.close();
    const classes = segmenter.classes.map(({ name }) => name);
    const hasGate = classifier !== undefined || segmenter.bundledClassifier !== null;
    const answer = { classes, gated: hasGate && options.gate !== false, predictions, failed };
    if (tools.terminal.json || predictions.length > 0) {
      writeResult(tools.terminal, answer, () => predictions.map(({ mask }) => mask).join("\n"));
    }
    if (failed.length > 0) throw failedPictures(failed, files.length);
  });
}

/** `wsss-tissue predict`: segments pictures. */
export function addPredictCommand(program: Command, streams: Streams): void {
  const file = (text: string): string => resolve(someText(text));
  const command = program
    .command("predict")
    .summary("segment pictures with trained networks")
    .description(
      "Segments pictures, or all pictures of folders. Writes for each NAME.png, an index mask in the classes' colours,\n" +
        "and NAME-overlay.png, the mask over the picture. Pictures may differ in size.",
    )
    .argument("<pictures...>", "pictures (PNG, JPEG, TIFF, WebP) or folders of them")
    .requiredOption("--out <folder>", "folder for the predictions", file)
    .addOption(shardOption("pictures"));
  addNetworkNames(command);
  groups.addViewOptions(command);
  groups.addGateOptions(command);
  groups.addPlaceOptions(command);
  addTalkOptions(command.optionsGroup("Output:")).addHelpText(
    "after",
    `
Examples:
  wsss-tissue predict --run wsss-demo/seed-0 --out predictions wsss-demo/seed-0/data/test/img
  wsss-tissue predict --bundle luad-bundle --out predictions slides/
  wsss-tissue predict --segmenter stage3.safetensors --no-gate --out predictions patch.png`,
  );
  command.action(async (paths: string[], options: PredictOptions) => {
    // Commander knows the gate as on by default; here it is on by default only where there is a classifier.
    const gate = groups.givenOptions(command)["gate"] as boolean | undefined;
    await act(streams, options, async (tools) => await predict(paths, { ...options, gate }, tools));
  });
}
