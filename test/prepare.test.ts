// The lock of scripts/prepare.mjs: one process at a time prepares a clone, also where containers or machines share it.
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { ownIdentity } from "../dist/machine/process-identity.js";

const script = fileURLToPath(new URL("../scripts/prepare.mjs", import.meta.url));
const { host, boot, namespace } = ownIdentity();
const dead = 999_999_999;

let folder: string;
let lock: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "wsss-prepare-"));
  lock = path.join(folder, ".prepare.lock");
  await cp(script, path.join(folder, "scripts", "prepare.mjs"));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Prepares an empty clone where there is no npm, so that it ends as soon as it has the lock. */
function prepare(): { child: ChildProcess; ended: Promise<string>; saw: (text: string) => Promise<void> } {
  const child = spawn(process.execPath, [path.join(folder, "scripts", "prepare.mjs")], { env: { PATH: folder } });
  let stderr = "";
  const ended = new Promise<string>((resolve) => child.once("close", () => resolve(stderr)));
  const saw = async (text: string): Promise<void> => {
    await new Promise<void>((resolve) => {
      child.stderr.on("data", (part) => {
        stderr += String(part);
        if (stderr.includes(text)) resolve();
      });
    });
  };
  child.stderr.on("data", () => undefined);
  return { child, ended, saw };
}

const identity = (pid: number, place: readonly string[]): string => [pid, ...place, ""].join("\n");

test.each([
  ["a process that has ended", identity(dead, [host, boot, namespace])],
  ["a process that has ended, of a version before", String(dead)],
  ["a process of before this machine was started again", identity(process.pid, [host, "another-start", namespace])],
])("the lock of %s is taken over", async (_, text) => {
  await writeFile(lock, text);
  const { ended, saw } = prepare();
  await saw("npm could not be started");
  expect(await ended).not.toContain("waiting");
  expect(existsSync(lock)).toBe(false);
});

test.each([
  ["a living process", identity(process.pid, [host, boot, namespace]), `process ${process.pid}, which`],
  ["a living process, of a version before", String(process.pid), `process ${process.pid}, which`],
  [
    "another container",
    identity(dead, [host, boot, "pid:[1]"]),
    `process ${dead} of another container or machine (${host})`,
  ],
  [
    "another host",
    identity(dead, ["node12", "b", namespace]),
    `process ${dead} of another container or machine (node12)`,
  ],
])("the lock of %s is waited for, with a word on how to go on", async (_, text, called) => {
  await writeFile(lock, text);
  const { ended, saw } = prepare();
  await saw(`waiting for ${called}`);
  expect(await readFile(lock, "utf8")).toBe(text);
  await rm(lock);
  const stderr = await ended;
  expect(stderr).toContain(`if it has ended, remove ${lock}`);
  expect(stderr).toContain("npm could not be started");
  expect(existsSync(lock)).toBe(false);
});
