/** `scoreSlideMap`: how well the map of a slide agrees with what a person has drawn on it. */
import path from "node:path";
import { z } from "zod";
import type { TissueClass } from "../dataset/tissue-class.js";
import { type Score, scoresOfRow, type ScoreTable } from "../evaluation/score-table.js";
import type { NativeEvaluation, NativePolygons } from "../native/addon.js";
import { runJob } from "../native/job.js";
import { loadAddon } from "../native/load.js";
import { checkOptions, refuseOption } from "../options/check.js";
import * as fields from "../options/fields.js";
import { Slide } from "../slide/slide.js";
import { valuesOfPolygons } from "../slide-patches/annotation-classes.js";
import { type AnnotationFile, readAnnotationFile } from "../slide-patches/annotation-file.js";
import { findAnnotationFile, oddities, placePolygons } from "../slide-patches/slide-annotations.js";
import { openSavedMap } from "./saved-map.js";

/** Options of {@link scoreSlideMap}. */
export interface ScoreSlideMapOptions {
  /** Folder of the map, or the one above it, as {@link Segmenter.segmentSlide} and the command `segment` have written it. */
  readonly map: string;
  /** Annotations as QuPath exports them (GeoJSON): the slide's file, or a folder with a file of its name. */
  readonly annotations: string;
  /**
   * Classes of annotations that are not scored.
   * @defaultValue none
   */
  readonly skipClasses?: readonly string[] | undefined;
  /** Aborting it ends the work with `WSSS_ERR_CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
}

/** Scores of a map, as fractions 0..1; of outlines there are none. */
export interface SlideMapScores extends Omit<ScoreTable<Score>, "boundaryF1" | "meanBoundaryF1"> {
  /** Names of the classes, in their order. */
  readonly classes: readonly string[];
  /** Pixels [K][K + 1]: rows are what was drawn, columns what the map has, the last one background. */
  readonly confusion: readonly (readonly number[])[];
  /** Area that was scored, in mm2. */
  readonly annotatedMm2: number;
  /** What is odd about the annotations, a sentence each. */
  readonly warnings: readonly string[];
}

const call = "scoreSlideMap";

const schema = z.strictObject({
  map: fields.path,
  annotations: fields.path,
  skipClasses: z.array(z.string()).default([]),
  signal: fields.signal.optional(),
});

/**
 * Scores the map of a slide against annotations: over all pixels of the map that lie in one. What is annotated as background, ignored, or not at
 * all is not scored; tissue that the map takes for background is wrong.
 *
 * @param slide - open.
 * @throws WsssError `WSSS_ERR_OPTION`; `WSSS_ERR_DATASET` if there is no map of the slide, or annotations can't be used; `WSSS_ERR_IO`;
 *   `WSSS_ERR_CANCELLED`.
 *
 * @example
 * ```ts
 * const { mIoU, iou } = await scoreSlideMap(slide, { map: "maps/case-7", annotations: "drawn/case-7.geojson" });
 * ```
 */
export async function scoreSlideMap(slide: Slide, options: ScoreSlideMapOptions): Promise<SlideMapScores> {
  const { map: folder, annotations, skipClasses, signal } = checkOptions(schema, call, options);
  if (!(slide instanceof Slide)) throw refuseOption(call, "slide", "a Slide, as openSlide gives it", slide);
  const addon = await loadAddon();
  const map = await openSavedMap(addon, path.resolve(folder), slide);
  const { file, polygons } = await drawnOn(slide, map.classes, annotations, skipClasses);
  const classCount = map.classes.length;
  const scoring = { path: map.file, polygons, scaleX: map.scale.x, scaleY: map.scale.y, classCount };
  const cells = await runJob<readonly number[]>((done) => addon.scoreMap(scoring, done), signal);
  const counted = cells.flatMap((count, cell) => (count > 0 ? [{ cell, count }] : []));
  const counts = {
    offsets: Float64Array.of(0, counted.length),
    cells: Float64Array.from(counted, ({ cell }) => cell),
    values: Float64Array.from(counted, ({ count }) => count),
  };
  const { total } = await runJob<NativeEvaluation>((done) => addon.scoreCounts({ classCount }, counts, done), signal);
  const row = scoresOfRow(new Float64Array(total), classCount);
  const { pixelAccuracy, meanClassAccuracy, mIoU, fwIoU, iou, dice } = row;
  const pixels = cells.reduce((sum, count) => sum + count, 0);
  return {
    classes: map.classes.map(({ name }) => name),
    ...{ pixelAccuracy, meanClassAccuracy, mIoU, fwIoU, iou, dice },
    confusion: map.classes.map((_, index) => cells.slice(index * (classCount + 1), (index + 1) * (classCount + 1))),
    annotatedMm2: (pixels * map.mpp.x * map.mpp.y) / 1e6,
    warnings: await oddities(addon, file, polygons, signal),
  };
}

/**
 * The annotations of a slide, read and checked: before a slide is segmented, so that hours of work are not for nothing.
 * @throws WsssError as {@link scoreSlideMap}.
 */
export async function drawnOn(
  slide: Slide,
  classes: readonly TissueClass[],
  annotations: string,
  skipClasses: readonly string[],
): Promise<{ readonly file: AnnotationFile; readonly polygons: NativePolygons }> {
  const file = await readAnnotationFile(await findAnnotationFile(path.resolve(annotations), slide.path));
  return {
    file,
    polygons: placePolygons(
      file,
      valuesOfPolygons(file, classes, new Set(skipClasses.map((name) => name.normalize("NFC")))),
      slide,
    ),
  };
}
