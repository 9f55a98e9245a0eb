import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { WsssError } from "../errors.js";
import { ioFailure, systemCode } from "../image/file-access.js";
import { makeFolder, writingFailure } from "../model/make-folder.js";
import { encodeIndexPng } from "../image/index-png.js";
import type { Colour, IndexMask } from "../image/index-png.js";
import { mapConcurrently } from "../image/map-concurrently.js";
import { type FeatureLevel, featureLevels } from "../options/backbones.js";
import type { OnProgress } from "../progress.js";
import { inStage } from "../progress.js";

/** Signal and listener of one call. */
export interface FileWork {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** The folder of one level within the folder of a set of pseudo masks. */
export function levelFolder(folder: string, level: FeatureLevel): string {
  return path.join(folder, `PM_${level}`);
}

/**
 * The feature levels whose masks lie in a folder, deepest first.
 * @throws WsssError `WSSS_ERR_DATASET` if there is none, `WSSS_ERR_IO` if the folder can't be read.
 */
export async function drawnLevels(folder: string): Promise<FeatureLevel[]> {
  const names = await listFolder(folder);
  const found = featureLevels.filter((level) => names.includes(path.basename(levelFolder(folder, level))));
  if (found.length > 0) return found;
  const message = `${folder} holds no pseudo masks: none of PM_${featureLevels.join(", PM_")} is there`;
  throw new WsssError("WSSS_ERR_DATASET", message, { path: folder });
}

/** Masks that are written as files. */
export interface WrittenMasks {
  readonly levels: readonly FeatureLevel[];
  readonly stems: readonly string[];
  readonly palette: readonly Colour[];
  /** The mask of a level's patch, by its position in `stems`. */
  maskOf(level: number, index: number): IndexMask;
}

/**
 * Writes mask files so that each level's folder appears whole or not at all: everything goes into a temporary folder beside
 * them first, which an interruption leaves and nothing ever reads.
 */
export class MaskFolderWriter {
  readonly #output: string;
  readonly #temporary: string;
  #filesDone = 0;

  private constructor(output: string, temporary: string) {
    this.#output = output;
    this.#temporary = temporary;
  }

  /**
   * Makes the folder, if it is not there, and a temporary one in it: an unwritable place fails here, before hours of work.
   * @throws WsssError `WSSS_ERR_IO`
   */
  static async prepare(output: string): Promise<MaskFolderWriter> {
    try {
      await makeFolder(output);
      return new MaskFolderWriter(output, await mkdtemp(path.join(output, ".PM-unfinished-")));
    } catch (error) {
      throw writingFailure(error, "create", output);
    }
  }

  /**
   * Makes the folders of the levels.
   * @throws WsssError `WSSS_ERR_IO`
   */
  async begin({ levels }: WrittenMasks): Promise<void> {
    for (const level of levels) await attempt("create", levelFolder(this.#output, level), mkdir(this.#new(level)));
  }

  /**
   * Writes the masks of some patches, those of all levels.
   * @param patches - positions in `stems`; each is written once.
   * @throws WsssError `WSSS_ERR_IO`, or `WSSS_ERR_CANCELLED`; older folders of these levels are then as they were.
   */
  async write(masks: WrittenMasks, patches: readonly number[], { signal, onProgress }: FileWork): Promise<void> {
    const { levels, stems, palette } = masks;
    const total = levels.length * stems.length;
    const report = inStage(onProgress, "write");
    await mapConcurrently(
      levels.flatMap((level, row) => patches.map((index) => ({ level, row, index }))),
      async ({ level, row, index }) => {
        const name = `${stems[index]}.png`;
        const bytes = await encodeIndexPng(masks.maskOf(row, index), palette);
        const written = writeFile(path.join(this.#new(level), name), bytes);
        await attempt("write", path.join(levelFolder(this.#output, level), name), written);
        report({ done: ++this.#filesDone, total });
      },
      { signal, what: "the writing of pseudo masks" },
    );
  }

  /**
   * Puts the folders in place, when all masks are written. Older folders of these levels are replaced.
   * @throws WsssError `WSSS_ERR_IO`; the older folders are then as they were.
   */
  async finish({ levels }: WrittenMasks): Promise<void> {
    for (const level of levels) await this.#putInPlace(level);
  }

  /** Removes the temporary folder, best effort: what is left of it harms nobody. */
  async close(): Promise<void> {
    await rm(this.#temporary, { recursive: true, force: true }).catch(() => undefined);
  }

  #new(level: FeatureLevel): string {
    return path.join(this.#temporary, level);
  }

  async #putInPlace(level: FeatureLevel): Promise<void> {
    const target = levelFolder(this.#output, level);
    const older = path.join(this.#temporary, `older-${level}`);
    const hadOlder = await rename(target, older).then(
      () => true,
      (error: unknown) => {
        if (systemCode(error) === "ENOENT") return false;
        throw writingFailure(error, "write", target);
      },
    );
    try {
      await rename(this.#new(level), target);
    } catch (error) {
      if (hadOlder) await rename(older, target).catch(() => undefined);
      throw writingFailure(error, "write", target);
    }
  }
}

/**
 * Paths of the mask files of some levels, each list in the order of `stems`.
 * @throws WsssError `WSSS_ERR_IO` if a level's folder can't be read, `WSSS_ERR_DATASET` if a mask is not in it.
 */
export async function maskFilesOf(
  folder: string,
  levels: readonly FeatureLevel[],
  stems: readonly string[],
): Promise<string[][]> {
  const paths: string[][] = [];
  for (const level of levels) {
    const ofLevel = levelFolder(folder, level);
    const names = new Set(await listFolder(ofLevel));
    const missing = stems.filter((stem) => !names.has(`${stem}.png`));
    if (missing.length > 0) {
      const message =
        `${ofLevel} lacks ${missing.length} of ${stems.length} pseudo masks, first ${missing[0]}.png; ` +
        "they were drawn for other patches: draw them again";
      throw new WsssError("WSSS_ERR_DATASET", message, { path: ofLevel, missing: missing.length, of: stems.length });
    }
    paths.push(stems.map((stem) => path.join(ofLevel, `${stem}.png`)));
  }
  return paths;
}

/** Names in a folder. @throws WsssError `WSSS_ERR_IO` */
export async function listFolder(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    throw ioFailure(error, "list", folder);
  }
}

async function attempt(action: "create" | "write", target: string, work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    throw writingFailure(error, action, target);
  }
}
