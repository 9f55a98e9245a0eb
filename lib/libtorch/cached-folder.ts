/** The path of an unpacked LibTorch in the cache, by version and variant. */
import path from "node:path";
import { cacheFolder } from "../fetch/cache-folder.js";
import { type LibTorchVariant, libtorchVersion } from "./pinned.js";

/**
 * The cache's place of one variant of the pinned LibTorch. It is named by what it can do, not by where it came from: the
 * CPU libraries of a CUDA wheel lie in the folder of `cpu`.
 */
export function cachedLibTorchFolder(variant: LibTorchVariant, environment: NodeJS.ProcessEnv = process.env): string {
  return path.join(cacheFolder(environment), `libtorch-${libtorchVersion}-${variant}`);
}
