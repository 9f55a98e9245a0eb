/** LibTorch's own zip archive, brought by the user: which version and variant it holds. */
import type { Errand } from "../fetch/errand.js";
import { stat } from "node:fs/promises";
import path from "node:path";
import { text } from "node:stream/consumers";
import yauzl from "yauzl";
import { type LibTorchVariant, libtorchVersion, type PinnedTorchWheel, pinnedVariants } from "./pinned.js";
import { refusal, sha256Of } from "../fetch/wheel-source.js";

/** LibTorch as its makers pack it for C++, for machines without Python. */
export interface Archive {
  readonly variant: LibTorchVariant;
  /** The archive in the place of a wheel. Its checksum is what it has, not one that we know. */
  readonly wheel: PinnedTorchWheel;
}

/** Whether a file is such an archive by its name: wheels are zip files too, but not called so. */
export function isArchiveName(file: string): boolean {
  return file.endsWith(".zip");
}

/**
 * Reads of which LibTorch an archive is.
 *
 * @param file - `libtorch-shared-with-deps-<version>.zip`, whatever its name.
 * @throws WsssError `WSSS_ERR_BINARY_NOT_FOUND` when it is no such archive, or of another version or variant.
 */
export async function readArchive(file: string, errand: Errand, signal?: AbortSignal): Promise<Archive> {
  const stated = (await readBuildVersion(file))?.trim();
  if (stated === undefined) {
    const what = `${file} is no LibTorch archive: it can't be read as a zip file, or has no libtorch/build-version`;
    throw refusal(what, { file }, errand, "Bring the archive whole");
  }
  const [version, builtFor = ""] = stated.split("+", 2);
  if (version !== libtorchVersion) {
    throw refusal(
      `${file} is LibTorch ${stated}, but ${libtorchVersion} is needed`,
      { file, version },
      errand,
      "Bring that one",
    );
  }
  if (!(builtFor in pinnedVariants)) {
    const ours = Object.keys(pinnedVariants).join(" or ");
    throw refusal(`${file} is LibTorch ${stated}, but ${ours} is needed`, { file }, errand, "Bring one of these");
  }
  const { size } = await stat(file);
  const sha256 = await sha256Of(file, signal);
  const wheel = { requirement: stated, fileName: path.basename(file), sha256, sizeBytes: size, companions: [] };
  return { variant: builtFor as LibTorchVariant, wheel };
}

async function readBuildVersion(file: string): Promise<string | undefined> {
  try {
    const archive = await yauzl.openPromise(file);
    try {
      for await (const entry of archive.eachEntry()) {
        if (entry.fileName === "libtorch/build-version") return await text(await archive.openReadStreamPromise(entry));
      }
    } finally {
      archive.close();
    }
  } catch {
    // Not there, or no zip file: the message of the caller says both.
  }
  return undefined;
}
