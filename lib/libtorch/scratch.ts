/** The scratch folder of a set-up of LibTorch, and taking over the one that an ended set-up left. */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import type { PinnedWheel } from "../fetch/pinned-wheel.js";
import { leaveScratchFolder, openScratchFolder } from "../fetch/scratch-folder.js";
import { type LibTorchVariant, libtorchVersion } from "./pinned.js";

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

/** What may be taken over from a set-up that ended early. */
export interface TakeOver {
  readonly variant: LibTorchVariant;
  readonly headers: boolean;
  /** SHA-256 of every file that this set-up would fetch; a folder with anything else in it is not taken over. */
  readonly sha256s: ReadonlySet<string>;
  /** Nothing is taken over, so that a set-up can be had that begins anew. */
  readonly force: boolean;
}

const receiptFile = "wsss-receipt.json";
const kindOf = (variant: LibTorchVariant): string => `.setup-${variant}`;

/**
 * Opens a scratch folder. If a set-up of the same variant ended early, by an error or killed, its folder is taken over with
 * the wheels it had finished; what else the dead left is removed.
 */
export async function openScratch(cache: string, wanted: TakeOver): Promise<Scratch> {
  let receipt: Receipt = { version: libtorchVersion, headers: wanted.headers, from: [] };
  const folder = await openScratchFolder(cache, kindOf(wanted.variant), async (left, own) => {
    const before = await readReceipt(path.join(left, "libtorch"));
    if (receipt.from.length === 0 && before !== null && isWanted(before, wanted)) {
      await rename(path.join(left, "libtorch"), path.join(own, "libtorch"));
      receipt = before;
    }
    return true;
  });
  return { folder, unpacked: path.join(folder, "libtorch"), receipt };
}

/** Notes in the scratch folder that a wheel is unpacked whole. */
export async function noteWheel(scratch: Scratch, wheel: PinnedWheel): Promise<Scratch> {
  const { requirement, fileName, sha256 } = wheel;
  const receipt = { ...scratch.receipt, from: [...scratch.receipt.from, { requirement, fileName, sha256 }] };
  await mkdir(scratch.unpacked, { recursive: true });
  await writeFile(path.join(scratch.unpacked, receiptFile), `${JSON.stringify(receipt, null, 2)}\n`);
  return { ...scratch, receipt };
}

/** Leaves the finished wheels of a scratch folder for the next set-up. */
export async function leaveScratch({ folder }: Scratch, variant: LibTorchVariant): Promise<void> {
  await leaveScratchFolder(folder, kindOf(variant));
}

function isWanted(receipt: Receipt, { headers, sha256s, force }: TakeOver): boolean {
  if (force || receipt.version !== libtorchVersion || (headers && !receipt.headers)) return false;
  return receipt.from.length > 0 && receipt.from.every(({ sha256 }) => sha256s.has(sha256));
}

async function readReceipt(folder: string): Promise<Receipt | null> {
  try {
    const receipt = JSON.parse(await readFile(path.join(folder, receiptFile), "utf8")) as Receipt;
    return Array.isArray(receipt.from) ? receipt : null;
  } catch {
    return null; // killed before its first wheel, or while it wrote
  }
}
