/** A split of a dataset: its patches, labels and masks, loaded when they are first needed. */
import { type OnItemProgress, SharedTask } from "../async/shared-task.js";
import { WsssError } from "../errors.js";
import type { NativeMaskStore } from "../native/addon.js";
import type { DatasetDescription } from "./description.js";
import { refuseOption } from "../options/check.js";
import { groupField, type ProcessGroup } from "../process-group/process-group.js";
import { type LoadedGroup, type LoadedSplit, loadMaskStore, type StoreFactories } from "./loaded-split.js";
import { trueMaskReading } from "./mask-indices.js";
import { type HeldSplit, subsetOfHeld } from "./memory/held-split.js";
import type { PatchFile, PatchPlace } from "./patch-file.js";
import { seededSubset } from "./seeded-subset.js";
import { type KnownMasks, shareGroups, shareMasks } from "./share-groups.js";
import type { SplitFingerprint } from "./split-fingerprint.js";
import type { SplitName } from "./split-name.js";
import { type Colour, type GlassRule, type MaskIndices, paletteOf, type TissueClass } from "./tissue-class.js";

export type { PatchFile, PatchPlace };
export { type SplitName, splitNames } from "./split-name.js";

/** What a {@link Split} is made of. */
export interface SplitParts {
  readonly name: SplitName;
  /** Folder of the dataset. */
  readonly folder: string;
  readonly description: DatasetDescription;
  /** Path of the manifest that names the patches; absent where folders do. */
  readonly manifest?: string | undefined;
  /** Ordered by code point of their names. */
  readonly files: readonly PatchFile[];
  /** Paths of files that lie among the patches or masks but are none. */
  readonly skipped: readonly string[];
  /** Patches that have no label yet and are left out. @defaultValue 0 */
  readonly unlabelled?: number;
  /** Where the native stores come from; called when the split is loaded. */
  readonly stores: () => Promise<StoreFactories>;
  /** The pixels, where a program gave them and no file has them; gives the same object each time. */
  readonly held?: (() => Promise<HeldSplit>) | undefined;
}

/**
 * One part of a dataset: which patches it has, and, once loaded, their pixels in one native store.
 *
 * Nothing is decoded before {@link Split.load}. What is loaded is kept for all later calls, until {@link Split.release}.
 */
export class Split {
  /** Which part it is. */
  readonly name: SplitName;
  /** Folder of the dataset. */
  readonly folder: string;
  /** Name of the dataset. */
  readonly dataset: string;
  /** The K tissue classes, in the order of labels and mask indices. */
  readonly classes: readonly TissueClass[];
  /** Index K in masks. */
  readonly background: TissueClass;
  /** How the files of the true masks are numbered; null where it is as in every other mask. Loaded masks have indices. */
  readonly maskIndices: MaskIndices | null;
  /** White areas that become background in pseudo masks; null if there are none to look for. */
  readonly glass: GlassRule | null;
  /** Scale of the patches, in micrometres a pixel, as the description says; null where it says nothing. */
  readonly micronsPerPixel: number | null;
  /** The patches, ordered by code point of their names, so in the same order on every machine. */
  readonly files: readonly PatchFile[];
  /** Paths of files that lie among the patches or masks but are none; nothing is left out without being listed here. */
  readonly skipped: readonly string[];
  /** How many patches were left out because the manifest has no label for them yet; 0 unless its `unlabelled` is `"skip"`. */
  readonly unlabelled: number;
  readonly #parts: SplitParts;
  readonly #loaded: SharedTask<readonly LoadedGroup[], ProcessGroup>;
  readonly #truth: SharedTask<NativeMaskStore, ProcessGroup>;
  #tissuePixels: number | null = null;
  #patchSize: { readonly height: number; readonly width: number } | null = null;

