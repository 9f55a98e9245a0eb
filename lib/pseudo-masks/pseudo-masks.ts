/** The `PseudoMasks` of the API: the masks of a split by feature level, to be read, written and scored. */
import { z } from "zod";
import { throwIfAborted } from "../async/cancellation.js";
import { inStage, type OnProgress } from "../async/progress.js";
import { isSplit } from "../dataset/is-split.js";
import { loadMaskStore } from "../dataset/loaded-split.js";
import { shareMasks } from "../dataset/share-groups.js";
import type { Split } from "../dataset/split.js";
import { paletteOf, type TissueClass } from "../dataset/tissue-class.js";
import { WsssError } from "../errors.js";
import { boundaryTolerancePx, nativeTolerance } from "../evaluation/boundary-tolerance.js";
import type { EvaluationSettings } from "../evaluation/evaluation-settings.js";
import { evaluationOf, type SegmentationEvaluation } from "../evaluation/segmentation-evaluation.js";
import { levelsRule, type MaskLevel } from "./mask-level.js";
import { assertMasks, assertSameClasses } from "../model/split-checks.js";
import type { NativeCounts, NativeMaskStore } from "../native/addon.js";
import { nativeCall, runJob } from "../native/job.js";
import { loadAddon } from "../native/load.js";
import { checkOptions, refuseOption } from "../options/check.js";
import * as fields from "../options/fields.js";
import { groupField, type ProcessGroup } from "../process-group/process-group.js";
import { registerPseudoMasks } from "./known-pseudo-masks.js";
import { drawnLevels, maskFilesOf, MaskFolderWriter, type WrittenMasks } from "./pseudo-mask-files.js";

/** Options of `PseudoMasks.write`. */
export interface PseudoMaskWriteOptions {
  /** Aborting it stops the writing; what was at the place before stays as it was. */
  readonly signal?: AbortSignal | undefined;
  /** Called after every file. */
  readonly onProgress?: OnProgress | undefined;
}

/** Options of `PseudoMasks.open`. */
export interface PseudoMaskOpenOptions extends PseudoMaskWriteOptions {
  /**
   * Levels to read, in the order that the masks shall have.
   * @defaultValue those whose folder is there, deepest first
   */
  readonly levels?: readonly MaskLevel[] | undefined;
  /** Of `joinProcessGroup`: the processes of a machine that open with it read once, and have the masks in common. */
  readonly group?: ProcessGroup | undefined;
}

/** Options of `PseudoMasks.score`. */
export interface PseudoMaskScoreOptions extends EvaluationSettings {
  /** Aborting it stops the scoring. */
  readonly signal?: AbortSignal | undefined;
}

/** What a set of pseudo masks is made of. */
export interface PseudoMaskParts {
  readonly levels: readonly MaskLevel[];
  readonly stems: readonly string[];
  readonly classes: readonly TissueClass[];
  readonly background: TissueClass;
  readonly store: NativeMaskStore;
  readonly folder: string | null;
}

/**
 * Pseudo masks of one split: for each level one index mask a patch, kept in native memory. Values 0..K-1 are tissue
 * classes, K is background.
 *
 * @example
 * ```ts
 * const masks = await classifier.generatePseudoMasks(luad.train, { output: "train_PM" });
 * const again = await PseudoMasks.open("train_PM", luad.train);
 * ```
 */
export class PseudoMasks {
  /** Feature levels, or the segmenter, in the order of the store and of `levelWeights`. */
  readonly levels: readonly MaskLevel[];
  /** Stems of the patches' files, in the order of the split. */
  readonly stems: readonly string[];
  /** The K tissue classes, in the order of the mask values. */
  readonly classes: readonly TissueClass[];
  /** Class K. */
  readonly background: TissueClass;
  /**
   * The masks, uint8 [levels, patches, height, width].
   * @internal
   */
  readonly store: NativeMaskStore;
  #folder: string | null;

  /**
   * Use `Classifier.generatePseudoMasks`, `Segmenter.redrawPseudoMasks` or {@link PseudoMasks.open}.
   * @internal
   */
  constructor(parts: PseudoMaskParts) {
    this.levels = [...parts.levels];
    this.stems = parts.stems;
    this.classes = parts.classes;
    this.background = parts.background;
    this.store = parts.store;
    this.#folder = parts.folder;
    registerPseudoMasks(this);
  }

  /** Folder that the masks were last written to or read from; `null` if they are in memory only. */
  get folder(): string | null {
    return this.#folder;
  }

  /** Number of patches. */
  get count(): number {
    return this.store.count;
  }

  /** Height of every mask, in pixels. */
  get height(): number {
    return this.store.height;
  }

  /** Width of every mask, in pixels. */
  get width(): number {
    return this.store.width;
  }

  /**
   * A copy of one mask.
   * @param level - one of {@link levels}.
   * @param index - position of the patch in the split, 0..{@link count} - 1.
   * @returns uint8 [height * width], row by row.
   * @throws WsssError `WSSS_ERR_OPTION` if there is no such level or patch.
   */
  mask(level: MaskLevel, index: number): Uint8Array {
    const call = "PseudoMasks.mask";
    const row = this.#row(call, level);
    if (!Number.isInteger(index) || index < 0 || index >= this.count) {
      throw refuseOption(call, "index", `an integer from 0 to ${this.count - 1}`, index);
    }
    return new Uint8Array(nativeCall(() => this.store.mask(row, index)));
  }

