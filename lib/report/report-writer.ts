/** Keeps the report of a run up to date while the run goes on, on a thread of its own; the run never waits for it but at its end. */
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { writeBytesAtomic } from "../files/file-access.js";
import { reportFileName } from "./report-file.js";
import type { ReportAnswer } from "./report-worker.js";

/** Reports cost a run a hundredth of its time at most, beside the first and the last. */
const usualRest = 99;

/**
 * Writes `report.html` of a run folder whenever it is asked to. While it writes, and rests from it, further wishes become one. A report
 * that can't be written is told once, and never fails the run.
 *
 * The thread only makes the page. This process writes it, so that a thread that is ended leaves nothing behind. It starts with the first
 * wish, and keeps no process alive.
 */
export class ReportWriter {
  readonly #folder: string;
  readonly #onProblem: (problem: string) => void;
  #worker: Worker | undefined;
  #work: Promise<void> | undefined;
  #rest: NodeJS.Timeout | undefined;
  #isWanted = false;
  #isAbandoned = false;
  #isEnding = false;
  #hasToldProblem = false;

  readonly #restFactor: number;

  /**
   * @param onProblem - told why there is no report, once.
   * @param restFactor - it rests so many times as long as a report took, before it makes the next.
   */
  constructor(folder: string, onProblem: (problem: string) => void, restFactor = usualRest) {
    this.#folder = folder;
    this.#onProblem = onProblem;
    this.#restFactor = restFactor;
  }

  /** Asks for a report of the folder as it is from now on, and returns at once. */
  request(): void {
    if (this.#isAbandoned) return;
    this.#isWanted = true;
    if (this.#rest === undefined) this.#work ??= this.#write();
  }

  /** Waits until what is being written is there, or could not be. Keeps no process alive meanwhile. */
  async settled(): Promise<void> {
    await this.#work;
  }

  /** Waits until what was asked for is written, and ends the thread. */
  async end(): Promise<void> {
    // Nothing else may be left that keeps the process alive.
    this.#isEnding = true;
    this.#worker?.ref();
    await this.settled();
    this.#stopResting();
    if (this.#isWanted) this.#work = this.#write();
    await this.settled();
    await this.#worker?.terminate();
  }

  /** Ends the thread now; a report that it was making is not written. */
  async abandon(): Promise<void> {
    this.#isAbandoned = true;
    this.#isWanted = false;
    this.#stopResting();
    await this.#worker?.terminate();
    await this.#work;
  }

  async #write(): Promise<void> {
    this.#isWanted = false;
    const began = performance.now();
    try {
      const page = await this.#makePage();
      if (!this.#isAbandoned) await writeBytesAtomic(join(this.#folder, reportFileName), page);
    } catch (error) {
      this.#tell(error instanceof Error ? error.message : String(error));
    }
    this.#work = undefined;
    const hasMore = !this.#isAbandoned && !this.#isEnding;
    if (hasMore && this.#restFactor > 0) this.#restFor(this.#restFactor * (performance.now() - began));
  }

  #restFor(milliseconds: number): void {
    const goOn = (): void => {
      this.#rest = undefined;
      if (this.#isWanted) this.#work ??= this.#write();
    };
    this.#rest = setTimeout(goOn, milliseconds);
    this.#rest.unref();
  }

  #stopResting(): void {
    clearTimeout(this.#rest);
    this.#rest = undefined;
  }

  #tell(problem: string): void {
    if (this.#isAbandoned || this.#hasToldProblem) return;
    this.#hasToldProblem = true;
    this.#onProblem(problem);
  }

  async #makePage(): Promise<Uint8Array> {
    const worker = (this.#worker ??= this.#start());
    return await new Promise((resolve, reject) => {
      const stopListening = (): void => {
        worker.off("message", onMessage);
        worker.off("error", onError);
        worker.off("exit", onExit);
      };
      const onMessage = (answer: ReportAnswer): void => {
        stopListening();
        if ("page" in answer) resolve(answer.page);
        else reject(new Error(answer.problem));
      };
      const onError = (error: Error): void => {
        stopListening();
        this.#worker = undefined;
        reject(error);
      };
      const onExit = (code: number): void => onError(new Error(`the thread that makes it ended with code ${code}`));
      worker.on("message", onMessage).on("error", onError).on("exit", onExit);
      worker.postMessage(this.#folder);
    });
  }

  #start(): Worker {
    // Options of the parent such as `--input-type` or `--experimental-vm-modules` are not for this thread.
    const worker = new Worker(new URL("./report-worker.js", import.meta.url), { execArgv: [] });
    if (!this.#isEnding) worker.unref();
    return worker;
  }
}
