/** The decoded groups of a split in memory that the processes of a machine have in common. */
import type { NativeMaskStore } from "../native/addon.js";
import { nativeCall } from "../native/job.js";
import { keepOncePerMachine } from "../process-group/store-of-machine.js";
import type { ProcessGroup } from "../process-group/process-group.js";
import { type GroupSource, loadGroups } from "./load-groups.js";
import type { LoadedGroup, LoadingOptions, StoreFactories } from "./loaded-split.js";

/** Where another process finds the pixels of a group. */
interface GroupPlace {
  readonly patches: string;
  readonly truth: string | null;
  readonly height: number;
  readonly width: number;
  readonly positions: readonly number[];
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
  const { length: classCount } = source.description.classes;
  return await keepOncePerMachine<LoadedGroup[], readonly GroupPlace[]>(
    group,
    {
      contents: { kind: "split", ...source },
      make: async (isShared) => await loadGroups(stores, source, { ...options, isShared }),
      placeOf: placesOf,
      attach: (places) => places.map((place) => attachGroup(stores, place, classCount)),
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
  /** What tells them from other masks, as JSON. */
  readonly contents: object;
  /** Shape of the store. */
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly levelCount: number;
  /** Gives them, in memory that others can attach where it is asked to. */
  readonly make: (isShared: boolean) => Promise<KnownMasks<Facts>>;
}

/**
 * Masks, once for the processes of a machine.
 * @param group - `undefined`: this process alone.
 * @throws WsssError what `make` throws; `WSSS_ERR_PROCESS_GROUP` if a process is lost; `WSSS_ERR_CANCELLED`.
 */
export async function shareMasks<Facts>(
  group: ProcessGroup | undefined,
  stores: StoreFactories,
  { contents, count, height, width, levelCount, make }: MasksToShare<Facts>,
  signal: AbortSignal | undefined,
): Promise<KnownMasks<Facts>> {
  return await keepOncePerMachine<KnownMasks<Facts>, { readonly address: string; readonly facts: Facts }>(
    group,
    {
      contents: { kind: "masks", contents, shape: [levelCount, count, height, width] },
      make,
      placeOf: ({ store: { address }, facts }) => (address === null ? null : { address, facts }),
      attach: ({ address, facts }) => {
        const store = nativeCall(() => new stores.MaskStore(count, height, width, levelCount, address));
        return { store, facts };
      },
    },
    signal,
  );
}

function placesOf(groups: readonly LoadedGroup[]): GroupPlace[] | null {
  const places = groups.map(({ patches, truth, height, width, positions }) => {
    const isWhole = patches.address !== null && truth?.address !== null;
    return isWhole ? { patches: patches.address, truth: truth?.address ?? null, height, width, positions } : null;
  });
  return places.includes(null) ? null : places.flatMap((place) => place ?? []);
}

function attachGroup(stores: StoreFactories, place: GroupPlace, classCount: number): LoadedGroup {
  const { height, width, positions } = place;
  const { length: count } = positions;
  return nativeCall(() => ({
    patches: new stores.PatchStore(count, height, width, classCount, place.patches),
    truth: place.truth === null ? null : new stores.MaskStore(count, height, width, 1, place.truth),
    ...{ count, height, width, positions },
  }));
}
