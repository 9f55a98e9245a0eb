/** Rows of numbers for patches, as a classifier sees them: what they are compared by where labels are suggested. */
import type { PatchPlace } from "../dataset/patch-file.js";
import { loadSlidePatches } from "../dataset/slide-patches.js";
import { patchPortions } from "../model/patch-source.js";
import type { NativeClassifier, NativePatchFeatures, NativePatchStore } from "../native/addon.js";
import { runJob } from "../native/job.js";
import { loadAddon } from "../native/load.js";

/** A picture, or a place on a slide. */
export interface PatchToDescribe {
  readonly imagePath: string;
  readonly place?: PatchPlace;
}

/** How patches are described. */
export interface DescribingWork {
  readonly features: NativePatchFeatures;
  readonly signal: AbortSignal;
  /** Told of patches whose rows are there now. @param store - their pixels, in that order. */
  readonly onDescribed: (positions: readonly number[], store: NativePatchStore) => Promise<void>;
  /** Told of one that can't be read and has no row. */
  readonly onUnreadable: (position: number, error: unknown) => void;
}

const batchSize = 16;

/** Gives each patch its row, those of slides slide by slide. */
export async function describePatches(
  native: NativeClassifier,
  patches: readonly PatchToDescribe[],
  work: DescribingWork,
): Promise<void> {
  const { features, signal, onDescribed } = work;
  const describe = async (store: NativePatchStore, positions: readonly number[]): Promise<void> => {
    const options = { batchSize, positions: Float64Array.from(positions) };
    await runJob<null>((done) => native.describe(options, store, features, null, done), signal);
    await onDescribed(positions, store);
  };
  if (patches.some(({ place }) => place !== undefined)) await describePlaces(patches, work, describe);
  else await describePictures(patches, work, describe);
}

type Describe = (store: NativePatchStore, positions: readonly number[]) => Promise<void>;

async function describePictures(
  patches: readonly PatchToDescribe[],
  { signal, onUnreadable }: DescribingWork,
  describe: Describe,
): Promise<void> {
  const named = patches.map(({ imagePath }) => ({ name: imagePath, input: imagePath }));
  const reading = {
    ...{ call: "describePatches", classCount: 1, batchSize, signal },
    onUnreadable: ({ index, error }: { readonly index: number; readonly error: unknown }) => onUnreadable(index, error),
  };
  for await (const { groups } of patchPortions(await loadAddon(), named, reading)) {
    for (const { store, positions } of groups) await describe(store, positions);
  }
}

async function describePlaces(
  patches: readonly PatchToDescribe[],
  { signal, onUnreadable }: DescribingWork,
  describe: Describe,
): Promise<void> {
  const addon = await loadAddon();
  for (let first = 0; first < patches.length; first += batchSize) {
    const positions = patches.slice(first, first + batchSize).map((_, index) => first + index);
    const read = async (some: readonly number[]): Promise<NativePatchStore> =>
      await loadSlidePatches(
        addon,
        some.flatMap((position) => patches[position] ?? []),
        1,
        { signal },
      );
    try {
      await describe(await read(positions), positions);
    } catch (error) {
      signal.throwIfAborted();
      if (positions.length === 1) onUnreadable(first, error);
      // Which of them it is shows one by one.
      for (const position of positions.length === 1 ? [] : positions) {
        try {
          await describe(await read([position]), [position]);
        } catch (failure) {
          signal.throwIfAborted();
          onUnreadable(position, failure);
        }
      }
    }
  }
}
