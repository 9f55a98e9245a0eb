/** How calls into the addon answer: plain data, callbacks and jobs. */

/** A failure as plain data; lib turns it into a `WsssError` with the caller's stack. */
export interface NativeFailure {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, string | number | readonly string[]>>;
}

/**
 * Work under way. `cancel` asks it to stop at the next safe point (a training with checkpoints ends its step and saves first);
 * the done callback still comes.
 */
export interface NativeJob {
  cancel(): void;
}

/** Called once, when the work has ended: `(null, result)` or `(failure)`. */
export type Done<Result> = (failure: NativeFailure | null, result?: Result) => void;
/** Called for every report of the work, in order, always before its {@link Done}. */
export type OnEvent<Event> = (event: Event) => void;
