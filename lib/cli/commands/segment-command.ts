/** The commands `segment`, whole slides become maps of their classes, and `merge`, which joins their tables. */
import { stat, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { Command } from "commander";
import { WsssError } from "../../errors.js";
import { isWsssError } from "../../errors.js";
import { replaceWhole } from "../../files/replace-whole.js";
import type { Precision } from "../../model/precision.js";
import type { Device } from "../../options/device.js";
import type { PatchViews } from "../../native/patch-views.js";
import { openSlide } from "../../slide/open-slide.js";
import { resolveGate } from "../../segmenter/segmentation-options.js";
import type { SegmentSlideOptions } from "../../segmenter/slide-map-options.js";
import { type SlideMap, slideMapFiles } from "../../segmenter/slide-map.js";
import { writeAreasTable } from "../../slide-maps/areas-table.js";
import { drawnOn, scoreSlideMap, type SlideMapScores } from "../../slide-maps/score-slide-map.js";
import { type NamedSlide, nameSlides } from "../../slide-maps/name-slides.js";
import { describeShard, itemsOfShard, type Shard, shardOfScheduler } from "../../slide-maps/shard.js";
import { act, type ActionTools, addTalkOptions, type Streams, type TalkOptions } from "../environment.js";
import { addNetworkNames, type NetworkNames, type Networks, filesOfNetworks, withNetworks } from "../named-networks.js";
import { shardOption } from "../shard-option.js";
import * as groups from "../run-options.js";
import { describeScores } from "../slide-scores-text.js";
import { writeResult } from "../terminal.js";
import { decimal, integer, oneOf, someText, words } from "../values.js";

interface SegmentOptions extends NetworkNames, TalkOptions {
  readonly out: string;
  readonly mpp?: number;
  readonly slideMpp?: number;
  readonly damaged?: "error" | "background";
  readonly tilePx?: number;
  readonly overlapPx?: number;
  readonly gatePatchPx?: number;
  readonly batchSize?: number;
  readonly probabilities?: boolean;
  readonly heatmap?: string;
  readonly geojsonMpp?: number;
  readonly minAreaUm2?: number;
  readonly gzip?: boolean;
  readonly overlayPx?: number;
  readonly shard?: Shard;
  readonly annotations?: string;
  readonly skipClass?: readonly string[];
  readonly tta?: PatchViews;
  readonly gateThreshold?: number;
  readonly gateRule?: "exclude" | "multiply";
  readonly device?: Device;
  readonly threads?: number;
  readonly precision?: Precision;
  readonly tf32?: boolean;
}

/** A slide that could not be segmented. */
interface FailedSlide {
  readonly slide: string;
  readonly code: string;
  readonly message: string;
}

/** A slide that was segmented, and where. */
interface SegmentedSlide extends SlideMap {
  readonly folder: string;
  /** Against annotations; absent without. */
  readonly scores?: SlideMapScores;
}

/** What is told of a slide that failed. @throws the error, if it is not one of this slide alone */
function failureOf(slide: string, error: unknown): FailedSlide {
  const ofSlide = ["WSSS_ERR_DATASET", "WSSS_ERR_SHAPE", "WSSS_ERR_IO", "WSSS_ERR_BUSY"];
  if (!isWsssError(error) || !ofSlide.includes(error.code)) throw error;
  return { slide, code: error.code, message: error.message };
}

function failedSlides(failed: readonly FailedSlide[], count: number): WsssError {
  const [first] = failed;
  const others = failed.length === 1 ? "" : `, and ${failed.length - 1} more`;
  const rest = failed.length === count ? "" : "; the others are done";
  const message = `${failed.length} of ${count} slides could not be segmented: ${first?.message ?? ""}${others}${rest}`;
  return new WsssError("WSSS_ERR_DATASET", message, { failed });
}

async function segmentOne(
  { file, name }: NamedSlide,
  { segmenter, classifier }: Networks,
  options: SegmentOptions,
  { view, signal }: ActionTools,
): Promise<SegmentedSlide> {
  const { gateThreshold, gateRule, gate, slideMpp, damaged, mpp } = options;
  await using slide = await openSlide(file, { defaultMicronsPerPixel: slideMpp, damaged, signal });
  const folder = join(options.out, name);
  const given = { gateThreshold, gateRule };
  const named = classifier === undefined ? given : { gate: classifier, ...resolveGate(given) };
  const asked: SegmentSlideOptions = {
    ...(gate === false ? { gate: null } : named),
    output: folder,
    views: options.tta,
    micronsPerPixel: mpp,
    tilePx: options.tilePx,
    overlapPx: options.overlapPx,
    gatePatchPx: options.gatePatchPx,
    batchSize: options.batchSize,
    probabilities: options.probabilities,
    heatmap: options.heatmap,
    geojsonMpp: options.geojsonMpp,
    minAreaUm2: options.minAreaUm2,
    gzip: options.gzip,
    overlayPx: options.overlayPx,
    signal,
  };
  const { annotations, skipClass = [] } = options;
  if (annotations !== undefined) await drawnOn(slide, segmenter.classes, annotations, skipClass);
  const work = segmenter.segmentSlide(slide, asked);
  let next = await work.next();
  while (next.done !== true) {
    const { done, total, doneMm2, totalMm2 } = next.value;
    const label = `${name}, ${doneMm2.toFixed(1)} of ${totalMm2.toFixed(1)} mm2`;
    if (total > 0) view.progress({ stage: "segment", label, done, total });
    next = await work.next();
  }
  const map = { folder, ...next.value };
  if (annotations === undefined) return map;
  const scores = await scoreSlideMap(slide, { map: folder, annotations, skipClasses: skipClass, signal });
  for (const warning of scores.warnings) view.warn(warning);
  const text = `${JSON.stringify({ annotations: basename(annotations), skipClasses: skipClass, ...scores }, null, 2)}\n`;
  await replaceWhole(join(folder, slideMapFiles.scores), async (temporary) => await writeFile(temporary, text));
  return { ...map, scores };
}

function describeMap({ folder, tissueMm2, classes, scores }: SegmentedSlide): string {
  const areas = classes.map(
    ({ name, areaMm2, share }) => `${name} ${areaMm2.toFixed(3)} mm2 (${(100 * share).toFixed(1)} %)`,
  );
  const line = `${folder}: tissue ${tissueMm2.toFixed(3)} mm2: ${areas.join(", ")}`;
  return scores === undefined ? line : `${line}\n${describeScores(scores)}`;
}

/** @throws WsssError `WSSS_ERR_OPTION` if the annotations of one slide are named for several */
async function refuseOneForAll(files: readonly string[], annotations: string | undefined): Promise<void> {
  if (annotations === undefined || files.length < 2) return;
  const isFile = await stat(annotations).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isFile) return;
  const message = `annotations ${annotations} are those of one slide, and there are ${files.length}; name a folder with a file for each`;
  throw new WsssError("WSSS_ERR_OPTION", message, { option: "annotations", path: annotations });
}

