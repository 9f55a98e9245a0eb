/** A task that several callers wait for: done once, its result kept, stopped only when all have left. */
import { cancellation, throwIfAborted } from "./cancellation.js";
import type { ItemProgress } from "./map-concurrently.js";

/** Called on the event loop, after the fact and in order. */
export type OnItemProgress = (progress: ItemProgress) => void;

interface Waiter {
  readonly onProgress: OnItemProgress | undefined;
  readonly fail: (error: unknown) => void;
}

interface Run<Result> {
  readonly result: Promise<Result>;
  readonly controller: AbortController;
  readonly waiters: Set<Waiter>;
  settled: boolean;
}

/**
 * Work that is done once, however many ask for it, and whose result is kept.
 *
 * Each asker has a signal of its own: one that aborts leaves alone, and the work itself stops only when nobody waits any
 * more. After a failure or such a stop the next asker begins anew. What the first asker gives along, the work gets.
 */
export class SharedTask<Result, Given = undefined> {
  readonly #what: string;
  readonly #work: (signal: AbortSignal, onProgress: OnItemProgress, given: Given | undefined) => Promise<Result>;
  #run: Run<Result> | undefined;

  /** @param what - what the work is called in the message of a cancellation. */
  constructor(
    what: string,
    work: (signal: AbortSignal, onProgress: OnItemProgress, given: Given | undefined) => Promise<Result>,
  ) {
    this.#what = what;
    this.#work = work;
  }

  /**
   * The result, now or when the work is done.
   * @throws WsssError `WSSS_ERR_CANCELLED` if this asker's signal is aborted; otherwise what the work threw.
   */
  async get(signal?: AbortSignal, onProgress?: OnItemProgress, given?: Given): Promise<Result> {
    throwIfAborted(signal, this.#what);
    const run = (this.#run ??= this.#start(given));
    return await new Promise<Result>((resolve, reject) => {
      const leave = (): void => {
        run.waiters.delete(waiter);
        signal?.removeEventListener("abort", onAbort);
      };
      const waiter: Waiter = {
        onProgress,
        fail: (error) => {
          leave();
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what the listener threw, unchanged
          reject(error);
          this.#stopIfUnwanted(run);
        },
      };
      const onAbort = (): void => {
        if (signal !== undefined) waiter.fail(cancellation(signal, this.#what));
      };
      signal?.addEventListener("abort", onAbort);
      run.waiters.add(waiter);
      run.result.then(resolve, reject).finally(leave);
    });
  }

  /** Whether the result is there, or will be. */
  get isBegun(): boolean {
    return this.#run !== undefined;
  }

  /** Forgets the result, so that its memory can go; the next asker begins anew. Work under way is not disturbed. */
  forget(): void {
    if (this.#run?.settled === true) this.#run = undefined;
  }

  #start(given: Given | undefined): Run<Result> {
    const controller = new AbortController();
    const waiters = new Set<Waiter>();
    const report = (progress: ItemProgress): void => {
      for (const waiter of [...waiters]) {
        try {
          waiter.onProgress?.(progress);
        } catch (error) {
          waiter.fail(error);
        }
      }
    };
    const result = this.#work(controller.signal, report, given);
    const run: Run<Result> = { result, controller, waiters, settled: false };
    run.result.then(
      () => (run.settled = true),
      () => {
        run.settled = true;
        if (this.#run === run) this.#run = undefined;
      },
    );
    return run;
  }

  #stopIfUnwanted(run: Run<Result>): void {
    if (run.waiters.size > 0 || run.settled) return;
    if (this.#run === run) this.#run = undefined;
    run.controller.abort();
  }
}
