/** Folders that a fetch works in beside its target, and taking over what an ended fetch left in one. */
import { mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { mayBeAtWork, ownName } from "./owner.js";

/** Owner of a folder that is left for the next fetch. */
const nobody = "nobody";

/** `<kind>-<owner>-<random>`; a kind begins with a dot. */
function ownerOf(name: string, kind: string): string | undefined {
  if (!name.startsWith(`${kind}-`)) return undefined;
  return /^(nobody|[0-9a-f]+-\d+-\d+)-/.exec(name.slice(kind.length + 1))?.[1];
}

/**
 * Opens a folder to fetch into. What fetches of the same kind left there, by an error or killed, is offered to be taken over; two fetches never
 * share a folder: what is taken over is renamed.
 *
 * @param parent - the folder that the target will lie in; it is there.
 * @param kind - how such folders are called, for example `.fetch`.
 * @param takeOver - moves what it wants from the folder that was left to the own one, and says whether the rest can go.
 */
export async function openScratchFolder(
  parent: string,
  kind: string,
  takeOver: (left: string, own: string) => Promise<boolean>,
): Promise<string> {
  const own = await mkdtemp(path.join(parent, `${kind}-${ownName}-`));
  const { mtimeMs: nowMs } = await stat(own);
  for (const name of await readdir(parent)) {
    const owner = ownerOf(name, kind);
    const left = path.join(parent, name);
    if (owner === undefined || left === own) continue;
    try {
      if (owner !== nobody && (await mayBeAtWork(owner, left, nowMs))) continue;
      if (await takeOver(left, own)) await rm(left, { recursive: true, force: true });
    } catch {
      // Another process was faster, or it is another user's: what is not to be had is left where it is.
    }
  }
  return own;
}

/** Leaves a folder to the next fetch of its kind. */
export async function leaveScratchFolder(folder: string, kind: string): Promise<void> {
  const random = folder.slice(folder.lastIndexOf("-") + 1);
  await rename(folder, path.join(path.dirname(folder), `${kind}-${nobody}-${random}`));
}
