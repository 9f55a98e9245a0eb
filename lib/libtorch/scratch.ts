import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { libtorchVersion, type LibTorchVariant, type PinnedWheel } from "./pinned.js";

/** What a LibTorch folder that we unpacked came from; lies in it as `wsss-receipt.json`. */
export interface Receipt {
  readonly version: string;
  readonly headers: boolean;
  /** Wheels that are unpacked whole. */
  readonly from: readonly { readonly requirement: string; readonly fileName: string; readonly sha256: string }[];
}

/** A folder beside the target, where a set-up works. */
export interface Scratch {
  readonly folder: string;
  /** LibTorch as far as it is unpacked: `libtorch/` in the scratch folder. */
  readonly unpacked: string;
  /** Of the wheels in `unpacked`; what another set-up did before it ended is there from the start. */
  readonly receipt: Receipt;
}

/** Scratch folders are called `.setup-<process id>-<variant>-<random>`; 0 = nobody's. The id tells when its owner is gone. */
const scratchName = /^\.setup-(\d+)-([a-z0-9]+)-/;
const receiptFile = "wsss-receipt.json";

/**
 * Opens a scratch folder. If a set-up of the same variant ended early, by an error or killed, its folder is taken over with
 * the wheels it had finished; what else the dead left is removed. Two set-ups never share one: taking over is a rename.
 */
export async function openScratch(cache: string, variant: LibTorchVariant, headers: boolean): Promise<Scratch> {
  const own = await mkdtemp(path.join(cache, scratchPrefix(process.pid, variant)));
  const unpacked = path.join(own, "libtorch");
  let receipt: Receipt = { version: libtorchVersion, headers, from: [] };
  for (const name of await readdir(cache)) {
    const [, owner, itsVariant] = scratchName.exec(name) ?? [];
    if (owner === undefined || itsVariant !== variant || isAlive(Number(owner))) continue;
    const left = path.join(cache, name);
    const before = await readReceipt(path.join(left, "libtorch"));
    const isWorthIt = before !== null && before.version === libtorchVersion && (before.headers || !headers);
    if (receipt.from.length === 0 && isWorthIt && (await renamed(path.join(left, "libtorch"), unpacked))) {
      receipt = before;
    }
    await rm(left, { recursive: true, force: true });
  }
  return { folder: own, unpacked, receipt };
}

/** Notes in the scratch folder that a wheel is unpacked whole. */
export async function noteWheel(scratch: Scratch, wheel: PinnedWheel): Promise<Scratch> {
  const { requirement, fileName, sha256 } = wheel;
  const receipt = { ...scratch.receipt, from: [...scratch.receipt.from, { requirement, fileName, sha256 }] };
  await mkdir(scratch.unpacked, { recursive: true });
  await writeFile(path.join(scratch.unpacked, receiptFile), `${JSON.stringify(receipt, null, 2)}\n`);
  return { ...scratch, receipt };
}

/**
 * Ends the work in a scratch folder that failed: kept for the next set-up if a wheel of it is finished, else removed.
 *
 * @returns whether it was kept.
 */
export async function leaveScratch(scratch: Scratch, variant: LibTorchVariant): Promise<boolean> {
  if (scratch.receipt.from.length > 0) {
    const cache = path.dirname(scratch.folder);
    const nobodys = await mkdtemp(path.join(cache, scratchPrefix(0, variant)));
    if (await renamed(scratch.unpacked, path.join(nobodys, "libtorch"))) {
      await rm(scratch.folder, { recursive: true, force: true });
      return true;
    }
    await rm(nobodys, { recursive: true, force: true });
  }
  await rm(scratch.folder, { recursive: true, force: true });
  return false;
}

function scratchPrefix(owner: number, variant: LibTorchVariant): string {
  return `.setup-${String(owner)}-${variant}-`;
}

async function renamed(from: string, to: string): Promise<boolean> {
  return await rename(from, to).then(
    () => true,
    () => false,
  );
}

async function readReceipt(folder: string): Promise<Receipt | null> {
  try {
    const receipt = JSON.parse(await readFile(path.join(folder, receiptFile), "utf8")) as Receipt;
    return Array.isArray(receipt.from) ? receipt : null;
  } catch {
    return null; // killed before its first wheel, or while it wrote
  }
}

function isAlive(processId: number): boolean {
  if (processId === 0) return false;
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, but is another user's.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
