/** Text and JSON files of a run folder, written whole and read if they are there. */
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { WsssError } from "../errors.js";
import { ioFailure, systemCode, writeBytesAtomic } from "../files/file-access.js";
import { makeFolder } from "../files/make-folder.js";

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
