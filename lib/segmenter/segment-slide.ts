/** A whole slide segmented: the native work, what it depends on, and its progress. */
import { createHash } from "node:crypto";
import path from "node:path";
import { usableCores } from "../machine/usable-cores.js";
import { makeFolder } from "../files/make-folder.js";
import { packageVersion } from "../files/package-version.js";
import type { TissueClass } from "../dataset/tissue-class.js";
import type {
  NativeClassifier,
  NativeProgressEvent,
  NativeSegmentedSlide,
  NativeSegmenter,
  NativeSlideGate,
} from "../native/addon.js";
import { jobEvents, runJob } from "../native/job.js";
import type { PatchViews } from "../native/patch-views.js";
import { scaleMissing } from "../slide/slide-scale.js";
import type { Slide } from "../slide/slide.js";
import { tissueSearch } from "../slide/slide-tissue.js";
import type { HeldGate } from "./gate.js";
import { finishedMap, type SlideMap, slideMapFiles, sizeOf, writeSlideMap } from "./slide-map.js";
import type { SlideMapOptions } from "./slide-map-options.js";

/** A report of a slide that is being segmented. */
export interface SlideProgress {
  /** `"write"` when all is segmented and the files are being made. */
  readonly stage: "segment" | "write";
  /** Tiles that are done. */
  readonly done: number;
  /** Tiles with tissue. */
  readonly total: number;
  /** Area of the tiles that are done, in mm2. */
  readonly doneMm2: number;
  /** Area of all tiles with tissue, in mm2. */
  readonly totalMm2: number;
}

/** What a slide is segmented by. */
export interface SlideWork {
  readonly native: NativeSegmenter;
  /** Where the network is: `"cpu"`, or a GPU. */
  readonly device: string;
  readonly classes: readonly TissueClass[];
  readonly background: TissueClass;
  readonly views: PatchViews;
  readonly gate: HeldGate | null;
  readonly signal: AbortSignal;
}

/** Segments a slide into a folder, going on with what a call before has left there. */
export async function* segmentWholeSlide(
  work: SlideWork,
  slide: Slide,
  options: SlideMapOptions,
): AsyncGenerator<SlideProgress, SlideMap, void> {
  const { native, classes, background, views, gate, signal } = work;
  if (slide.mpp === null) throw scaleMissing(slide.path, slide.mppProblem ?? "");
  const { mpp } = slide;
  const { output, micronsPerPixel, tilePx, overlapPx, gatePatchPx, batchSize, probabilities } = options;
  const cores = usableCores();
  const threads = options.threads ?? (work.device === "cpu" ? Math.max(1, Math.floor(cores / 4)) : cores);
  const madeWith = {
    segmenter: await fingerprintOf(native, signal),
    classifier: gate === null ? null : await fingerprintOf(gate.native, signal),
    gate: gate === null ? null : { threshold: gate.threshold, rule: gate.rule, patchPx: gatePatchPx },
    slideMpp: mpp,
    ...{ micronsPerPixel, tilePx, overlapPx, batchSize },
    // Left out where they are as before there was a choice, so that maps of then are known.
    ...(views !== "one" && { views }),
  };
  const identity = {
    ...madeWith,
    package: packageVersion,
    ...{ bytes: await sizeOf(slide.path), width: slide.width, height: slide.height, probabilities },
    // Nothing is added where there is none, so that maps of before are known.
    ...(options.heatmap !== undefined && { heatmap: options.heatmap }),
  };
  const fingerprint = createHash("sha256").update(JSON.stringify(identity)).digest("hex");
  // What the files show depends on more than the rows do.
  const { geojsonMpp, minAreaUm2, gzip, overlayPx } = options;
  const shown = { fingerprint, geojsonMpp, minAreaUm2, gzip, overlayPx, classes, background };
  const key = createHash("sha256").update(JSON.stringify(shown)).digest("hex");
  const before = await finishedMap(output, key);
  if (before !== null) return before;
  await makeFolder(output);
  const rowsFile = path.join(output, slideMapFiles.rows);
  const settings = {
    scaleX: micronsPerPixel / mpp.x,
    scaleY: micronsPerPixel / mpp.y,
    ...{ tile: tilePx, overlap: overlapPx, batchSize, threads, confidence: probabilities },
    heatClass: classes.findIndex(({ name }) => name === options.heatmap),
    ...{ path: rowsFile, fingerprint, views },
  };
  const nativeGate: NativeSlideGate | null = gate && {
    classifier: gate.native,
    patch: gatePatchPx,
    threshold: gate.threshold,
    rule: gate.rule,
  };
  const tileMm2 = ((tilePx - overlapPx) * micronsPerPixel) ** 2 / 1e6;
  const progressAt = (stage: SlideProgress["stage"], done: number, total: number): SlideProgress => ({
    stage,
    ...{ done, total, doneMm2: done * tileMm2, totalMm2: total * tileMm2 },
  });
  const tissue = tissueSearch(slide, mpp);
  const events = jobEvents<NativeProgressEvent, NativeSegmentedSlide>(
    (onEvent, done) => native.segmentSlide(settings, tissue, slide.native, nativeGate, onEvent, done),
    signal,
  );
  let total = 0;
  let next = await events.next();
  try {
    while (next.done !== true) {
      total = next.value.total;
      yield progressAt("segment", next.value.done, total);
      next = await events.next();
    }
  } finally {
    // Whoever leaves the loop early ends the native work, too.
    if (next.done !== true) await events.return(undefined as never);
  }
  yield progressAt("write", total, total);
  const { width, height, bandRows, planes, damagedRegions } = next.value;
  const rows = { path: rowsFile, width, height, bandRows, planes, fingerprint };
  const finished = { slide, mpp, rows, classes, background, madeWith: { ...madeWith, key }, damagedRegions };
  // The network is done: all cores are there for the files.
  return await writeSlideMap({ ...finished, options: { ...options, threads: options.threads ?? cores } }, signal);
}

/** What a network's weights are, in a few digits. */
async function fingerprintOf(native: NativeSegmenter | NativeClassifier, signal: AbortSignal): Promise<string> {
  return await runJob<string>((done) => native.fingerprint(done), signal);
}
