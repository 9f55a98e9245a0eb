/** What torchrun, Slurm and mpirun tell each process of a group by environment variables. */
import { WsssError } from "../errors.js";

/** Where a process stands in its group, and where the group meets. */
export interface ProcessPlace {
  /** Counted from 0 over all processes. */
  readonly rank: number;
  /** Processes of the group. */
  readonly worldSize: number;
  /** Counted from 0 over the processes of this machine: the GPU that the process takes. */
  readonly localRank: number;
  /** Processes of this machine. */
  readonly localWorldSize: number;
  /** Machine on which process 0 waits for the others. */
  readonly masterAddress: string;
  /** Its port. */
  readonly masterPort: number;
  /** Whether the launcher keeps the store where they meet, as torchrun does, rather than process 0. */
  readonly storeOfLauncher: boolean;
  /** How often the launcher has started the group again. */
  readonly restart: number;
}

/** The environment: text by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The port that PyTorch takes where none is named. */
const usualPort = 29500;

/** How one kind of launcher names things. */
interface Launcher {
  readonly name: string;
  readonly rank: string;
  readonly worldSize: string;
  readonly localRank: string;
  readonly localWorldSize: string;
  address?(env: Environment): string | undefined;
  port?(env: Environment): number | undefined;
}

const launchers: readonly Launcher[] = [
  {
    name: "torchrun",
    rank: "RANK",
    worldSize: "WORLD_SIZE",
    localRank: "LOCAL_RANK",
    localWorldSize: "LOCAL_WORLD_SIZE",
  },
  {
    name: "srun",
    rank: "SLURM_PROCID",
    worldSize: "SLURM_STEP_NUM_TASKS",
    localRank: "SLURM_LOCALID",
    localWorldSize: "SLURM_STEP_TASKS_PER_NODE",
    address: (env) => env["SLURM_LAUNCH_NODE_IPADDR"] ?? firstNode(env["SLURM_STEP_NODELIST"]),
    // Jobs of one machine must not meet each other.
    port: (env) => 20000 + (integerOf("SLURM_JOB_ID", env["SLURM_JOB_ID"]) % 10000),
  },
  {
    name: "mpirun",
    rank: "OMPI_COMM_WORLD_RANK",
    worldSize: "OMPI_COMM_WORLD_SIZE",
    localRank: "OMPI_COMM_WORLD_LOCAL_RANK",
    localWorldSize: "OMPI_COMM_WORLD_LOCAL_SIZE",
  },
  {
    name: "mpirun",
    rank: "PMI_RANK",
    worldSize: "PMI_SIZE",
    localRank: "MPI_LOCALRANKID",
    localWorldSize: "MPI_LOCALNRANKS",
  },
];

/**
 * Where this process stands in the group that a launcher has started it in.
 * @returns `undefined` for a process that was started alone.
 * @throws WsssError `WSSS_ERR_OPTION` if variables are missing or contradict each other, with their names.
 */
export function processPlace(env: Environment = process.env): ProcessPlace | undefined {
  const launcher = launchers.find(({ rank, worldSize }) => env[rank] !== undefined && env[worldSize] !== undefined);
  if (launcher === undefined) {
    refuseHalf(env);
    return;
  }
  const worldSize = integerOf(launcher.worldSize, env[launcher.worldSize], 1);
  const rank = integerOf(launcher.rank, env[launcher.rank]);
  if (rank >= worldSize) {
    throw refused(launcher.rank, `below ${launcher.worldSize}, which is ${worldSize}`, env[launcher.rank]);
  }
  if (worldSize === 1 && launcher.name !== "torchrun") return undefined;
  const localWorldSize = localSizeOf(launcher, env) ?? worldSize;
  const localRank =
    env[launcher.localRank] === undefined ? rank : integerOf(launcher.localRank, env[launcher.localRank]);
  if (localRank >= localWorldSize) {
    throw refused(
      launcher.localRank,
      `below ${launcher.localWorldSize}, which is ${localWorldSize}`,
      String(localRank),
    );
  }
  return {
    rank,
    worldSize,
    localRank,
    localWorldSize,
    masterAddress: addressOf(launcher, env, localWorldSize === worldSize),
    masterPort: env["MASTER_PORT"] === undefined ? (launcher.port?.(env) ?? usualPort) : portOf(env["MASTER_PORT"]),
    storeOfLauncher: env["TORCHELASTIC_USE_AGENT_STORE"] === "True",
    restart: integerOf("TORCHELASTIC_RESTART_COUNT", env["TORCHELASTIC_RESTART_COUNT"] ?? "0"),
  };
}

/** RANK without WORLD_SIZE, or the other way round, is a mistake, and not a process alone. */
function refuseHalf(env: Environment): undefined {
  const [there, missing] = env["RANK"] === undefined ? ["WORLD_SIZE", "RANK"] : ["RANK", "WORLD_SIZE"];
  if (env[there] === undefined) return undefined;
  throw refused(missing, `set, as ${there} is`, undefined);
}

function addressOf(launcher: Launcher, env: Environment, isOneMachine: boolean): string {
  const address = env["MASTER_ADDR"] ?? launcher.address?.(env) ?? (isOneMachine ? "127.0.0.1" : undefined);
  if (address === undefined || address === "") throw refused("MASTER_ADDR", "the machine of process 0", address);
  return address;
}

/** Slurm lists the tasks of each node, as in `4(x2),3`: they may differ, and then this node's number is not needed exactly. */
function localSizeOf({ localWorldSize: name }: Launcher, env: Environment): number | undefined {
  const text = env[name];
  if (text === undefined) return undefined;
  const counts = [...text.matchAll(/(\d+)(?:\(x\d+\))?(?:,|$)/gu)].map(([, digits]) => Number(digits));
  if (counts.length === 0) throw refused(name, "a number of processes", text);
  return Math.max(...counts);
}

/** The first machine of a list of Slurm's, as `node[07-09,12],gpu1`. */
function firstNode(list: string | undefined): string | undefined {
  const found = /^([^,[\]]+)(?:\[(\d+)[^\]]*\]([^,]*))?/u.exec(list ?? "");
  return found === null ? undefined : `${found[1] ?? ""}${found[2] ?? ""}${found[3] ?? ""}`;
}

function integerOf(name: string, text: string | undefined, least = 0): number {
  const value = Number(text);
  if (text !== undefined && /^\d+$/u.test(text) && Number.isSafeInteger(value) && value >= least) return value;
  throw refused(name, `an integer of at least ${least}`, text);
}

function portOf(text: string): number {
  const port = integerOf("MASTER_PORT", text);
  if (port > 65535) throw refused("MASTER_PORT", "at most 65535", text);
  return port;
}

function refused(name: string, bound: string, received: string | undefined): WsssError {
  const message = `${name} of the environment must be ${bound}, received ${received ?? "nothing"}; the launcher (torchrun, srun, mpirun) sets it`;
  return new WsssError("WSSS_ERR_OPTION", message, { option: name, received, bound });
}
