/** Installs LibTorch from wheels: fetched and unpacked in a scratch folder, then renamed into place. */
import { mkdir, mkdtemp, rename, rm, statfs } from "node:fs/promises";
import path from "node:path";
import type { PinnedWheel } from "../fetch/pinned-wheel.js";
import { WsssError } from "../errors.js";
import { problemOf, readLibTorchFolder } from "./folder.js";
import { formatBytes } from "../fetch/format-bytes.js";
import type { LibTorchVariant, PinnedTorchWheel } from "./pinned.js";
import { leaveScratch, noteWheel, openScratch, type Scratch } from "./scratch.js";
import { placeInFolder } from "./place-in-folder.js";
import { unpackWheel } from "../fetch/unpack-wheel.js";
import { refusal, type WheelSource } from "../fetch/wheel-source.js";

/** A report of a set-up under way. */
export interface SetupProgress {
  readonly stage: "found" | "search" | "download" | "unpack" | "done";
  /** One sentence for a person. */
  readonly message: string;
}

/** What {@link installLibTorch} is told. */
export interface InstallOptions {
  readonly variant: LibTorchVariant;
  /** Torch wheels, any of which will do. */
  readonly wheels: readonly PinnedTorchWheel[];
  readonly source: WheelSource;
  /** Whether the C++ headers are wanted. */
  readonly headers: boolean;
  /** Folder to install to; replaced as a whole. */
  readonly target: string;
  /** Whether a usable folder that another process put there meanwhile is replaced. */
  readonly force: boolean;
  /** Room that must be free on the disk of `target`, in bytes. */
  readonly neededBytes: number;
  readonly onProgress: (progress: SetupProgress) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Fetches LibTorch's wheels, checks and unpacks them one by one into a scratch folder, and renames that to the target, so
 * that two processes at once, or a process that is killed, leave no half of it. Finished wheels of a set-up that ended
 * early are not fetched again.
 *
 * @throws WsssError when a wheel can't be had; errors of the file system as they come.
 */
export async function installLibTorch(options: InstallOptions): Promise<void> {
  const { variant, source, wheels, target, headers, force, neededBytes, onProgress } = options;
  const cache = path.dirname(target);
  await mkdir(cache, { recursive: true });
  const sha256s = new Set(wheels.flatMap((torch) => [torch, ...torch.companions]).map(({ sha256 }) => sha256));
  let scratch = await openScratch(cache, { variant, headers, sha256s, force });
  let isWhole = false;
  try {
    if (scratch.receipt.from.length === 0) await checkFreeSpace(cache, neededBytes);
    await fillScratch(scratch, options, (filled) => (scratch = filled));
    isWhole = true;
    const problem = problemOf(await readLibTorchFolder(scratch.unpacked), headers);
    if (problem !== null) {
      throw refusal(`LibTorch as unpacked from ${source.name} ${problem}`, {}, source.errand, "Bring it whole");
    }
    await putInPlace(scratch.unpacked, target, path.join(scratch.folder, "old"), headers, force);
  } catch (error) {
    const count = scratch.receipt.from.length;
    // What is whole and yet will not do would only fail again.
    if (count > 0 && !isWhole) {
      await leaveScratch(scratch, variant);
      onProgress({ stage: "download", message: `${String(count)} finished files are kept for the next set-up` });
      throw error;
    }
    await rm(scratch.folder, { recursive: true, force: true });
    throw error;
  }
  await rm(scratch.folder, { recursive: true, force: true });
}

/** Brings every wheel that the scratch folder lacks; `onWheel` hears of each, so that an error loses none. */
async function fillScratch(
  opened: Scratch,
  options: InstallOptions,
  onWheel: (scratch: Scratch) => void,
): Promise<void> {
  const { wheels, source, variant, headers, target, onProgress, signal } = options;
  let scratch = opened;
  const placeOf = (name: string): string | null => placeInFolder(name, { variant, headers });
  const before = scratch.receipt.from.length;
  if (before > 0) onProgress({ stage: "download", message: `${String(before)} files are there from a set-up before` });
  const take = async <Wheel extends PinnedWheel>(candidates: readonly Wheel[]): Promise<Wheel> => {
    const done = candidates.find(({ sha256 }) => scratch.receipt.from.some((known) => known.sha256 === sha256));
    if (done !== undefined) return done;
    const sizes = candidates.map((wheel) => formatBytes(wheel.sizeBytes)).join(" or ");
    const what = `${candidates[0]?.requirement ?? ""} (${sizes})`;
    onProgress({ stage: "download", message: `fetching ${what} from ${source.name} for ${target}` });
    const folder = await mkdtemp(path.join(scratch.folder, "wheel-"));
    const { wheel, file } = await source.fetch(candidates, folder, signal);
    onProgress({ stage: "unpack", message: `unpacking ${wheel.fileName}, whose SHA-256 is ${wheel.sha256}` });
    const { files, bytes } = await unpackWheel(file, scratch.unpacked, placeOf, source.errand, signal);
    onProgress({ stage: "unpack", message: `unpacked ${String(files)} files, ${formatBytes(bytes)}` });
    await rm(folder, { recursive: true });
    scratch = await noteWheel(scratch, wheel);
    onWheel(scratch);
    return wheel;
  };
  const torch = await take(wheels);
  for (const companion of torch.companions) await take([companion]);
}

/** More set-ups at once than this give up rather than go on in each other's way. */
const placingAttempts = 20;

/**
 * Renames a finished folder to its place. A usable folder that another process put there meanwhile stays, because that
 * process may be loading it; anything else there is moved to `old`. Between the two renames another process may fill the
 * place, and a third may empty it again, so a failure only means another look.
 */
async function putInPlace(from: string, target: string, old: string, headers: boolean, force: boolean): Promise<void> {
  const usable = async (): Promise<boolean> => problemOf(await readLibTorchFolder(target), headers) === null;
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

async function checkFreeSpace(cache: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(cache);
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes) return;
  const message = `LibTorch needs ${formatBytes(neededBytes)} free in ${cache}, which has ${formatBytes(freeBytes)}`;
  const repair = "free some, or set WSSS_CACHE to a folder on another disk";
  throw new WsssError("WSSS_ERR_IO", `${message}: ${repair}`, { folder: cache, freeBytes, neededBytes });
}
