// One process at a time in a run folder: of this machine, of another container, of another machine that shares the file system.
import { beforeEach, describe, expect, test } from "@jest/globals";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { link, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import path from "node:path";

import { isWsssError, type WsssError } from "../dist/errors.js";
import { isAlive, ownIdentity, type ProcessIdentity, startOf } from "../dist/machine/process-identity.js";
import { lockText, placeLock, readLock, takeLockAway } from "../dist/run/lock-file.js";
import { givenUpMs, judgeHolder } from "../dist/run/lock-holder.js";
import { isLockLost, type LockSurroundings, whileLocked } from "../dist/run/run-lock.js";
import { command, freshFolder, lastJson, startCommand } from "./support/command-line.js";

const self = ownIdentity();
const parent: ProcessIdentity = { ...self, pid: process.ppid, start: startOf(process.ppid) ?? "" };
const old = new Date("2020-01-01T00:00:00Z");
const since = new Date("2026-01-02T03:04:05Z");

/** Processes that can't be asked from here, each in its own way, and how they are called. */
const strangers = [
  ["another host", { ...parent, host: "node12" }, "process PID of host node12"],
  [
    "another container",
    { ...parent, namespace: "pid:[4026532999]" },
    `process PID of host ${self.host} (in another container)`,
  ],
  [
    "another start",
    { ...parent, boot: "11111111-2222-3333-4444-555555555555" },
    `process PID of host ${self.host} (before a restart, or on another machine of that name)`,
  ],
] as const;

let folder: string;
let lock: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(await freshFolder(), "run-"));
  lock = path.join(folder, "run.lock");
});

/** Surroundings whose signs of life come when `beat` is called. */
function byHand(identity: ProcessIdentity): LockSurroundings & { beat(): Promise<void> } {
  let beats: (() => Promise<void>) | undefined;
  return {
    self: identity,
    repeat: (beat) => {
      beats = beat;
      return () => (beats = undefined);
    },
    beat: async () => await beats?.(),
  };
}

interface Attempt {
  readonly forceUnlock?: boolean;
  readonly surroundings?: LockSurroundings;
  readonly warnings?: string[];
  readonly work?: (signal: AbortSignal) => Promise<string>;
}

async function attempt({ forceUnlock = false, surroundings, warnings = [], work }: Attempt = {}): Promise<string> {
  const reporter = { warn: (text: string) => void warnings.push(text) };
  const request = { folder, forceUnlock, signal: new AbortController().signal, reporter };
  return await whileLocked(request, work ?? (() => Promise.resolve("worked")), surroundings ?? byHand(self));
}

async function refusalOf(attempted: Promise<unknown>): Promise<WsssError> {
  const error = await attempted.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isWsssError(error, "WSSS_ERR_BUSY")) throw new Error(`not refused: ${String(error)}`);
  return error;
}

/** Work that goes on until it is told to stop. */
async function untilAborted(signal: AbortSignal): Promise<string> {
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  throw new Error("the work was cancelled");
}

