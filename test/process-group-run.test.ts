/**
 * Real processes that train together: equal to one alone, killed, hung, failed, cancelled, and started wrongly.
 *
 *   WSSS_KILLS=100 npx jest test/process-group-run.test.ts      as many kills as one likes
 */
import { createServer } from "node:net";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { endsOf, type MemberEnd, startGroup, startMember } from "./support/process-group.js";
import { freshFolder, tinyDataset } from "./support/tiny-models.js";

const kills = Number(process.env["WSSS_KILLS"] ?? "2");
let data: string;

beforeAll(async () => {
  data = (await tinyDataset()).train.folder;
});

async function runFolder(): Promise<string> {
  const folder = path.join(await freshFolder(), "run");
  await mkdir(folder);
  return folder;
}

type Steps = readonly (readonly number[])[];

function stepsOf({ answer, stderr }: MemberEnd): Steps {
  if (answer === null || typeof answer.steps === "number")
    throw new Error(`${answer?.message ?? "no answer"}\n${stderr}`);
  return answer.steps;
}

/** Trains to the end with so many processes. */
async function trained(size: number, run: string, options: object = {}): Promise<MemberEnd[]> {
  return await endsOf(await startGroup(size, data, run, () => options));
}

/** Steps are of the same numbers, their losses equal within rounding. */
function expectAlike(steps: Steps, others: Steps, bound: number): void {
  expect(steps.map(([step]) => step)).toEqual(others.map(([step]) => step));
  steps.forEach(([, loss], i) => expect(Math.abs(loss! - others[i]![1]!)).toBeLessThan(bound));
}

/**
 * Without what makes much of rounding in these few steps: batch norms of four patches, and attention, which a pixel passes or not. In
 * float64 both are held to 1e-10 (process-group.test.ts).
 */
const calm = { learningRate: 0.001, freezeBatchNorm: true, pdaStartEpoch: "never", epochs: 4 };

test("any number of processes reports the steps of one, with the same bits in each process", async () => {
  const [alone] = await trained(1, await runFolder(), calm);
  for (const size of [2, 3]) {
    const ends = await trained(size, await runFolder(), calm);
    expectAlike(stepsOf(ends[0]!), stepsOf(alone!), 1e-4);
    for (const end of ends) expect(stepsOf(end)).toEqual(stepsOf(ends[0]!));
  }
}, 120_000);

test("gradients in bfloat16 are another training that goes the same way", async () => {
  const [whole] = await trained(2, await runFolder(), calm);
  const group = startGroup(2, data, await runFolder(), () => ({ ...calm, bfloat16Gradients: true }));
  const [rounded] = await endsOf(await group);
  expect(stepsOf(rounded!)).not.toEqual(stepsOf(whole!));
  expectAlike(stepsOf(rounded!), stepsOf(whole!), 0.01);
}, 120_000);

