/** The option `--shard` of commands whose work is shared out over machines that know nothing of each other. */
import { InvalidArgumentError, Option } from "commander";
import { parseShard, type Shard } from "../slide-maps/shard.js";

function shardText(text: string): Shard {
  const shard = parseShard(text);
  if (shard === null) throw new InvalidArgumentError("It must be i/n, such as 2/8 for the second of eight.");
  return shard;
}

/** @param items - what is shared out, such as "slides". */
export function shardOption(items: string): Option {
  const brief = `take the i-th of n parts of the ${items} (default: as Slurm or Kubernetes says)`;
  return new Option("--shard <i/n>", brief).argParser(shardText);
}
