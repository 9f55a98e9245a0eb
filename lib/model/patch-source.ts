/** Patches to predict, as paths or pixels, decoded in portions and grouped by size. */
import path from "node:path";
import { mapConcurrently } from "../async/map-concurrently.js";
import { readAhead } from "../async/read-ahead.js";
import { isSplit } from "../dataset/is-split.js";
import type { Split } from "../dataset/split.js";
import type { TissueClass } from "../dataset/tissue-class.js";
import { WsssError } from "../errors.js";
import { decodePatch } from "../image/decode-patch.js";
import type { NativeAddon, NativePatchStore } from "../native/addon.js";
import { nativeCall } from "../native/job.js";
import { refuseOption } from "../options/check.js";
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
  /** Their positions in the caller's list, ascending. */
  readonly positions: readonly number[];
  /** Those of one size together; a group is copied into native memory when it is asked for. */
  readonly groups: Iterable<PatchGroup>;
}

/** How patches are read and seen. */
export interface PatchReading {
  readonly call: string;
  readonly classCount: number;
  /** Patches of a batch: portions are whole batches, so that not every portion ends with a small one. */
  readonly batchSize: number;
  readonly signal: AbortSignal;
  /** Told of a patch that can't be read, which is then left out; without it such a patch ends the reading. */
  readonly onUnreadable?: ((failure: UnreadablePatch) => void) | undefined;
}

/** A patch that could not be read. */
export interface UnreadablePatch {
  /** Its position in the list that was given. */
  readonly index: number;
  /** File name of the patch. */
  readonly name: string;
  /** Why; a `WsssError` says it in its message. */
  readonly error: unknown;
}

/** A decoded patch and its position in the caller's list. */
interface PlacedPatch {
  readonly patch: PatchPixels;
  readonly position: number;
}

/** About as many patches as a portion has: enough to fill several batches. */
const patchesAtOnce = 64;

/**
 * Pixels of a portion, and those that the network sees in one call: few enough that [K, H, W] probabilities of all of them
 * fit into memory. One patch may have more.
 */
const pixelsAtOnce = patchesAtOnce * 256 * 256;

/** Most patches that are decoded side by side. */
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
 * @throws WsssError of the first patch that can't be read, once those before it have been given out, unless somebody is
 *   told of it; `WSSS_ERR_CANCELLED`.
 */
export async function* patchPortions(
  addon: NativeAddon,
  patches: readonly NamedPatch[],
  reading: PatchReading,
): AsyncGenerator<PatchPortion, void, void> {
  const portions = readAhead(reading.signal, (signal) => decodePortions(patches, { ...reading, signal }));
  for await (const decoded of portions) {
    yield { positions: decoded.map(({ position }) => position), groups: groupsOf(addon, decoded, reading) };
  }
}

async function* decodePortions(
  patches: readonly NamedPatch[],
  { call, batchSize, signal, onUnreadable }: PatchReading,
): AsyncGenerator<PlacedPatch[], void, void> {
  let portion: PlacedPatch[] = [];
  let room = 1;
  for (let next = 0; next < patches.length;) {
    const few = patches.slice(next, next + Math.min(room, patchesDecodedTogether));
    const outcomes = await mapConcurrently(few, async ({ input }) => await outcomeOf(pixelsOf(call, input)), {
      signal,
      what: call,
    });
    for (const [i, outcome] of outcomes.entries()) {
      const position = next + i;
      if ("patch" in outcome) {
        portion.push({ patch: outcome.patch, position });
      } else if (onUnreadable !== undefined) {
        onUnreadable({ index: position, name: few[i]?.name ?? "", error: outcome.error });
      } else {
        if (portion.length > 0) yield portion;
        throw outcome.error;
      }
    }
    next += few.length;
    room = roomAfter(portion, batchSize);
    if (room > 0) continue;
    yield portion;
    portion = [];
    room = 1;
  }
  if (portion.length > 0) yield portion;
}

async function outcomeOf(
  decoding: Promise<PatchPixels>,
): Promise<{ readonly patch: PatchPixels } | { readonly error: unknown }> {
  return await decoding.then(
    (patch) => ({ patch }),
    (error: unknown) => ({ error }),
  );
}

/** How many more patches, if they are like the last, may join a portion. */
function roomAfter(portion: readonly PlacedPatch[], batchSize: number): number {
  const last = portion.at(-1)?.patch;
  if (last === undefined) return 1;
  const pixels = portion.reduce((sum, { patch }) => sum + patch.height * patch.width, 0);
  const left = Math.floor((pixelsAtOnce - pixels) / (last.height * last.width));
  return Math.min(left, patchesTogether(last, batchSize) - portion.length);
}

/** Patches of one size that the network sees in one call: whole batches, if one fits. */
function patchesTogether({ height, width }: PatchPixels, batchSize: number): number {
  const wanted = Math.ceil(patchesAtOnce / batchSize) * batchSize;
  const fitting = Math.max(1, Math.min(wanted, Math.floor(pixelsAtOnce / (height * width))));
  return fitting < batchSize ? fitting : fitting - (fitting % batchSize);
}

function* groupsOf(
  addon: NativeAddon,
  decoded: readonly PlacedPatch[],
  { classCount, batchSize }: PatchReading,
): Generator<PatchGroup, void, void> {
  const sizes = new Map<string, PlacedPatch[]>();
  for (const placed of decoded) {
    const key = `${placed.patch.height}x${placed.patch.width}`;
    sizes.set(key, [...(sizes.get(key) ?? []), placed]);
  }
  for (const members of sizes.values()) {
    const most = members[0] === undefined ? 1 : patchesTogether(members[0].patch, batchSize);
    for (let first = 0; first < members.length; first += most) {
      const group = members.slice(first, first + most);
      const store = storeOf(
        addon,
        group.map(({ patch }) => patch),
        classCount,
      );
      yield { store, positions: group.map(({ position }) => position) };
    }
  }
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
