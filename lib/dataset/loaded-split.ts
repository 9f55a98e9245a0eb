/** Patches and index masks read from files into native stores, with checks of size and index. */
import { basename } from "node:path";
import { throwIfAborted } from "../async/cancellation.js";
import { type ItemProgress, mapConcurrently } from "../async/map-concurrently.js";
import { WsssError } from "../errors.js";
import { type DecodedPatch, decodePatch } from "../image/decode-patch.js";
import { type Colour, type DecodedMask, ignoredIndex, readIndexPng, type StoredIndices } from "../image/index-png.js";
import type { NativeAddon, NativeMaskStore, NativePatchStore } from "../native/addon.js";
import { nativeCall } from "../native/job.js";
import type { PatchPlace } from "./patch-file.js";
import { loadSlidePatches } from "./slide-patches.js";

/** The part of the addon that keeps pixels. */
export type StoreFactories = Pick<NativeAddon, "PatchStore" | "MaskStore">;

/** A split, or the patches of one size of it, decoded and in one native store. */
export interface LoadedSplit {
  /** uint8 [count, height, width, 3] and labels uint8 [count, K], in the order of the split's files. */
  readonly patches: NativePatchStore;
  /** True masks, uint8 [1, count, height, width]; null without any, and for train, whose masks only `loadTruth()` loads. */
  readonly truth: NativeMaskStore | null;
  /** Number of patches. */
  readonly count: number;
  /** Height of every patch, in pixels. */
  readonly height: number;
  /** Width of every patch, in pixels. */
  readonly width: number;
}

/** The patches of one size of a split. */
export interface LoadedGroup extends LoadedSplit {
  /** For each patch of the stores its position in the split's files. */
  readonly positions: readonly number[];
}

/** The true masks of patches that were checked to have some. */
export function truthOf({ truth }: LoadedSplit): NativeMaskStore {
  if (truth !== null) return truth;
  throw new WsssError("WSSS_ERR_INTERNAL", "a split without true masks was let through to where they are needed");
}

/** How a loading is followed and stopped. */
export interface LoadingOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ItemProgress) => void) | undefined;
  /**
   * What is loaded, for messages.
   * @defaultValue `"the patches"` or `"the masks"`
   */
  readonly what?: string;
  /**
   * Whether other processes of this machine may attach the memory.
   * @defaultValue `false`
   */
  readonly isShared?: boolean;
}

/** Shortest side of a patch, in px: four cells of the classifier's stride-8 maps. */
export const minPatchSidePx = 32;

/** A patch to load, with its label where it is known. */
export interface PatchSource {
  readonly imagePath: string;
  readonly place?: PatchPlace;
  readonly labels?: readonly number[];
}

/**
 * Decodes patches in parallel into one native store, in their order.
 *
 * @param sources - at least one; all of one size, which the first one sets. Where a label is missing it stays 0.
 * @throws WsssError `WSSS_ERR_DATASET` naming the file if one can't be decoded, is smaller than 32 px or of another size;
 *   `WSSS_ERR_IO` if one can't be read; `WSSS_ERR_CANCELLED`; `WSSS_ERR_OUT_OF_MEMORY` if the store does not fit.
 */
export async function loadPatchStore(
  addon: StoreFactories,
  sources: readonly PatchSource[],
  classCount: number,
  options: LoadingOptions = {},
): Promise<NativePatchStore> {
  const { what = "the patches", signal, onProgress, isShared = false } = options;
  const [leader] = sources;
  if (leader === undefined) throw new WsssError("WSSS_ERR_DATASET", `${what}: there is no patch to load`);
  const loading = `loading ${what}`;
  throwIfAborted(signal, loading);
  // A manifest names pictures or places on slides, never both.
  if (leader.place !== undefined)
    return await loadSlidePatches(addon, sources, classCount, { signal, onProgress, isShared });
  const first = await decodePatch(leader.imagePath);
  checkSide(first, leader.imagePath);
  const store = nativeCall(() => new addon.PatchStore(sources.length, first.height, first.width, classCount, isShared));
  await mapConcurrently(
    sources,
    async ({ imagePath, labels }, index) => {
      const patch = index === 0 ? first : await decodePatch(imagePath);
      checkSameSize(patch, imagePath, first, leader.imagePath);
      nativeCall(() => {
        store.setPatch(index, patch.data);
        if (labels !== undefined) store.setLabels(index, Uint8Array.from(labels));
      });
    },
    { signal, onProgress, what: loading },
  );
  return store;
}

/** Index masks to load. */
export interface MaskSources {
  /** For each level, the paths of its masks in the order of the patches. */
  readonly levels: readonly (readonly string[])[];
  /** Size of the patches that they belong to, in px. */
  readonly height: number;
  readonly width: number;
  /** Colours of the indices 0..K, the last one background. */
  readonly palette: readonly Colour[];
  /**
   * Whether 255, ignored, may occur.
   * @defaultValue `true`
   */
  readonly mayIgnore?: boolean;
  /**
   * What the files' values stand for; says of each whether it may occur, 255 included.
   * @defaultValue none: they are the indices, as in all masks that this library has written
   */
  readonly stored?: StoredIndices | undefined;
}

