/** Native jobs as promises and async generators, with their failures as typed errors. */
import { cancellation, throwIfAborted } from "../async/cancellation.js";
import { type ErrorCode, errorCodes, WsssError } from "../errors.js";
import type { Done, NativeFailure, NativeJob, OnEvent } from "./addon.js";
import { remedySentence } from "./remedies.js";

/** How a native job ended. */
interface Outcome<Result> {
  readonly failure: NativeFailure | null;
  readonly result: Result | undefined;
}

/**
 * Runs one native job to its end.
 *
 * The job's failure arrives as plain data on the event loop, without any frame of the caller. The error is made here,
 * after the `await`, where V8 restores the chain of async callers.
 *
 * @param start - begins the job; called at once unless the signal is already aborted.
 * @param signal - aborting it asks the job to stop. The promise rejects when the job has really stopped, not before,
 *   so that the native object is idle again by then.
 * @returns what the job returned.
 * @throws WsssError `WSSS_ERR_CANCELLED` with `cause` = the signal's reason if the signal was aborted, even if the job
 *   ended well in the same moment; otherwise the job's own failure.
 */
export async function runJob<Result>(
  start: (done: Done<Result>) => NativeJob,
  signal?: AbortSignal | null,
): Promise<Result> {
  throwIfAborted(signal);
  let settle = (_outcome: Outcome<Result>): void => undefined;
  const ended = new Promise<Outcome<Result>>((resolve) => (settle = resolve));
  const job = nativeCall(() => start((failure, result) => settle({ failure, result })));
  const release = cancelOnAbort(job, signal);
  const outcome = await ended;
  release();
  return resultOf(outcome, signal);
}

/**
 * Runs one native job and hands its events on, in order, as they are consumed.
 *
 * Nothing begins before the first `next()`. Events that arrive faster than they are taken wait in a queue without limit:
 * they are small unless the caller asks for class maps, and a training that waited for a slow listener would waste its device. Leaving the loop early
 * (`break`, `return`, an exception in its body) cancels the job, and resumes the leaver when the job has stopped.
 *
 * @param start - begins the job with the two callbacks that it gets.
 * @param signal - aborting it asks the job to stop; the pending `next()` rejects once it has. Events that were
 *   reported before are dropped then.
 * @returns the job's result, as the generator's return value.
 * @throws WsssError like {@link runJob}, from `next()`.
 */
export async function* jobEvents<Event, Result>(
  start: (onEvent: OnEvent<Event>, done: Done<Result>) => NativeJob,
  signal?: AbortSignal | null,
): AsyncGenerator<Event, Result, void> {
  throwIfAborted(signal);
  const queue: Event[] = [];
  let outcome: Outcome<Result> | undefined;
  let wake = (): void => undefined;
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const job = nativeCall(() =>
    start(
      (event) => {
        queue.push(event);
        wake();
      },
      (failure, result) => {
        outcome = { failure, result };
        end();
        wake();
      },
    ),
  );
  const release = cancelOnAbort(job, signal);
  try {
    for (;;) {
      // Whole batches are taken at once: shifting single events off a long queue costs its length each time.
      for (const event of queue.splice(0)) {
        if (signal?.aborted) break;
        yield event;
      }
      if (outcome && (queue.length === 0 || signal?.aborted)) return resultOf(outcome, signal);
      if (queue.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    if (!outcome) {
      job.cancel();
      await ended;
    }
    release();
  }
}

/**
 * Calls something native that answers at once.
 * @throws WsssError in place of the plain object that the addon throws; anything else as it is.
 */
export function nativeCall<Result>(call: () => Result): Result {
  try {
    return call();
  } catch (thrown) {
    if (isNativeFailure(thrown)) throw errorOfFailure(thrown);
    throw thrown;
  }
}

/** The typed error of a native failure. Its stack begins at the caller of this function. */
export function errorOfFailure(failure: NativeFailure, cause?: unknown): WsssError {
  const known = (errorCodes as readonly string[]).includes(failure.code);
  const code = known ? (failure.code as ErrorCode) : "WSSS_ERR_INTERNAL";
  const message = failure.message || "native code failed without saying why; please report this";
  const details = known ? failure.details : { ...failure.details, nativeCode: failure.code };
  const whole = `${message}${remedySentence(details)}`;
  return new WsssError(code, whole, { ...details }, cause === undefined ? undefined : { cause });
}

function resultOf<Result>({ failure, result }: Outcome<Result>, signal?: AbortSignal | null): Result {
  if (failure && failure.code !== "WSSS_ERR_CANCELLED") throw errorOfFailure(failure);
  if (signal?.aborted) throw cancellation(signal);
  if (failure) throw errorOfFailure(failure);
  return result as Result;
}

/** Cancels the job when the signal aborts. The returned function stops listening. */
function cancelOnAbort(job: NativeJob, signal?: AbortSignal | null): () => void {
  if (!signal) return () => undefined;
  const cancel = (): void => job.cancel();
  if (signal.aborted) cancel();
  else signal.addEventListener("abort", cancel, { once: true });
  return () => signal.removeEventListener("abort", cancel);
}

function isNativeFailure(value: unknown): value is NativeFailure {
  // Errors made natively belong to another realm inside test runners, so `instanceof Error` can't tell them.
  if (typeof value !== "object" || value === null || value instanceof WsssError) return false;
  if (!("code" in value) || typeof value.code !== "string") return false;
  return "message" in value && typeof value.message === "string" && value.code.startsWith("WSSS_ERR_");
}
