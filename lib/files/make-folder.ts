/** Makes folders, and adds advice to errors of writing. */
import { mkdir, stat } from "node:fs/promises";
import path from "node:path";
import { WsssError } from "../errors.js";
import { ioFailure, systemCode } from "./file-access.js";

const advice: Readonly<Record<string, string>> = {
  ENOSPC: "free some space, or choose another folder",
  EDQUOT: "free some space, or choose another folder",
  EACCES: "choose a folder that you may write to",
  EPERM: "choose a folder that you may write to",
  EROFS: "choose a folder that you may write to",
  ENAMETOOLONG: "choose a shorter name",
  ENOENT: "choose a folder that can be made",
  ENOTDIR: "choose a folder that is not below a file",
};

/**
 * Makes a folder and those above it, as far as they are not there.
 *
 * Not `mkdir` with `recursive`: below `/proc` and its like, which answer "no such file" to every attempt, Node 20 tries
 * again without end.
 *
 * @throws WsssError `WSSS_ERR_IO` that names the folder and what to do.
 */
export async function makeFolder(folder: string): Promise<void> {
  try {
    const missing: string[] = [];
    let above = path.resolve(folder);
    while (!(await isFolder(above, folder))) {
      missing.unshift(above);
      above = path.dirname(above);
    }
    for (const each of missing) await mkdirUnlessThere(each);
  } catch (error) {
    throw writingFailure(error, "create", folder);
  }
}

/** An operating system's refusal to write as a `WSSS_ERR_IO` that names the path and says what to do. */
export function writingFailure(error: unknown, action: "create" | "write", target: string): unknown {
  const failure = ioFailure(error, action, target);
  const hint = advice[systemCode(error) ?? ""];
  if (hint === undefined || failure === error || !(failure instanceof WsssError)) return failure;
  return new WsssError(failure.code, `${failure.message}; ${hint}`, failure.details, { cause: error });
}

async function isFolder(at: string, wanted: string): Promise<boolean> {
  try {
    if ((await stat(at)).isDirectory()) return true;
  } catch (error) {
    if (systemCode(error) === "ENOENT" && path.dirname(at) !== at) return false;
    throw error;
  }
  const message = `cannot create ${wanted}: ${at} is a file; choose a folder that is not in its place`;
  throw new WsssError("WSSS_ERR_IO", message, { path: wanted, action: "create", reason: "EEXIST" });
}

async function mkdirUnlessThere(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    // Somebody else may have made it meanwhile.
    if (systemCode(error) !== "EEXIST") throw error;
  }
}