async function segmentAll(files: readonly string[], options: SegmentOptions, tools: ActionTools): Promise<void> {
  resolveGate({ gateThreshold: options.gateThreshold, gateRule: options.gateRule });
  await refuseOneForAll(files, options.annotations);
  const weights = await filesOfNetworks(options, "segment");
  const shard = options.shard ?? shardOfScheduler();
  const slides = itemsOfShard(nameSlides(files), shard);
  const part = describeShard(shard, slides.length, files.length, "slides");
  if (part !== undefined) tools.view.note(part);
  const where = { ...groups.deviceOf({ ...options }), signal: tools.signal };
  const failed: FailedSlide[] = [];
  const maps: SegmentedSlide[] = [];
  await withNetworks(weights, where, async (networks) => {
    for (const slide of slides) {
      try {
        maps.push(await segmentOne(slide, networks, options, tools));
      } catch (error) {
        const failure = failureOf(slide.file, error);
        failed.push(failure);
        tools.view.warn(failure.message);
      }
    }
  });
  // With several processes the table is made by `merge`, when all have ended.
  const table = shard.count === 1 && maps.length > 0 ? (await writeAreasTable(options.out)).path : null;
  tools.view.close();
  if (tools.terminal.json || maps.length > 0) {
    writeResult(tools.terminal, { slides: maps, failed, table }, () => maps.map(describeMap).join("\n"));
  }
  if (failed.length > 0) throw failedSlides(failed, slides.length);
}

