// The linter of the layers finds what it should: a copy of lib with one fault planted in each test.
import { execFile } from "node:child_process";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { freshFolder } from "./support/tiny-models.js";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");

async function check(planted: Readonly<Record<string, (text: string) => string>>): Promise<string> {
  const copy = await freshFolder();
  for (const folder of ["lib", "binding", "cpp"])
    await cp(path.join(root, folder), path.join(copy, folder), { recursive: true });
  for (const [file, change] of Object.entries(planted)) {
    const place = path.join(copy, file);
    await mkdir(path.dirname(place), { recursive: true });
    await writeFile(place, change(await readFile(place, "utf8").catch(() => "")));
  }
  const script = path.join(root, "scripts", "check-layers.mjs");
  return await promisify(execFile)(process.execPath, [script, "--root", copy]).then(
    ({ stdout }) => stdout,
    (error: unknown) => (error as { stdout: string }).stdout,
  );
}

describe("the layers", () => {
  test("hold", async () => {
    expect(await check({})).toBe("");
  });

  test.each([
    ["a value", 'import { openRun } from "../run/open-run.js";\n'],
    ["a type", 'import type { RunContext } from "../run/context.js";\n'],
  ])("refuse %s from above", async (_, line) => {
    const said = await check({ "lib/dataset/labels.ts": (text) => line + text });
    expect(said).toMatch(/^lib\/dataset\/labels\.ts: imports lib\/run\/[\w-]+\.ts from a layer above its own$/m);
  });

  test("refuse a circle, of types too", async () => {
    const said = await check({
      "lib/text/one.ts": () => 'import type { Other } from "./other.js";\nexport type One = Other;\n',
      "lib/text/other.ts": () => 'import type { One } from "./one.js";\nexport type Other = One;\n',
    });
    expect(said).toBe("lib/text/one.ts: import cycle: lib/text/one.ts -> lib/text/other.ts -> lib/text/one.ts\n");
  });

  test("refuse a folder without a place", async () => {
    expect(await check({ "lib/elsewhere/thing.ts": () => "export {};\n" })).toBe(
      "lib/elsewhere/thing.ts: its folder is in no row of scripts/check-layers.mjs\n",
    );
  });

  test("refuse two files of one name, and two exports", async () => {
    const said = await check({ "lib/text/labels.ts": () => "export const printable = 1;\n" });
    expect(said).toMatch(/labels\.ts: has the name of lib\/\w+\/labels\.ts/);
    expect(said).toMatch(/exports printable, as lib\/text\/\w+\.ts does/);
  });

  test("refuse Node in the core, and a header from above", async () => {
    const said = await check({
      "cpp/wsss/core/random.cpp": (text) => `#include <napi.h>\n#include "wsss/optim/training.h"\n${text}`,
    });
    expect(said).toContain("cpp/wsss/core/random.cpp: includes napi.h; cpp knows no Node");
    expect(said).toContain("cpp/wsss/core/random.cpp: includes wsss/optim/training.h from a layer above its own");
  });
});
