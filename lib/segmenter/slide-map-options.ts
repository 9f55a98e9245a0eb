/** Options of `Segmenter.segmentSlide`, their rules and defaults. */
import { z } from "zod";
import type { Classifier } from "../classifier/classifier.js";
import type { Model } from "../model/model.js";
import { refuseOption } from "../options/check.js";
import * as fields from "../options/fields.js";
import { microns } from "../slide/slide-options.js";
import type { GateSettings } from "./gate-settings.js";
import type { ViewSettings } from "./view-settings.js";

/** Options of {@link Segmenter.segmentSlide}. */
export interface SegmentSlideOptions extends GateSettings, ViewSettings {
  /** Folder for the results, made if need be. What is there of another slide or of other options is replaced. */
  readonly output: string;
  /**
   * The scale at which the networks were trained, in micrometres a pixel, 0.05 to 20. The map has it too.
   * @defaultValue {@link Model.micronsPerPixel} of the segmenter; it must be said where that is null
   */
  readonly micronsPerPixel?: number | undefined;
  /**
   * Side of the tiles that the segmenter sees, in pixels of the map, 32 to 4096: best the size of the patches that it was trained on.
   * @defaultValue {@link Model.patchPx} of the segmenter, or `224` where that is null
   */
  readonly tilePx?: number | undefined;
  /**
   * Pixels that neighbouring tiles share, 0 to half a tile: their logits are weighted and summed, so that no seam shows.
   * @defaultValue an eighth of a tile (a quarter takes 1.4 times as many tiles)
   */
  readonly overlapPx?: number | undefined;
  /** As {@link SegmentationOptions.gate}. */
  readonly gate?: Classifier | null | undefined;
  /**
   * Side of the patches that the gate's classifier was trained on, in pixels of the map, 32 to 4096. It is asked about patches of that size
   * side by side; between their centres its answers are interpolated.
   * @defaultValue {@link Model.patchPx} of the classifier, or `tilePx` where that is null
   */
  readonly gatePatchPx?: number | undefined;
  /**
   * Tiles in one forward pass, 1..1024.
   * @defaultValue `8` (more is hardly faster and takes more memory)
   */
  readonly batchSize?: number | undefined;
  /**
   * Threads that read the slide while the network is at work, at least 1.
   * @defaultValue all cores that the process may use where the network is on a GPU; on the CPU a quarter of them, since it needs the others
   */
  readonly threads?: number | undefined;
  /**
   * Whether the winning class's probability is written too, as `probability.ome.tif`, 255 = 1.
   * @defaultValue `false`
   */
  readonly probabilities?: boolean | undefined;
  /**
   * Name of a class whose probability is shown over the slide, as `heatmap.png`: dark violet is 0, yellow is 1.
   * @defaultValue none
   */
  readonly heatmap?: string | undefined;
  /**
   * Scale of the polygons, in micrometres a pixel, rounded to a multiple of the map's; 0 = no polygons.
   * @defaultValue `4` (QuPath does not open files of a gigabyte)
   */
  readonly geojsonMpp?: number | undefined;
  /**
   * Smaller polygons are left out, in um2.
   * @defaultValue `0`
   */
  readonly minAreaUm2?: number | undefined;
  /**
   * Whether the polygons are packed: `classes.geojson.gz`, which QuPath opens too.
   * @defaultValue `false`
   */
  readonly gzip?: boolean | undefined;
  /**
   * Longer side of `overlay.png` and `heatmap.png`, in pixels, at most; 0 = no overlay.
   * @defaultValue `2048`
   */
  readonly overlayPx?: number | undefined;
  /** Aborting it ends the loop with `WSSS_ERR_CANCELLED`; finished rows are kept for the next call. */
  readonly signal?: AbortSignal | undefined;
}

const side = z.int().min(32).max(4096);

