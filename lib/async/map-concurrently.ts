/** Work on the items of a list, a few at a time, with results and the first error in the order of the list. */
import { usableCores } from "../machine/usable-cores.js";
import { cancellation } from "./cancellation.js";

/** Items done so far of all items. */
export interface ItemProgress {
  /** Items done, counted from 1. */
  readonly done: number;
  /** Items of the whole work. */
  readonly total: number;
}

export interface MapConcurrentlyOptions {
  /**
   * Most items at work in the same moment, at least 1.
   * @defaultValue number of usable cores, at least 2, so that one file is read while another is decoded
   */
  readonly limit?: number;
  /** Stops the work before the next item is begun. */
  readonly signal?: AbortSignal | undefined;
  /** Called after every item, on the event loop. */
  readonly onProgress?: ((progress: ItemProgress) => void) | undefined;
  /**
   * What the work is called in the message of a cancellation.
   * @defaultValue `"the work"`
   */
  readonly what?: string;
}

/**
 * Runs `work` on every item, a bounded number at a time, and returns the results in the order of the items.
 *
 * After a failure no further item is begun, those at work are waited for, and the error of the item that comes first in
 * the list is thrown: the same input gives the same error, whichever file happened to be read faster.
 *
 * @throws WsssError `WSSS_ERR_CANCELLED` if the signal is aborted; otherwise what `work` threw.
 */
export async function mapConcurrently<Item, Result>(
  items: readonly Item[],
  work: (item: Item, index: number) => Promise<Result>,
  options: MapConcurrentlyOptions = {},
): Promise<Result[]> {
  const { signal, onProgress, what = "the work", limit = Math.max(2, usableCores()) } = options;
  const results = new Array<Result>(items.length);
  const failures: { index: number; error: unknown }[] = [];
  let next = 0;
  let done = 0;
  const runner = async (): Promise<void> => {
    while (next < items.length && failures.length === 0 && !signal?.aborted) {
      const index = next++;
      try {
        results[index] = await work(items[index] as Item, index);
        done++;
        onProgress?.({ done, total: items.length });
      } catch (error) {
        failures.push({ index, error });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, runner));
  const first = failures.sort((one, other) => one.index - other.index)[0];
  if (first !== undefined) throw first.error;
  if (signal?.aborted) throw cancellation(signal, what, { done, total: items.length });
  return results;
}
