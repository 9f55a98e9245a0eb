import { mkdir, mkdtemp, readdir, rename, rm, statfs, writeFile } from "node:fs/promises";
import path from "node:path";
import { WsssError } from "../errors.js";
import { fetchWheel } from "./fetch-wheel.js";
import { problemOf, readLibTorchFolder } from "./folder.js";
import { libtorchVersion, type PinnedTorchWheel, type PinnedWheel } from "./pinned.js";
import { unpackWheel } from "./unpack-wheel.js";

/** A report of a set-up under way. */
export interface SetupProgress {
  readonly stage: "found" | "search" | "download" | "unpack" | "done";
  /** One sentence for a person. */
  readonly message: string;
}

/** What {@link installLibTorch} is told. */
export interface InstallOptions {
  /** Wheels that the index may serve. */
  readonly wheels: readonly PinnedTorchWheel[];
  /** Folder to install to; replaced as a whole. */
  readonly target: string;
  /** Whether a usable folder that another process put there meanwhile is replaced. */
  readonly force: boolean;
  /** Room that must be free on the disk of `target`, in bytes. */
  readonly neededBytes: number;
  readonly onProgress: (progress: SetupProgress) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Scratch folders lie beside the target; their names go on with the process id, which tells when the owner is gone. */
const scratchPrefix = ".setup-";

/**
 * Downloads LibTorch's wheels, checks and unpacks them into a scratch folder, and renames that to the target, so that
 * two processes at once, or a process that is killed, leave no half of it.
 *
 * @throws WsssError when a wheel can't be had; errors of the file system as they come.
 */
export async function installLibTorch(options: InstallOptions): Promise<void> {
  const { wheels, target, force, neededBytes, onProgress, signal } = options;
  const cache = path.dirname(target);
  await mkdir(cache, { recursive: true });
  await removeAbandoned(cache);
  await checkFreeSpace(cache, neededBytes);
  const scratch = await mkdtemp(path.join(cache, `${scratchPrefix}${String(process.pid)}-`));
  try {
    const fetched: PinnedWheel[] = [];
    const unpacked = path.join(scratch, "libtorch");
    const take = async <Wheel extends PinnedWheel>(candidates: readonly Wheel[]): Promise<Wheel> => {
      const sizes = candidates.map((wheel) => megabytes(wheel.sizeBytes)).join(" or ");
      const what = `${candidates[0]?.requirement ?? ""} by pip (${sizes})`;
      onProgress({ stage: "download", message: `downloading ${what} for ${target}` });
      const folder = await mkdtemp(path.join(scratch, "wheel-"));
      const { wheel, file } = await fetchWheel(candidates, folder, signal);
      onProgress({ stage: "unpack", message: `SHA-256 of ${wheel.fileName} is right, unpacking` });
      const { files, bytes } = await unpackWheel(file, unpacked, signal);
      onProgress({ stage: "unpack", message: `unpacked ${String(files)} files, ${megabytes(bytes)}` });
      await rm(folder, { recursive: true });
      fetched.push(wheel);
      return wheel;
    };
    const torch = await take(wheels);
    for (const companion of torch.companions) await take([companion]);

    await writeReceipt(unpacked, fetched);
    const problem = problemOf(await readLibTorchFolder(unpacked), true);
    if (problem !== null) throw new WsssError("WSSS_ERR_INTERNAL", `LibTorch as unpacked from its wheel ${problem}`);
    await putInPlace(unpacked, target, path.join(scratch, "old"), force);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** More set-ups at once than this give up rather than go on in each other's way. */
const placingAttempts = 20;

/**
 * Renames a finished folder to its place. A usable folder that another process put there meanwhile stays, because that
 * process may be loading it; anything else there is moved to `old`. Between the two renames another process may fill the
 * place, and a third may empty it again, so a failure only means another look.
 */
async function putInPlace(from: string, target: string, old: string, force: boolean): Promise<void> {
  const usable = async (): Promise<boolean> => problemOf(await readLibTorchFolder(target), true) === null;
  for (let attempt = 1; ; attempt++) {
    if ((!force || attempt > 1) && (await usable())) return;
    await rename(target, `${old}-${String(attempt)}`).catch(() => undefined);
    try {
      await rename(from, target);
      return;
    } catch (error) {
      if (attempt === placingAttempts) throw error;
    }
  }
}

/** Removes what killed set-ups left, up to 1 GB each. */
async function removeAbandoned(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const owner = name.startsWith(scratchPrefix) ? Number(name.slice(scratchPrefix.length).split("-", 1)[0]) : 0;
    if (owner > 0 && !isAlive(owner)) await rm(path.join(cache, name), { recursive: true, force: true });
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, but is another user's.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

async function checkFreeSpace(cache: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(cache);
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes) return;
  const message = `LibTorch needs ${megabytes(neededBytes)} free in ${cache}, which has ${megabytes(freeBytes)}`;
  const repair = "free some, or set WSSS_CACHE to a folder on another disk";
  throw new WsssError("WSSS_ERR_IO", `${message}: ${repair}`, { folder: cache, freeBytes, neededBytes });
}

/** Writes down where the files came from. */
async function writeReceipt(folder: string, wheels: readonly PinnedWheel[]): Promise<void> {
  const from = wheels.map(({ requirement, fileName, sha256 }) => ({ requirement, fileName, sha256 }));
  const receipt = JSON.stringify({ version: libtorchVersion, from }, null, 2);
  await writeFile(path.join(folder, "wsss-receipt.json"), `${receipt}\n`);
}

function megabytes(bytes: number): string {
  return `${String(Math.ceil(bytes / 1e6))} MB`;
}
