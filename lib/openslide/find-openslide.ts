/** The search for a usable OpenSlide: `WSSS_OPENSLIDE`, the cache, the system. */
import { stat } from "node:fs/promises";
import { isWsssError, WsssError } from "../errors.js";
import { isOffline } from "../fetch/errand.js";
import type { NativeAddon } from "../native/addon.js";
import { runJob } from "../native/job.js";
import { installOpenSlide, type OpenSlideInstallation } from "./install-openslide.js";
import { cachedOpenSlide, oldestOpenSlide, openSlideErrand, openSlideSetupCommand } from "./pinned-openslide.js";

/** An OpenSlide that can be used. */
export interface FoundOpenSlide {
  /** Path or soname, as the loader takes it. */
  readonly library: string;
  /** For example `4.0.1`. */
  readonly version: string;
}

/** One place that was looked at. */
export interface OpenSlidePlace {
  readonly source: "WSSS_OPENSLIDE" | "cache" | "system";
  readonly library: string;
  /** Null where there is none, or it does not load. */
  readonly version: string | null;
  /** Why it can't be used; `null` if it can. */
  readonly problem: string | null;
}

/** The name by which the system's loader finds OpenSlide 4. */
const systemLibrary = "libopenslide.so.1";
/** Before version 4; looked for only to say that it is too old. */
const oldSystemLibrary = "libopenslide.so.0";

/**
 * Looks for an OpenSlide that is new enough. Nothing is fetched or thrown. A `WSSS_OPENSLIDE` that is set but unusable ends
 * the search: who names a library wants that one.
 */
export async function searchOpenSlide(
  addon: NativeAddon,
): Promise<{ readonly found: FoundOpenSlide | null; readonly places: readonly OpenSlidePlace[] }> {
  const places: OpenSlidePlace[] = [];
  const named = process.env["WSSS_OPENSLIDE"];
  const isNamed = named !== undefined && named !== "";
  const candidates: Pick<OpenSlidePlace, "source" | "library">[] = isNamed
    ? [{ source: "WSSS_OPENSLIDE", library: named }]
    : [
        { source: "cache", library: cachedOpenSlide() },
        { source: "system", library: systemLibrary },
        { source: "system", library: oldSystemLibrary },
      ];
  for (const { source, library } of candidates) {
    const place = await lookAt(addon, source, library);
    places.push(place);
    if (place.problem === null && place.version !== null) {
      return { found: { library, version: place.version }, places };
    }
  }
  return { found: null, places };
}

/**
 * An OpenSlide that is new enough: found, or fetched into the cache and said to be.
 *
 * @throws WsssError `WSSS_ERR_BINARY_NOT_FOUND` with every place that was tried when there is none and none can be fetched.
 */
export async function findOrFetchOpenSlide(
  addon: NativeAddon,
  installation: OpenSlideInstallation & {
    readonly offline?: boolean | undefined;
    readonly force?: boolean | undefined;
  },
): Promise<FoundOpenSlide> {
  const { offline = isOffline(), from = [], force = false } = installation;
  const { found, places } = await searchOpenSlide(addon);
  const isNamed = places.some(({ source }) => source === "WSSS_OPENSLIDE");
  if (found !== null && (!force || isNamed)) return found;
  if (isNamed) throw unusableOpenSlide(places, "unset WSSS_OPENSLIDE, or let it name another");
  if (offline && from.length === 0) {
    throw unusableOpenSlide(places, "nothing may be fetched (WSSS_OFFLINE, --offline): bring its wheel by --from");
  }
  const library = await installOpenSlide(installation);
  const installed = await lookAt(addon, "cache", library);
  if (installed.version === null || installed.problem !== null) throw unusableOpenSlide([installed], "see why");
  return { library, version: installed.version };
}

/** The places of a search in words, one each. */
export function describeOpenSlidePlaces(places: readonly OpenSlidePlace[]): string[] {
  return places.map(({ source, library, version, problem }) => {
    const name = source === "WSSS_OPENSLIDE" ? `$${source}` : source;
    return `${name}: ${library} ${problem ?? `is usable, ${version ?? ""}`}`;
  });
}

function unusableOpenSlide(places: readonly OpenSlidePlace[], repair: string): WsssError {
  const tried = describeOpenSlidePlaces(places).map((line) => `\n  - ${line}`);
  const message = `No usable OpenSlide ${oldestOpenSlide} or newer. Tried:${tried.join("")}\nRun \`${openSlideSetupCommand}\`; ${repair}.`;
  return new WsssError(openSlideErrand.code, message, { needed: oldestOpenSlide, places });
}

async function lookAt(addon: NativeAddon, source: OpenSlidePlace["source"], library: string): Promise<OpenSlidePlace> {
  const refused = (problem: string, version: string | null = null): OpenSlidePlace => ({
    source,
    library,
    version,
    problem,
  });
  // A path is looked at before the loader is asked, whose words are long.
  if (library.includes("/") && (await stat(library).catch(() => null)) === null) return refused("is not there");
  try {
    const version = await runJob<string>((done) => addon.openSlideVersion({ path: library }, done));
    if (isAtLeast(version, oldestOpenSlide)) return { source, library, version, problem: null };
    return refused(`is OpenSlide ${version}, too old: ${oldestOpenSlide} or newer is needed`, version);
  } catch (error) {
    if (!isWsssError(error, "WSSS_ERR_IO")) throw error;
    return refused(source === "system" ? "is not installed" : `can't be loaded (${error.message})`);
  }
}

function isAtLeast(version: string, oldest: string): boolean {
  const parts = version.split(".").map(Number);
  for (const [index, wanted] of oldest.split(".").map(Number).entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}
