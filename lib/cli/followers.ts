/** The processes that `--processes` starts beside the one that has the command, and what becomes of them. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { WsssError } from "../errors.js";

/** Processes 1 and up of a group on this machine. They end with process 0, however it ends: its store is where they wait. */
export class Followers {
  readonly #worldSize: number;
  readonly #words: readonly string[];
  readonly #children = new Map<number, ChildProcess>();
  readonly #lost = new AbortController();
  #haveJoined = false;

  /** @param words - of their command line. */
  constructor(worldSize: number, words: readonly string[]) {
    this.#worldSize = worldSize;
    this.#words = words;
  }

  /** Aborted when one of them is gone that can't have told the others why; its reason is the error to end with. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Starts them. @param port - where process 0 waits for them. */
  start(port: number): void {
    for (let rank = 1; rank < this.#worldSize; rank += 1) {
      const child = startFollower(rank, this.#worldSize, port, this.#words);
      this.#children.set(rank, child);
      child.on("error", (error) => this.#lose(rank, `could not be started: ${error.message}`));
      child.on("exit", (code, signal) => {
        if (signal !== null) this.#lose(rank, `was ended by ${signal}`);
        // Later it leaves the group with its reason.
        else if (code !== 0 && !this.#haveJoined) this.#lose(rank, `ended with code ${code} before it had joined`);
      });
    }
  }

  /** To be called when all have joined. */
  haveJoined(): void {
    this.#haveJoined = true;
  }

  /** Waits until none runs any more. */
  async ended(): Promise<void> {
    await Promise.all([...this.#children.values()].map(ended));
  }

  #lose(rank: number, how: string): void {
    if (this.lost.aborted) return;
    const message =
      `process ${rank} of ${this.#worldSize} ${how}, so that the others stop; the same command goes on from what is saved. ` +
      "A system that runs out of memory kills processes: then start fewer of them";
    this.#lost.abort(new WsssError("WSSS_ERR_PROCESS_GROUP", message, { lost: [`${rank}`] }));
    // Those that work on something of their own would not notice; they save it first.
    for (const child of this.#children.values()) child.kill("SIGTERM");
  }
}

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

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) await once(child, "exit");
}
