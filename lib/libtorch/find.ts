/** The search for a usable LibTorch: `LIBTORCH`, the cache, an installed Python torch. */
import { cachedLibTorchFolder } from "./cached-folder.js";
import { type DriverReport, findDriver } from "./driver.js";
import { type LibTorchFolder, problemOf, readLibTorchFolder } from "./folder.js";
import { findPythonTorch } from "../fetch/python.js";

/**
 * Where LibTorch is looked for, in this order: the environment variable, this library's cache (the variant for the
 * driver that runs here, then the other), an installed Python torch.
 */
export type LibTorchSource = "LIBTORCH" | "cache" | "python";

/** One place that was looked at. */
export interface LibTorchPlace {
  readonly source: LibTorchSource;
  /** `null` when the source names no folder: the variable is not set, Python has no torch. */
  readonly folder: string | null;
  readonly version: string | null;
  readonly variant: string | null;
  readonly hasHeaders: boolean;
  readonly missing: readonly string[];
  /** Why it can't be used; `null` if it can. */
  readonly problem: string | null;
}

/** What a search came to. */
export interface LibTorchSearch {
  /** The NVIDIA driver, which decides the variant of the cache that is looked at first. */
  readonly driver: DriverReport;
  /** The first usable place; `null` if there is none. */
  readonly found: LibTorchFolder | null;
  /** Every place looked at, in order; the search ends at the first usable one. */
  readonly places: readonly LibTorchPlace[];
}

/** What {@link findLibTorch} may be told. */
export interface FindLibTorchOptions {
  /** Whether the C++ headers are needed, to build the addon. @defaultValue `false` */
  readonly needHeaders?: boolean;
  /** Whether to look at the remaining places after the first usable one, for a report. @defaultValue `false` */
  readonly all?: boolean;
}

/**
 * Looks for the pinned LibTorch. Nothing is loaded, fetched or thrown. A `LIBTORCH` that is set but unusable ends the
 * search: who names a folder wants that one, not another in silence.
 */
export async function findLibTorch(options: FindLibTorchOptions = {}): Promise<LibTorchSearch> {
  const { needHeaders = false, all = false } = options;
  const places: LibTorchPlace[] = [];
  let found: LibTorchFolder | null = null;
  let ended = false;

  const driver = await findDriver();
  const cacheOrder = driver.variant === "cpu" ? (["cpu", "cu130"] as const) : (["cu130", "cpu"] as const);
  const named = process.env["LIBTORCH"];
  const sources: LocatedSource[] = [
    ["LIBTORCH", () => (named === undefined || named === "" ? null : named)],
    ...cacheOrder.map((variant): LocatedSource => ["cache", () => cachedLibTorchFolder(variant)]),
    ["python", async () => await findPythonTorch()],
  ];
  for (const [source, locate] of sources) {
    if (ended && !all) break;
    const folder = await locate();
    if (folder === null) {
      places.push(emptyPlace(source, source === "python" ? "Python has no torch" : "is not set"));
      continue;
    }
    const read = await readLibTorchFolder(folder);
    const problem = problemOf(read, needHeaders);
    places.push({ source, ...read, problem });
    if (!ended && problem === null) found = read;
    ended ||= problem === null || source === "LIBTORCH";
  }
  return { driver, found, places };
}

type LocatedSource = [LibTorchSource, () => Promise<string | null> | string | null];

/** One line for each place: what it is, where, and why it was not taken. */
export function describePlaces(places: readonly LibTorchPlace[]): string[] {
  const names: Record<LibTorchSource, string> = { LIBTORCH: "$LIBTORCH", cache: "cache", python: "Python" };
  return places.map(({ source, folder, version, variant, problem }) => {
    if (folder === null) return `${names[source]}: ${problem ?? "nothing"}`;
    const release = version === null ? "" : ` ${version}${variant === null ? "" : `+${variant}`}`;
    return `${names[source]}: ${folder} ${problem ?? `is usable,${release}`}`;
  });
}

function emptyPlace(source: LibTorchSource, problem: string): LibTorchPlace {
  return { source, folder: null, version: null, variant: null, hasHeaders: false, missing: [], problem };
}
