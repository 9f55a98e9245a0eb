import { cacheFolder } from "./cache-folder.js";
import { findLibTorch, type LibTorchPlace } from "./find.js";
import { libtorchVersion, setupCommand } from "./pinned.js";

/** What `wsss-tissue inspect` says of LibTorch; plain data. */
export interface LibTorchReport {
  /** The release that this package is built for. */
  readonly needed: string;
  /** The folder that would be used; `null` if there is none. */
  readonly folder: string | null;
  readonly variant: string | null;
  readonly cacheFolder: string;
  /** All places, also those after the one in use. */
  readonly places: readonly LibTorchPlace[];
  /** The command that repairs it; `null` when nothing needs repair. */
  readonly repair: string | null;
}

/** Looks at every place where LibTorch may be, without loading or fetching it. Never throws. */
export async function inspectLibTorch(): Promise<LibTorchReport> {
  const { found, places } = await findLibTorch({ all: true });
  return {
    needed: libtorchVersion,
    folder: found?.folder ?? null,
    variant: found?.variant ?? null,
    cacheFolder: cacheFolder(),
    places,
    repair: found === null ? setupCommand : null,
  };
}
