/** The pictures that `predict` gets: from files and folders, sorted, with stems that all differ. */
import { stat } from "node:fs/promises";
import { extname, join, parse } from "node:path";
import { foreignNames } from "../dataset/list-files.js";
import { WsssError } from "../errors.js";
import { ioFailure, systemCode } from "../files/file-access.js";
import { replacedBytesHint } from "../files/foreign-name.js";
import { readFolder } from "../files/read-folder.js";
import { patchExtensions } from "../image/decode-patch.js";

/** A picture to predict, and the name of what is written for it. */
export interface PictureFile {
  readonly path: string;
  /** File name without its ending. */
  readonly stem: string;
}

function isPicture(name: string): boolean {
  return (patchExtensions as readonly string[]).includes(extname(name).toLowerCase()) && !name.startsWith(".");
}

async function picturesAt(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const entries = (await readFolder(path)).filter(({ name, isFolder }) => isPicture(name) && !isFolder);
    const foreign = entries.flatMap(({ name, foreign: bytes }) => (bytes === undefined ? [] : [{ name, bytes }]));
    if (foreign.length > 0) throw foreignNames(path, foreign, entries.length - foreign.length);
    const names = entries.map(({ name }) => name).sort();
    if (names.length > 0) return names.map((name) => join(path, name));
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw ioFailure(error, "read", path);
    throw new WsssError(
      "WSSS_ERR_DATASET",
      `there is no picture or folder ${path}${replacedBytesHint(path)}`,
      { path },
      { cause: error },
    );
  }
  const message = `${path} holds no pictures (files ending with ${patchExtensions.join(" ")})`;
  throw new WsssError("WSSS_ERR_DATASET", message, { path });
}

/**
 * The pictures that paths stand for: files as they are, folders by the pictures directly in them, sorted.
 * @throws WsssError `WSSS_ERR_DATASET` if a path is missing, a folder has none, or two pictures have one stem, whose
 *   predictions would overwrite each other; with all names of a folder that are not UTF-8, which can't be read.
 */
export async function findPictures(paths: readonly string[]): Promise<PictureFile[]> {
  const files: PictureFile[] = [];
  const seen = new Map<string, string>();
  for (const path of paths) {
    for (const picture of await picturesAt(path)) {
      const stem = parse(picture).name;
      const other = seen.get(stem);
      if (other !== undefined) {
        const message = `${other} and ${picture} would both be written as ${stem}.png; predict them into two folders`;
        throw new WsssError("WSSS_ERR_DATASET", message, { paths: [other, picture] });
      }
      seen.set(stem, picture);
      files.push({ path: picture, stem });
    }
  }
  return files;
}