describe("the lock of a run folder", () => {
  test("says who holds it while the work goes on, and leaves nothing behind", async () => {
    const work = async (): Promise<string> => {
      expect(await readdir(folder)).toEqual(["run.lock"]);
      return await readFile(lock, "utf8");
    };
    const held = JSON.parse(await attempt({ work })) as Record<string, unknown>;
    expect(held).toMatchObject({ format: 2, ...self });
    expect(held["boot"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(held["namespace"]).toMatch(/^pid:\[\d+\]$/);
    expect(held["start"]).toBe(startOf(process.pid));
    expect(await readdir(folder)).toEqual([]);
  });

  test("is given back when the work fails, whose error stays", async () => {
    await expect(attempt({ work: () => Promise.reject(new Error("no more")) })).rejects.toThrow("no more");
    expect(await readdir(folder)).toEqual([]);
  });

  test("twenty at once at the lock of a dead process: one gets it", async () => {
    await writeFile(lock, lockText({ ...self, pid: 999_999_999 }, since));
    let inside = 0;
    let most = 0;
    let turnedAway = 0;
    let allAnswered = (): void => undefined;
    const answered = new Promise<void>((resolve) => (allAnswered = resolve));
    const work = async (): Promise<string> => {
      most = Math.max(most, ++inside);
      await answered;
      inside--;
      return "worked";
    };
    const attempts = Array.from({ length: 20 }, async () => {
      try {
        return await attempt({ work });
      } catch (error) {
        if (++turnedAway === 19) allAnswered();
        return isWsssError(error, "WSSS_ERR_BUSY") ? "busy" : String(error);
      }
    });
    const outcomes = (await Promise.all(attempts)).sort();
    expect(outcomes).toEqual([...Array.from({ length: 19 }, () => "busy"), "worked"]);
    expect(most).toBe(1);
    expect(await readdir(folder)).toEqual([]);
  });

  test("is made whole where there are no hard links too", async () => {
    const noLinks = (): Promise<never> => Promise.reject(Object.assign(new Error("no links"), { code: "EPERM" }));
    expect(await placeLock(lock, "one", noLinks)).toMatchObject({ placed: true });
    expect(await placeLock(lock, "two", noLinks)).toMatchObject({ placed: false });
    expect(await readFile(lock, "utf8")).toBe("one");
    expect(await readdir(folder)).toEqual(["run.lock"]);
  });

  test("counts as made where the server linked it and its answer was lost", async () => {
    const answerLost = async (from: string, to: string): Promise<void> => {
      await link(from, to);
      await link(from, to);
    };
    expect(await placeLock(lock, "one", answerLost as typeof link)).toMatchObject({ placed: true });
    expect(await placeLock(lock, "two")).toMatchObject({ placed: false });
  });

  test("of somebody else is not taken away in place of the one that was read", async () => {
    await writeFile(lock, "somebody else's");
    expect(await takeLockAway(lock, "what was read")).toBe(false);
    expect(await readFile(lock, "utf8")).toBe("somebody else's");
    expect(await readdir(folder)).toEqual(["run.lock"]);
  });

  test("of a dead process is taken away by one at a time, and by the next if that one was killed in between", async () => {
    const dead = lockText({ ...self, pid: 999_999_999 }, since);
    await writeFile(lock, dead);
    const note = `${lock}.${createHash("sha256").update(dead).digest("hex").slice(0, 16)}.part`;
    await writeFile(note, dead);
    expect(await takeLockAway(lock, dead)).toBe(false);
    expect((await readdir(folder)).sort()).toEqual(["run.lock", path.basename(note)]);
    await utimes(note, old, old);
    expect(await attempt()).toBe("worked");
    expect(await readdir(folder)).toEqual([]);
  });

  test("that is a folder, or can't be written, is a refusal of the file system", async () => {
    await mkdir(lock);
    await expect(attempt()).rejects.toMatchObject({ code: "WSSS_ERR_IO", details: { path: lock } });
    folder = path.join(folder, "missing");
    await expect(attempt()).rejects.toMatchObject({ code: "WSSS_ERR_IO" });
  });
});

describe("a holder on this machine", () => {
  test("that lives is at work, whatever is forced; nothing is touched", async () => {
    const text = lockText(parent, since);
    await writeFile(lock, text);
    const refused = await refusalOf(attempt());
    expect(refused.message).toBe(
      `process ${process.ppid} is at work in ${folder} since 2026-01-02T03:04:05.000Z; wait for it, stop it, or choose another folder`,
    );
    expect(refused.details).toMatchObject({ path: lock, standing: "at work", host: self.host, pid: process.ppid });
    const forced = await refusalOf(attempt({ forceUnlock: true }));
    expect(forced.message).toContain("--force-unlock takes no folder from a process that is known to live");
    expect(await readFile(lock, "utf8")).toBe(text);
    expect(await readdir(folder)).toEqual(["run.lock"]);
  });

  test("can be this process itself", async () => {
    const refused = attempt({ work: async () => (await refusalOf(attempt())).message });
    expect(await refused).toMatch(/^this process is at work in /);
  });

  test.each([
    ["is gone", { pid: 999_999_999 }],
    ["had the number of another that lives now", { start: "1" }],
  ])("that %s leaves the folder to the next", async (_, change) => {
    await writeFile(lock, lockText({ ...parent, ...change }, since));
    expect(await attempt()).toBe("worked");
    expect(await readdir(folder)).toEqual([]);
  });

  test("that has ended and was not waited for by its parent is gone", async () => {
    const child = spawn("sh", ["-c", "sleep 600 & echo $!; exec cat"], { stdio: ["pipe", "pipe", "inherit"] });
    const pid = Number(
      await new Promise<string>((resolve) => child.stdout.once("data", (text) => resolve(String(text)))),
    );
    const turn = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));
    // The shell becomes `cat`, which waits for nobody.
    while (readFileSync(`/proc/${child.pid ?? 0}/comm`, "latin1").trim() !== "cat") await turn();
    expect(isAlive({ pid, start: startOf(pid) ?? "" })).toBe(true);
    process.kill(pid, "SIGKILL");
    while (!readFileSync(`/proc/${pid}/stat`, "latin1").includes(") Z ")) await turn();
    expect(isAlive({ pid, start: startOf(pid) ?? "" })).toBe(false);
    child.stdin.end();
  });
});

