import { homedir } from "node:os";
import path from "node:path";
import { type LibTorchVariant, libtorchVersion } from "./pinned.js";

/**
 * Where this library keeps what it fetches: `$WSSS_CACHE`, else `$XDG_CACHE_HOME/wsss-tissue-native`, else
 * `~/.cache/wsss-tissue-native`. Absolute; may not exist yet.
 */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const own = environment["WSSS_CACHE"];
  if (own !== undefined && own !== "") return path.resolve(own);
  const shared = environment["XDG_CACHE_HOME"];
  const base = shared !== undefined && path.isAbsolute(shared) ? shared : path.join(homedir(), ".cache");
  return path.join(base, "wsss-tissue-native");
}

/**
 * The cache's place of one variant of the pinned LibTorch. It is named by what it can do, not by where it came from: the
 * CPU libraries of a CUDA wheel lie in the folder of `cpu`.
 */
export function cachedLibTorchFolder(variant: LibTorchVariant, environment: NodeJS.ProcessEnv = process.env): string {
  return path.join(cacheFolder(environment), `libtorch-${libtorchVersion}-${variant}`);
}
