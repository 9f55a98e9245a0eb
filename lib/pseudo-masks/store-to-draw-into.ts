/** Memory for masks that are about to be drawn. */
import type { LoadedSplit } from "../dataset/loaded-split.js";
import { shareMasks } from "../dataset/share-groups.js";
import type { NativeMaskStore } from "../native/addon.js";
import { nativeCall } from "../native/job.js";
import { loadAddon } from "../native/load.js";
import type { ProcessGroup } from "../process-group/process-group.js";

/**
 * An empty store for the masks of a split, of which each process of a group draws a part. The processes of a machine have it in common:
 * each writes what all of them are told, so that it does not matter which comes last.
 * @param group - `undefined`: this process alone.
 */
export async function storeToDrawInto(
  { count, height, width }: Pick<LoadedSplit, "count" | "height" | "width">,
  levelCount: number,
  group: ProcessGroup | undefined,
  signal: AbortSignal | undefined,
): Promise<NativeMaskStore> {
  const addon = await loadAddon();
  const toShare = {
    // All processes draw together, and have met to agree on it: no other drawing has this number.
    ...{ origin: { drawing: group?.meetings ?? 0 }, files: [] },
    ...{ count, height, width, levelCount },
    make: async (isShared: boolean) => {
      const store = nativeCall(() => new addon.MaskStore(count, height, width, levelCount, isShared));
      return await Promise.resolve({ store, facts: null });
    },
  };
  const { store } = await shareMasks(group, addon, toShare, signal);
  return store;
}
