/** The part of many slides that one of several processes takes: `i/n`, or as Slurm and Kubernetes say it. */
import { WsssError } from "../errors.js";

/** The `index`-th of `count` parts, from 0. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

const form = /^(\d+)\/(\d+)$/;

/** Reads `2/8`, the second of eight. @returns null if it is no such text */
export function parseShard(text: string): Shard | null {
  const [, index, count] = form.exec(text) ?? [];
  const shard = { index: Number(index) - 1, count: Number(count) };
  return index === undefined || !(shard.index >= 0 && shard.index < shard.count) ? null : shard;
}

/**
 * The part that a scheduler gives this process: of a Slurm array task (`SLURM_ARRAY_TASK_ID`, `_MIN`, `_COUNT`), or of a Kubernetes
 * indexed job (`JOB_COMPLETION_INDEX`, with `WSSS_SHARDS`, since Kubernetes does not tell how many there are).
 * @returns all of it where neither is there
 * @throws WsssError `WSSS_ERR_OPTION` for variables that do not fit each other
 */
export function shardOfScheduler(environment: NodeJS.ProcessEnv = process.env): Shard {
  const task = environment["SLURM_ARRAY_TASK_ID"];
  if (task !== undefined && task !== "") {
    const first = Number(environment["SLURM_ARRAY_TASK_MIN"] ?? "0");
    const step = Number(environment["SLURM_ARRAY_TASK_STEP"] ?? "1");
    const count = Number(environment["SLURM_ARRAY_TASK_COUNT"]);
    return checked("SLURM_ARRAY_TASK_ID", task, { index: (Number(task) - first) / step, count });
  }
  const completion = environment["JOB_COMPLETION_INDEX"];
  if (completion === undefined || completion === "") return { index: 0, count: 1 };
  return checked("JOB_COMPLETION_INDEX", completion, {
    index: Number(completion),
    count: Number(environment["WSSS_SHARDS"]),
  });
}

function checked(variable: string, value: string, shard: Shard): Shard {
  const { index, count } = shard;
  if (Number.isSafeInteger(index) && Number.isSafeInteger(count) && index >= 0 && index < count) return shard;
  const many = variable === "JOB_COMPLETION_INDEX" ? "WSSS_SHARDS (the job's completions)" : "SLURM_ARRAY_TASK_COUNT";
  const message = `${variable} is ${value}, which does not fit ${many}: set --shard i/n, or that variable`;
  throw new WsssError("WSSS_ERR_OPTION", message, { option: "shard" });
}

/** What to say of a part; nothing of the whole. @param items - what is shared out, such as "slides". */
export function describeShard({ index, count }: Shard, own: number, all: number, items: string): string | undefined {
  if (count === 1) return undefined;
  return `part ${index + 1} of ${count}: ${own} of ${all} ${items}; --shard 1/1 takes all`;
}

/** The items of a part: every `count`-th, so that parts of a sorted list are alike. */
export function itemsOfShard<Item>(items: readonly Item[], { index, count }: Shard): Item[] {
  return items.filter((_, i) => i % count === index);
}