/** `wsss-tissue segment`: segments whole slides. */
export function addSegmentCommand(program: Command, streams: Streams): void {
  const file = (text: string): string => resolve(someText(text));
  const command = program
    .command("segment")
    .argument("<slides...>", "slides; of a DICOM slide any file of its series, of MIRAX the `.mrxs`")
    .summary("segment whole slides with trained networks")
    .description(
      "Segments whole slides, each into a folder of its name: classes.ome.tif, a pyramid in the classes' colours, classes.geojson for\n" +
        "QuPath, overlay.png and result.json with the areas; and over all areas.csv. A slide that was begun goes on where it was stopped;\n" +
        "one that fails does not stop the others (exit code 3 at the end).",
    )
    .requiredOption("--out <folder>", "folder for the results", file)
    .option(
      "--mpp <um>",
      "scale at which the networks were trained, in micrometres a pixel (default: as their weights say)",
      decimal,
    );
  addNetworkNames(command);
  command
    .optionsGroup("Slides:")
    .option("--slide-mpp <um>", "micrometres a pixel of the finest level, where slides do not say it", decimal)
    .option(
      "--damaged <what>",
      "what pixels are that can't be decoded: an `error`, or counted as `background` (default: error)",
      oneOf("error", "background"),
    )
    .addOption(shardOption("slides"))
    .option("--annotations <path>", "score the maps: GeoJSON, a file or a folder with one of each slide's name", file)
    .option("--skip-class <names>", "classes of annotations that are not scored, with commas", words)
    .optionsGroup("Tiles:")
    .option(
      "--tile-px <n>",
      "side of the tiles, best that of the train patches (default: as the weights say, or 224)",
      integer,
    )
    .option("--overlap-px <n>", "pixels that tiles share (default: an eighth of a tile)", integer)
    .option(
      "--gate-patch-px <n>",
      "side of the patches that the classifier was trained on (default: as its weights say, or that of the tiles)",
      integer,
    )
    .option("--batch-size <n>", "tiles in one forward pass (default: 8)", integer)
    .optionsGroup("Results:")
    .option("--probabilities", "write the winning class's probability too, as probability.ome.tif")
    .option("--heatmap <class>", "show the probability of a class over the slide, as heatmap.png", someText)
    .option("--geojson-mpp <um>", "scale of the polygons, 0 = none (default: 4)", decimal)
    .option("--min-area-um2 <x>", "leave out smaller polygons (default: 0)", decimal)
    .option("--gzip", "pack the polygons: classes.geojson.gz")
    .option("--overlay-px <n>", "longer side of overlay.png at most, 0 = none (default: 2048)", integer);
  groups.addViewOptions(command);
  groups.addGateOptions(command);
  groups.addPlaceOptions(command);
  addTalkOptions(command.optionsGroup("Output:")).addHelpText(
    "after",
    `
Examples:
  wsss-tissue segment case-7.svs --bundle luad-bundle --mpp 0.5 --out maps
  wsss-tissue segment *.svs --run run1 --mpp 0.5 --out maps --shard 1/4`,
  );
  command.action(async (files: string[], options: SegmentOptions) => {
    const gate = groups.givenOptions(command)["gate"] as boolean | undefined;
    await act(streams, options, async (tools) => await segmentAll(files, { ...options, gate }, tools));
  });
}

/** `wsss-tissue merge`: joins the results of many slides into one table. */
export function addMergeCommand(program: Command, streams: Streams): void {
  const command = program
    .command("merge")
    .argument("<folder>", "folder that `segment` wrote into")
    .summary("join the results of slides that several processes segmented")
    .description(
      "Writes areas.csv from the results of all slides in a folder, after the last of several processes has ended.",
    );
  addTalkOptions(command.optionsGroup("Output:"));
  command.action(async (folder: string, options: TalkOptions) => {
    await act(streams, options, async ({ terminal }) => {
      const table = await writeAreasTable(resolve(folder));
      writeResult(terminal, table, () => `${table.path}: ${table.slides} slides`);
    });
  });
}
