/** Reading files and writing them whole, with refusals of the operating system as typed errors. */
import { randomUUID } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isWsssError, WsssError } from "../errors.js";
import { foreignTextProblem, replacedBytesHint } from "./foreign-name.js";

/** What was being done to a path when the operating system refused. */
export type FileAction = "read" | "write" | "create" | "list";

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EDQUOT: "the disk quota is used up",
  EISDIR: "it is a folder, not a file",
  ELOOP: "its symbolic links form a loop",
  EMFILE: "too many open files",
  ENAMETOOLONG: "the name is too long",
  ENOENT: "no such file or folder",
  ENOSPC: "no space left on the device",
  ENOTDIR: "a part of the path is a file, not a folder",
  EPERM: "operation not permitted",
  EROFS: "the file system is read-only",
};

/** The system's code of an error (`"ENOENT"`), or undefined if it carries none. */
export function systemCode(error: unknown): string | undefined {
  // No `instanceof Error`: errors of the file system belong to another realm inside test runners.
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/**
 * The operating system's refusal as a `WSSS_ERR_IO` that names the path and the reason in words.
 * Errors of this library and errors without a system code pass through unchanged.
 */
export function ioFailure(error: unknown, action: FileAction, path: string): unknown {
  const code = systemCode(error);
  if (code === undefined || isWsssError(error)) return error;
  const reason = reasons[code] ?? code;
  return new WsssError(
    "WSSS_ERR_IO",
    `cannot ${action} ${path}: ${reason}${code === "ENOENT" ? replacedBytesHint(path) : ""}`,
    { path, action, reason: code, why: reason },
    { cause: error },
  );
}

/** The bytes of a file. @throws WsssError `WSSS_ERR_IO` if the operating system refuses. */
export async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw ioFailure(error, "read", path);
  }
}

/** The text of a UTF-8 file without its mark at the beginning, or why there is none, to be read behind the file's name. */
export type TextRead = { readonly text: string } | { readonly problem: string };

/** The text of a UTF-8 file. @throws WsssError `WSSS_ERR_IO` if the operating system refuses. */
export async function readText(path: string): Promise<TextRead> {
  const bytes = await readBytes(path);
  const problem = foreignTextProblem(bytes, path);
  return problem === null ? { text: bytes.toString("utf8").replace(/^\ufeff/, "") } : { problem };
}

/**
 * Where something is written before it is whole: beside its place, so that a rename is enough. The name has nothing of
 * that which it will have, which may be as long as the file system takes.
 *
 * @param ending - kept, where a writer judges the format by it.
 */
export function temporaryPath(path: string, ending = "", prefix = ".part-"): string {
  return join(dirname(path), `${prefix}${randomUUID()}${ending}`);
}

/**
 * Writes a file so that a reader sees its old content or the new, never a part: temporary file beside it, then rename.
 * @throws WsssError `WSSS_ERR_IO`; what was there before is then unchanged and nothing else is left behind.
 */
export async function writeBytesAtomic(path: string, bytes: Uint8Array | string): Promise<void> {
  const temporary = temporaryPath(path);
  try {
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(bytes);
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw ioFailure(error, "write", path);
  }
}
