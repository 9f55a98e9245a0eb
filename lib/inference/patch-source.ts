import path from "node:path";
import type { Split } from "../dataset/split.js";
import type { TissueClass } from "../dataset/tissue-class.js";
import { WsssError } from "../errors.js";
import { decodePatch } from "../image/decode-patch.js";
import { mapConcurrently } from "../image/map-concurrently.js";
import type { NativeAddon, NativePatchStore } from "../native/addon.js";
import { nativeCall } from "../native/job.js";
import { refuseOption } from "../options/check.js";
import { isSplit } from "../options/fields.js";
import { readAhead } from "./read-ahead.js";
import { assertPatchSize, checkSplit } from "./split-checks.js";

/** A decoded patch. */
export interface PatchPixels {
  /** RGB uint8 [height, width, 3], interleaved, height * width * 3 bytes. Copied before the call goes on. */
  readonly rgb: Uint8Array;
  /** In pixels, at least 32. */
  readonly height: number;
  /** In pixels, at least 32. */
  readonly width: number;
}

/** One patch: the path of a PNG, JPEG, TIFF or WebP file, or decoded pixels. */
export type PatchInput = string | PatchPixels;

/** A patch with the name that results carry. */
interface NamedPatch {
  readonly name: string;
  readonly input: PatchInput;
}

/** A checked source: patches one by one, or a whole split. */
export type CheckedSource =
  | { readonly kind: "patches"; readonly patches: readonly NamedPatch[]; readonly single: boolean }
  | { readonly kind: "split"; readonly split: Split };

/** Patches of one size in native memory, and where each belongs in the list that the caller gave. */
export interface PatchGroup {
  readonly store: NativePatchStore;
  /** For each patch of the store its position in the caller's list. */
  readonly positions: readonly number[];
}

/** Some patches that follow each other. */
export interface PatchPortion {
  /** Position of the first in the caller's list. */
  readonly start: number;
  readonly count: number;
  readonly groups: readonly PatchGroup[];
}

/** Patches of a portion: enough to fill several batches. A multiple of {@link patchesDecodedTogether}. */
const patchesAtOnce = 64;

/**
 * Pixels of a portion, and those that the network sees in one call: few enough that [K, H, W] probabilities of all of them
 * fit into memory. One patch may have more.
 */
const pixelsAtOnce = patchesAtOnce * 256 * 256;

/** Patches between two looks at how many pixels a portion has. */
const patchesDecodedTogether = 8;

/**
 * Checks what a caller wants predicted, without touching a file.
 * @throws WsssError `WSSS_ERR_OPTION` for another type, `WSSS_ERR_SHAPE` for pixels that don't fit their size.
 */
export function checkSource(call: string, source: unknown, classes: readonly TissueClass[]): CheckedSource {
  if (isSplit(source)) return { kind: "split", split: checkSplit(call, "patches", source, classes) };
  if (Array.isArray(source)) {
    const patches = source.map((input: unknown, index) => checkInput(call, `patches[${index}]`, input));
    return { kind: "patches", patches, single: false };
  }
  return { kind: "patches", patches: [checkInput(call, "patch", source)], single: true };
}

/**
 * Decodes patches a portion at a time, the next portion while the one before it is used.
 * @throws WsssError of the first patch that can't be read, when its portion's turn comes; `WSSS_ERR_CANCELLED`.
 */
export async function* patchPortions(
  call: string,
  addon: NativeAddon,
  patches: readonly NamedPatch[],
  classCount: number,
  signal: AbortSignal,
): AsyncGenerator<PatchPortion, void, void> {
  const unused = new AbortController();
  const decoding = decodePortions(call, patches, AbortSignal.any([signal, unused.signal]));
  let start = 0;
  for await (const decoded of readAhead(decoding, () => unused.abort())) {
    const groups = bySize(decoded).map((members) => {
      const chosen = members.map((index) => decoded[index]).filter((patch) => patch !== undefined);
      return { store: storeOf(addon, chosen, classCount), positions: members.map((index) => start + index) };
    });
    yield { start, count: decoded.length, groups };
    start += decoded.length;
  }
}

