/** Pseudo masks as files: a folder for each feature level, written whole, listed and found again. */
import { lstat, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { mapConcurrently } from "../async/map-concurrently.js";
import { inStage, type OnProgress } from "../async/progress.js";
import { WsssError } from "../errors.js";
import { matchByAccents, withAccentForm } from "../files/accent-match.js";
import { ioFailure, systemCode } from "../files/file-access.js";
import { composeNamesRemedy, foreignNameRemedy, guessEncoding } from "../files/foreign-name.js";
import { makeFolder, writingFailure } from "../files/make-folder.js";
import { type FolderEntry, readFolder } from "../files/read-folder.js";
import { type Colour, encodeIndexPng, type IndexMask } from "../image/index-png.js";
import { type MaskLevel, maskLevels, segmenterLevel } from "./mask-level.js";

/** Signal and listener of one call. */
export interface FileWork {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** The folder of one level within the folder of a set of pseudo masks. */
export function levelFolder(folder: string, level: MaskLevel): string {
  return path.join(folder, `PM_${level}`);
}

/**
 * The levels whose masks lie in a folder, deepest first.
 * @throws WsssError `WSSS_ERR_DATASET` if there is none, or if there are masks of a classifier and of a segmenter; `WSSS_ERR_IO` if
 *   the folder can't be read.
 */
export async function drawnLevels(folder: string): Promise<MaskLevel[]> {
  const names = (await listFolder(folder)).map(({ name }) => name);
  const found = maskLevels.filter((level) => names.includes(path.basename(levelFolder(folder, level))));
  if (found.length > 1 && found.includes(segmenterLevel)) {
    const folders = found.map((level) => levelFolder(folder, level)).join(", ");
    const message = `${folder} holds masks of a classifier and of a segmenter (${folders}); name the levels to read, or move one kind`;
    throw new WsssError("WSSS_ERR_DATASET", message, { path: folder });
  }
  if (found.length > 0) return found;
  const message = `${folder} holds no pseudo masks: none of PM_${maskLevels.join(", PM_")} is there`;
  throw new WsssError("WSSS_ERR_DATASET", message, { path: folder });
}

/**
 * Refuses patches whose pseudo masks the file system could not name, before there is anything to write: a folder on another
 * file system than the patches may take shorter names only.
 * @param there - a folder on the same file system that is there already.
 * @throws WsssError `WSSS_ERR_IO`
 */
export async function assertNameable(there: string, output: string, stems: readonly string[]): Promise<void> {
  const names = stems.map(maskName);
  const longest = names.reduce((one, other) => (Buffer.byteLength(other) > Buffer.byteLength(one) ? other : one), "");
  const unfinished = path.join(output, `${unfinishedPrefix}XXXXXX`, "bn7", longest);
  for (const probe of [path.join(there, longest), unfinished]) {
    const error: unknown = await lstat(probe).catch((failure: unknown) => failure);
    if (systemCode(error) === "ENAMETOOLONG") throw writingFailure(error, "write", path.join(output, longest));
  }
}

const unfinishedPrefix = ".PM-unfinished-";

/** Masks that are written as files. */
export interface WrittenMasks {
  readonly levels: readonly MaskLevel[];
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
      return new MaskFolderWriter(output, await mkdtemp(path.join(output, unfinishedPrefix)));
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
        const name = maskName(stems[index] ?? "");
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

  #new(level: MaskLevel): string {
    return path.join(this.#temporary, level);
  }

  async #putInPlace(level: MaskLevel): Promise<void> {
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
 * Paths of the mask files of some levels, each list in the order of `stems`. A mask whose name differs only in how accents
 * are stored (NFC and NFD), as in a folder that came from another machine, is found too.
 * @throws WsssError `WSSS_ERR_IO` if a level's folder can't be read, `WSSS_ERR_DATASET` if a mask is not in it, or two may be.
 */
export async function maskFilesOf(
  folder: string,
  levels: readonly MaskLevel[],
  stems: readonly string[],
): Promise<string[][]> {
  const paths: string[][] = [];
  for (const level of levels) {
    const ofLevel = levelFolder(folder, level);
    const nameOf = matchMasks(stems, await listFolder(ofLevel), ofLevel);
    paths.push(stems.map((stem) => path.join(ofLevel, nameOf.get(stem) ?? maskName(stem))));
  }
  return paths;
}

function maskName(stem: string): string {
  return `${stem}.png`;
}

/** Names of the masks that are called otherwise than their patches. */
function matchMasks(
  stems: readonly string[],
  entries: readonly FolderEntry[],
  folder: string,
): ReadonlyMap<string, string> {
  const names = entries.filter(({ foreign }) => foreign === undefined).map(({ name }) => name);
  const there = new Set(names);
  const inexact = stems.filter((stem) => !there.has(maskName(stem)));
  if (inexact.length === 0) return new Map();
  const wanted = new Set(stems.map(maskName));
  const spare = names.filter((name) => !wanted.has(name));
  const { matches, ambiguous } = matchByAccents(
    inexact,
    spare,
    (stem) => [maskName(stem)],
    (name) => name,
  );
  for (const [stem, masks] of ambiguous) {
    const message =
      `it can't be told which pseudo mask of ${folder} is that of ${withAccentForm(stem)}: ` +
      `${masks.map(withAccentForm).join(" or ")}; name it exactly alike: ${composeNamesRemedy(folder)}`;
    throw new WsssError("WSSS_ERR_DATASET", message, { path: folder, files: masks });
  }
  const missing = inexact.filter((stem) => !matches.has(stem));
  if (missing.length === 0) return matches;
  const foreign = entries.find((entry) => entry.foreign !== undefined);
  const advice =
    foreign?.foreign === undefined
      ? "they were drawn for other patches: draw them again"
      : `a name there is not UTF-8 (${foreign.name}): ${foreignNameRemedy(guessEncoding(foreign.foreign).encoding, folder)}`;
  const message =
    `${folder} lacks ${missing.length} of ${stems.length} pseudo masks, first ${maskName(missing[0] ?? "")}; ` + advice;
  throw new WsssError("WSSS_ERR_DATASET", message, { path: folder, missing: missing.length, of: stems.length });
}

/** What a folder holds. @throws WsssError `WSSS_ERR_IO` */
async function listFolder(folder: string): Promise<FolderEntry[]> {
  try {
    return await readFolder(folder);
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