const schema = z.strictObject({
  output: fields.path,
  micronsPerPixel: microns.optional(),
  tilePx: side.optional(),
  overlapPx: z.int().min(0).max(2048).optional(),
  gatePatchPx: side.optional(),
  batchSize: z.int().min(1).max(1024).default(8),
  threads: fields.count.optional(),
  probabilities: fields.flag.default(false),
  heatmap: z.string().optional(),
  geojsonMpp: z.number().min(0).max(1000).default(4),
  minAreaUm2: z.number().min(0).default(0),
  gzip: fields.flag.default(false),
  overlayPx: z.int().min(0).max(16_384).default(2048),
});

/** The options of {@link SegmentSlideOptions} without those of views and gate, complete. */
export interface SlideMapOptions extends z.output<typeof schema> {
  readonly micronsPerPixel: number;
  readonly tilePx: number;
  readonly overlapPx: number;
  readonly gatePatchPx: number;
}

/** The entries of options that this file checks, and the others, which are of views and gate. */
export function partSlideMapOptions(options: object): { readonly own: object; readonly others: object } {
  const entries = Object.entries(options);
  return {
    own: Object.fromEntries(entries.filter(([name]) => name in schema.shape)),
    others: Object.fromEntries(entries.filter(([name]) => !(name in schema.shape))),
  };
}

/** The schema of these options, for `checkOptions`. */
export const slideMapSchema = schema;

/** Side of tiles where nobody knows how large the train patches were: those of both published datasets. */
const usualPatchPx = 224;
/** Scales that differ by no more are one scale. */
const sameScaleWithin = 0.02;

/** What a network knows of the patches that it has learned from. */
type Trained = Pick<Model, "micronsPerPixel" | "patchPx">;

function assertClass(call: string, name: string | undefined, classes: Model["classes"]): void {
  if (name === undefined || classes.some((one) => one.name === name)) return;
  throw refuseOption(call, "heatmap", `a class of the segmenter: ${classes.map((one) => one.name).join(", ")}`, name);
}

/**
 * Fills in what depends on other options and on the networks.
 * @throws WsssError `WSSS_ERR_OPTION` if nobody says the scale, the networks were trained at two, or tiles share more than half of
 *   their side.
 */
export function completeSlideMapOptions(
  call: string,
  checked: z.output<typeof slideMapSchema>,
  segmenter: Trained & Pick<Model, "classes">,
  gate: Trained | null,
): SlideMapOptions {
  assertClass(call, checked.heatmap, segmenter.classes);
  const micronsPerPixel = checked.micronsPerPixel ?? segmenter.micronsPerPixel;
  if (micronsPerPixel === null) {
    const bound =
      "a scale in micrometres a pixel: the weights do not tell that of the patches that the segmenter learned from";
    throw refuseOption(call, "micronsPerPixel", bound, checked.micronsPerPixel);
  }
  const ofGate = gate?.micronsPerPixel ?? null;
  if (checked.micronsPerPixel === undefined && ofGate !== null && !isSameScale(ofGate, micronsPerPixel)) {
    const bound = `one scale: the segmenter was trained at ${micronsPerPixel} um and the gate's classifier at ${ofGate} um a pixel`;
    throw refuseOption(call, "micronsPerPixel", bound, checked.micronsPerPixel);
  }
  const tilePx = checked.tilePx ?? tileSideOf(segmenter);
  const { overlapPx = Math.floor(tilePx / 8), gatePatchPx = gate?.patchPx ?? tilePx } = checked;
  if (2 * overlapPx > tilePx) {
    throw refuseOption(call, "overlapPx", `at most ${Math.floor(tilePx / 2)}, half a tile`, overlapPx);
  }
  return { ...checked, micronsPerPixel, tilePx, overlapPx, gatePatchPx };
}

function isSameScale(one: number, other: number): boolean {
  return Math.abs(one / other - 1) <= sameScaleWithin;
}

/** The size of the train patches, where tiles may have it. */
function tileSideOf({ patchPx }: Trained): number {
  return patchPx !== null && side.safeParse(patchPx).success ? patchPx : usualPatchPx;
}
