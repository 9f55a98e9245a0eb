/** The handle of a native network: one call at a time, cancelling, and disposal. */
import { throwIfAborted } from "../async/cancellation.js";
import type { OnProgress } from "../async/progress.js";
import { WsssError } from "../errors.js";
import type { Done, NativeInitialization, NativeJob, NativeWeightLoading } from "../native/addon.js";
import { nativeCall } from "../native/job.js";
import type { NativeSegmenterExport } from "../native/native-models.js";

/** What the native classifier and segmenter have in common. */
export interface NativeModel {
  initialize(weights: NativeWeightLoading | null, done: Done<NativeInitialization>): NativeJob;
  saveWeights(options: { path: string; metadata: Record<string, string> }, done: Done<null>): NativeJob;
  exportOnnx(options: NativeSegmenterExport, done: Done<null>): NativeJob;
  fingerprint(done: Done<string>): NativeJob;
  dispose(done: () => void): void;
}

/** What the caller of a long call may give to follow and stop it. */
export interface CallerOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

interface Work {
  /** The public call that is running, for example `"Classifier.train"`. */
  readonly call: string;
  readonly controller: AbortController;
}

/**
 * Owner of one native model: lets one call in at a time, and none after `dispose`.
 *
 * A call holds the model from its first file or device access to its end; while it does, every other call fails at once
 * with `WSSS_ERR_BUSY` instead of waiting, because a training may run for hours. Disposing cancels the running call.
 */
export class ModelHandle<Native extends NativeModel> {
  readonly #kind: string;
  readonly #native: Native;
  #work: Work | undefined;
  #disposal: Promise<void> | undefined;

  /** @param kind - the public class, `"Classifier"` or `"Segmenter"`. */
  constructor(kind: string, native: Native) {
    this.#kind = kind;
    this.#native = native;
  }

  /** Whether a call is running. */
  get busy(): boolean {
    return this.#work !== undefined;
  }

  get disposed(): boolean {
    return this.#disposal !== undefined;
  }

  /** @throws WsssError `WSSS_ERR_DISPOSED` or `WSSS_ERR_BUSY` if `call` can't begin now. */
  assertIdle(call: string): void {
    if (this.#disposal) {
      const message = `${call} came after dispose: this ${this.#kind} is gone, create or load another one`;
      throw new WsssError("WSSS_ERR_DISPOSED", message, { call });
    }
    if (this.#work) {
      const running = this.#work.call;
      const message = `${call} can't begin while ${running} is running on this ${this.#kind}; wait for it or cancel it`;
      throw new WsssError("WSSS_ERR_BUSY", message, { call, running });
    }
  }

  /**
   * Holds the model for one call.
   *
   * @param caller - the signal and the listener that the caller gave.
   * @param task - the work. Its signal also aborts when the model is disposed. Its listener never throws: what the caller's
   *   throws (inside a native callback, where nobody could catch it) stops the work and comes out of this promise.
   */
  async run<Result>(
    call: string,
    caller: CallerOptions,
    task: (native: Native, signal: AbortSignal, report: OnProgress) => Promise<Result>,
  ): Promise<Result> {
    const work = this.#begin(call, caller.signal);
    const release = follow(caller.signal, work.controller);
    const listener = new Listener(caller.onProgress, work.controller);
    try {
      const result = await task(this.#native, work.controller.signal, listener.report);
      listener.throwAgain();
      return result;
    } catch (error) {
      listener.throwAgain();
      throw error;
    } finally {
      release();
      this.#work = undefined;
    }
  }

  /** Like {@link run} for work that reports events: the model is held from the first `next()` to the end of the loop. */
  async *stream<Event, Result>(
    call: string,
    caller: CallerOptions,
    task: (native: Native, signal: AbortSignal, report: OnProgress) => AsyncGenerator<Event, Result, void>,
  ): AsyncGenerator<Event, Result, void> {
    const work = this.#begin(call, caller.signal);
    const release = follow(caller.signal, work.controller);
    const listener = new Listener(caller.onProgress, work.controller);
    try {
      const result = yield* task(this.#native, work.controller.signal, listener.report);
      listener.throwAgain();
      return result;
    } catch (error) {
      listener.throwAgain();
      throw error;
    } finally {
      release();
      this.#work = undefined;
    }
  }

  /** Cancels what runs, frees the network, and resolves when the native thread is idle. Calling it again waits for the same. */
  async dispose(): Promise<void> {
    this.#disposal ??= this.#shutDown();
    await this.#disposal;
  }

  async #shutDown(): Promise<void> {
    this.#work?.controller.abort(new WsssError("WSSS_ERR_CANCELLED", `the ${this.#kind} was disposed`));
    await new Promise<void>((resolve) => nativeCall(() => this.#native.dispose(resolve)));
  }

  #begin(call: string, signal: AbortSignal | undefined): Work {
    this.assertIdle(call);
    throwIfAborted(signal);
    this.#work = { call, controller: new AbortController() };
    return this.#work;
  }
}

/** The caller's listener; the first thing that it throws stops the work, and it is not called again. */
class Listener {
  readonly report: OnProgress;
  #thrown: { readonly error: unknown } | undefined;

  constructor(onProgress: OnProgress | undefined, controller: AbortController) {
    this.report = (progress) => {
      if (this.#thrown) return;
      try {
        onProgress?.(progress);
      } catch (error) {
        this.#thrown = { error };
        controller.abort(error);
      }
    };
  }

  /** Throws what the listener threw, as it was. */
  throwAgain(): void {
    if (this.#thrown) throw this.#thrown.error;
  }
}

/** Makes a controller abort with a signal, for the same reason. The returned function ends that. */
function follow(signal: AbortSignal | undefined, controller: AbortController): () => void {
  if (!signal) return () => undefined;
  const abort = (): void => controller.abort(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  return () => signal.removeEventListener("abort", abort);
}
