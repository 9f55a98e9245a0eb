/** Keeps the report of a run up to date while the run goes on, on a thread of its own; the run never waits for it but at its end. */
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { writeBytesAtomic } from "../files/file-access.js";
import { reportFileName } from "./report-file.js";
import type { ReportAnswer } from "./report-worker.js";

/**
 * Writes `report.html` of a run folder whenever it is asked to. While it writes, further wishes become one. A report that can't be written
 * is told once, and never fails the run.
 *
 * The thread only makes the page. This process writes it, so that a thread that is ended leaves nothing behind. It starts with the first
 * wish, and keeps no process alive.
 */
export class ReportWriter {
  readonly #folder: string;
  readonly #onProblem: (problem: string) => void;
  #worker: Worker | undefined;
  #work: Promise<void> | undefined;
  #isWanted = false;
  #isAbandoned = false;
  #isEnding = false;
  #hasToldProblem = false;

  /** @param onProblem - told why there is no report, once. */
  constructor(folder: string, onProblem: (problem: string) => void) {
    this.#folder = folder;
    this.#onProblem = onProblem;
  }

  /** Asks for a report of the folder as it is from now on, and returns at once. */
  request(): void {
    if (this.#isAbandoned) return;
    this.#isWanted = true;
    this.#work ??= this.#writeWhileWanted();
  }

  /** Waits until what was asked for is written, or could not be. Keeps no process alive meanwhile. */
  async settled(): Promise<void> {
    await this.#work;
  }

  /** Waits until what was asked for is written, and ends the thread. */
  async end(): Promise<void> {
    // Nothing else may be left that keeps the process alive.
    this.#isEnding = true;
    this.#worker?.ref();
    await this.settled();
    await this.#worker?.terminate();
  }

  /** Ends the thread now; a report that it was making is not written. */
  async abandon(): Promise<void> {
    this.#isAbandoned = true;
    await this.#worker?.terminate();
    await this.#work;
  }

  async #writeWhileWanted(): Promise<void> {
    while (this.#isWanted && !this.#isAbandoned) {
      this.#isWanted = false;
      try {
        await this.#write(await this.#makePage());
      } catch (error) {
        this.#tell(error instanceof Error ? error.message : String(error));
      }
    }
    this.#work = undefined;
  }

  async #write(page: Uint8Array): Promise<void> {
    if (!this.#isAbandoned) await writeBytesAtomic(join(this.#folder, reportFileName), page);
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
