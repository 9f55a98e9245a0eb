/** A small pool of worker threads, started when they are needed and ended when they have been idle. */
import { Worker } from "node:worker_threads";
import { usableCores } from "../machine/usable-cores.js";

interface Job<Request, Answer> {
  readonly request: Request;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** A thread that nobody used for this long is ended. */
const idleMs = 2000;

/**
 * A few threads that answer requests one by one. They start with the first request, keep the process alive only while
 * they work, and end when they were idle for two seconds.
 */
export class ThreadPool<Request, Answer> {
  readonly #script: URL;
  readonly #size: number;
  readonly #idle: Worker[] = [];
  readonly #waiting: Job<Request, Answer>[] = [];
  readonly #endings = new Map<Worker, NodeJS.Timeout>();
  #threads = 0;

  /**
   * @param script - module that the threads run; it answers every message with one message.
   * @param size - most threads, at least 1. Default: one less than there are usable cores, 4 at most.
   */
  constructor(script: URL, size: number = Math.max(1, Math.min(4, usableCores() - 1))) {
    this.#script = script;
    this.#size = size;
  }

  /** Sends one request to a thread that is free, or will be. Rejects if the thread fails or throws. */
  async run(request: Request): Promise<Answer> {
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject });
      this.#assign();
    });
  }

  #assign(): void {
    while (this.#waiting.length > 0) {
      const worker = this.#idle.pop() ?? (this.#threads < this.#size ? this.#start() : undefined);
      if (worker === undefined) return;
      const job = this.#waiting.shift();
      if (job !== undefined) this.#work(worker, job);
    }
  }

  #start(): Worker {
    this.#threads++;
    // Options of the parent such as `--input-type` or `--experimental-vm-modules` are not for this thread.
    return new Worker(this.#script, { execArgv: [] });
  }

  #work(worker: Worker, job: Job<Request, Answer>): void {
    clearTimeout(this.#endings.get(worker));
    worker.ref();
    const stopListening = (): void => {
      worker.off("message", onMessage);
      worker.off("error", onError);
      worker.off("exit", onExit);
    };
    const onMessage = (answer: Answer): void => {
      stopListening();
      this.#rest(worker);
      job.resolve(answer);
      this.#assign();
    };
    const onError = (error: unknown): void => {
      stopListening();
      this.#threads--;
      job.reject(error);
      this.#assign();
    };
    const onExit = (code: number): void => onError(new Error(`a mask thread ended by itself with code ${code}`));
    worker.on("message", onMessage).on("error", onError).on("exit", onExit);
    worker.postMessage(job.request);
  }

  #rest(worker: Worker): void {
    worker.unref();
    this.#idle.push(worker);
    const ending = setTimeout(() => {
      const at = this.#idle.indexOf(worker);
      if (at < 0) return;
      this.#idle.splice(at, 1);
      this.#endings.delete(worker);
      this.#threads--;
      void worker.terminate();
    }, idleMs);
    this.#endings.set(worker, ending.unref());
  }
}
