/** `datasetFromMemory`: a dataset made of arrays that a program holds instead of files. */
import { setImmediate } from "node:timers/promises";
import { WsssError } from "../../errors.js";
import { loadAddon } from "../../native/load.js";
import { refuseAbsentClasses } from "../absent-classes.js";
import { checkDescription, type DatasetDescription } from "../description.js";
import type { Dataset } from "../open-dataset.js";
import type { PatchFile } from "../patch-file.js";
import { Split, type SplitName, splitNames } from "../split.js";
import { type GlassRule, labelSpellings, paletteOf, type TissueClass } from "../tissue-class.js";
import { holdSplit } from "./held-split.js";
import { checkMemoryPatch, type MemoryPatch, type NamedMemoryPatch } from "./memory-patch.js";

/** Patches in an array, or as they come: from a generator, a database, another program. */
export type MemoryPatches = Iterable<MemoryPatch> | AsyncIterable<MemoryPatch>;

/** A dataset that a program holds. */
export interface MemoryDataset {
  /** The K tissue classes, 2 to 254, in the order of labels and mask indices, with names and colours that differ. */
  readonly classes: readonly TissueClass[];
  /**
   * Name and colour of index K in masks.
   * @defaultValue white, named `background`
   */
  readonly background?: TissueClass | undefined;
  /**
   * White areas that become background in pseudo masks; `null` for none.
   * @defaultValue `null`
   */
  readonly glass?: GlassRule | null | undefined;
  /**
   * Name for messages and reports.
   * @defaultValue `"memory"`
   */
  readonly name?: string | undefined;
  /**
   * Whether patches whose label names no class are allowed.
   * @defaultValue `false`: nothing can be learned from them
   */
  readonly allowEmptyLabels?: boolean | undefined;
  /** Patches to learn from, with labels. True masks are never used for weak training. */
  readonly train: MemoryPatches;
  /**
   * Patches to choose the best epoch by.
   * @defaultValue none
   */
  readonly val?: MemoryPatches | undefined;
  /**
   * Patches for the scores.
   * @defaultValue none
   */
  readonly test?: MemoryPatches | undefined;
}

const call = "datasetFromMemory";

/** Patches that are checked before the event loop turns. */
const patchesAtOnce = 32;

/**
 * A dataset of pixels, labels and masks that a program holds instead of files. Everything is checked and copied into native memory, where
 * it stays as long as the dataset is used; the arrays that were given can go. Trainings, evaluations, predictions and pseudo masks take its
 * splits as they take those of {@link openDataset}.
 *
 * @throws WsssError `WSSS_ERR_OPTION`, `WSSS_ERR_SHAPE` or `WSSS_ERR_DATASET`, naming the patch (`train[3].rgb`) and what would be right;
 *   `WSSS_ERR_DATASET` for a class that no train patch shows; `WSSS_ERR_OUT_OF_MEMORY`; what an iterator throws.
 *
 * @example
 * ```ts
 * const data = await datasetFromMemory({
 *   classes: [
 *     { name: "gland", colour: [200, 0, 0] },
 *     { name: "stroma", colour: [0, 0, 200] },
 *   ],
 *   train: [{ rgb: pixels, height: 224, width: 224, label: [1, 0] }],
 * });
 * ```
 */
export async function datasetFromMemory(given: MemoryDataset): Promise<Dataset> {
  const description = describe(given);
  const { name, classes, background, glass } = description;
  const patches = {} as Record<SplitName, NamedMemoryPatch[]>;
  for (const split of splitNames) patches[split] = await collect(given[split], split, description);
  if (patches.train.length === 0) throw refuse("train has no patches", { split: "train" });
  const stores = await loadAddon();
  const splits = {} as Record<SplitName, Split>;
  for (const split of splitNames) {
    const files = patches[split].map(fileOf);
    if (split === "train") refuseAbsentClasses(files, classes, name);
    const held = await holdSplit(stores, split, patches[split], classes.length);
    const pixels = { stores: loadAddon, held: async () => await Promise.resolve(held) };
    splits[split] = new Split({ name: split, folder: "", description, files, skipped: [], ...pixels });
  }
  const palette = paletteOf(classes, background);
  return { folder: "", name, classes, background, glass, palette, description, manifest: null, ...splits };
}

/** The rules of a description file hold here too. */
function describe(given: unknown): DatasetDescription {
  if (typeof given !== "object" || given === null) {
    throw new WsssError("WSSS_ERR_OPTION", `options must be an object (${call})`, { call, option: "options" });
  }
  const { classes, background, glass = null, name = "memory", allowEmptyLabels = false } = given as MemoryDataset;
  const labels = { rule: labelSpellings[0], allowEmpty: allowEmptyLabels };
  return checkDescription({ name, classes, background, glass, labels, ignoreIndex: 255 }, undefined, call);
}

async function collect(
  given: MemoryPatches | undefined,
  split: SplitName,
  { classes, labels }: DatasetDescription,
): Promise<NamedMemoryPatch[]> {
  if (given === undefined) return [];
  if (typeof given !== "object" || !(Symbol.iterator in given || Symbol.asyncIterator in given)) {
    const message = `${split} must be an array of patches, or something that can be iterated (${call})`;
    throw new WsssError("WSSS_ERR_OPTION", message, { call, option: split });
  }
  const rules = { call, split, classCount: classes.length, allowEmptyLabels: labels.allowEmpty };
  const patches: NamedMemoryPatch[] = [];
  const names = new Map<string, number>();
  for await (const each of given) {
    const patch = checkMemoryPatch(each, patches.length, rules);
    const before = names.get(patch.name);
    if (before !== undefined) {
      throw refuse(`${split}[${patches.length}] and ${split}[${before}] have one name, ${patch.name}`, { split });
    }
    names.set(patch.name, patches.length);
    patches.push(patch);
    if (patches.length % patchesAtOnce === 0) await setImmediate();
  }
  return patches;
}

/** What stands for a file: nothing reads it, since the pixels are held. */
function fileOf({ name, label, mask, patient }: NamedMemoryPatch): PatchFile {
  return {
    stem: name,
    imagePath: name,
    ...(mask !== undefined && { maskPath: name }),
    ...(label !== undefined && { labels: label }),
    ...(patient !== undefined && { patient }),
  };
}

function refuse(problem: string, details: Readonly<Record<string, unknown>>): WsssError {
  return new WsssError("WSSS_ERR_DATASET", `${problem} (${call})`, { call, ...details });
}
