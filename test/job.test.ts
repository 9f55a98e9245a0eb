/** How native jobs become promises and generators, with a job made here instead of a network. */
import { describe, expect, test } from "@jest/globals";
import type { Done, NativeFailure, NativeJob, OnEvent } from "../dist/native/addon.js";
import { jobEvents, nativeCall, runJob } from "../dist/native/job.js";
import { isWsssError, WsssError } from "../dist/index.js";

const cancelled: NativeFailure = { code: "WSSS_ERR_CANCELLED", message: "stopped between two steps", details: {} };

/** A job that does what the test says; it answers its cancellation on a later turn of the event loop, like a thread. */
class FakeJob implements NativeJob {
  cancels = 0;
  started = 0;
  ended = false;
  report: OnEvent<number> = () => undefined;
  #done: Done<string> = () => undefined;

  readonly start = (onEvent: OnEvent<number>, done: Done<string>): NativeJob => {
    this.started += 1;
    this.report = onEvent;
    this.#done = done;
    return this;
  };

  readonly run = (done: Done<string>): NativeJob => this.start(() => undefined, done);

  cancel(): void {
    this.cancels += 1;
    setImmediate(() => {
      this.finish(cancelled);
    });
  }

  finish(failure: NativeFailure | null, result?: string): void {
    if (this.ended) return;
    this.ended = true;
    if (result === undefined) this.#done(failure);
    else this.#done(failure, result);
  }
}

/** The error that a promise rejects with. */
async function errorOf(work: PromiseLike<unknown>): Promise<WsssError> {
  const outcome = await Promise.resolve(work).then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if (!("error" in outcome)) throw new Error(`resolved with ${String(outcome.value)} instead of rejecting`);
  if (!isWsssError(outcome.error)) throw outcome.error;
  return outcome.error;
}

describe("runJob", () => {
  test("resolves with the job's result", async () => {
    const job = new FakeJob();
    const work = runJob(job.run);
    job.finish(null, "done");
    await expect(work).resolves.toBe("done");
  });

  test("turns a failure into an error with the caller's stack", async () => {
    const job = new FakeJob();
    async function callerOfTheLibrary(): Promise<string> {
      return await runJob(job.run);
    }
    const work = callerOfTheLibrary();
    setImmediate(() => {
      job.finish({ code: "WSSS_ERR_IO", message: "cannot write x", details: { path: "x" } });
    });
    const error = await errorOf(work);
    expect(error).toBeInstanceOf(WsssError);
    expect(error).toMatchObject({ code: "WSSS_ERR_IO", message: "cannot write x", details: { path: "x" } });
    expect(error.stack).toContain("callerOfTheLibrary");
  });

  test("never takes an empty message for success, and reports unknown codes as internal", async () => {
    const job = new FakeJob();
    const work = runJob(job.run);
    job.finish({ code: "std::bad_thing", message: "", details: {} });
    const error = await errorOf(work);
    expect(error.code).toBe("WSSS_ERR_INTERNAL");
    expect(error.message).not.toBe("");
    expect(error.details).toEqual({ nativeCode: "std::bad_thing" });
  });

  test("an aborted signal stops it before it starts", async () => {
    const job = new FakeJob();
    const error = await errorOf(runJob(job.run, AbortSignal.abort("no more")));
    expect(error.code).toBe("WSSS_ERR_CANCELLED");
    expect(error.cause).toBe("no more");
    expect(job.started).toBe(0);
  });

  test("aborting cancels, and rejects only when the job has stopped", async () => {
    const job = new FakeJob();
    const controller = new AbortController();
    const work = runJob(job.run, controller.signal);
    const reason = new Error("the user pressed a key");
    controller.abort(reason);
    const error = await errorOf(work);
    expect(job).toMatchObject({ cancels: 1, ended: true });
    expect(error.code).toBe("WSSS_ERR_CANCELLED");
    expect(error.message).toContain("the user pressed a key");
    expect(error.cause).toBe(reason);
  });

  test("a job that ends well although it was aborted counts as cancelled, another failure as itself", async () => {
    for (const [failure, code] of [
      [null, "WSSS_ERR_CANCELLED"],
      [{ code: "WSSS_ERR_IO", message: "disk full", details: {} }, "WSSS_ERR_IO"],
    ] as const) {
      const job = new FakeJob();
      const controller = new AbortController();
      const work = runJob(job.run, controller.signal);
      controller.abort();
      job.finish(failure, "late");
      expect((await errorOf(work)).code).toBe(code);
    }
  });

  test("an abort after the end is nobody's business, and no listener stays behind", async () => {
    const job = new FakeJob();
    const controller = new AbortController();
    const work = runJob(job.run, controller.signal);
    job.finish(null, "done");
    await work;
    controller.abort();
    expect(job.cancels).toBe(0);
  });

  test("a start that throws plain data rejects with a typed error", async () => {
    const error = await errorOf(
      runJob(() => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- what the addon throws
        throw { code: "WSSS_ERR_BUSY", message: "at work", details: { n: 1 } };
      }),
    );
    expect(error).toBeInstanceOf(WsssError);
    expect(error).toMatchObject({ code: "WSSS_ERR_BUSY", details: { n: 1 } });
  });
});

