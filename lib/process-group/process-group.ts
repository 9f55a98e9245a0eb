/** `joinProcessGroup`: several processes train one network together. */
import { z } from "zod";
import { WsssError } from "../errors.js";
import type { NativeProcessGroup } from "../native/native-process-group.js";
import { runJob } from "../native/job.js";
import { loadAddon } from "../native/load.js";
import { checkOptions } from "../options/check.js";
import * as fields from "../options/fields.js";
import { type ProcessPlace, processPlace } from "./launch-variables.js";

/** How long one process waits for another where nothing is said, in milliseconds. */
export const usualTimeoutMs = 60_000;

/** How processes that train together deal with each other; see {@link joinProcessGroup}. */
export interface ProcessGroupOptions extends Partial<ProcessPlace> {
  /**
   * How long one process waits for another, when joining and at every step, in milliseconds, at least 1000. A process that ends is
   * noticed at once; this is for one that hangs, or a cable that is pulled.
   * @defaultValue `60_000`
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Whether batch norms that learn take the statistics of all processes' patches, so that a training means the same on any number of
   * processes. Without it each process takes those of its own patches, which costs less and needs enough of them.
   * @defaultValue `true`
   */
  readonly syncBatchNorm?: boolean | undefined;
  /**
   * Whether processes send each other their gradients in bfloat16: half the bytes, eight significant bits.
   * @defaultValue `false`, sums of float32
   */
  readonly bfloat16Gradients?: boolean | undefined;
  /** Called with the port, as soon as process 0 can be reached there; with `masterPort: 0` it chooses a free one. */
  readonly onListening?: ((port: number) => void) | undefined;
  /** Aborting it stops the waiting for the other processes. */
  readonly signal?: AbortSignal | undefined;
}

const rank = fields.countOrNone.optional();
const processGroupSchema = z.strictObject({
  rank,
  worldSize: fields.count.optional(),
  localRank: rank,
  localWorldSize: fields.count.optional(),
  masterAddress: z.string().min(1).optional(),
  masterPort: z.int().min(0).max(65535).optional(),
  storeOfLauncher: fields.flag.optional(),
  restart: rank,
  timeoutMs: z
    .int()
    .min(1000)
    .max(2 ** 31 - 1)
    .default(usualTimeoutMs),
  syncBatchNorm: fields.flag.default(true),
  bfloat16Gradients: fields.flag.default(false),
  onListening: fields.callback<(port: number) => void>().optional(),
  signal: fields.signal.optional(),
});

/** What a training has to know of its group. */
export interface GroupHandle {
  readonly native: NativeProcessGroup;
  readonly syncBatchNorm: boolean;
  readonly bfloat16Gradients: boolean;
}

/** The handles of groups, beside them instead of in them, as for models. */
const handles = new WeakMap<object, GroupHandle>();

/** The handle of a process group; `undefined` for anything else. */
export function groupHandle(value: unknown): GroupHandle | undefined {
  return typeof value === "object" && value !== null ? handles.get(value) : undefined;
}

/** A group that {@link joinProcessGroup} gave. */
export const groupField = z.custom<ProcessGroup>(
  (value) => groupHandle(value) !== undefined,
  "a process group of joinProcessGroup",
);

/**
 * Processes that work together, by PyTorch's own engine (c10d with Gloo). Given to `train` as `group`, each computes a part of every step,
 * and their gradients are added up; given to evaluations and pseudo masks, each takes a part of the patches. All processes must make the
 * same calls with the same options and data. One whose call fails or is cancelled leaves the group, and the calls of the others fail.
 */
export class ProcessGroup {
  /** This process, counted from 0. Process 0 writes the files. */
  readonly rank: number;
  /** Processes of the group. */
  readonly size: number;
  /** This process among those of its machine, counted from 0. */
  readonly localRank: number;
  /** Processes of this machine. */
  readonly localSize: number;
  readonly #native: NativeProcessGroup;
  #meetings = 0;

  private constructor(native: NativeProcessGroup, place: ProcessPlace, options: Omit<GroupHandle, "native">) {
    this.rank = place.rank;
    this.size = place.worldSize;
    this.localRank = place.localRank;
    this.localSize = place.localWorldSize;
    this.#native = native;
    handles.set(this, { native, ...options });
  }

  /** @internal Use {@link joinProcessGroup}. */
  static async join(given: ProcessGroupOptions): Promise<ProcessGroup> {
    const call = "joinProcessGroup";
    const { timeoutMs, syncBatchNorm, bfloat16Gradients, onListening, signal, ...own } = checkOptions(
      processGroupSchema,
      call,
      given,
    );
    const place = placeOf(call, own);
    const { ProcessGroup: Native } = await loadAddon();
    const native = new Native();
    const options = {
      rank: place.rank,
      size: place.worldSize,
      address: place.masterAddress,
      port: place.masterPort,
      keepsStore: place.rank === 0 && !place.storeOfLauncher,
      prefix: `wsss-tissue/${place.restart}`,
      timeoutMs,
    };
    await runJob<null>((done) => native.join(options, (port) => onListening?.(port), done), signal);
    return new ProcessGroup(native, place, { syncBatchNorm, bfloat16Gradients });
  }

