import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { stat } from "node:fs/promises";
import { hostname } from "node:os";

/**
 * This process, in a form that goes into a file name and means one process only: the machine and container it runs in, its
 * number there, and when it began, since numbers come again.
 */
export const ownName = `${machineName()}-${String(process.pid)}-${startOf(process.pid) ?? "0"}`;

/** Beyond this age the work of a process that can't be asked, on another machine or in another container, counts as given up. */
const givenUpMs = 24 * 3600 * 1000;

/**
 * Whether the process that a folder is named after may still be at work in it.
 *
 * @param name - as {@link ownName} wrote it.
 * @param folder - its age decides where the process can't be asked.
 */
export async function mayBeAtWork(name: string, folder: string): Promise<boolean> {
  const [machine = "", processId = "", start = ""] = name.split("-");
  if (machine === machineName()) return startOf(Number(processId)) === start;
  const { mtimeMs } = await stat(folder);
  return Date.now() - mtimeMs < givenUpMs;
}

/** Host and process namespace: two containers on one cache count their processes apart. */
function machineName(): string {
  let namespace = "";
  try {
    namespace = readlinkSync("/proc/self/ns/pid");
  } catch {
    // No /proc: the host alone has to do.
  }
  return createHash("sha256").update(`${hostname()} ${namespace}`).digest("hex").slice(0, 12);
}

/** When a process began, in the kernel's ticks; `null` if there is none of that number. */
function startOf(processId: number): string | null {
  try {
    const line = readFileSync(`/proc/${String(processId)}/stat`, "latin1");
    // The 22nd field; the second, the name, may hold spaces and brackets.
    return line.slice(line.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}