test(`${kills} kills: the others end and name the lost process, and a restart ends as if nothing had been`, async () => {
  const size = 3;
  const whole = await runFolder();
  const reference = stepsOf((await trained(size, whole))[0]!);
  const weights = await readFile(path.join(whole, "final.safetensors"));
  let state = 7;
  const random = (limit: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  for (let kill = 0; kill < kills;) {
    const run = await runFolder();
    const victim = kill % size;
    const members = await startGroup(size, data, run);
    // Before the first of 20 steps, or after one of them.
    const step = random(20);
    await members[victim]!.saw(step === 0 ? /training/u : new RegExp(`step ${step}\\.`, "u"));
    members[victim]!.child.kill("SIGKILL");
    const ends = await endsOf(members);
    if (!ends[victim]!.killed) continue; // It was done before.
    kill += 1;
    const failed = ends.filter((end, rank) => rank !== victim && end.answer?.code !== undefined);
    for (const { answer } of failed) {
      expect(answer?.code).toBe("WSSS_ERR_PROCESS_GROUP");
      expect(answer?.details?.["lost"]).toEqual([String(victim)]);
    }
    const again = await trained(size, run);
    expect(stepsOf(again[0]!)).toEqual(reference);
    expect((await readFile(path.join(run, "final.safetensors"))).equals(weights)).toBe(true);
  }
}, 3_600_000);

test("a training goes on with another number of processes", async () => {
  const run = await runFolder();
  const members = await startGroup(3, data, run, (rank) => ({ ...calm, ...(rank === 1 && { leaveAt: 7 }) }));
  const ends = await endsOf(members);
  expect(ends.map(({ answer }) => answer?.code)).toEqual(["WSSS_ERR_CANCELLED", undefined, "WSSS_ERR_CANCELLED"]);
  const [alone] = await trained(1, await runFolder(), calm);
  const [other] = await trained(2, run, calm);
  expectAlike(stepsOf(other!), stepsOf(alone!), 1e-4);
}, 120_000);

test("a process that hangs ends the others, which name it", async () => {
  const members = await startGroup(3, data, await runFolder(), (rank) => ({
    timeoutMs: 2000,
    ...(rank === 1 && { hangAt: 4 }),
  }));
  const ends = await endsOf([members[0]!, members[2]!]);
  members[1]!.child.kill("SIGKILL");
  await members[1]!.ended;
  for (const { answer } of ends) {
    expect(answer?.code).toBe("WSSS_ERR_PROCESS_GROUP");
    expect(answer?.message).toMatch(/^process 1 of 3 was lost: it has ended, hung for 2 s or can't be reached/u);
  }
}, 120_000);

test("a process that hangs and keeps the store ends the others too", async () => {
  const members = await startGroup(2, data, await runFolder(), (rank) => ({
    timeoutMs: 2000,
    ...(rank === 0 && { hangAt: 4 }),
  }));
  const { answer } = await members[1]!.ended;
  members[0]!.child.kill("SIGKILL");
  await members[0]!.ended;
  expect(answer?.code).toBe("WSSS_ERR_PROCESS_GROUP");
  expect(answer?.details?.["lost"]).toEqual(["0"]);
}, 120_000);

describe("refused, before a step is made:", () => {
  const variables = { WORLD_SIZE: 2, MASTER_ADDR: "127.0.0.1", MASTER_PORT: 0 };

  test("a port that is taken", async () => {
    const server = createServer().listen(0, "0.0.0.0");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const { answer } = await startMember({ ...variables, RANK: 0, MASTER_PORT: port }, data, await runFolder()).ended;
    server.close();
    expect(answer?.code).toBe("WSSS_ERR_PROCESS_GROUP");
    expect(answer?.message).toContain(
      `process 0 can't listen on port ${port}: free it, or choose another one (MASTER_PORT)`,
    );
  });

  test("a store that can't be reached", async () => {
    const options = { timeoutMs: 1000 };
    const { answer } = await startMember({ ...variables, RANK: 1, MASTER_PORT: 9 }, data, await runFolder(), options)
      .ended;
    expect(answer?.code).toBe("WSSS_ERR_PROCESS_GROUP");
    expect(answer?.message).toContain("the store of the process group at 127.0.0.1:9 can't be reached within 1 s");
  });

  test("processes that do not arrive", async () => {
    const options = { timeoutMs: 1000 };
    const { answer } = await startMember({ ...variables, WORLD_SIZE: 4, RANK: 0 }, data, await runFolder(), options)
      .ended;
    expect(answer?.code).toBe("WSSS_ERR_PROCESS_GROUP");
    expect(answer?.message).toContain("processes 1, 2, 3 of 4 did not join within 1 s");
    expect(answer?.details).toEqual({ missing: ["1", "2", "3"] });
  });

  test("a rank that two processes have", async () => {
    const first = startMember({ ...variables, WORLD_SIZE: 3, RANK: 0 }, data, await runFolder());
    const port = await first.saw(/listening (\d+)/u);
    const twin = { ...variables, WORLD_SIZE: 3, RANK: 1, MASTER_PORT: port };
    const twins = [startMember(twin, data, await runFolder()), startMember(twin, data, await runFolder())];
    for (const { answer } of await endsOf([first, ...twins])) {
      expect(answer?.code).toBe("WSSS_ERR_PROCESS_GROUP");
      expect(answer?.message).toContain("rank 1 of the process group is taken twice: RANK must differ in each process");
    }
  });

  test("fewer patches than processes", async () => {
    for (const { answer } of await trained(3, await runFolder(), { limit: 2, batchSize: 3, dropLastBatch: false })) {
      expect(answer).toMatchObject({ code: "WSSS_ERR_OPTION", steps: 0 });
      expect(answer?.message).toContain("a training set of 2 patches is too small for 3 processes");
    }
  });

  test("a batch of fewer patches than processes", async () => {
    for (const { answer } of await trained(3, await runFolder(), { batchSize: 2 })) {
      expect(answer).toMatchObject({ code: "WSSS_ERR_OPTION", details: { option: "batchSize" }, steps: 0 });
    }
  });

  test("other options in one process, with the difference", async () => {
    const members = startGroup(2, data, await runFolder(), (rank) => ({ learningRate: rank === 0 ? 0.02 : 0.01 }));
    for (const { answer } of await endsOf(await members)) {
      expect(answer).toMatchObject({ code: "WSSS_ERR_PROCESS_GROUP", steps: 0 });
      expect(answer?.message).toMatch(
        /process 1 has other options, data or versions than process 0: .*"learningRate":0.01.* instead of .*"learningRate":0.02/u,
      );
    }
  });
});

test("a process that fails tells the others why", async () => {
  const run = await runFolder();
  const members = await startGroup(2, data, run, (rank) => (rank === 0 ? { breakAt: 3 } : {}));
  const [first, other] = await endsOf(members);
  expect(first?.answer?.code).toBe("WSSS_ERR_IO");
  expect(other?.answer?.code).toBe("WSSS_ERR_PROCESS_GROUP");
  expect(other?.answer?.details?.["lost"]).toEqual(["0"]);
  expect(other?.answer?.message).toContain(`process 0 of 2 ended its work: ${first!.answer!.message!.slice(0, 20)}`);
}, 60_000);
