// Threads in a container: no more than its CPU quota pays for, whatever version of control groups says so.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

import type { InspectReport } from "../dist/cli/commands/inspect-command.js";
import { cpuQuota } from "../dist/machine/cpu-quota.js";
import { coresWithin } from "../dist/machine/usable-cores.js";
import { loadWithin } from "../dist/native/limit-threads.js";

const roots: string[] = [];

afterAll(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true });
});

/** A file system with these files. */
function fileSystem(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(path.join(tmpdir(), "wsss-quota-"));
  roots.push(root);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.join(root, path.dirname(name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
  return root;
}

const mounts = {
  v2: "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n",
  v1: "33 25 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n",
};
const memory = "34 25 0:31 / /sys/fs/cgroup/memory rw shared:10 - cgroup cgroup rw,memory\n";

describe("the quota of control groups, version 2", () => {
  const quota = (files: Readonly<Record<string, string>>, group = "/"): number | null =>
    cpuQuota(
      fileSystem({ "proc/self/cgroup": `0::${group}\n`, "proc/self/mountinfo": `${memory}${mounts.v2}`, ...files }),
    );

  test.each([
    ["200000 100000\n", 2],
    ["150000 100000\n", 1.5],
    ["5000 50000\n", 0.1],
    ["max 100000\n", null],
    ["", null],
    ["nonsense\n", null],
  ])("cpu.max with %j is %s CPUs", (text, expected) => {
    expect(quota({ "sys/fs/cgroup/cpu.max": text })).toBe(expected);
  });

  test("a nested group has the smallest quota of its own and those above it", () => {
    const files = {
      "sys/fs/cgroup/kubepods/cpu.max": "800000 100000\n",
      "sys/fs/cgroup/kubepods/pod1/cpu.max": "300000 100000\n",
      "sys/fs/cgroup/kubepods/pod1/box/cpu.max": "max 100000\n",
      "sys/fs/cgroup/kubepods/pod2/cpu.max": "100000 100000\n",
    };
    expect(quota(files, "/kubepods/pod1/box")).toBe(3);
    expect(quota(files, "/kubepods/pod1")).toBe(3);
    expect(quota(files, "/kubepods")).toBe(8);
    expect(quota(files)).toBeNull();
  });

  test("no file, no group and no /proc are no quota", () => {
    expect(quota({})).toBeNull();
    expect(cpuQuota(fileSystem({ "proc/self/mountinfo": mounts.v2 }))).toBeNull();
    expect(cpuQuota(fileSystem({}))).toBeNull();
  });
});

describe("the quota of control groups, version 1", () => {
  const files = (folder: string, quotaUs: number, periodUs = 100_000): Record<string, string> => ({
    [`${folder}/cpu.cfs_quota_us`]: `${quotaUs}\n`,
    [`${folder}/cpu.cfs_period_us`]: `${periodUs}\n`,
  });
  const cgroup = "5:memory:/other\n4:cpu,cpuacct:/batch/job 7\n0::/\n";
  const at = "sys/fs/cgroup/cpu,cpuacct";

  test.each([
    [150_000, 100_000, 1.5],
    [100_000, 50_000, 2],
    [-1, 100_000, null],
  ])("%d of %d us is %s CPUs", (quotaUs, periodUs, expected) => {
    const root = fileSystem({
      "proc/self/cgroup": cgroup,
      "proc/self/mountinfo": `${memory}${mounts.v1}`,
      ...files(`${at}/batch/job 7`, quotaUs, periodUs),
      ...files("sys/fs/cgroup/memory/other", 10_000),
    });
    expect(cpuQuota(root)).toBe(expected);
  });

  test("the group above counts too", () => {
    const root = fileSystem({
      "proc/self/cgroup": cgroup,
      "proc/self/mountinfo": mounts.v1,
      ...files(`${at}/batch`, 250_000),
      ...files(`${at}/batch/job 7`, -1),
    });
    expect(cpuQuota(root)).toBe(2.5);
  });

  test("a container that sees only its own group, at a place with a space", () => {
    const root = fileSystem({
      "proc/self/cgroup": "4:cpu,cpuacct:/docker/12ab\n",
      "proc/self/mountinfo": "33 25 0:30 /docker/12ab /sys/my\\040groups ro - cgroup cgroup rw,cpu,cpuacct\n",
      ...files("sys/my groups", 400_000),
    });
    expect(cpuQuota(root)).toBe(4);
  });

  test("both versions side by side: the smaller one", () => {
    const root = fileSystem({
      "proc/self/cgroup": "4:cpu,cpuacct:/\n0::/slice\n",
      "proc/self/mountinfo": `${mounts.v1}31 25 0:40 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n`,
      ...files(at, 300_000),
      "sys/fs/cgroup/unified/slice/cpu.max": "200000 100000\n",
    });
    expect(cpuQuota(root)).toBe(2);
  });
});

test.each([
  [16, null, 16],
  [16, 2, 2],
  [16, 1.5, 2],
  [16, 0.1, 1],
  [2, 64, 2],
  [1, 0.5, 1],
])("%d cores with a quota of %s CPUs make %d threads", (cores, quota, expected) => {
  expect(coresWithin(cores, quota)).toBe(expected);
});

describe("what LibTorch is told while it loads", () => {
  const seen = async (before: Readonly<Record<string, string | undefined>>): Promise<unknown[]> => {
    const names = ["OMP_NUM_THREADS", "MKL_NUM_THREADS"];
    const outside = names.map((name) => process.env[name]);
    const set = (values: readonly (string | undefined)[]): void => {
      for (const [index, name] of names.entries()) {
        const value = values[index];
        if (value === undefined) Reflect.deleteProperty(process.env, name);
        else process.env[name] = value;
      }
    };
    set(names.map((name) => before[name]));
    try {
      const inside = await loadWithin(3, () => Promise.resolve(names.map((name) => process.env[name])));
      expect(names.map((name) => process.env[name])).toEqual(names.map((name) => before[name]));
      return inside;
    } finally {
      set(outside);
    }
  };

  test("nothing set: the limit; afterwards the environment is as it was", async () => {
    expect(await seen({})).toEqual(["3", undefined]);
  });

  test.each([
    [{ OMP_NUM_THREADS: "8" }, ["3", undefined]],
    [{ OMP_NUM_THREADS: "2" }, ["2", undefined]],
    [{ OMP_NUM_THREADS: "8,2" }, ["3", undefined]],
    [{ OMP_NUM_THREADS: "" }, ["3", undefined]],
    [{ MKL_NUM_THREADS: "9" }, ["3", "3"]],
    [{ MKL_NUM_THREADS: "1" }, ["3", "1"]],
  ])("%j becomes %j: only ever smaller", async (before, inside) => {
    expect(await seen(before)).toEqual(inside);
  });
});

describe("a real quota of one CPU", () => {
  const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
  const library = new URL("../dist/index.js", import.meta.url).href;
  const group = path.join("/sys/fs/cgroup/cpu", `wsss-test-${process.pid}`);
  let possible = true;

  beforeAll(() => {
    try {
      mkdirSync(group);
      writeFileSync(path.join(group, "cpu.cfs_period_us"), "100000");
      writeFileSync(path.join(group, "cpu.cfs_quota_us"), "100000");
    } catch {
      possible = false;
      console.warn("NOT TESTED: a real CPU quota, since no control group of version 1 can be made here");
    }
  });

  afterAll(() => {
    if (possible) rmdirSync(group);
  });

  function node(words: readonly string[], within: "the group" | "no group"): string {
    const join = within === "the group" ? `echo $$ > ${group}/cgroup.procs && ` : "";
    const started = spawnSync("sh", ["-c", `${join}exec "$@"`, "sh", process.execPath, ...words], { encoding: "utf8" });
    expect({ status: started.status, stderr: started.stderr }).toEqual({ status: 0, stderr: "" });
    return started.stdout;
  }

  test("inspect tells it, and LibTorch chooses one thread", () => {
    if (!possible) return;
    const report = JSON.parse(node([main, "inspect", "--json"], "the group")) as InspectReport;
    expect(report).toMatchObject({ cpuQuota: 1, addon: { threads: 1 } });
  });

  // The threads of a network's OpenMP pool bear the name of the thread that made them. They are looked at all the while.
  const program = `
    import { Classifier } from ${JSON.stringify(library)};
    import { readdirSync, readFileSync } from "node:fs";
    const nameOf = (id) => { try { return readFileSync("/proc/self/task/" + id + "/comm", "utf8").trim(); } catch { return ""; } };
    const classes = [{ name: "a", colour: [1, 1, 1] }, { name: "b", colour: [2, 2, 2] }];
    const classifier = await Classifier.create({ classes, width: 1 / 8, device: "cpu" });
    let most = 0;
    let ended = false;
    const work = classifier.predict({ rgb: new Uint8Array(224 * 224 * 3), height: 224, width: 224 }).finally(() => { ended = true; });
    while (!ended) {
      most = Math.max(most, readdirSync("/proc/self/task").map(nameOf).filter((name) => name === "wsss model").length);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await work;
    console.log(most);`;
  const inWorker = `
    import { Worker } from "node:worker_threads";
    new Worker(new URL("data:text/javascript," + encodeURIComponent(${JSON.stringify(program)})));`;

  test.each([
    ["the main thread", program],
    ["a worker thread", inWorker],
  ])("a network of %s has one thread; without the quota one for each core", (_, source) => {
    if (!possible) return;
    const words = ["--input-type=module", "--eval", source];
    expect(node(words, "the group")).toBe("1\n");
    expect(node(words, "no group")).toBe(`${availableParallelism()}\n`);
  });
});