async function* decodePortions(
  call: string,
  patches: readonly NamedPatch[],
  signal: AbortSignal,
): AsyncGenerator<PatchPixels[], void, void> {
  let portion: PatchPixels[] = [];
  let pixels = 0;
  for (let start = 0; start < patches.length; start += patchesDecodedTogether) {
    const few = patches.slice(start, start + patchesDecodedTogether);
    const decoded = await mapConcurrently(few, async ({ input }) => await pixelsOf(call, input), {
      signal,
      what: call,
    });
    portion.push(...decoded);
    pixels += decoded.reduce((sum, { height, width }) => sum + height * width, 0);
    if (portion.length < patchesAtOnce && pixels < pixelsAtOnce) continue;
    yield portion;
    portion = [];
    pixels = 0;
  }
  if (portion.length > 0) yield portion;
}

/** Positions of patches of one size, no more of them together than the network should see in one call. */
function bySize(decoded: readonly PatchPixels[]): number[][] {
  const sizes = new Map<string, number[]>();
  for (const [index, { height, width }] of decoded.entries()) {
    const key = `${height}x${width}`;
    sizes.set(key, [...(sizes.get(key) ?? []), index]);
  }
  return [...sizes.values()].flatMap((members) => inGroups(members, decoded));
}

function inGroups(members: readonly number[], decoded: readonly PatchPixels[]): number[][] {
  const { height, width } = decoded[members[0] ?? 0] ?? { height: 1, width: 1 };
  const most = Math.max(1, Math.floor(pixelsAtOnce / (height * width)));
  const groups: number[][] = [];
  for (let start = 0; start < members.length; start += most) groups.push(members.slice(start, start + most));
  return groups;
}

function storeOf(addon: NativeAddon, patches: readonly PatchPixels[], classCount: number): NativePatchStore {
  const { height, width } = patches[0] ?? { height: 0, width: 0 };
  return nativeCall(() => {
    const store = new addon.PatchStore(patches.length, height, width, classCount);
    for (const [index, { rgb }] of patches.entries()) store.setPatch(index, rgb);
    return store;
  });
}

async function pixelsOf(call: string, input: PatchInput): Promise<PatchPixels> {
  if (typeof input !== "string") return input;
  const { data, height, width } = await decodePatch(input);
  assertPatchSize(call, `patch ${input}`, { height, width });
  return { rgb: data, height, width };
}

function checkInput(call: string, argument: string, input: unknown): NamedPatch {
  if (typeof input === "string" && input !== "") return { name: path.basename(input), input };
  if (!isPixels(input)) {
    const bound = "the path of a picture, or { rgb: Uint8Array, height, width }, or a split";
    throw refuseOption(call, argument, bound, input);
  }
  const { rgb, height, width } = input;
  assertPatchSize(call, argument, input);
  if (rgb.length !== height * width * 3) {
    const message =
      `${argument} of ${width}x${height} px needs ${height * width * 3} bytes of interleaved RGB, ` +
      `received ${rgb.length} (${call})`;
    throw new WsssError("WSSS_ERR_SHAPE", message, { call, height, width, bytes: rgb.length });
  }
  // Copied, because the caller may go on to reuse its buffer while the call decodes and waits.
  return { name: argument, input: { rgb: Uint8Array.from(rgb), height, width } };
}

function isPixels(input: unknown): input is PatchPixels {
  if (typeof input !== "object" || input === null) return false;
  const { rgb, height, width } = input as { rgb?: unknown; height?: unknown; width?: unknown };
  // By tag instead of `instanceof`: buffers of the file system belong to another realm inside test runners.
  const bytes = Object.prototype.toString.call(rgb) === "[object Uint8Array]";
  return bytes && Number.isInteger(height) && Number.isInteger(width);
}
