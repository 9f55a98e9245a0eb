/** Decoded patches and masks in memory that the processes of a machine have in common. */
import { stat } from "node:fs/promises";
import { mapConcurrently } from "../async/map-concurrently.js";
import type { NativeMaskStore } from "../native/addon.js";
import { nativeCall } from "../native/job.js";
import type { ProcessGroup } from "../process-group/process-group.js";
import { keepOncePerMachine } from "../process-group/store-of-machine.js";
import { type GroupSource, loadGroups } from "./load-groups.js";
import type { LoadedGroup, LoadingOptions, StoreFactories } from "./loaded-split.js";

/** Where another process finds the pixels of the patches of one size. */
interface GroupPlace {
  readonly patches: string;
  readonly truth: string | null;
  readonly height: number;
  readonly width: number;
  /** Absent where all patches have this size. */
  readonly positions?: readonly number[];
}

/**
 * {@link loadGroups}, once for the processes of a machine.
 * @param group - `undefined`: this process alone.
 * @throws WsssError as `Split.load`; `WSSS_ERR_PROCESS_GROUP` if a process is lost.
 */
export async function shareGroups(
  group: ProcessGroup | undefined,
  stores: StoreFactories,
  source: GroupSource,
  options: LoadingOptions,
): Promise<LoadedGroup[]> {
  const { files, withTruth } = source;
  const { length: classCount } = source.description.classes;
  const read = files.flatMap(({ imagePath, maskPath }) =>
    withTruth && maskPath !== undefined ? [imagePath, maskPath] : [imagePath],
  );
  return await keepOncePerMachine<LoadedGroup[], readonly GroupPlace[]>(
    group,
    {
      origin: async () => ({ kind: "split", ...source, states: await fileStates(read) }),
      make: async (isShared) => await loadGroups(stores, source, { ...options, isShared }),
      placeOf: (groups) => placesOf(groups),
      attach: (places) => {
        const groups = places.map((place) => attachGroup(stores, place, files.length, classCount));
        const total = withTruth ? 2 * files.length : files.length;
        options.onProgress?.({ done: total, total });
        return groups;
      },
    },
    options.signal,
  );
}

/** Masks, and what is known of them. */
export interface KnownMasks<Facts> {
  readonly store: NativeMaskStore;
  /** As JSON. */
  readonly facts: Facts;
}

/** Masks that the processes of a machine need. */
export interface MasksToShare<Facts> {
  /** What they are made from, as JSON; whatever would change them must change this too, or `files`. */
  readonly origin: object;
  /** Files that they are read from. */
  readonly files: readonly string[];
  /** Shape of the store. */
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly levelCount: number;
  /** Gives them, in memory that others can attach where it is asked to. */
  readonly make: (isShared: boolean) => Promise<KnownMasks<Facts>>;
  /** Called where another process has made them. */
  readonly onAttached?: () => void;
}

/**
 * Masks, once for the processes of a machine.
 * @param group - `undefined`: this process alone.
 * @throws WsssError what `make` throws; `WSSS_ERR_PROCESS_GROUP` if a process is lost; `WSSS_ERR_CANCELLED`.
 */
export async function shareMasks<Facts>(
  group: ProcessGroup | undefined,
  stores: StoreFactories,
  { origin, files, count, height, width, levelCount, make, onAttached }: MasksToShare<Facts>,
  signal: AbortSignal | undefined,
): Promise<KnownMasks<Facts>> {
  return await keepOncePerMachine<KnownMasks<Facts>, { readonly address: string; readonly facts: Facts }>(
    group,
    {
      origin: async () => {
        const shape = [levelCount, count, height, width];
        return { kind: "masks", ...origin, files, shape, states: await fileStates(files) };
      },
      make,
      placeOf: ({ store: { address }, facts }) => (address === null ? null : { address, facts }),
      attach: ({ address, facts }) => {
        const store = nativeCall(() => new stores.MaskStore(count, height, width, levelCount, address));
        onAttached?.();
        return { store, facts };
      },
    },
    signal,
  );
}

/** What changes when a file is written anew, for each; null for one that can't be seen, which whoever reads it will say. */
async function fileStates(paths: readonly string[]): Promise<(string | null)[]> {
  return await mapConcurrently([...new Set(paths)], async (path) => {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
      return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
    } catch {
      return null;
    }
  });
}

function placesOf(groups: readonly LoadedGroup[]): GroupPlace[] | null {
  const places: GroupPlace[] = [];
  for (const { patches, truth, height, width, positions } of groups) {
    if (patches.address === null || (truth !== null && truth.address === null)) return null;
    const some = groups.length === 1 ? {} : { positions };
    places.push({ patches: patches.address, truth: truth?.address ?? null, height, width, ...some });
  }
  return places;
}

function attachGroup(
  stores: StoreFactories,
  { patches, truth, height, width, positions = [] }: GroupPlace,
  fileCount: number,
  classCount: number,
): LoadedGroup {
  const all = positions.length > 0 ? positions : Array.from({ length: fileCount }, (_, index) => index);
  const { length: count } = all;
  return nativeCall(() => ({
    patches: new stores.PatchStore(count, height, width, classCount, patches),
    truth: truth === null ? null : new stores.MaskStore(count, height, width, 1, truth),
    ...{ count, height, width, positions: all },
  }));
}
