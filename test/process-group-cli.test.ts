// The command line with several processes: --processes, torchrun with a process that is killed, srun's variables, signals.
import { type ChildProcess, spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { command, type CommandResult, freshFolder, lastJson, startCommand } from "./support/command-line.js";
import { findPythonTorch } from "./support/python-torch.js";
import { tinyDataset } from "./support/tiny-models.js";

const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const python = await findPythonTorch();
if (python === null) console.warn("SKIPPED: no Python with PyTorch; WSSS_TEST_PYTHON=install makes one");

/** Small networks without what makes much of rounding, so that runs can be compared. */
const small = [
  ...["--width", "1/16", "--epochs", "2", "--batch-size", "4", "--lr", "0.001", "--precision", "float32"],
  ...["--pda-start-epoch", "never", "--freeze-batch-norm", "yes", "--vflip", "0.5", "--json"],
];
/** With a round of self-training, whose masks are shared out too. */
const whole = [...small, "--rounds", "1"];
let data: string;
let folder: string;

beforeAll(async () => {
  data = (await tinyDataset()).train.folder;
  folder = await freshFolder();
});

async function filesOf(run: string): Promise<string[]> {
  const found = await readdir(run, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(run, path.join(entry.parentPath, entry.name)))
    .sort();
}

/** Losses of the steps that a run has written down. */
async function lossesOf(run: string, stage: string): Promise<number[]> {
  const [header = "", ...rows] = (await readFile(path.join(run, "metrics", `${stage}-steps.csv`), "utf8"))
    .trim()
    .split("\n");
  const column = header.split(",").indexOf("loss");
  return rows.map((row) => Number(row.split(",")[column]));
}

function expectAlike(some: readonly number[], others: readonly number[]): void {
  expect(some).toHaveLength(others.length);
  some.forEach((value, i) => expect(Math.abs(value - others[i]!)).toBeLessThan(1e-3));
}

/** Numbers and words of all processes, in the order of their numbers. */
async function processes(): Promise<{ pid: number; words: string }[]> {
  const numbers = (await readdir("/proc")).map(Number).filter((pid) => Number.isInteger(pid));
  const found = numbers
    .sort((some, other) => some - other)
    .map(async (pid) => {
      const text = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      return { pid, words: text.replaceAll("\0", " ") };
    });
  return await Promise.all(found);
}

/** Whatever of ours is still running. */
async function leftOver(): Promise<{ pid: number; words: string }[]> {
  return (await processes()).filter(({ words }) => words.includes(`${main} follow`));
}

describe("run --processes 2", () => {
  let alone: CommandResult;
  let together: CommandResult;
  const [one, two] = ["one", "two"] as const;

  beforeAll(async () => {
    alone = await command("run", "--data", data, "--out", path.join(folder, one), ...whole);
    together = await command("run", "--data", data, "--out", path.join(folder, two), ...whole, "--processes", "2");
  }, 120_000);

  test("writes the files of one process, and no process stays", async () => {
    expect(alone).toMatchObject({ code: 0 });
    expect(together).toMatchObject({ code: 0 });
    expect(await filesOf(path.join(folder, two))).toEqual(await filesOf(path.join(folder, one)));
    expect(await leftOver()).toEqual([]);
  });

  test("has its losses within rounding, for both stages", async () => {
    for (const stage of ["classifier", "segmenter"]) {
      expectAlike(await lossesOf(path.join(folder, two), stage), await lossesOf(path.join(folder, one), stage));
    }
  });

  test("prints one result, with the same fields", () => {
    expect(together.stdout.trimEnd().split("\n")).toHaveLength(1);
    expect(Object.keys(lastJson(together))).toEqual(Object.keys(lastJson(alone)));
  });

  test("does nothing again that is done", async () => {
    const again = await command("run", "--data", data, "--out", path.join(folder, two), ...whole, "--processes", "2");
    expect(again).toMatchObject({ code: 0 });
    expect(again.stderr).not.toContain("train-classifier: epoch");
  });
});

test("a signal lets all processes finish the step, saves once, and the same command goes on", async () => {
  const out = path.join(folder, "stopped");
  const words = ["train-classifier", "--data", data, "--out", out, ...small, "--epochs", "40", "--processes", "2"];
  const running = startCommand(words);
  await running.saw("epoch 3/40");
  running.child.kill("SIGTERM");
  expect((await running.ended).code).toBe(143);
  expect(await leftOver()).toEqual([]);
  const rest = await command(...words);
  expect(rest).toMatchObject({ code: 0 });
  // What was done when the signal came is not done again: the third epoch had ended.
  const done = Number(/resumed after step (\d+) of 80/u.exec(rest.stderr)?.[1]);
  expect(done).toBeGreaterThanOrEqual(6);
  expect(done).toBeLessThan(80);
  expect(await lossesOf(out, "classifier")).toHaveLength(80);
}, 120_000);

test("more processes than patches of a step are refused before any work", async () => {
  const out = path.join(folder, "refused");
  const result = await command("train-classifier", "--data", data, "--out", out, ...small, "--processes", "5");
  expect(result.code).toBe(2);
  expect(result.stderr).toContain("batchSize must be at least the number of processes");
}, 60_000);

test("--processes is refused beside a launcher, and gpu where there is none", async () => {
  const words = ["train-classifier", "--data", data, "--out", path.join(folder, "no")];
  const launched = startCommand([...words, "--processes", "2"], {
    env: { ...process.env, RANK: "0", WORLD_SIZE: "2" },
  });
  const result = await launched.ended;
  expect(result.code).toBe(2);
  expect(result.stderr).toContain(
    "--processes must be left out where torchrun, srun or mpirun have started the processes",
  );
  const follow = await command("follow");
  expect(follow.code).toBe(2);
});

test("srun's variables start a group", async () => {
  const out = path.join(folder, "slurm");
  const words = ["train-classifier", "--data", data, "--out", out, ...small];
  const job = 10_000 + (process.pid % 20_000);
  const tasks = [0, 1].map((rank) =>
    startCommand(words, {
      env: {
        ...process.env,
        SLURM_JOB_ID: String(job),
        SLURM_PROCID: String(rank),
        SLURM_LOCALID: String(rank),
        SLURM_STEP_NUM_TASKS: "2",
        SLURM_STEP_TASKS_PER_NODE: "2",
        SLURM_STEP_NODELIST: "node[1]",
        SLURM_LAUNCH_NODE_IPADDR: "127.0.0.1",
      },
    }),
  );
  const [first, second] = await Promise.all(tasks.map(async ({ ended }) => await ended));
  expect(first).toMatchObject({ code: 0 });
  expect(second).toMatchObject({ code: 0, stdout: "" });
  expectAlike(await lossesOf(out, "classifier"), await lossesOf(path.join(folder, "one"), "classifier"));
}, 60_000);

(python === null ? describe.skip : describe)("torchrun --no-python", () => {
  const launch = (words: readonly string[], restarts = 0): ChildProcess =>
    spawn(
      python ?? "",
      [
        ...["-m", "torch.distributed.run", "--no-python", "--nproc-per-node", "2", "--master-port", "0"],
        ...["--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0", "--max-restarts", String(restarts)],
        ...[process.execPath, main, ...words],
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
  const endOf = async (child: ChildProcess): Promise<{ code: number | null; stderr: string }> =>
    await new Promise((resolve, reject) => {
      let stderr = "";
      child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
      child.on("error", reject);
      child.on("close", (code) => resolve({ code, stderr }));
    });

  test("drives a whole run", async () => {
    const out = path.join(folder, "torchrun");
    const { code, stderr } = await endOf(launch(["run", "--data", data, "--out", out, ...whole]));
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await filesOf(out)).toEqual(await filesOf(path.join(folder, "one")));
    expectAlike(await lossesOf(out, "segmenter"), await lossesOf(path.join(folder, "one"), "segmenter"));
  }, 180_000);

  test("starts all again when one is killed, and they go on", async () => {
    const out = path.join(folder, "restarted");
    const words = ["train-classifier", "--data", data, "--out", out, ...small, "--epochs", "40"];
    // Of two processes too: over so many steps a single one's sums, in another order, grow apart from theirs.
    const same = words.map((word) => (word === out ? path.join(folder, "undisturbed") : word));
    expect(await command(...same, "--processes", "2")).toMatchObject({ code: 0 });
    const child = launch(words, 2);
    const end = endOf(child);
    // The second of its processes, as soon as some steps are done.
    for (;;) {
      const steps = await lossesOf(out, "classifier").catch(() => []);
      if (steps.length >= 6) break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const members = (await processes()).filter(
      ({ words }) =>
        words.includes(`${process.execPath} ${main} train-classifier`) && !words.includes("torch.distributed"),
    );
    const victim = members.at(-1)!.pid;
    process.kill(victim, "SIGKILL");
    expect(await end).toMatchObject({ code: 0 });
    const undisturbed = await lossesOf(path.join(folder, "undisturbed"), "classifier");
    expect(undisturbed).toHaveLength(80);
    expect(await lossesOf(out, "classifier")).toEqual(undisturbed);
  }, 180_000);
});
