/** The lock file of a run folder: how it is placed, read, renewed and removed without a race. */
import { createHash, randomBytes } from "node:crypto";
import { link, open, rm, stat, writeFile } from "node:fs/promises";
import { ioFailure, systemCode } from "../files/file-access.js";
import type { ProcessIdentity } from "../machine/process-identity.js";

/** What stands in a lock: who holds it, and since when. Locks of versions before hold nothing but the number of the process. */
export interface LockRecord extends Partial<Omit<ProcessIdentity, "pid">> {
  readonly pid: number;
  /** When it was made, by the clock of its host. */
  readonly since?: string;
  /** Of this lock alone. */
  readonly id?: string;
}

/** A lock as it was found. */
export interface FoundLock {
  readonly text: string;
  /** `null` if the file holds no lock. */
  readonly record: LockRecord | null;
  /** Its last sign of life, by the clock of the file system. */
  readonly mtimeMs: number;
}

/** The text of a new lock. It never changes: {@link renewLock} writes it again, so that whoever reads never sees a part. */
export function lockText(holder: ProcessIdentity, since: Date): string {
  const id = randomBytes(8).toString("hex");
  return `${JSON.stringify({ format: 2, id, ...holder, since: since.toISOString() })}\n`;
}

/** The lock at a path, or `undefined` if there is none. @throws WsssError `WSSS_ERR_IO` if it can't be read. */
export async function readLock(path: string): Promise<FoundLock | undefined> {
  try {
    // Opened, and not only looked at: a network file system then asks its server.
    const file = await open(path, "r");
    try {
      const text = await file.readFile("utf8");
      return { text, record: parse(text), mtimeMs: (await file.stat()).mtimeMs };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw ioFailure(error, "read", path);
  }
}

function parse(text: string): LockRecord | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "number") return isPid(value) ? { pid: value } : null;
    if (typeof value !== "object" || value === null || !("pid" in value) || !isPid(value.pid)) return null;
    const fields = Object.entries(value).filter(([name, field]) => name !== "pid" && typeof field === "string");
    return { ...Object.fromEntries(fields), pid: value.pid };
  } catch {
    return null;
  }
}

function isPid(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

/** What an attempt to make a lock came to. */
export interface Placing {
  /** Whether the lock is there now, and ours. */
  readonly placed: boolean;
  /** The time by the clock of the file system, which several machines share. */
  readonly nowMs: number;
}

/** File systems without hard links answer so (FAT, some network and container file systems). */
const noLinks: readonly string[] = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EINVAL"];

/**
 * Puts a lock in place, whole, unless one is there: written beside it, then linked, which is one step on network file systems too.
 *
 * @param linkFile - links a file.
 * @throws WsssError `WSSS_ERR_IO` if it can't be written.
 */
export async function placeLock(path: string, text: string, linkFile = link): Promise<Placing> {
  const temporary = beside(path);
  try {
    await writeFile(temporary, text, { flag: "wx" });
    const nowMs = (await stat(temporary)).mtimeMs;
    return { placed: await linked(temporary, path, text, linkFile), nowMs };
  } catch (error) {
    throw ioFailure(error, "write", path);
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

async function linked(temporary: string, path: string, text: string, linkFile: typeof link): Promise<boolean> {
  try {
    await linkFile(temporary, path);
    return true;
  } catch (error) {
    const code = systemCode(error) ?? "";
    // The server of a network file system may have linked it, and its answer been lost: then the file has two names.
    if (code === "EEXIST") return (await stat(temporary)).nlink === 2;
    if (!noLinks.includes(code)) throw error;
    return await writtenAnew(path, text);
  }
}

async function writtenAnew(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: "wx" });
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    await rm(path, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Who takes a lock away does it in an instant; a note of this age is of one that was killed in between. */
const abandonedMs = 60_000;

/**
 * Takes a lock away if it is the one that was read. A note beside it, named after the lock, lets only one do so at a time: of two that
 * take away the same dead lock, the slower one would else remove the lock that the faster one has made meanwhile.
 *
 * @returns whether it was that one, and is gone.
 * @throws WsssError `WSSS_ERR_IO` if the folder can't be written.
 */
export async function takeLockAway(path: string, text: string): Promise<boolean> {
  const note = `${path}.${createHash("sha256").update(text).digest("hex").slice(0, 16)}.part`;
  const { placed, nowMs } = await placeLock(note, text);
  if (!placed) {
    const other = await readLock(note);
    if (other !== undefined && nowMs - other.mtimeMs > abandonedMs) await rm(note, { force: true });
    return false;
  }
  try {
    return await removeLock(path, text);
  } finally {
    await rm(note, { force: true }).catch(() => undefined);
  }
}

/** Removes a lock if it is this one. @returns whether it was. @throws WsssError `WSSS_ERR_IO` if it can't be removed. */
export async function removeLock(path: string, text: string): Promise<boolean> {
  if ((await readLock(path))?.text !== text) return false;
  await rm(path, { force: true }).catch((error: unknown) => {
    throw ioFailure(error, "write", path);
  });
  return true;
}

/**
 * Gives a sign of life: writes the same text again, which gives the file a new time, that of the file system's own clock.
 *
 * @returns whether the lock is still this one. A lock that is not there, as after a tidying up, is made again.
 */
export async function renewLock(path: string, text: string): Promise<boolean> {
  const file = await open(path, "r+").catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  });
  if (file === undefined) return (await placeLock(path, text)).placed;
  try {
    // Another's lock is not written to: what was read and what is written are one file, whatever its name has become.
    if ((await file.readFile("utf8")) !== text) return false;
    await file.write(text, 0);
    await file.sync();
    return true;
  } finally {
    await file.close();
  }
}

function beside(path: string): string {
  return `${path}.${randomBytes(4).toString("hex")}.part`;
}
