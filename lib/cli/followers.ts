/** The processes that `--processes` starts beside the one that has the command, and what becomes of them. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { WsssError } from "../errors.js";

/** How long one that has failed may take to tell the others why, through the group. */
const tellingMs = 5000;

interface Follower {
  readonly child: ChildProcess;
  /** Resolves when it does not run any more. */
  readonly ended: Promise<void>;
}

/** Processes 1 and up of a group on this machine. They end with process 0, however it ends: its store is where they wait. */
export class Followers {
  readonly #worldSize: number;
  readonly #words: readonly string[];
  readonly #followers: Follower[] = [];
  readonly #lost = new AbortController();
  #haveJoined = false;
  #isOver = false;

  /** @param words - of their command line. */
  constructor(worldSize: number, words: readonly string[]) {
    this.#worldSize = worldSize;
    this.#words = words;
  }

  /** Aborted when one of them is gone that has not told the others why; its reason is the error to end with. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Starts them. @param port - where process 0 waits for them. */
  start(port: number): void {
    for (let rank = 1; rank < this.#worldSize; rank += 1) {
      try {
        this.#followers.push(this.#watched(rank, startFollower(rank, this.#worldSize, port, this.#words)));
      } catch (error) {
        this.#lose(rank, `could not be started: ${String(error)}`);
      }
    }
  }

  /** To be called when all have joined. */
  haveJoined(): void {
    this.#haveJoined = true;
  }

  /**
   * To be called when process 0 has done its work, or given up: waits until none runs any more.
   * @param isDone - whether the work is done, so that they end by themselves. Otherwise they are told to save theirs and stop; those that
   *   have not joined have nothing to save, and are killed at once.
   * @param timeoutMs - after which one that hangs is killed.
   */
  async end(isDone: boolean, timeoutMs: number): Promise<void> {
    this.#isOver = true;
    if (!this.#haveJoined) this.#signal("SIGKILL");
    else if (!isDone) this.#signal("SIGHUP");
    const timer = setTimeout(() => this.#signal("SIGKILL"), timeoutMs);
    await Promise.all(this.#followers.map(async ({ ended }) => await ended));
    clearTimeout(timer);
  }

  #watched(rank: number, child: ChildProcess): Follower {
    const ended = new Promise<void>((resolve) => {
      child.on("error", (error) => {
        // Of one that runs it is a signal that could not be sent.
        if (child.pid !== undefined) return;
        this.#lose(rank, `could not be started: ${error.message}`);
        resolve();
      });
      child.on("exit", (code, signal) => {
        if (signal === "SIGKILL") this.#lose(rank, `was killed; ${outOfMemory}`);
        else if (signal !== null) this.#lose(rank, `was ended by ${signal}`);
        else if (code !== 0) this.#fail(rank, code ?? 0);
        resolve();
      });
    });
    return { child, ended };
  }

  /** One has failed by itself, and has said why. */
  #fail(rank: number, code: number): void {
    if (!this.#haveJoined) this.#lose(rank, `ended with code ${code} before it had joined; what it says stands above`);
    else setTimeout(() => this.#lose(rank, `ended with code ${code}; what it says stands above`), tellingMs).unref();
  }

  #lose(rank: number, how: string): void {
    if (this.lost.aborted || this.#isOver) return;
    const message = `process ${rank} of ${this.#worldSize} ${how}. The others stop; the same command goes on from what is saved`;
    this.#lost.abort(new WsssError("WSSS_ERR_PROCESS_GROUP", message, { lost: [`${rank}`] }));
    this.#signal("SIGHUP");
  }

  /** SIGHUP lets those that work on something of their own save it, and never ends one that is stopping already. */
  #signal(signal: "SIGHUP" | "SIGKILL"): void {
    for (const { child } of this.#followers) child.kill(signal);
  }
}

const outOfMemory = "a system that runs out of memory kills processes: then start fewer of them";

function startFollower(rank: number, worldSize: number, port: number, words: readonly string[]): ChildProcess {
  const main = join(fileURLToPath(import.meta.url), "..", "main.js");
  const place = { RANK: rank, LOCAL_RANK: rank, WORLD_SIZE: worldSize, LOCAL_WORLD_SIZE: worldSize };
  const variables = { ...place, MASTER_ADDR: "127.0.0.1", MASTER_PORT: port };
  const texts = Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, String(value)]));
  return spawn(process.execPath, [...process.execArgv, main, "follow", ...words], {
    env: { ...process.env, ...texts },
    stdio: ["ignore", "ignore", "inherit"],
  });
}