  /**
   * Writes all masks as palette PNGs, `<folder>/PM_<level>/<stem>.png`, in the dataset's colours. Each level's folder appears
   * whole or not at all, and replaces an older one.
   * @param folder - made if it is not there.
   * @throws WsssError `WSSS_ERR_IO`, `WSSS_ERR_CANCELLED`; older masks in the folder are then as they were.
   */
  async write(folder: string, options: PseudoMaskWriteOptions = {}): Promise<void> {
    const call = "PseudoMasks.write";
    const { signal, onProgress } = checkOptions(writeSchema, call, options);
    if (!fields.path.safeParse(folder).success) throw refuseOption(call, "folder", "a path", folder);
    throwIfAborted(signal);
    const writer = await MaskFolderWriter.prepare(folder);
    try {
      const masks = this.written();
      await writer.begin(masks);
      await writer.write(masks, [...this.stems.keys()], { signal, onProgress });
      await writer.finish(masks);
    } finally {
      await writer.close();
    }
    this.#folder = folder;
  }

  /**
   * The masks as they are written to files.
   * @internal
   */
  written(): WrittenMasks {
    const { height, width } = this.store;
    return {
      levels: this.levels,
      stems: this.stems,
      palette: paletteOf(this.classes, this.background),
      maskOf: (row, index) => ({
        indices: new Uint8Array(nativeCall(() => this.store.mask(row, index))),
        height,
        width,
      }),
    };
  }

  /**
   * Scores one level against the true masks of the split that the masks were drawn for.
   * @param level - one of {@link levels}.
   * @param split - that split; it must have true masks, which for train lie in `train_mask/`.
   * @throws WsssError `WSSS_ERR_DATASET` without true masks, `WSSS_ERR_SHAPE` if the split is another one.
   */
  async score(level: MaskLevel, split: Split, options: PseudoMaskScoreOptions = {}): Promise<SegmentationEvaluation> {
    const call = "PseudoMasks.score";
    const row = this.#row(call, level);
    const { signal, boundaryTolerancePx } = checkOptions(scoreSchema, call, options);
    this.assertDrawnFor(call, split);
    assertMasks(call, split, "scoring");
    throwIfAborted(signal);
    const truth = await split.loadTruth(signal);
    const addon = await loadAddon();
    const classCount = this.classes.length;
    const choice = { classCount, level: row, boundaryTolerance: nativeTolerance(boundaryTolerancePx) };
    const counts = await runJob<NativeCounts>((done) => addon.scoreMasks(choice, this.store, truth, done), signal);
    const positions = split.files.map((_, index) => index);
    const origin = { patches: split.files, classCount, boundaryTolerancePx };
    return await evaluationOf([{ counts, positions }], origin, signal);
  }

  /**
   * Refuses a split whose patches are not those of the masks.
   * @internal
   */
  assertDrawnFor(call: string, split: Split): void {
    if (!isSplit(split)) throw refuseOption(call, "split", "a split of a dataset", split);
    assertSameClasses(call, split.name, split.classes, "the masks", this.classes);
    const other = this.stems.findIndex((stem, index) => stem !== split.files[index]?.stem);
    if (other === -1 && split.count === this.count) return;
    const message =
      `the pseudo masks are of other patches than ${split.name}: ${this.count} masks for ${split.count} patches` +
      (other === -1 ? "" : `, the first difference is ${this.stems[other]}`);
    throw new WsssError("WSSS_ERR_SHAPE", `${message} (${call})`, { call, masks: this.count, patches: split.count });
  }

  #row(call: string, level: unknown): number {
    const row = (this.levels as readonly unknown[]).indexOf(level);
    if (row === -1) throw refuseOption(call, "level", this.levels.map((each) => `"${each}"`).join(" or "), level);
    return row;
  }

  /**
   * Reads masks that were written before.
   *
   * @param folder - the folder that holds `PM_<level>` for each level, such as `PM_bn7`.
   * @param split - the split that they were drawn for; one mask a patch is needed.
   * @throws WsssError `WSSS_ERR_IO` if the folder can't be read; `WSSS_ERR_DATASET` if a mask is missing, damaged, of another size
   *   than the patches, or has an index that no class has; `WSSS_ERR_CANCELLED`.
   */
  static async open(folder: string, split: Split, options: PseudoMaskOpenOptions = {}): Promise<PseudoMasks> {
    const call = "PseudoMasks.open";
    const { signal, onProgress, levels: wanted, group } = checkOptions(openSchema, call, options);
    if (!fields.path.safeParse(folder).success) throw refuseOption(call, "folder", "a path", folder);
    if (!isSplit(split)) throw refuseOption(call, "split", "a split of a dataset", split);
    throwIfAborted(signal);
    const levels = wanted ?? (await drawnLevels(folder));
    const stems = split.files.map(({ stem }) => stem);
    const paths = await maskFilesOf(folder, levels, stems);
    const { height, width } = await split.load(signal, inStage(onProgress, "load"), group);
    const { palette, classes, background } = split;
    const addon = await loadAddon();
    const sources = { levels: paths, height, width, palette };
    const reading = { what: `the pseudo masks of ${folder}`, signal, onProgress: inStage(onProgress, "read") };
    const toShare = {
      ...{ origin: { palette }, files: paths.flat() },
      ...{ count: stems.length, height, width, levelCount: levels.length },
      make: async (isShared: boolean) => {
        return { store: await loadMaskStore(addon, sources, { ...reading, isShared }), facts: null };
      },
      onAttached: () => reading.onProgress({ done: paths.flat().length, total: paths.flat().length }),
    };
    const { store } = await shareMasks(group, addon, toShare, signal);
    return new PseudoMasks({ levels, stems, classes, background, store, folder });
  }
}

const workShape = {
  signal: fields.signal.optional(),
  onProgress: fields.callback<OnProgress>().optional(),
} as const;
const writeSchema = z.strictObject(workShape);
const openSchema = z.strictObject({ ...workShape, levels: levelsRule.optional(), group: groupField.optional() });
const scoreSchema = z.strictObject({ signal: workShape.signal, boundaryTolerancePx });
