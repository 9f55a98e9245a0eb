// The linters of options find what is planted: a row that misses, an interface out of step, a field of the addon that nobody reads.
import { execFile } from "node:child_process";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { freshFolder } from "./support/tiny-models.js";

const run = promisify(execFile);
const own = fileURLToPath(new URL("..", import.meta.url));
let root: string;

/** Copies parts of this tree to a fresh one. */
async function copy(...parts: readonly string[]): Promise<void> {
  for (const part of parts) {
    await mkdir(path.dirname(path.join(root, part)), { recursive: true });
    await cp(path.join(own, part), path.join(root, part), { recursive: true });
  }
}

/** Changes a file of the copy; what is to be replaced must be there. */
async function plant(file: string, from: string | RegExp, to: string): Promise<void> {
  const text = await readFile(path.join(root, file), "utf8");
  const changed = text.replace(from, to);
  expect(changed).not.toBe(text);
  await writeFile(path.join(root, file), changed);
}

const lint = async (script: string, ...words: readonly string[]): Promise<{ code: number; said: string }> =>
  await run(process.execPath, [path.join(own, "scripts", script), ...words, "--root", root]).then(
    ({ stdout }) => ({ code: 0, said: stdout }),
    (error: unknown) => {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, said: stdout + stderr };
    },
  );

beforeEach(async () => {
  root = await freshFolder();
});

describe("the tables of options", () => {
  const settings = "lib/model/training-settings.ts";
  const page = "docs/command-line.md";
  beforeEach(async () => {
    await copy(
      settings,
      "lib/classifier/classifier-training-settings.ts",
      "lib/pseudo-masks/pseudo-mask-settings.ts",
      "lib/segmenter/segmenter-training-settings.ts",
      "lib/segmenter/gate-settings.ts",
      "lib/segmenter/view-settings.ts",
      "lib/evaluation/evaluation-settings.ts",
      page,
    );
  });

  test("are in step as they are", async () => {
    expect(await lint("generate-options.mjs", "--check")).toEqual({ code: 0, said: "" });
  });

  test.each([
    ["an option of a training that misses from the page", page, /\| `--epochs <n>`.*\n/],
    ["an option of a command that misses from the page", page, /\| `--gate-rule <name>`.*\n/],
    ["an option that misses from its interface", settings, /\n {2}readonly epochs\?: .*/],
    ["another default of pseudo masks", "lib/pseudo-masks/pseudo-mask-settings.ts", /@defaultValue `"flips"`/],
  ])("find %s", async (_, file, row) => {
    await plant(file, row, "");
    const { code, said } = await lint("generate-options.mjs", "--check");
    expect(said).toContain(`${file}: is not what the tables of options say`);
    expect(code).toBe(1);
  });
});

describe("what the addon is told", () => {
  beforeEach(async () => {
    await copy("lib", "binding", "tsconfig.json");
  });

  test("is what it reads", async () => {
    expect(await lint("check-native-fields.mjs")).toEqual({ code: 0, said: "" });
  });

  test("may not have a field that nobody reads", async () => {
    await plant(
      "lib/native/native-models.ts",
      "export interface NativeGate {",
      "export interface NativeGate {\n  readonly planted: number;",
    );
    expect(await lint("check-native-fields.mjs")).toMatchObject({ code: 1, said: expect.stringContaining("planted") });
  });

  test("may not lack a field that is read", async () => {
    await plant("binding/conversions.cpp", 'fields.number("threshold")', 'fields.number("planted")');
    expect(await lint("check-native-fields.mjs")).toMatchObject({ code: 1, said: expect.stringContaining("planted") });
  });
});
