// What torchrun, srun and mpirun tell a process of its group.
import { describe, expect, test } from "@jest/globals";
import { processPlace } from "../dist/process-group/launch-variables.js";

const torchrun = {
  RANK: "5",
  WORLD_SIZE: "8",
  LOCAL_RANK: "1",
  LOCAL_WORLD_SIZE: "4",
  MASTER_ADDR: "node-1",
  MASTER_PORT: "29511",
  TORCHELASTIC_USE_AGENT_STORE: "True",
  TORCHELASTIC_RESTART_COUNT: "2",
};

/** As `srun` of Slurm 23 sets them for a step of 2 machines with 4 tasks each. */
const srun = {
  SLURM_JOB_ID: "1234567",
  SLURM_PROCID: "6",
  SLURM_NTASKS: "8",
  SLURM_STEP_NUM_TASKS: "8",
  SLURM_LOCALID: "2",
  SLURM_STEP_TASKS_PER_NODE: "4(x2)",
  SLURM_STEP_NODELIST: "gpu[07-08]",
  SLURM_LAUNCH_NODE_IPADDR: "10.0.0.7",
};

describe("a process of a group", () => {
  test("of torchrun, whose agent keeps the store", () => {
    expect(processPlace(torchrun)).toEqual({
      rank: 5,
      worldSize: 8,
      localRank: 1,
      localWorldSize: 4,
      masterAddress: "node-1",
      masterPort: 29511,
      storeOfLauncher: true,
      restart: 2,
    });
  });

  test("of torchrun's variables set by hand: process 0 keeps the store", () => {
    expect(processPlace({ RANK: "0", WORLD_SIZE: "2" })).toEqual({
      rank: 0,
      worldSize: 2,
      localRank: 0,
      localWorldSize: 2,
      masterAddress: "127.0.0.1",
      masterPort: 29500,
      storeOfLauncher: false,
      restart: 0,
    });
  });

  test("of srun, whose port follows from the job", () => {
    expect(processPlace(srun)).toEqual({
      rank: 6,
      worldSize: 8,
      localRank: 2,
      localWorldSize: 4,
      masterAddress: "10.0.0.7",
      masterPort: 24567,
      storeOfLauncher: false,
      restart: 0,
    });
  });

  test.each([
    ["gpu[07-08]", "gpu07"],
    ["node1,node2", "node1"],
    ["rack2-[3,5]-a", "rack2-3-a"],
    ["single", "single"],
  ])("of srun without the launching machine's address: the first of %s is %s", (list, first) => {
    const node = processPlace({ ...srun, SLURM_LAUNCH_NODE_IPADDR: undefined, SLURM_STEP_NODELIST: list });
    expect(node?.masterAddress).toBe(first);
  });

  test("of an element of an array of jobs meets those of its own job", () => {
    const port = (job: string): number | undefined =>
      processPlace({ ...srun, SLURM_ARRAY_TASK_ID: "3", SLURM_JOB_ID: job })?.masterPort;
    expect(port("1234568")).toBe(24568);
    expect(port("1234569")).toBe(24569);
  });

  test("of mpirun, Open MPI's and others'", () => {
    const open = {
      OMPI_COMM_WORLD_RANK: "1",
      OMPI_COMM_WORLD_SIZE: "2",
      OMPI_COMM_WORLD_LOCAL_RANK: "1",
      OMPI_COMM_WORLD_LOCAL_SIZE: "2",
    };
    expect(processPlace(open)).toMatchObject({ rank: 1, worldSize: 2, localRank: 1, masterAddress: "127.0.0.1" });
    const intel = { PMI_RANK: "1", PMI_SIZE: "2", MPI_LOCALRANKID: "0", MPI_LOCALNRANKS: "1", MASTER_ADDR: "a" };
    expect(processPlace(intel)).toMatchObject({ rank: 1, worldSize: 2, localRank: 0, masterAddress: "a" });
  });

  test("is none without a launcher, in a batch script of Slurm, and in a step of one task", () => {
    expect(processPlace({})).toBeUndefined();
    expect(processPlace({ SLURM_PROCID: "0", SLURM_NTASKS: "8", SLURM_JOB_ID: "1" })).toBeUndefined();
    expect(processPlace({ ...srun, SLURM_PROCID: "0", SLURM_STEP_NUM_TASKS: "1" })).toBeUndefined();
  });
});

test.each([
  ["RANK alone", { RANK: "0" }, "WORLD_SIZE of the environment must be set, as RANK is, received nothing"],
  ["WORLD_SIZE alone", { WORLD_SIZE: "2" }, "RANK of the environment must be set, as WORLD_SIZE is"],
  [
    "a rank beyond",
    { ...torchrun, RANK: "8" },
    "RANK of the environment must be below WORLD_SIZE, which is 8, received 8",
  ],
  ["no number", { ...torchrun, RANK: "two" }, "RANK of the environment must be an integer of at least 0, received two"],
  ["no processes", { ...torchrun, WORLD_SIZE: "0" }, "WORLD_SIZE of the environment must be an integer of at least 1"],
  [
    "a local rank beyond",
    { ...torchrun, LOCAL_RANK: "4" },
    "LOCAL_RANK of the environment must be below LOCAL_WORLD_SIZE",
  ],
  ["a port beyond", { ...torchrun, MASTER_PORT: "70000" }, "MASTER_PORT of the environment must be at most 65535"],
  [
    "several machines and no address",
    { RANK: "0", WORLD_SIZE: "8", LOCAL_WORLD_SIZE: "4" },
    "MASTER_ADDR of the environment must be the machine of process 0, received nothing",
  ],
])("%s is refused by the variable's name", (_case, env, message) => {
  expect(() => processPlace(env)).toThrow(expect.objectContaining({ code: "WSSS_ERR_OPTION" }));
  expect(() => processPlace(env)).toThrow(message);
});