/**
 * Reads index masks into one native store, uint8 [L, N, height, width].
 *
 * @param onMask - sees each mask as it is decoded.
 * @throws WsssError `WSSS_ERR_DATASET` naming the file if a mask is damaged, of another size than its patch, or has an
 *   index that is neither 0..K nor, where it may be ignored, 255; `WSSS_ERR_IO` if one can't be read; `WSSS_ERR_CANCELLED`.
 */
export async function loadMaskStore(
  addon: StoreFactories,
  sources: MaskSources,
  options: LoadingOptions = {},
  onMask?: (mask: DecodedMask, level: number, index: number) => void,
): Promise<NativeMaskStore> {
  const { levels, height, width, palette, mayIgnore = true, stored } = sources;
  const { what = "the masks", signal, onProgress, isShared = false } = options;
  const count = levels[0]?.length ?? 0;
  if (count === 0 || levels.some((paths) => paths.length !== count)) {
    const found = levels.map((paths) => paths.length).join(", ");
    throw new WsssError(
      "WSSS_ERR_DATASET",
      `${what}: each level needs one mask a patch, received ${found || "no level"}`,
    );
  }
  throwIfAborted(signal, `loading ${what}`);
  const store = nativeCall(() => new addon.MaskStore(count, height, width, levels.length, isShared));
  const paths = levels.flatMap((ofLevel, level) => ofLevel.map((path, index) => ({ path, level, index })));
  await mapConcurrently(
    paths,
    async ({ path, level, index }) => {
      const mask = await readIndexPng(path, { palette, stored });
      if (mask.height !== height || mask.width !== width) throw maskSizeError(path, mask, { height, width });
      if (!mayIgnore && stored === undefined && (mask.counts[ignoredIndex] ?? 0) > 0)
        throw ignoredPixelError(path, mask);
      nativeCall(() => store.setMask(level, index, mask.indices));
      onMask?.(mask, level, index);
    },
    { signal, onProgress, what: `loading ${what}` },
  );
  return store;
}

/** How many pixels of each index a mask has. */
export type MaskCounts = Pick<DecodedMask, "height" | "width"> & { readonly counts: ArrayLike<number> };

/**
 * The label that a true mask implies.
 * @param minClassShare - share of the mask's pixels, 0..1, from which a class is present; with 0, one pixel is enough.
 * @returns uint8 [K]
 */
export function labelsOfMask(mask: MaskCounts, classCount: number, minClassShare: number): Uint8Array {
  const enough = Math.max(1, minClassShare * mask.height * mask.width);
  return Uint8Array.from({ length: classCount }, (_, index) => ((mask.counts[index] ?? 0) >= enough ? 1 : 0));
}

function checkSide({ height, width }: DecodedPatch, path: string): void {
  if (Math.min(height, width) >= minPatchSidePx) return;
  const message =
    `patch ${path} is ${height} px high and ${width} px wide; ` +
    `the networks need at least ${minPatchSidePx} px on each side`;
  throw new WsssError("WSSS_ERR_DATASET", message, { path, height, width, minimum: minPatchSidePx });
}

function checkSameSize(patch: DecodedPatch, path: string, first: DecodedPatch, firstPath: string): void {
  const { height, width } = patch;
  if (height === first.height && width === first.width) return;
  const message =
    `patch ${path} is ${height} px high and ${width} px wide, but ${basename(firstPath)} is ` +
    `${first.height} px high and ${first.width} px wide; patches to train on must have one size: cut or pad them, and ` +
    "their masks, to the same size";
  const expected = { height: first.height, width: first.width };
  throw new WsssError("WSSS_ERR_DATASET", message, { path, height, width, expected });
}

function ignoredPixelError(path: string, { indices, width, counts }: DecodedMask): WsssError {
  const pixel = indices.indexOf(ignoredIndex);
  const at = { x: pixel % width, y: Math.floor(pixel / width) };
  const pixels = counts[ignoredIndex] ?? 0;
  const message =
    `mask ${path} has the index ${ignoredIndex} in ${pixels} pixels, first at x ${at.x}, y ${at.y}; if they are to be left ` +
    `out of scores and supervision, say "ignoreIndex": ${ignoredIndex} in the description`;
  return new WsssError("WSSS_ERR_DATASET", message, { path, index: ignoredIndex, pixels, ...at });
}

function maskSizeError(
  path: string,
  { height, width }: DecodedMask,
  expected: { readonly height: number; readonly width: number },
): WsssError {
  const message =
    `mask ${path} is ${height} px high and ${width} px wide, but its patch is ` +
    `${expected.height} px high and ${expected.width} px wide`;
  return new WsssError("WSSS_ERR_DATASET", message, { path, height, width, expected });
}
