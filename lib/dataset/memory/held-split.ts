/** A split in memory: its patches and masks copied into native stores, its fingerprint, its subsets. */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { WsssError } from "../../errors.js";
import { countIndices } from "../../image/index-png-codec.js";
import type { NativeMaskStore } from "../../native/addon.js";
import { nativeCall } from "../../native/job.js";
import { labelsOfMask, type LoadedGroup, type StoreFactories } from "../loaded-split.js";
import type { SplitFingerprint } from "../split-fingerprint.js";
import type { NamedMemoryPatch } from "./memory-patch.js";

/** Pixels of a split that lie in native memory and nowhere else: what `Split` would otherwise read from files. */
export interface HeldSplit {
  /** One for each size of the patches. */
  readonly groups: readonly LoadedGroup[];
  /** True masks of train, which no group has. */
  readonly trainTruth: NativeMaskStore | null;
  /** Pixels of tissue in them. */
  readonly tissuePixels: number;
  readonly fingerprint: SplitFingerprint;
}

/** Patches that are copied before the event loop turns. */
const patchesAtOnce = 16;

/**
 * Copies the patches of a split into native stores, one group for each size.
 * @throws WsssError `WSSS_ERR_DATASET` if some patches have masks and others none, or train patches differ in size;
 *   `WSSS_ERR_OUT_OF_MEMORY`.
 */
export async function holdSplit(
  stores: StoreFactories,
  split: string,
  patches: readonly NamedMemoryPatch[],
  classCount: number,
): Promise<HeldSplit> {
  const hasMasks = patches.some(({ mask }) => mask !== undefined);
  const bare = patches.find(({ mask }) => mask === undefined);
  if (hasMasks && bare !== undefined) throw refuse(split, `${bare.name} has no mask, and others of ${split} have one`);
  const isTrain = split === "train";
  const groups: LoadedGroup[] = [];
  let trainTruth: NativeMaskStore | null = null;
  for (const positions of bySize(patches)) {
    const { group, truth } = await holdGroup(stores, patches, positions, classCount);
    groups.push(isTrain ? group : { ...group, truth });
    trainTruth = truth;
  }
  if (isTrain && groups.length > 1) {
    const sizes = groups.map(({ height, width }) => `${width}x${height}`).join(", ");
    throw refuse(split, `its patches have ${groups.length} sizes (${sizes} px); cut or pad them to one`);
  }
  return {
    groups,
    trainTruth: isTrain && hasMasks ? trainTruth : null,
    tissuePixels: patches.reduce((sum, { counts }) => sum + tissueOf(counts, classCount), 0),
    fingerprint: await fingerprintOf(patches, hasMasks),
  };
}

/**
 * Some patches of a split that is held, in stores of their own.
 * @param chosen - their positions, in order.
 */
export async function subsetOfHeld(
  stores: StoreFactories,
  { groups, trainTruth }: HeldSplit,
  chosen: readonly number[],
): Promise<HeldSplit> {
  const wanted = new Map(chosen.map((position, index) => [position, index]));
  const patches: NamedMemoryPatch[] = [];
  for (const group of groups) {
    const { positions, height, width } = group;
    const truth = group.truth ?? trainTruth;
    for (const [index, position] of positions.entries()) {
      const place = wanted.get(position);
      if (place === undefined) continue;
      const rgb = new Uint8Array(group.patches.patch(index));
      const label = [...new Uint8Array(group.patches.labels(index))];
      const mask = truth === null ? undefined : new Uint8Array(truth.mask(0, index));
      patches[place] = { name: String(position), rgb, height, width, label, mask, counts: mask && countIndices(mask) };
      if (place % patchesAtOnce === patchesAtOnce - 1) await setImmediate();
    }
  }
  const classCount = groups[0]?.patches.classCount ?? 0;
  return await holdSplit(stores, trainTruth === null ? "subset" : "train", patches, classCount);
}

/** Positions of the patches of each size, in the order in which the sizes first occur. */
function bySize(patches: readonly NamedMemoryPatch[]): number[][] {
  const sizes = new Map<string, number[]>();
  for (const [position, { height, width }] of patches.entries()) {
    const size = `${height}x${width}`;
    sizes.set(size, [...(sizes.get(size) ?? []), position]);
  }
  return [...sizes.values()];
}

async function holdGroup(
  { PatchStore, MaskStore }: StoreFactories,
  all: readonly NamedMemoryPatch[],
  positions: readonly number[],
  classCount: number,
): Promise<{ group: LoadedGroup; truth: NativeMaskStore | null }> {
  const chosen = positions.flatMap((position) => all[position] ?? []);
  const [first] = chosen;
  const { height, width, mask } = first ?? { height: 0, width: 0 };
  const patches = nativeCall(() => new PatchStore(chosen.length, height, width, classCount));
  const truth = mask === undefined ? null : nativeCall(() => new MaskStore(chosen.length, height, width, 1));
  for (const [index, patch] of chosen.entries()) {
    nativeCall(() => {
      patches.setPatch(index, patch.rgb);
      patches.setLabels(index, labelOf(patch, classCount));
      if (patch.mask !== undefined) truth?.setMask(0, index, patch.mask);
    });
    if (index % patchesAtOnce === patchesAtOnce - 1) await setImmediate();
  }
  return { group: { patches, truth: null, count: chosen.length, height, width, positions }, truth };
}

/** The given label, or that of the mask. */
function labelOf(
  { label, counts = new Uint32Array(256), height, width }: NamedMemoryPatch,
  classCount: number,
): Uint8Array {
  return label === undefined ? labelsOfMask({ counts, height, width }, classCount, 0) : Uint8Array.from(label);
}

function tissueOf(counts: Uint32Array | undefined, classCount: number): number {
  return counts?.subarray(0, classCount).reduce((sum, count) => sum + count, 0) ?? 0;
}

/** By what the patches show, since there are no files whose sizes could tell. */
async function fingerprintOf(patches: readonly NamedMemoryPatch[], hasMasks: boolean): Promise<SplitFingerprint> {
  const [pixels, masks] = [createHash("sha256"), createHash("sha256")];
  for (const [index, { name, label, patient, rgb, mask, height, width }] of patches.entries()) {
    if (index % patchesAtOnce === patchesAtOnce - 1) await setImmediate();
    pixels.update(JSON.stringify([name, label, patient, height, width])).update(rgb);
    if (mask !== undefined) masks.update(name).update(mask);
  }
  return { count: patches.length, patches: pixels.digest("hex"), masks: hasMasks ? masks.digest("hex") : null };
}

function refuse(split: string, problem: string): WsssError {
  return new WsssError("WSSS_ERR_DATASET", `${split} cannot be taken as it is: ${problem}`, { split });
}
