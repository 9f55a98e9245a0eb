/** The lock of a run folder: taken before any work, kept by signs of life, given back at the end. */
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { isWsssError, WsssError } from "../errors.js";
import { ownIdentity, type ProcessIdentity } from "../machine/process-identity.js";
import { formatDuration } from "../text/duration.js";
import { type FoundLock, lockText, placeLock, readLock, removeLock, renewLock, takeLockAway } from "./lock-file.js";
import { judgeHolder, nameHolder, type Standing } from "./lock-holder.js";
import type { RunReporter } from "./reporter.js";

/** Who wants to work alone in a folder. */
export interface LockRequest {
  readonly folder: string;
  /** Whether a folder in which somebody is perhaps at work is taken all the same. @defaultValue `false` */
  readonly forceUnlock?: boolean | undefined;
  readonly signal: AbortSignal;
  readonly reporter: Pick<RunReporter, "warn">;
}

/** What a lock lives by; tests bring their own. */
export interface LockSurroundings {
  readonly self: ProcessIdentity;
  /** Calls `beat` now and then, until the function that it returns is called. */
  readonly repeat: (beat: () => Promise<void>) => () => void;
}

/** Time between two signs of life. */
const beatMs = 10_000;

const realSurroundings = (): LockSurroundings => ({
  self: ownIdentity(),
  repeat: (beat) => {
    const timer = setInterval(() => void beat(), beatMs).unref();
    return () => clearInterval(timer);
  },
});

/**
 * Works in a folder that no other process works in meanwhile: neither of this machine, nor of another container, nor of another
 * machine that shares the file system.
 *
 * The lock is the file `run.lock`, which says who holds it. A sign of life renews it every ten seconds. The lock of a process that is
 * known to be gone is taken over; of one that can't be asked it is taken only with `forceUnlock`. Its former holder notices that
 * with its next sign of life, and stops.
 *
 * @param work - gets a signal that also aborts when the folder is lost; its reason is then known to {@link isLockLost}.
 * @throws WsssError `WSSS_ERR_BUSY` if somebody is at work in the folder, or perhaps is, or has taken it meanwhile;
 *   `WSSS_ERR_IO` if it can't be written; and what the work throws.
 */
export async function whileLocked<Result>(
  request: LockRequest,
  work: (signal: AbortSignal) => Promise<Result>,
  surroundings: LockSurroundings = realSurroundings(),
): Promise<Result> {
  const lock = new RunLock(await takeLock(request, surroundings), surroundings);
  let result: Result;
  try {
    result = await work(AbortSignal.any([request.signal, lock.lost]));
  } catch (error) {
    await lock.giveBack().catch(() => undefined); // The error of the work is the one to tell.
    // What the work says of it is only that it was cancelled.
    throw lock.lost.aborted ? lock.lost.reason : error;
  }
  await lock.giveBack();
  lock.lost.throwIfAborted();
  return result;
}

/** Whether the reason of an aborted signal is that the folder belongs to somebody else now, so that nothing may be saved. */
export function isLockLost(reason: unknown): boolean {
  return isWsssError(reason, "WSSS_ERR_BUSY");
}

interface HeldLock {
  readonly folder: string;
  readonly path: string;
  readonly text: string;
}

/** More changes than this while we look are no lock but a defect of the file system. */
const attempts = 50;

/** Between two of them, where somebody else is faster. */
const pauseMs = 20;

async function takeLock(request: LockRequest, { self }: LockSurroundings): Promise<HeldLock> {
  const { folder, reporter } = request;
  const held = { folder, path: join(folder, "run.lock"), text: lockText(self, new Date()) };
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const { placed, nowMs } = await placeLock(held.path, held.text);
    if (placed) return held;
    const found = await readLock(held.path);
    if (found === undefined) continue;
    const silentMs = Math.max(0, nowMs - found.mtimeMs);
    const standing = judgeHolder(found, self, silentMs);
    const forced = standing === "perhaps at work" && request.forceUnlock === true;
    if (standing !== "gone" && !forced) throw refusal(request, held.path, found, self, { standing, silentMs });
    const taken = await takeLockAway(held.path, found.text);
    if (!taken) await setTimeout(pauseMs); // Another one takes it away just now.
    if (taken && forced) {
      const last = `whose last sign of life was ${formatDuration(silentMs)} ago`;
      reporter.warn(`${folder} is taken from ${nameHolder(found.record, self)}, ${last}, as --force-unlock says`);
    }
  }
  const message = `${held.path} can't be made: others make and remove it all the time; look who works in ${folder}`;
  throw new WsssError("WSSS_ERR_BUSY", message, { path: held.path });
}

function refusal(
  { folder, forceUnlock }: LockRequest,
  path: string,
  { record }: FoundLock,
  self: ProcessIdentity,
  { standing, silentMs }: { readonly standing: Standing; readonly silentMs: number },
): WsssError {
  const who = nameHolder(record, self);
  const since = record?.since === undefined ? "" : ` since ${record.since}`;
  const details = { path, standing, host: record?.host, pid: record?.pid, since: record?.since, silentMs };
  if (standing === "at work") {
    const stop = forceUnlock === true ? "; --force-unlock takes no folder from a process that is known to live" : "";
    const message = `${who} is at work in ${folder}${since}; wait for it, stop it, or choose another folder${stop}`;
    return new WsssError("WSSS_ERR_BUSY", message, details);
  }
  const message =
    `${who} is perhaps at work in ${folder}${since}, with a last sign of life ${formatDuration(silentMs)} ago; it can't be asked from ` +
    `here. Wait for it, stop it, or choose another folder; if you know that it has ended, go on with --force-unlock`;
  return new WsssError("WSSS_ERR_BUSY", message, details);
}

/** A lock that is held. */
class RunLock {
  readonly #held: HeldLock;
  readonly #self: ProcessIdentity;
  readonly #stop: () => void;
  readonly #lost = new AbortController();
  #beat: Promise<void> | undefined;

  constructor(held: HeldLock, { self, repeat }: LockSurroundings) {
    this.#held = held;
    this.#self = self;
    this.#stop = repeat(async () => {
      // A file system that does not answer gets no second question.
      await (this.#beat ??= this.#giveSign().finally(() => (this.#beat = undefined)));
    });
  }

  /** Aborts when somebody else has the folder; its reason says who. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Ends the signs of life and removes the lock, if it is still ours; otherwise {@link lost} has aborted in the end. */
  async giveBack(): Promise<void> {
    this.#stop();
    await this.#beat;
    if (this.lost.aborted) return;
    const { path, text } = this.#held;
    if (await removeLock(path, text)) return;
    const found = await readLock(path);
    // Who tidied it away has taken nothing from us.
    if (found !== undefined) this.#lose(found);
  }

  async #giveSign(): Promise<void> {
    const { path, text } = this.#held;
    try {
      if (!(await renewLock(path, text))) this.#lose(await readLock(path));
    } catch {
      // A network that is away for a while, a full disk: the next sign says more. The work itself will tell if they stay.
    }
  }

  #lose(found: FoundLock | undefined): void {
    const { folder, path } = this.#held;
    const who = nameHolder(found?.record ?? null, this.#self);
    const message =
      `${who} has taken ${folder} from this command (--force-unlock), which therefore stopped without saving: ` +
      `two that write there would spoil each other's files. Stop one of them, then give its command again`;
    const { host, pid } = found?.record ?? {};
    this.#lost.abort(new WsssError("WSSS_ERR_BUSY", message, { path, lost: true, host, pid }));
  }
}