  /**
   * What every process says, by rank; all must call it, and each waits for the others, however long they take.
   * @throws WsssError `WSSS_ERR_PROCESS_GROUP` if a process is lost; `WSSS_ERR_CANCELLED`.
   */
  async meet(text: string, signal?: AbortSignal): Promise<readonly string[]> {
    const name = `meeting/${this.#meetings++}`;
    await this.announce(`${name}/${this.rank}`, text);
    const texts: string[] = [];
    for (let rank = 0; rank < this.size; rank += 1) {
      texts.push(await this.awaitAnnouncement(`${name}/${rank}`, signal));
    }
    return texts;
  }

  /**
   * How often this process has met the others: the same in all of them between two calls that they make together.
   * @internal
   */
  get meetings(): number {
    return this.#meetings;
  }

  /** Leaves a text where every process finds it under its name. */
  async announce(name: string, text: string): Promise<void> {
    await runJob<null>((done) => this.#native.announce({ name, text }, done));
  }

  /** Waits for a text of another process, however long it takes. @throws WsssError `WSSS_ERR_PROCESS_GROUP` if a process is lost. */
  async awaitAnnouncement(name: string, signal?: AbortSignal): Promise<string> {
    return await runJob<string>((done) => this.#native.awaitAnnouncement({ name }, done), signal);
  }

  /** A number that no process was given before under this name: 0, 1, 2, ..., in the order of the calls. */
  async claim(name: string): Promise<number> {
    return await runJob<number>((done) => this.#native.claim({ name }, done));
  }

  /**
   * Leaves the group. Calls of the others that wait for this process fail then.
   * @param why - told to those that fail; of a process that has failed itself.
   */
  async leave(why = "it has left the group"): Promise<void> {
    await runJob<null>((done) => this.#native.leave({ why }, done));
  }

  /** Leaves the group, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
  }
}

/** Where the process stands: as the caller says, or as the launcher's variables do. */
function placeOf(
  call: string,
  own: { readonly [Name in keyof ProcessPlace]?: ProcessPlace[Name] | undefined },
): ProcessPlace {
  const found = own.rank === undefined || own.worldSize === undefined ? processPlace() : undefined;
  const rank = own.rank ?? found?.rank;
  const worldSize = own.worldSize ?? found?.worldSize;
  if (rank === undefined || worldSize === undefined) {
    const message =
      "no launcher has started this process in a group: start it by torchrun, srun or mpirun, " +
      `or give rank, worldSize, masterAddress and masterPort (${call})`;
    throw new WsssError("WSSS_ERR_OPTION", message, { call, option: "rank" });
  }
  if (rank >= worldSize) {
    const message = `rank must be below worldSize (${worldSize}), received ${rank} (${call})`;
    throw new WsssError("WSSS_ERR_OPTION", message, { call, option: "rank", received: rank });
  }
  return {
    rank,
    worldSize,
    localRank: own.localRank ?? found?.localRank ?? rank,
    localWorldSize: own.localWorldSize ?? found?.localWorldSize ?? worldSize,
    masterAddress: own.masterAddress ?? found?.masterAddress ?? "127.0.0.1",
    masterPort: own.masterPort ?? found?.masterPort ?? 29500,
    storeOfLauncher: own.storeOfLauncher ?? found?.storeOfLauncher ?? false,
    restart: own.restart ?? found?.restart ?? 0,
  };
}

/**
 * Joins the other processes that train with this one. Without options it reads what `torchrun`, `srun` or `mpirun` have set:
 * `RANK`, `WORLD_SIZE`, `LOCAL_RANK`, `LOCAL_WORLD_SIZE`, `MASTER_ADDR`, `MASTER_PORT`, or Slurm's and MPI's own variables.
 *
 * @example
 * ```ts
 * await using group = await joinProcessGroup();
 * for await (const event of classifier.train(dataset.train, { group, batchSize: 64 })) if (group.rank === 0) console.log(event);
 * ```
 *
 * @throws WsssError `WSSS_ERR_PROCESS_GROUP` if a port is taken, process 0 can't be reached, processes do not arrive in time or one
 *   rank is taken twice; `WSSS_ERR_OPTION`; `WSSS_ERR_CANCELLED`; `WSSS_ERR_BINARY_NOT_FOUND`.
 */
export async function joinProcessGroup(options: ProcessGroupOptions = {}): Promise<ProcessGroup> {
  return await ProcessGroup.join(options);
}
