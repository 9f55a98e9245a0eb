/** Where on one slide patches can be cut, and what annotations say of each. */
import { WsssError } from "../errors.js";
import { usableCores } from "../machine/usable-cores.js";
import type { NativeAddon, NativePatchPlaces, NativePlannedPatches, NativePolygons } from "../native/addon.js";
import { runJob } from "../native/job.js";
import { scaleMissing } from "../slide/slide-scale.js";
import { tissueSearch } from "../slide/slide-tissue.js";
import type { Slide } from "../slide/slide.js";
import type { SlideEntry } from "./slides-table.js";

/** Form of the patches, and where they are wanted. */
export interface CuttingRules {
  readonly micronsPerPixel: number;
  readonly patchPx: number;
  readonly stridePx: number;
  readonly minTissue: number;
  readonly minAnnotated: number;
  readonly minClassShare: number;
}

/** A patch that could be cut. */
export interface PatchCandidate {
  /** Corner, in pixels of the slide's finest level. */
  readonly x: number;
  readonly y: number;
  /** 0 or 1 for each class; null without annotations. */
  readonly labels: readonly number[] | null;
}

/** What was found on one slide. */
export interface SlideCandidates {
  readonly entry: SlideEntry;
  /** Polygons in pixels of the finest level; null without annotations. */
  readonly polygons: NativePolygons | null;
  readonly patches: readonly PatchCandidate[];
  /** Patches with enough tissue. */
  readonly withTissue: number;
  /** Those of them of which too little is annotated. */
  readonly notAnnotated: number;
  /** Those of them that are annotated, and of no class by enough of it. */
  readonly withoutClass: number;
  /** Pixels of the finest level that a pixel of a patch is wide and high. */
  readonly scale: { readonly x: number; readonly y: number };
}

/** Places of patches as the addon wants them. */
export function placesOf(
  patches: readonly Pick<PatchCandidate, "x" | "y">[],
  scale: { readonly x: number; readonly y: number },
  patchPx: number,
): NativePatchPlaces {
  return {
    x: Float64Array.from(patches, ({ x }) => x),
    y: Float64Array.from(patches, ({ y }) => y),
    ...{ scaleX: scale.x, scaleY: scale.y, patchPx },
  };
}

/**
 * Finds the patches of a slide that have enough tissue and, with annotations, enough of them.
 * @throws WsssError `WSSS_ERR_DATASET` if the slide's scale is not known, it is smaller than a patch, or it can't be read.
 */
export async function findCandidates(
  addon: NativeAddon,
  slide: Slide,
  found: Pick<SlideCandidates, "entry" | "polygons">,
  rules: CuttingRules,
  classCount: number,
  signal: AbortSignal | undefined,
): Promise<SlideCandidates> {
  const { mpp } = slide;
  if (mpp === null) throw scaleMissing(slide.path, slide.mppProblem ?? "");
  const { patchPx, stridePx, minTissue, micronsPerPixel } = rules;
  const scale = slide.scaleFor(micronsPerPixel);
  assertLargeEnough(slide, scale, rules);
  const plan = {
    ...{ scaleX: scale.x, scaleY: scale.y, patchPx, stridePx, minTissue },
    tissue: tissueSearch(slide, mpp),
    threads: usableCores(),
  };
  const planned = await runJob<NativePlannedPatches>((done) => slide.native.planPatches(plan, done), signal);
  const [x, y] = [new Float64Array(planned.x), new Float64Array(planned.y)];
  const all = Array.from(x, (left, index) => ({ x: left, y: y[index] ?? 0 }));
  const withTissue = all.length;
  assertCountable(slide, withTissue, rules);
  // What the slide does not say itself has to be said wherever its patches are read.
  const entry = slide.mppSource === "given" ? { ...found.entry, mpp: mpp.x } : found.entry;
  const base = { ...found, entry, scale, withTissue };
  const { polygons } = found;
  if (polygons === null || withTissue === 0) {
    return { ...base, patches: all.map((one) => ({ ...one, labels: null })), notAnnotated: 0, withoutClass: 0 };
  }
  const patches = placesOf(all, scale, patchPx);
  const request = { polygons, patches, classCount };
  const counts = new Float64Array(await runJob<ArrayBuffer>((done) => addon.countAnnotated(request, done), signal));
  return { ...base, ...labelled(all, counts, rules, classCount) };
}

/** The patches that annotations say enough of. @param counts - pixels of each class and of background, [N, K + 1] */
function labelled(
  all: readonly { readonly x: number; readonly y: number }[],
  counts: Float64Array,
  { patchPx, minAnnotated, minClassShare }: CuttingRules,
  classCount: number,
): Pick<SlideCandidates, "patches" | "notAnnotated" | "withoutClass"> {
  const pixels = patchPx * patchPx;
  const enough = Math.max(1, minClassShare * pixels);
  const patches: PatchCandidate[] = [];
  let notAnnotated = 0;
  let withoutClass = 0;
  for (const [index, place] of all.entries()) {
    const ofPatch = counts.subarray(index * (classCount + 1), (index + 1) * (classCount + 1));
    const labels = Array.from(ofPatch.subarray(0, classCount), (count) => (count >= enough ? 1 : 0));
    const annotated = ofPatch.reduce((sum, count) => sum + count, 0);
    if (annotated < minAnnotated * pixels) notAnnotated += 1;
    else if (!labels.includes(1)) withoutClass += 1;
    else patches.push({ ...place, labels });
  }
  return { patches, notAnnotated, withoutClass };
}

/** More patches of one slide are a slip of the stride: nobody labels, and no memory holds them. */
const mostCandidates = 1_000_000;

function assertCountable({ path }: Slide, count: number, { stridePx }: CuttingRules): void {
  if (count <= mostCandidates) return;
  const message =
    `slide ${path} has ${count} patches with a stride of ${stridePx} px, and at most ${mostCandidates} are looked at; ` +
    "take a larger stride (stridePx, --stride)";
  throw new WsssError("WSSS_ERR_DATASET", message, { path, failure: "many", count });
}

function assertLargeEnough(
  { path, width, height }: Slide,
  scale: { readonly x: number; readonly y: number },
  { patchPx, micronsPerPixel }: CuttingRules,
): void {
  const [across, down] = [patchPx * scale.x, patchPx * scale.y];
  if (width >= across && height >= down) return;
  const message =
    `slide ${path} of ${width} x ${height} px is smaller than a patch, which takes ${Math.ceil(across)} x ${Math.ceil(down)} px of it ` +
    `(${patchPx} px at ${micronsPerPixel} um a pixel); take smaller patches, or a finer scale`;
  throw new WsssError("WSSS_ERR_DATASET", message, { path, failure: "small", width, height });
}
