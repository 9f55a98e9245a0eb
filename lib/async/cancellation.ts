/** `WSSS_ERR_CANCELLED`: the error of work whose signal was aborted, and the check that throws it. */
import { WsssError } from "../errors.js";

/** How many items of how many were done when work was cancelled. */
interface DoneItems {
  readonly done: number;
  readonly total: number;
}

/**
 * The error of work that its signal stopped.
 * @param what - what the work is called in the message.
 */
export function cancellation(
  signal: AbortSignal | null | undefined,
  what = "the work",
  progress?: DoneItems,
): WsssError {
  const after = progress === undefined ? "" : ` after ${progress.done} of ${progress.total}`;
  const reason: unknown = signal?.reason;
  // The reason of a controller aborted without one only repeats that the work was aborted.
  const why = reason instanceof Error && reason.name !== "AbortError" ? `: ${reason.message}` : "";
  return new WsssError("WSSS_ERR_CANCELLED", `${what} was cancelled${after}${why}`, { ...progress }, { cause: reason });
}

/** @throws WsssError `WSSS_ERR_CANCELLED` if the signal is aborted. */
export function throwIfAborted(signal: AbortSignal | null | undefined, what?: string): void {
  if (signal?.aborted) throw cancellation(signal, what);
}
