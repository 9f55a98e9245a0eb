import { readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

import { WsssError } from "../errors.js";
import { ioFailure, systemCode, writeBytesAtomic } from "../image/file-access.js";
import { makeFolder, writingFailure } from "../model/make-folder.js";

/** Writes a text file whole or not at all, its folder included. @throws WsssError `WSSS_ERR_IO` */
export async function writeText(path: string, text: string): Promise<void> {
  await makeFolder(dirname(path));
  await writeBytesAtomic(path, text);
}

/** Writes a value as indented JSON, whole or not at all; NaN and infinities become null. @throws WsssError `WSSS_ERR_IO` */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeText(path, `${JSON.stringify(value, null, 2)}\n`);
}

/**
 * The value of a JSON file, or undefined if there is no such file.
 * @throws WsssError `WSSS_ERR_IO` if it can't be read; `WSSS_ERR_DATASET` if it is not JSON.
 */
export async function readJsonIfPresent(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    // Below a file nothing can be; who writes there will be told.
    if (["ENOENT", "ENOTDIR"].includes(systemCode(error) ?? "")) return undefined;
    throw ioFailure(error, "read", path);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new WsssError("WSSS_ERR_DATASET", `${path} is not valid JSON: ${reason}`, { path }, { cause: error });
  }
}

/**
 * Lets `write` fill a file or folder under a temporary name beside `path`, and puts it in place of an older one only when
 * it is complete. If `write` fails, what was there stays and nothing else is left behind.
 */
export async function replaceWhole<Result>(
  path: string,
  write: (temporary: string) => Promise<Result>,
): Promise<Result> {
  const dot = path.lastIndexOf(".");
  const hasEnding = dot > path.lastIndexOf("/") + 1;
  // The ending stays: writers may judge the format by it.
  const temporary = hasEnding ? `${path.slice(0, dot)}.part${path.slice(dot)}` : `${path}.part`;
  const remove = async (target: string): Promise<void> => await rm(target, { recursive: true, force: true });
  await makeFolder(dirname(path));
  try {
    await remove(temporary);
    const result = await write(temporary);
    // A file is replaced in one step; a folder with something in it has to go first.
    await rename(temporary, path).catch(async (error: unknown) => {
      if (!["ENOTEMPTY", "EEXIST"].includes(systemCode(error) ?? "")) throw error;
      await remove(path);
      await rename(temporary, path);
    });
    return result;
  } catch (error) {
    await remove(temporary).catch(() => undefined);
    throw writingFailure(error, "write", path);
  }
}