describe("jobEvents", () => {
  test("hands all events on in order, then returns the result", async () => {
    const job = new FakeJob();
    const events = jobEvents(job.start);
    const first = events.next();
    for (const value of [1, 2, 3]) job.report(value);
    setImmediate(() => {
      job.report(4);
      job.finish(null, "summary");
    });
    const seen = [await first];
    while (seen.at(-1)?.done !== true) seen.push(await events.next());
    expect(seen.map(({ value }) => value)).toEqual([1, 2, 3, 4, "summary"]);
  });

  test("keeps a hundred thousand unread events without delay", async () => {
    const job = new FakeJob();
    const events = jobEvents(job.start);
    const first = events.next();
    for (let value = 0; value < 100_000; value++) job.report(value);
    job.finish(null, "summary");
    expect((await first).value).toBe(0);
    let expected = 1;
    for await (const value of events) if (value === expected) expected += 1;
    expect(expected).toBe(100_000);
  });

  test("starts nothing before the first next()", async () => {
    const job = new FakeJob();
    const events = jobEvents(job.start);
    await new Promise((resolve) => setImmediate(resolve));
    expect(job.started).toBe(0);
    await events.return("never begun");
    expect(job.started).toBe(0);
  });

  test("leaving the loop cancels, and goes on when the job has stopped", async () => {
    const job = new FakeJob();
    setImmediate(() => {
      job.report(1);
      job.report(2);
    });
    for await (const value of jobEvents(job.start)) {
      expect(value).toBe(1);
      break;
    }
    expect(job).toMatchObject({ cancels: 1, ended: true });
  });

  test("an exception in the loop's body cancels and goes on to the caller", async () => {
    const job = new FakeJob();
    setImmediate(() => {
      job.report(1);
    });
    const loop = async (): Promise<void> => {
      for await (const value of jobEvents(job.start)) throw new Error(`body failed at ${value}`);
    };
    await expect(loop()).rejects.toThrow("body failed at 1");
    expect(job).toMatchObject({ cancels: 1, ended: true });
  });

  test("a failure is thrown where it is awaited, after the events before it, with the caller's stack", async () => {
    const job = new FakeJob();
    const seen: number[] = [];
    async function callerOfTheLibrary(): Promise<void> {
      for await (const value of jobEvents(job.start)) seen.push(value);
    }
    const work = callerOfTheLibrary();
    job.report(1);
    setImmediate(() => {
      job.finish({ code: "WSSS_ERR_DIVERGED", message: "loss is NaN", details: { step: 7 } });
    });
    const error = await errorOf(work);
    expect(seen).toEqual([1]);
    expect(error).toMatchObject({ code: "WSSS_ERR_DIVERGED", details: { step: 7 } });
    expect(error.stack).toContain("job.test.ts");
    expect(job.cancels).toBe(0);
  });

  test("an aborted signal stops it before it starts", async () => {
    const job = new FakeJob();
    const error = await errorOf(jobEvents(job.start, AbortSignal.abort()).next());
    expect(error.code).toBe("WSSS_ERR_CANCELLED");
    expect(job.started).toBe(0);
  });

  test("aborting rejects the pending next() when the job has stopped; unread events are dropped", async () => {
    const job = new FakeJob();
    const controller = new AbortController();
    const events = jobEvents(job.start, controller.signal);
    const first = events.next();
    job.report(1);
    job.report(2);
    await first;
    controller.abort("enough");
    const error = await errorOf(events.next());
    expect(error).toMatchObject({ code: "WSSS_ERR_CANCELLED", cause: "enough" });
    expect(job).toMatchObject({ cancels: 1, ended: true });
    await expect(events.next()).resolves.toEqual({ done: true, value: undefined });
  });
});

describe("nativeCall", () => {
  test("re-creates thrown plain data and passes everything else on", () => {
    const thrown = (value: unknown) => (): never => {
      throw value;
    };
    const failure = { code: "WSSS_ERR_SHAPE", message: "patch is 10x10", details: { height: 10 } };
    expect(() => nativeCall(thrown(failure))).toThrow(WsssError);
    expect(() => nativeCall(thrown(failure))).toThrow("patch is 10x10");
    const own = new WsssError("WSSS_ERR_OPTION", "kept");
    expect(() => nativeCall(thrown(own))).toThrow(own);
    expect(() => nativeCall(thrown(new RangeError("other")))).toThrow(RangeError);
    expect(nativeCall(() => 7)).toBe(7);
  });
});
