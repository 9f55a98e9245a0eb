/** Every system call of a save fails in turn: the old file or the new one is there, whole, and nothing else. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { compileFaults } from "./support/faults.js";

const run = promisify(execFile);
const support = fileURLToPath(new URL("support/", import.meta.url));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "wsss-faults-"));
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

interface Try {
  readonly fault: string;
  readonly fired: boolean;
  readonly code: string | null;
  readonly holds: string;
  readonly left: readonly string[];
}

test("a save whose system calls fail leaves the old or the new file", async () => {
  const library = await compileFaults(folder);
  const out = await mkdtemp(path.join(folder, "out-"));
  const { stdout } = await run(process.execPath, [path.join(support, "faulty-saves.mjs"), out], {
    env: { ...process.env, LD_PRELOAD: library },
  });
  const { tries } = JSON.parse(stdout) as { tries: readonly Try[] };
  const fired = tries.filter((one) => one.fired);
  // open, at least two writes, fsync, close, rename, each with a full disk and a broken one; short writes.
  expect(fired.length).toBeGreaterThanOrEqual(14);
  for (const one of fired) expect(one).toMatchObject({ code: "WSSS_ERR_IO", holds: "old", left: [] });
  for (const one of tries.filter(({ fired: it }) => !it)) {
    expect(one).toMatchObject({ code: null, holds: "new", left: [] });
  }
});
