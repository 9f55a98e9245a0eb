/** How fast counted work goes, and how long the rest will take. */
export interface Rate {
  /** Patches per second since the counting began; 0 while unknown. */
  readonly perSecond: number;
  /** Milliseconds until the end at that rate; undefined while unknown. */
  readonly leftMs: number | undefined;
}

/** Reports that follow the first so soon belong to it. */
const firstBurstMs = 50;

/** Milliseconds since some fixed moment, as `performance.now` gives them. */
export type Clock = () => number;

/** Measures work that is counted from 0 up to a total; a smaller count than the last starts anew. */
export class RateMeter {
  readonly #now: Clock;
  #firstAt: number;
  #startedAt: number;
  #startedWith = 0;
  #last = 0;

  constructor(now: Clock) {
    this.#now = now;
    this.#firstAt = now();
    this.#startedAt = this.#firstAt;
  }

  update(done: number, total: number): Rate {
    const now = this.#now();
    if (done < this.#last || this.#last === 0) this.#firstAt = now;
    if (now - this.#firstAt < firstBurstMs) {
      // The first report ends warm-up work (memory, first kernels) which would spoil the mean. From a GPU several come at once.
      this.#startedAt = now;
      this.#startedWith = done;
    }
    this.#last = done;
    const seconds = (now - this.#startedAt) / 1000;
    const perSecond = seconds > 0 ? (done - this.#startedWith) / seconds : 0;
    return { perSecond, leftMs: perSecond > 0 ? ((total - done) / perSecond) * 1000 : undefined };
  }
}
