/** The report on LibTorch for `inspect`: every place, the driver, repair and advice. */
import { cacheFolder } from "../fetch/cache-folder.js";
import type { DriverReport } from "./driver.js";
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
  readonly driver: DriverReport;
  /** All places, also those after the one in use. */
  readonly places: readonly LibTorchPlace[];
  /** The command that repairs it; `null` when nothing needs repair. */
  readonly repair: string | null;
  /** What would be better than what is in use, and how to have it; `null` if nothing is known to be. */
  readonly advice: string | null;
}

/** A `LIBTORCH` that is set but unusable ends the search, and only unsetting it helps. */
function repairOf(places: readonly LibTorchPlace[]): string {
  const named = places.some(({ source, folder }) => source === "LIBTORCH" && folder !== null);
  return named ? `unset LIBTORCH; ${setupCommand}` : setupCommand;
}

/**
 * Looks at every place where LibTorch may be, without loading or fetching it.
 *
 * @throws WsssError `WSSS_ERR_IO` if there is no home folder for the cache.
 */
export async function inspectLibTorch(): Promise<LibTorchReport> {
  const { driver, found, places } = await findLibTorch({ all: true });
  const advice =
    found?.variant === "cpu" && driver.variant !== "cpu"
      ? `there is an NVIDIA driver (${driver.version ?? ""}), but this LibTorch computes on the CPU only: \`${setupCommand} --cuda\` fetches the one for GPUs`
      : driver.problem;
  return {
    needed: libtorchVersion,
    folder: found?.folder ?? null,
    variant: found?.variant ?? null,
    cacheFolder: cacheFolder(),
    driver,
    places,
    repair: found === null ? repairOf(places) : null,
    advice,
  };
}
