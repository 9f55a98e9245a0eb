/** Replaces a file or folder by a finished new one, or leaves the old one as it was. */
import { rename, rm } from "node:fs/promises";
import { dirname, extname } from "node:path";
import { systemCode, temporaryPath } from "./file-access.js";
import { makeFolder, writingFailure } from "./make-folder.js";

/** Most characters of an ending that says a format; a longer one is a part of the name. */
const longestEnding = 16;

/**
 * Lets `write` fill a file or folder under a temporary name beside `path`, and puts it in place of an older one only when
 * it is complete. If `write` fails, what was there stays and nothing else is left behind.
 */
export async function replaceWhole<Result>(
  path: string,
  write: (temporary: string) => Promise<Result>,
): Promise<Result> {
  // The ending stays, if it is one: writers may judge the format by it.
  const ending = extname(path);
  const temporary = temporaryPath(path, ending.length <= longestEnding ? ending : "");
  const remove = async (target: string): Promise<void> => await rm(target, { recursive: true, force: true });
  await makeFolder(dirname(path));
  try {
    const result = await write(temporary);
    // A file is replaced in one step; a folder with something in it has to go first.
    await rename(temporary, path).catch(async (error: unknown) => {
      if (!["ENOTEMPTY", "EEXIST"].includes(systemCode(error) ?? "")) throw error;
      await exchange(path, temporary, temporaryPath(path, "", ".old-"));
    });
    return result;
  } catch (error) {
    await remove(temporary).catch(() => undefined);
    throw writingFailure(error, "write", path);
  }
}

/** Puts a folder in place of another one, which goes only when the new one is there. */
async function exchange(path: string, fresh: string, old: string): Promise<void> {
  await rename(path, old);
  try {
    await rename(fresh, path);
  } catch (error) {
    await rename(old, path);
    throw error;
  }
  await rm(old, { recursive: true, force: true });
}