  /**
   * Use `openDataset`.
   * @internal
   */
  constructor(parts: SplitParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.folder = parts.folder;
    this.dataset = parts.description.name;
    this.classes = parts.description.classes;
    this.background = parts.description.background;
    this.maskIndices = parts.description.maskIndices ?? null;
    this.glass = parts.description.glass;
    this.micronsPerPixel = parts.description.micronsPerPixel ?? null;
    this.files = parts.files;
    this.skipped = parts.skipped;
    this.unlabelled = parts.unlabelled ?? 0;
    this.#loaded = new SharedTask(
      `loading ${this.#label}`,
      async (signal, report, group) => await this.#loadAll(signal, report, group),
    );
    this.#truth = new SharedTask(
      `loading ${this.#label}`,
      async (signal, report, group) => await this.#loadTrainTruth(signal, report, group),
    );
  }

  /** Patches of this split; 0 where the dataset has no such split. */
  get count(): number {
    return this.files.length;
  }

  /**
   * Whether each patch has a true mask. Always so for val and test in the published layout; for train where `train_mask/` is
   * filled; with a manifest where it names masks.
   */
  get hasMasks(): boolean {
    return this.count > 0 && this.files.every(({ maskPath }) => maskPath !== undefined);
  }

  /** Colours of the mask indices 0..K, the last one background. */
  get palette(): readonly Colour[] {
    return paletteOf(this.classes, this.background);
  }

  /**
   * Decodes all patches, in parallel, and for val and test also reads the true masks, where there are any.
   *
   * Labels that neither names nor a manifest give for val and test are read from the masks.
   *
   * @param signal - stops the loading; it can be begun again afterwards.
   * @param onProgress - files done of all files, masks included.
   * @param group - of `joinProcessGroup`: the processes of a machine that load with it decode once, and have the pixels in common. What is
   *   loaded already stays as it is.
   * @returns the same object for all calls.
   * @throws WsssError `WSSS_ERR_DATASET` naming the first file (in the split's order) that is damaged, of another size,
   *   smaller than 32 px or a mask with an index out of range, labels of a manifest that contradict the masks, or if the
   *   split is empty; `WSSS_ERR_IO` if a file can't be read; `WSSS_ERR_CANCELLED`; `WSSS_ERR_OUT_OF_MEMORY`;
   *   `WSSS_ERR_PROCESS_GROUP` if a process of the group is lost; `WSSS_ERR_BINARY_NOT_FOUND` if the addon is missing.
   */
  async load(signal?: AbortSignal, onProgress?: OnItemProgress, group?: ProcessGroup): Promise<LoadedSplit> {
    const groups = await this.loadGroups(signal, onProgress, group);
    const [only] = groups;
    if (only !== undefined && groups.length === 1) {
      this.#patchSize = { height: only.height, width: only.width };
      return only;
    }
    const sizes = groups.map(({ height, width, count }) => `${width}x${height} px: ${count}`).join(", ");
    const message =
      `${this.#label} has patches of ${groups.length} sizes (${sizes}), which can be predicted and evaluated; ` +
      "to train on them or to draw pseudo masks, cut or pad them to one size";
    throw new WsssError("WSSS_ERR_DATASET", message, { split: this.name, sizes: groups.length });
  }

  /**
   * {@link Split.load} for patches that may differ in size, as those of val and test may: one group for each size, in the
   * order in which the sizes first occur.
   * @param signal - stops the loading; it can be begun again afterwards.
   * @param onProgress - files done of all files, masks included.
   * @param group - as of {@link Split.load}.
   * @throws WsssError as {@link Split.load}.
   */
  async loadGroups(
    signal?: AbortSignal,
    onProgress?: OnItemProgress,
    group?: ProcessGroup,
  ): Promise<readonly LoadedGroup[]> {
    if (group !== undefined && !groupField.safeParse(group).success) {
      throw refuseOption("Split.load", "group", "a process group of joinProcessGroup", group);
    }
    return await this.#loaded.get(signal, onProgress, group);
  }

  /**
   * Decodes all that {@link Split.loadGroups} would, to see whether it can be, and keeps nothing that was not kept before.
   * @param signal - stops it.
   * @param onProgress - files done of all files, masks included.
   * @throws WsssError as {@link Split.load}.
   * @internal
   */
  async check(signal?: AbortSignal, onProgress?: OnItemProgress): Promise<void> {
    const wasLoaded = this.#loaded.isBegun;
    await this.loadGroups(signal, onProgress);
    if (!wasLoaded) this.#loaded.forget();
  }

  /**
   * The true masks, uint8 [1, count, height, width]. For train they serve scores and full supervision only.
   * @param signal - stops the loading; it can be begun again afterwards.
   * @param onProgress - files done of all files, the patches included, whose size the masks must have.
   * @param group - as of {@link Split.load}.
   * @throws WsssError `WSSS_ERR_DATASET` if there are none, and as {@link Split.load}.
   */
  async loadTruth(signal?: AbortSignal, onProgress?: OnItemProgress, group?: ProcessGroup): Promise<NativeMaskStore> {
    if (this.count > 0 && !this.hasMasks) {
      const { manifest } = this.#parts;
      const way =
        manifest === undefined
          ? `put one for each patch into ${this.folder}/${maskFolder(this.name)}`
          : `name one for each patch in the column mask of ${manifest}`;
      const message = `${this.#label} has no true masks; ${way}`;
      throw new WsssError("WSSS_ERR_DATASET", message, { split: this.name, folder: this.folder });
    }
    if (this.name !== "train") {
      const { truth } = await this.load(signal, onProgress, group);
      if (truth !== null) return truth;
    }
    return await this.#truth.get(signal, onProgress, group);
  }

  /**
   * A split of `count` of these patches, drawn without preference and kept in their order; for trials on small machines.
   *
   * @param count - 1 or more; from this split's size on, all patches are taken.
   * @param seed - whole number; the same seed draws the same patches on every machine.
   * @throws WsssError `WSSS_ERR_OPTION` if one is out of its bounds.
   */
  subset(count: number, seed = 0): Split {
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new WsssError("WSSS_ERR_OPTION", `subset: count must be a whole number of at least 1, received ${count}`, {
        option: "count",
        minimum: 1,
        value: count,
      });
    }
    if (!Number.isSafeInteger(seed)) {
      const message = `subset: seed must be a whole number, received ${seed}`;
      throw new WsssError("WSSS_ERR_OPTION", message, { option: "seed", value: seed });
    }
    const chosen = seededSubset(this.count, count, seed);
    const { held, stores } = this.#parts;
    const files = chosen.flatMap((index) => this.files[index] ?? []);
    const part = held && once(async () => await subsetOfHeld(await stores(), await held(), chosen));
    return new Split({ ...this.#parts, files, held: part });
  }

  /**
   * Pixels of tissue in the true masks of train; null until {@link Split.loadTruth} has read them.
   * @internal
   */
  get tissuePixels(): number | null {
    return this.#tissuePixels;
  }

  /**
   * Size of the patches; null until {@link Split.load} has read them.
   * @internal
   */
  get patchSize(): { readonly height: number; readonly width: number } | null {
    return this.#patchSize;
  }

  /**
   * What tells a split in memory from another; null for one of files.
   * @internal
   */
  async heldFingerprint(): Promise<SplitFingerprint | null> {
    return (await this.#parts.held?.())?.fingerprint ?? null;
  }

  /**
   * Lets the decoded pixels go. Objects that {@link Split.load} returned stay valid; the next call loads again. A split of
   * `datasetFromMemory` keeps its pixels, since no file has them.
   */
  release(): void {
    this.#loaded.forget();
    this.#truth.forget();
  }

  get #label(): string {
    return `the ${this.name} split of ${this.dataset}`;
  }

  async #loadAll(
    signal: AbortSignal,
    report: OnItemProgress,
    group: ProcessGroup | undefined,
  ): Promise<readonly LoadedGroup[]> {
    const { files, name } = this;
    const { manifest, description, stores, held } = this.#parts;
    if (held !== undefined && this.count > 0) return (await held()).groups;
    if (this.count === 0) {
      const way =
        manifest === undefined ? `put patches into ${this.folder}/${patchFolder(name)}` : `${manifest} names none`;
      const message = `${this.dataset} has no ${name} split; ${way}`;
      throw new WsssError("WSSS_ERR_DATASET", message, { split: name, folder: this.folder });
    }
    const evaluated = name !== "train";
    const source = { what: this.#label, files, description, mixed: evaluated, withTruth: evaluated && this.hasMasks };
    return await shareGroups(group, await stores(), source, { signal, onProgress: report });
  }

  async #loadTrainTruth(
    signal: AbortSignal,
    report: OnItemProgress,
    group: ProcessGroup | undefined,
  ): Promise<NativeMaskStore> {
    const { count } = this;
    const held = await this.#parts.held?.();
    if (held?.trainTruth) {
      this.#tissuePixels = held.tissuePixels;
      return held.trainTruth;
    }
    const { height, width } = await this.load(signal, ({ done }) => report({ done, total: 2 * count }), group);
    const sources = { levels: [this.#maskPaths()], height, width, ...trueMaskReading(this.#parts.description) };
    const onProgress: OnItemProgress = ({ done }) => report({ done: count + done, total: 2 * count });
    const { length: classCount } = this.classes;
    const stores = await this.#parts.stores();
    const make = async (isShared: boolean): Promise<KnownMasks<{ readonly tissuePixels: number }>> => {
      let tissuePixels = 0;
      const options = { what: this.#label, signal, onProgress, isShared };
      const store = await loadMaskStore(stores, sources, options, ({ counts }) => {
        for (let index = 0; index < classCount; index++) tissuePixels += counts[index] ?? 0;
      });
      return { store, facts: { tissuePixels } };
    };
    const toShare = {
      ...{ origin: { description: this.#parts.description }, files: this.#maskPaths(), make },
      ...{ count, height, width, levelCount: 1 },
      onAttached: () => onProgress({ done: count, total: count }),
    };
    const { store, facts } = await shareMasks(group, stores, toShare, signal);
    this.#tissuePixels = facts.tissuePixels;
    return store;
  }

  #maskPaths(): string[] {
    return this.files.flatMap(({ maskPath }) => maskPath ?? []);
  }
}

/** Work that is done at the first call. */
function once<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let result: Promise<Result> | undefined;
  return async () => await (result ??= work());
}

/** Folder of a split's patches inside the dataset. */
export function patchFolder(name: SplitName): string {
  return name === "train" ? "train" : `${name}/img`;
}

/** Folder of a split's true masks inside the dataset. */
export function maskFolder(name: SplitName): string {
  return name === "train" ? "train_mask" : `${name}/mask`;
}
