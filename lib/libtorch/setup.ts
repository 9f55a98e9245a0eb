/** The set-up of LibTorch: use what is found, or install it by pip, from wheels or from the archive. */
import { WsssError } from "../errors.js";
import { type Archive, isArchiveName, readArchive } from "./archive.js";
import { cachedLibTorchFolder } from "./cached-folder.js";
import type { DriverReport } from "./driver.js";
import { fileSource } from "../fetch/file-source.js";
import { describePlaces, findLibTorch, type LibTorchPlace, type LibTorchSearch } from "./find.js";
import { type LibTorchFolder, readLibTorchFolder } from "./folder.js";
import { installLibTorch, type SetupProgress } from "./install.js";
import { type LibTorchVariant, libtorchErrand, libtorchVersion, pinnedVersion, setupCommand } from "./pinned.js";
import { type Errand, isOffline } from "../fetch/errand.js";
import { pipSource } from "../fetch/pip-source.js";
import { planSetup, type SetupPlan } from "./setup-plan.js";
import { refusal } from "../fetch/wheel-source.js";

/** What {@link setupLibTorch} may be told. */
export interface SetupOptions {
  /** Called for every step. @defaultValue writes the message to standard error: nothing is ever downloaded in silence */
  readonly onProgress?: ((progress: SetupProgress) => void) | undefined;
  /** `null` = whatever is there, else the one for the NVIDIA driver that runs here. @defaultValue `null` */
  readonly variant?: LibTorchVariant | null;
  /** Fetch into the cache even if a usable LibTorch is there. @defaultValue `false` */
  readonly force?: boolean;
  /** Whether C++ headers are needed, to build the addon. @defaultValue `false` */
  readonly needHeaders?: boolean;
  /**
   * Wheels that were brought by hand, or folders that hold them, or LibTorch's own archive (`.zip`), alone; none = wheels
   * are fetched by pip. @defaultValue `[]`
   */
  readonly from?: readonly string[];
  /** Whether nothing may be fetched. @defaultValue whether `WSSS_OFFLINE` is set and neither empty nor `0` */
  readonly offline?: boolean;
  /** Whether pip's own words and progress bars are shown. @defaultValue whether standard error is a terminal */
  readonly aloud?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Finds the pinned LibTorch, or fetches it into the cache.
 *
 * @throws WsssError `WSSS_ERR_BINARY_NOT_FOUND` when `LIBTORCH` names an unusable folder or nothing can be fetched,
 *   `WSSS_ERR_IO` when the cache can't be written, `WSSS_ERR_CANCELLED` when the signal is aborted.
 */
export async function setupLibTorch(options: SetupOptions = {}): Promise<LibTorchFolder> {
  const { force = false, needHeaders = false, from = [], signal, onProgress = sayOnStandardError } = options;
  const { variant = null, aloud = process.stderr.isTTY } = options;
  const again = variant === null ? setupCommand : `${setupCommand} --${variant === "cpu" ? "cpu" : "cuda"}`;
  const errand = libtorchErrand(again);
  const search = await findLibTorch({ needHeaders, all: variant !== null });
  const found = usablePlace(search, variant);
  if (found !== null && !force) {
    onProgress({ stage: "found", message: `LibTorch ${libtorchVersion} found in ${found.folder}` });
    return found;
  }
  refuseShadowed(search.places, variant !== null || force);
  if (libtorchVersion !== pinnedVersion) {
    const reason = `only ${pinnedVersion} is fetched; unset WSSS_LIBTORCH_VERSION, or let LIBTORCH name that one`;
    throw unusableLibTorch(search.places, reason);
  }
  if (from.length === 0 && (options.offline ?? false)) throw unusableLibTorch(search.places, "nothing may be fetched");
  if (from.length === 0 && isOffline()) {
    throw unusableLibTorch(
      search.places,
      "nothing may be fetched, since WSSS_OFFLINE is set; unset it, or bring the files by --from",
    );
  }
  const archive = await archiveAmong(from, errand, signal);
  const plan =
    archive === null ? planSetup(variant ?? search.driver.variant, needHeaders) : planOf(archive, variant, errand);
  onProgress({ stage: "search", message: announcement(search, plan, variant === null ? search.driver : null) });
  try {
    const source = from.length > 0 ? fileSource(from, errand) : await pipSource({ errand, aloud, signal });
    await installLibTorch({ ...plan, source, headers: needHeaders, force, onProgress, signal });
  } catch (error) {
    throw asWsssError(error, plan.target, signal);
  }
  onProgress({ stage: "done", message: `LibTorch ${libtorchVersion} is ready in ${plan.target}` });
  return await readLibTorchFolder(plan.target);
}

/** The error for a search that found nothing usable; its message lists every place and the command that repairs it. */
export function unusableLibTorch(places: readonly LibTorchPlace[], reason?: string): WsssError {
  const tried = describePlaces(places).map((line) => `\n  - ${line}`);
  const named = places.some((place) => place.source === "LIBTORCH" && place.folder !== null);
  const repair = named ? `Unset LIBTORCH, or let it name a LibTorch ${libtorchVersion} folder, then run` : "Run";
  const why = reason === undefined ? "" : `, and ${reason}`;
  const message = `No usable LibTorch ${libtorchVersion}${why}. Tried:${tried.join("")}\n${repair} \`${setupCommand}\`.`;
  return new WsssError("WSSS_ERR_BINARY_NOT_FOUND", message, { needed: libtorchVersion, places });
}

/** LibTorch's own archive, if that is what was brought; it comes alone. */
async function archiveAmong(
  from: readonly string[],
  errand: Errand,
  signal: AbortSignal | undefined,
): Promise<Archive | null> {
  const file = from.find(isArchiveName);
  if (file === undefined) return null;
  if (from.length === 1) return await readArchive(file, errand, signal);
  throw refusal(
    `${file} is an archive that holds everything, but other files came with it`,
    { from },
    errand,
    "Name it alone",
  );
}

/** The plan for an archive: of its own variant, which must be the wanted one. */
function planOf({ variant, wheel }: Archive, wanted: LibTorchVariant | null, errand: Errand): SetupPlan {
  const plan = planSetup(variant, false);
  if (wanted !== null && wanted !== variant) {
    throw refusal(
      `${wheel.fileName} is for ${variant}, not ${wanted}`,
      { variant, wanted },
      errand,
      "Bring the other archive",
    );
  }
  const unknown = `its SHA-256 is not one that is known here, ${wheel.sha256}: compare it with its makers'`;
  const summary = `LibTorch ${wheel.requirement} from an archive (${unknown}), for ${plan.target}`;
  return { ...plan, wheels: [wheel], summary };
}

/** What would be used, if it is of the wanted variant. */
function usablePlace({ found, places }: LibTorchSearch, variant: LibTorchVariant | null): LibTorchFolder | null {
  if (variant === null) return found;
  const cached = cachedLibTorchFolder(variant);
  const place = places.find(({ folder, problem }) => folder === cached && problem === null);
  if (place?.folder != null) return { ...place, folder: place.folder };
  return found?.variant === variant ? found : null;
}

/** Whoever sets LIBTORCH is served by that folder alone, so that a set-up of the cache would change nothing. */
function refuseShadowed(places: readonly LibTorchPlace[], isAskedFor: boolean): void {
  const named = places.find((place) => place.source === "LIBTORCH");
  if (named?.folder == null) return;
  if (named.problem !== null) throw unusableLibTorch(places);
  if (!isAskedFor) return;
  const message = `LIBTORCH names ${named.folder} (${named.variant ?? "unknown variant"}), which is used before the cache`;
  throw new WsssError("WSSS_ERR_BINARY_NOT_FOUND", `${message}: unset LIBTORCH, then run \`${setupCommand}\` again.`, {
    folder: named.folder,
  });
}

function announcement(search: LibTorchSearch, plan: SetupPlan, driver: DriverReport | null): string {
  const lines = [`LibTorch ${libtorchVersion} is not there (${describePlaces(search.places).join("; ")})`];
  if (driver?.problem != null) lines.push(driver.problem);
  else if (driver?.version != null) lines.push(`for NVIDIA's driver ${driver.version} the CUDA build is fetched`);
  return [...lines, plan.summary].join("\n  ");
}

function asWsssError(error: unknown, target: string, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) {
    return new WsssError("WSSS_ERR_CANCELLED", "the set-up of LibTorch was cancelled", {}, { cause: signal.reason });
  }
  if (error instanceof WsssError || !(error instanceof Error)) return error;
  const message = `LibTorch could not be set up in ${target}: ${error.message}. Set WSSS_CACHE to use another folder`;
  return new WsssError("WSSS_ERR_IO", message, { folder: target }, { cause: error });
}

function sayOnStandardError(progress: SetupProgress): void {
  process.stderr.write(`wsss-tissue: ${progress.message}\n`);
}
