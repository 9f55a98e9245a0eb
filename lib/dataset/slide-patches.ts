/** Patches that are parts of slides: read on native threads into a store, slide after slide. */
import { throwIfAborted } from "../async/cancellation.js";
import type { ItemProgress } from "../async/map-concurrently.js";
import { WsssError } from "../errors.js";
import type { DecodedPatch } from "../image/decode-patch.js";
import { usableCores } from "../machine/usable-cores.js";
import type { NativeAddon, NativePatchStore } from "../native/addon.js";
import { nativeCall, runJob } from "../native/job.js";
import { openSlide } from "../slide/open-slide.js";
import type { Slide } from "../slide/slide.js";
import type { PatchPlace } from "./patch-file.js";

/** A part of a slide, with its label where it is known. */
export interface SlidePatch {
  readonly imagePath: string;
  readonly place?: PatchPlace;
  readonly labels?: readonly number[];
}

/** Patches of one slide that are read at once: between two of them progress is told. */
const chunk = 64;

/**
 * Reads patches of slides into one native store, in their order; their pixels never pass JavaScript.
 * @param patches - at least one; all of one size.
 * @throws WsssError as `openSlide` and `Slide.read`.
 */
export async function loadSlidePatches(
  addon: Pick<NativeAddon, "PatchStore">,
  patches: readonly SlidePatch[],
  classCount: number,
  options: {
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: ((progress: ItemProgress) => void) | undefined;
    readonly isShared?: boolean;
  },
): Promise<NativePatchStore> {
  const side = patches[0]?.place?.patchPx ?? 0;
  const store = nativeCall(
    () => new addon.PatchStore(patches.length, side, side, classCount, options.isShared ?? false),
  );
  nativeCall(() => patches.forEach(({ labels }, index) => labels && store.setLabels(index, Uint8Array.from(labels))));
  let done = 0;
  for (const positions of positionsBySlide(patches)) {
    const { imagePath, place } = placed(patches[positions[0] ?? 0]);
    await using slide = await openSlide(imagePath, { micronsPerPixel: place.slideMpp, signal: options.signal });
    for (let first = 0; first < positions.length; first += chunk) {
      throwIfAborted(options.signal, "reading patches of slides");
      const some = positions.slice(first, first + chunk);
      await readInto(store, slide, patches, some, options.signal);
      done += some.length;
      options.onProgress?.({ done, total: patches.length });
    }
  }
  return store;
}

/**
 * One patch of a slide as pixels, for pictures of it.
 * @throws WsssError as `openSlide` and `Slide.read`.
 */
export async function readSlidePatch(
  imagePath: string,
  place: PatchPlace,
  signal?: AbortSignal,
): Promise<DecodedPatch> {
  await using slide = await openSlide(imagePath, { micronsPerPixel: place.slideMpp, signal });
  return await readPlace(slide, place, signal);
}

/** One patch of a slide that is open. */
export async function readPlace(slide: Slide, place: PatchPlace, signal?: AbortSignal): Promise<DecodedPatch> {
  const { x, y, patchPx, micronsPerPixel } = place;
  const { rgb, width, height } = await slide.read({
    ...{ x, y, micronsPerPixel, signal },
    width: patchPx,
    height: patchPx,
  });
  return { data: Buffer.from(rgb.buffer, rgb.byteOffset, rgb.byteLength), width, height };
}

/** Positions of the patches of each slide; slides whose scale is told in two ways count as two. */
function positionsBySlide(patches: readonly SlidePatch[]): number[][] {
  const bySlide = new Map<string, number[]>();
  for (const [index, patch] of patches.entries()) {
    const { imagePath, place } = placed(patch);
    const key = `${place.slideMpp ?? ""}\t${imagePath}`;
    const positions = bySlide.get(key) ?? [];
    positions.push(index);
    bySlide.set(key, positions);
  }
  return [...bySlide.values()];
}

async function readInto(
  store: NativePatchStore,
  slide: Slide,
  patches: readonly SlidePatch[],
  positions: readonly number[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const places = positions.map((index) => placed(patches[index]).place);
  const { x, y } = slide.scaleFor(places[0]?.micronsPerPixel ?? 0);
  const reading = {
    store,
    positions: Float64Array.from(positions),
    patches: {
      x: Float64Array.from(places, (place) => place.x),
      y: Float64Array.from(places, (place) => place.y),
      ...{ scaleX: x, scaleY: y, patchPx: store.width },
    },
    threads: usableCores(),
  };
  await runJob<null>((finished) => slide.native.readPatches(reading, finished), signal);
}

function placed(patch: SlidePatch | undefined): { readonly imagePath: string; readonly place: PatchPlace } {
  if (patch?.place !== undefined) return { imagePath: patch.imagePath, place: patch.place };
  throw new WsssError("WSSS_ERR_INTERNAL", "a picture is among patches of slides");
}
