/** Predicted class maps of patches, one by one, in portions, or of a whole split. */
import { throwIfAborted } from "../async/cancellation.js";
import { inStage, type OnProgress } from "../async/progress.js";
import { readAhead } from "../async/read-ahead.js";
import type { TissueClass } from "../dataset/tissue-class.js";
import { type CheckedSource, patchPortions, type UnreadablePatch } from "../model/patch-source.js";
import type { NativeAddon, NativeMaskStore, NativePatchStore, NativeSegmenter } from "../native/addon.js";
import { nativeCall, runJob } from "../native/job.js";
import { loadAddon } from "../native/load.js";
import type { PatchViews } from "../native/patch-views.js";
import type { PatchGate } from "./gate.js";

/** Which class each pixel of a patch shows. */
export interface ClassMap {
  /** File name of the patch; its stem in a split; `patches[i]` for pixels. */
  readonly name: string;
  /** In pixels. */
  readonly height: number;
  /** In pixels. */
  readonly width: number;
  /** uint8 [height * width], row by row: the class of each pixel, 0..K-1. Background is never predicted. */
  readonly classMap: Uint8Array;
}

/** Which class each pixel of a patch shows, and how probable each class is there. */
export interface SegmentationPrediction extends ClassMap {
  /** float32 [K * height * width], class by class and row by row, 0..1; at every pixel they sum to 1. */
  readonly probabilities: Float32Array;
}

/** What a prediction needs beside the patches. */
export interface SegmentationWork {
  readonly call: string;
  readonly native: NativeSegmenter;
  readonly classes: readonly TissueClass[];
  readonly gate: PatchGate | null;
  readonly batchSize: number;
  readonly views: PatchViews;
  readonly signal: AbortSignal;
  readonly report: OnProgress;
  /** Told of a patch that can't be read, which is then left out. */
  readonly onUnreadable?: ((failure: UnreadablePatch) => void) | undefined;
}

/** Patches one by one, as they are checked. */
type CheckedPatches = Extract<CheckedSource, { kind: "patches" }>["patches"];

/** Segments patches one by one, probabilities included, in the order given. */
export async function predictPatches(
  work: SegmentationWork,
  patches: CheckedPatches,
): Promise<SegmentationPrediction[]> {
  const results: SegmentationPrediction[] = [];
  const withProbabilities = (map: ClassMap, all: Float32Array, index: number): SegmentationPrediction => {
    const size = work.classes.length * map.height * map.width;
    return { ...map, probabilities: all.slice(index * size, (index + 1) * size) };
  };
  for await (const portion of segmentPortions(work, patches, true, withProbabilities)) results.push(...portion);
  return results;
}

/** Segments patches without probabilities, in the order given; the next ones while the caller uses those before them. */
export async function* predictEach(
  work: SegmentationWork,
  patches: CheckedPatches,
): AsyncGenerator<ClassMap, void, void> {
  const portions = readAhead(work.signal, (signal) =>
    segmentPortions({ ...work, signal }, patches, false, (map) => map),
  );
  for await (const maps of portions) {
    for (const map of maps) {
      yield map;
      throwIfAborted(work.signal);
    }
  }
}

/**
 * Segments patches a portion at a time.
 * @param wanted - whether probabilities are.
 * @param predictionOf - makes a prediction of a class map, the probabilities of its group, and its position in the group.
 */
async function* segmentPortions<Prediction>(
  work: SegmentationWork,
  patches: CheckedPatches,
  wanted: boolean,
  predictionOf: (map: ClassMap, probabilities: Float32Array, index: number) => Prediction,
): AsyncGenerator<Prediction[], void, void> {
  const { call, classes, batchSize, signal, onUnreadable } = work;
  const addon = await loadAddon();
  let before = 0;
  const reading = { call, classCount: classes.length, batchSize, signal, onUnreadable };
  for await (const { positions: inOrder, groups } of patchPortions(addon, patches, reading)) {
    const predictions = new Map<number, Prediction>();
    for (const { store, positions } of groups) {
      const progress = { before, total: patches.length };
      const { masks, probabilities } = await segmentGroup(work, addon, store, wanted, progress);
      for (const [index, position] of positions.entries()) {
        const map = classMapOf(patches[position]?.name ?? "", masks, index);
        predictions.set(position, predictionOf(map, probabilities, index));
      }
      before += positions.length;
    }
    yield inOrder.flatMap((position) => predictions.get(position) ?? []);
  }
}

/** Segments a whole split, without probabilities, in its order. */
export async function predictSplit(
  work: SegmentationWork,
  { split }: Extract<CheckedSource, { kind: "split" }>,
): Promise<ClassMap[]> {
  const groups = await split.loadGroups(work.signal, inStage(work.report, "load"));
  const addon = await loadAddon();
  const results = new Array<ClassMap>(split.count);
  let before = 0;
  for (const { patches, positions } of groups) {
    const { masks } = await segmentGroup(work, addon, patches, false, { before, total: split.count });
    for (const [index, position] of positions.entries()) {
      results[position] = classMapOf(split.files[position]?.stem ?? "", masks, index);
    }
    before += positions.length;
  }
  return results;
}

/** Segments patches of one size. */
export async function segmentGroup(
  { native, gate, batchSize, views, signal, report }: SegmentationWork,
  addon: NativeAddon,
  patches: NativePatchStore,
  wanted: boolean,
  { before, total }: { readonly before: number; readonly total: number },
): Promise<{ readonly masks: NativeMaskStore; readonly probabilities: Float32Array }> {
  const opened = gate && (await gate.open(patches, signal, report));
  const { count, height, width } = patches;
  const masks = nativeCall(() => new addon.MaskStore(count, height, width, 1));
  const segmented = inStage(report, "segment");
  const { probabilities } = await runJob<{ probabilities: ArrayBuffer | null }>(
    (done) =>
      native.segment(
        { batchSize, views, probabilities: wanted },
        patches,
        opened,
        masks,
        (event) => segmented({ done: before + event.done, total }),
        done,
      ),
    signal,
  );
  return { masks, probabilities: probabilities ? new Float32Array(probabilities) : new Float32Array(0) };
}

function classMapOf(name: string, masks: NativeMaskStore, row: number): ClassMap {
  const { height, width } = masks;
  return { name, height, width, classMap: new Uint8Array(nativeCall(() => masks.mask(0, row))) };
}