describe("a holder that can't be asked", () => {
  test.each(strangers)("of %s is perhaps at work", async (_, holder, called) => {
    const text = lockText(holder, since);
    await writeFile(lock, text);
    const refused = await refusalOf(attempt({ work: () => Promise.reject(new Error("must not begin")) }));
    const who = called.replace("PID", String(process.ppid));
    expect(refused.message).toContain(
      `${who} is perhaps at work in ${folder} since 2026-01-02T03:04:05.000Z, with a last`,
    );
    expect(refused.message).toMatch(/a last sign of life \d+(\.\d)? m?s ago; it can't be asked from here/);
    expect(refused.message).toContain("if you know that it has ended, go on with --force-unlock");
    expect(refused.details).toMatchObject({
      path: lock,
      standing: "perhaps at work",
      host: holder.host,
      pid: holder.pid,
    });
    expect(await readFile(lock, "utf8")).toBe(text);
    expect(await readdir(folder)).toEqual(["run.lock"]);
  });

  test.each(strangers)("of %s gives way to --force-unlock, which is said", async (_, holder, called) => {
    await writeFile(lock, lockText(holder, since));
    const warnings: string[] = [];
    expect(await attempt({ forceUnlock: true, warnings })).toBe("worked");
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(
      `${folder} is taken from ${called.replace("PID", String(process.ppid))}, whose last sign`,
    );
    expect(await readdir(folder)).toEqual([]);
  });

  test("of another machine or container stays so however long it is silent: it may have been suspended", async () => {
    for (const [, holder] of strangers.slice(0, 2)) {
      await writeFile(lock, lockText(holder, since));
      await utimes(lock, old, old);
      expect((await refusalOf(attempt())).message).toMatch(/a last sign of life \d+ h \d\d min ago/);
    }
  });

  test("of this machine before it was started again is gone after ten silent minutes", async () => {
    await writeFile(lock, lockText(strangers[2][1], since));
    await utimes(lock, old, old);
    expect(await attempt()).toBe("worked");
    const found = { text: "", record: strangers[2][1], mtimeMs: 0 };
    expect(judgeHolder(found, self, givenUpMs)).toBe("perhaps at work");
    expect(judgeHolder(found, self, givenUpMs + 1)).toBe("gone");
  });
});

describe("other locks", () => {
  test.each([
    ["of a version before, of a living process", `${process.ppid}\n`, `process ${process.ppid} is at work in `],
    ["that are empty", "", "a process that is not named is perhaps at work in "],
    ["that are cut off", '{"format":2,"pid":12', "a process that is not named is perhaps at work in "],
    ["that name no process", '{"pid":-1}', "a process that is not named is perhaps at work in "],
    ["with fields that are no text", '{"pid":999999999,"host":7}', null],
    ["of a version before, of a process that is gone", "999999999\n", null],
    ["of a version before, with the number that this process has", `${process.pid}\n`, null],
  ])("%s", async (_, text, begins) => {
    await writeFile(lock, text);
    if (begins === null) expect(await attempt()).toBe("worked");
    else expect((await refusalOf(attempt())).message).toMatch(new RegExp(`^${begins}`));
    expect(existsSync(lock)).toBe(begins !== null);
  });

  test("half a lock, as a power failure leaves it, is nobody's after ten minutes, or with --force-unlock", async () => {
    await writeFile(lock, "");
    expect(await attempt({ forceUnlock: true })).toBe("worked");
    await writeFile(lock, "");
    await utimes(lock, old, old);
    expect(await attempt()).toBe("worked");
  });
});

describe("signs of life", () => {
  test("give the lock a new time of the file system and nothing else", async () => {
    const surroundings = byHand(self);
    const work = async (): Promise<string> => {
      const before = await readFile(lock, "utf8");
      await utimes(lock, old, old);
      await surroundings.beat();
      expect((await stat(lock)).mtimeMs).toBeGreaterThan(old.getTime());
      expect(await readFile(lock, "utf8")).toBe(before);
      return "worked";
    };
    expect(await attempt({ surroundings, work })).toBe("worked");
  });

  test("make a lock anew that somebody has tidied away", async () => {
    const surroundings = byHand(self);
    const work = async (): Promise<string> => {
      const before = await readFile(lock, "utf8");
      await rm(lock);
      await surroundings.beat();
      expect(await readFile(lock, "utf8")).toBe(before);
      await rm(lock);
      return "worked";
    };
    expect(await attempt({ surroundings, work })).toBe("worked");
    expect(await readdir(folder)).toEqual([]);
  });

  test("tell the former holder that it was forced out: it stops, says by whom, and leaves the new lock alone", async () => {
    const former = byHand({ ...self, host: "node12" });
    const latter = byHand({ ...self, host: "node13" });
    let reason: unknown;
    let started = (): void => undefined;
    const begun = new Promise<void>((resolve) => (started = resolve));
    const first = refusalOf(
      attempt({
        surroundings: former,
        work: async (signal) => {
          started();
          signal.addEventListener("abort", () => (reason = signal.reason));
          return await untilAborted(signal);
        },
      }),
    );
    await begun;
    const second = attempt({
      surroundings: latter,
      forceUnlock: true,
      work: async (signal) => {
        const own = await readFile(lock, "utf8");
        await former.beat();
        const lost = await first;
        expect(lost.message).toContain(`process ${self.pid} of host node13 has taken ${folder} from this command`);
        expect(lost.details).toMatchObject({ path: lock, lost: true, host: "node13" });
        expect(isLockLost(reason)).toBe(true);
        expect(await readFile(lock, "utf8")).toBe(own);
        await latter.beat();
        expect(signal.aborted).toBe(false);
        return "worked";
      },
    });
    expect(await second).toBe("worked");
    expect(await readdir(folder)).toEqual([]);
  });

  test("that came too late: work that is done in a lost folder is refused all the same", async () => {
    const theirs = lockText({ ...self, host: "node13" }, since);
    const work = async (): Promise<string> => {
      await rm(lock);
      await writeFile(lock, theirs);
      return "worked";
    };
    expect((await refusalOf(attempt({ work }))).details).toMatchObject({ lost: true, host: "node13" });
    expect(await readFile(lock, "utf8")).toBe(theirs);
  });

  test("that can't be given, as on a full disk, stop nothing", async () => {
    const surroundings = byHand(self);
    const work = async (signal: AbortSignal): Promise<string> => {
      const text = await readFile(lock, "utf8");
      await rm(lock);
      await mkdir(lock);
      await surroundings.beat();
      expect(signal.aborted).toBe(false);
      await rm(lock, { recursive: true });
      await writeFile(lock, text);
      return "worked";
    };
    expect(await attempt({ surroundings, work })).toBe("worked");
  });
});

describe("commands", () => {
  const endless = ["demo", "--tiny", "--classifier-epochs", "1000000"];
  const stranger = lockText({ ...parent, host: "node12" }, since);

  test("--force-unlock on a folder of another host; the former command ends with exit code 3 and saves nothing more", async () => {
    const former = startCommand([...endless, "--out", folder]);
    await former.saw("epoch 2/1000000");
    // As another machine sees it: there the holder can't be asked.
    const own = JSON.parse(await readFile(lock, "utf8")) as ProcessIdentity;
    expect(own.pid).toBe(former.child.pid);
    const taken = lockText({ ...self, host: "node13", pid: 77 }, since);
    expect(await takeLockAway(lock, (await readLock(lock))?.text ?? "")).toBe(true);
    expect(await placeLock(lock, taken)).toMatchObject({ placed: true });
    const { code, stderr, stdout } = await former.ended;
    expect(stderr).toContain(`process 77 of host node13 has taken ${folder} from this command (--force-unlock)`);
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(await readFile(lock, "utf8")).toBe(taken);
    expect(existsSync(path.join(folder, "stages", "train-classifier.json"))).toBe(false);
    expect(existsSync(path.join(folder, "classifier.safetensors"))).toBe(false);
  });

  test("of a run: exit code 3 and nothing touched; with --force-unlock it goes on", async () => {
    await writeFile(lock, stranger);
    const refused = await command("demo", "--tiny", "--out", folder);
    expect(refused).toMatchObject({ code: 3, stdout: "" });
    expect(refused.stderr).toContain(`process ${parent.pid} of host node12 is perhaps at work in ${folder}`);
    expect(await readdir(folder)).toEqual(["run.lock"]);
    const forced = await command("demo", "--tiny", "--out", folder, "--force-unlock", "--json");
    expect(forced.stderr).toContain(`${folder} is taken from process ${parent.pid} of host node12`);
    expect(forced.code).toBe(0);
    expect(lastJson(forced)).toHaveProperty("segmenter");
    expect(existsSync(lock)).toBe(false);
    // Every command that works in the folder.
    await writeFile(lock, stranger);
    for (const name of ["run", "train-classifier", "pseudo-masks", "train-segmenter", "evaluate"]) {
      const { code, stderr } = await command(name, "--out", folder);
      expect(stderr).toContain("is perhaps at work in");
      expect(code).toBe(3);
    }
    expect((await command("evaluate", "--out", folder, "--force-unlock", "--quiet")).code).toBe(0);
  });

  test("of an ablation, its demo's patches, and its cells", async () => {
    await writeFile(lock, stranger);
    const words = ["ablate", "--demo", "--out", folder, "--only", "multi-layer", "--seeds", "0,", "--width", "1/16"];
    const few =
      "--warmup-epochs 0 --epochs 1 --batch-size 4 --train-limit 8 --val-limit 4 --test-limit 4 --pictures 0".split(
        " ",
      );
    const refused = await command(...words, ...few);
    expect(refused.stderr).toContain(`process ${parent.pid} of host node12 is perhaps at work in ${folder}`);
    expect(refused.code).toBe(3);
    expect(await readdir(folder)).toEqual(["run.lock"]);
    const cell = path.join(folder, "seed-0", "multi-layer");
    await mkdir(cell, { recursive: true });
    await writeFile(path.join(cell, "run.lock"), stranger);
    await rm(lock);
    const inCell = await command(...words, ...few);
    expect(inCell.stderr).toContain(`is perhaps at work in ${cell}`);
    expect(inCell.code).toBe(3);
    await writeFile(lock, stranger);
    const forced = await command(...words, ...few, "--force-unlock");
    expect(forced.code).toBe(0);
    expect(existsSync(lock) || existsSync(path.join(cell, "run.lock"))).toBe(false);
  });

  test("in two process namespaces: the second is refused, the first goes on", async () => {
    const inNamespace = ["unshare", "--pid", "--fork", "--mount-proc"];
    if (spawnSync("unshare", [...inNamespace.slice(1), "true"]).status !== 0) {
      console.warn("NOT TESTED: two process namespaces, since unshare is not allowed here");
      return;
    }
    const first = startCommand([...endless, "--out", folder]);
    await first.saw("epoch 2/1000000");
    const text = await readFile(lock, "utf8");
    const main = new URL("../dist/cli/main.js", import.meta.url).pathname;
    const second: ChildProcess = spawn("unshare", [
      ...inNamespace.slice(1),
      process.execPath,
      main,
      "run",
      "--out",
      folder,
    ]);
    let stderr = "";
    second.stderr?.on("data", (part) => (stderr += String(part)));
    const code = await new Promise((resolve) => second.once("close", resolve));
    expect(stderr).toContain(
      `process ${first.child.pid ?? 0} of host ${self.host} (in another container) is perhaps at work`,
    );
    expect(code).toBe(3);
    expect(await readFile(lock, "utf8")).toBe(text);
    first.child.kill("SIGTERM");
    expect((await first.ended).code).toBe(143);
    expect(existsSync(lock)).toBe(false);
  });
});
