import { WsssError } from "../errors.js";
import { cachedLibTorchFolder } from "./cache-folder.js";
import { describePlaces, findLibTorch, type LibTorchPlace } from "./find.js";
import { type LibTorchFolder, readLibTorchFolder } from "./folder.js";
import { installLibTorch, type SetupProgress } from "./install.js";
import { libtorchVersion, neededDiskBytes, pinnedTorchWheels, setupCommand } from "./pinned.js";

/** What {@link setupLibTorch} may be told. */
export interface SetupOptions {
  /** Called for every step. @defaultValue writes the message to standard error: nothing is ever downloaded in silence */
  readonly onProgress?: ((progress: SetupProgress) => void) | undefined;
  /** Fetch into the cache even if a usable LibTorch is there. @defaultValue `false` */
  readonly force?: boolean;
  /** Whether C++ headers are needed, to build the addon. @defaultValue `false` */
  readonly needHeaders?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Finds the pinned LibTorch, or fetches it into the cache.
 *
 * @throws WsssError `WSSS_ERR_BINARY_NOT_FOUND` when `LIBTORCH` names an unusable folder or nothing can be fetched,
 *   `WSSS_ERR_IO` when the cache can't be written, `WSSS_ERR_CANCELLED` when the signal is aborted.
 */
export async function setupLibTorch(options: SetupOptions = {}): Promise<LibTorchFolder> {
  const { force = false, needHeaders = false, signal, onProgress = sayOnStandardError } = options;
  const { found, places } = await findLibTorch({ needHeaders });
  if (found !== null && !force) {
    onProgress({ stage: "found", message: `LibTorch ${libtorchVersion} found in ${found.folder}` });
    return found;
  }
  const named = places.find((place) => place.source === "LIBTORCH");
  if (named?.folder != null && named.problem !== null) throw unusableLibTorch(places);
  onProgress({ stage: "search", message: `LibTorch ${libtorchVersion}: ${describePlaces(places).join("; ")}` });
  const target = cachedLibTorchFolder();
  try {
    await installLibTorch({
      wheels: pinnedTorchWheels,
      target,
      force,
      neededBytes: neededDiskBytes,
      onProgress,
      signal,
    });
  } catch (error) {
    throw asWsssError(error, target, signal);
  }
  onProgress({ stage: "done", message: `LibTorch ${libtorchVersion} is ready in ${target}` });
  return await readLibTorchFolder(target);
}

/** The error for a search that found nothing usable; its message lists every place and the command that repairs it. */
export function unusableLibTorch(places: readonly LibTorchPlace[]): WsssError {
  const tried = describePlaces(places).map((line) => `\n  - ${line}`);
  const named = places.some((place) => place.source === "LIBTORCH" && place.folder !== null);
  const repair = named ? `Unset LIBTORCH, or let it name a LibTorch ${libtorchVersion} folder, then run` : "Run";
  const message = `No usable LibTorch ${libtorchVersion}. Tried:${tried.join("")}\n${repair} \`${setupCommand}\`.`;
  return new WsssError("WSSS_ERR_BINARY_NOT_FOUND", message, { needed: libtorchVersion, places });
}

function asWsssError(error: unknown, target: string, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) {
    return new WsssError("WSSS_ERR_CANCELLED", "the set-up of LibTorch was cancelled", {}, { cause: error });
  }
  if (error instanceof WsssError || !(error instanceof Error)) return error;
  const message = `LibTorch could not be set up in ${target}: ${error.message}. Set WSSS_CACHE to use another folder`;
  return new WsssError("WSSS_ERR_IO", message, { folder: target }, { cause: error });
}

function sayOnStandardError(progress: SetupProgress): void {
  process.stderr.write(`wsss-tissue: ${progress.message}\n`);
}
