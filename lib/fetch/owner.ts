/** A name for this process in names of folders, and whether the process behind such a name still works. */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { isAlive, ownIdentity } from "../machine/process-identity.js";

/**
 * This process, in a form that goes into a file name and means one process only: the machine, its start and the container it runs in,
 * its number there, and when it began, since numbers come again.
 */
export const ownName = `${placeName()}-${String(process.pid)}-${ownIdentity().start || "0"}`;

/** Beyond this age the work of a process that can't be asked, on another machine or in another container, counts as given up. */
const givenUpMs = 24 * 3600 * 1000;

/**
 * Whether the process that a folder is named after may still be at work in it.
 *
 * @param name - as {@link ownName} wrote it.
 * @param folder - its age decides where the process can't be asked.
 * @param nowMs - the time by the clock of the file system, which several machines share.
 */
export async function mayBeAtWork(name: string, folder: string, nowMs: number): Promise<boolean> {
  const [place = "", processId = "", start = ""] = name.split("-");
  if (place === placeName()) return isAlive({ pid: Number(processId), start: start === "0" ? "" : start });
  const { mtimeMs } = await stat(folder);
  return nowMs - mtimeMs < givenUpMs;
}

/** Host, its start, and process namespace: two hosts of one name, and two containers on one cache, count their processes apart. */
function placeName(): string {
  const { host, boot, namespace } = ownIdentity();
  return createHash("sha256").update(`${host} ${boot} ${namespace}`).digest("hex").slice(0, 12);
}
