// OpenSlide is found, judged by its version, and fetched: nothing too old or damaged is ever used.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { isWsssError, type WsssError } from "../dist/index.js";
import { loadAddon } from "../dist/native/load.js";
import type { NativeAddon } from "../dist/native/addon.js";
import { findOrFetchOpenSlide, searchOpenSlide } from "../dist/openslide/find-openslide.js";
import { cachedOpenSlide, openSlideWheel, placeOfOpenSlide } from "../dist/openslide/pinned-openslide.js";
import { command } from "./support/command-line.js";

const folder = await mkdtemp(path.join(tmpdir(), "wsss openslide "));
const before = { ...process.env };
let addon: NativeAddon;

beforeAll(async () => {
  addon = await loadAddon();
});
afterEach(() => {
  for (const name of ["WSSS_OPENSLIDE", "WSSS_CACHE", "WSSS_OFFLINE", "PYTHON"]) {
    // An empty one counts as none.
    process.env[name] = before[name] ?? "";
  }
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

/** A library that says nothing but a version. */
const libraryOf = async (version: string): Promise<string> => {
  const source = path.join(folder, `${version}.c`);
  const library = path.join(folder, `libopenslide-${version}.so`);
  await writeFile(source, `const char *openslide_get_version(void) { return "${version}"; }\n`);
  await promisify(execFile)("gcc", ["-shared", "-fPIC", "-o", library, source]);
  return library;
};
const quiet = { onProgress: (): void => undefined, aloud: false };
const refusal = async (work: Promise<unknown>): Promise<WsssError> => {
  const error: unknown = await work.then(
    () => new Error("it was not refused"),
    (reason: unknown) => reason,
  );
  if (isWsssError(error)) return error;
  throw error;
};

describe("the library that WSSS_OPENSLIDE names", () => {
  test.each([
    ["3.4.1", false],
    ["4.0.0", false],
    ["4.0.1", true],
    ["4.1.0", true],
    ["10.0.0", true],
  ])("of version %s: usable %s", async (version, isUsable) => {
    process.env["WSSS_OPENSLIDE"] = await libraryOf(version);
    const { found, places } = await searchOpenSlide(addon);
    expect(found?.version ?? null).toBe(isUsable ? version : null);
    expect(places).toHaveLength(1);
    if (isUsable) return;
    const error = await refusal(findOrFetchOpenSlide(addon, quiet));
    expect(error.code).toBe("WSSS_ERR_BINARY_NOT_FOUND");
    expect(error.message).toMatch(
      new RegExp(`OpenSlide ${version}, too old: 4\\.0\\.1 or newer[^]*unset WSSS_OPENSLIDE`),
    );
  });

  test("is not there, or is no library: said, and nothing else is taken for it", async () => {
    process.env["WSSS_OPENSLIDE"] = path.join(folder, "nowhere.so");
    expect((await refusal(findOrFetchOpenSlide(addon, quiet))).message).toMatch(/nowhere\.so is not there/);
    process.env["WSSS_OPENSLIDE"] = path.join(folder, "text.so");
    await writeFile(process.env["WSSS_OPENSLIDE"], "no library");
    expect((await refusal(findOrFetchOpenSlide(addon, quiet))).message).toMatch(/text\.so can't be loaded/);
  });
});

describe("an empty cache", () => {
  const useCache = async (name: string): Promise<string> => {
    const cache = path.join(folder, name);
    await mkdir(cache);
    process.env["WSSS_CACHE"] = cache;
    return cache;
  };

  test("without a network: every place is named, and what to do", async () => {
    await useCache("offline");
    process.env["WSSS_OFFLINE"] = "1";
    const { found } = await searchOpenSlide(addon);
    if (found !== null) return; // A usable one of the system is taken, as it should be.
    const error = await refusal(findOrFetchOpenSlide(addon, quiet));
    expect(error.code).toBe("WSSS_ERR_BINARY_NOT_FOUND");
    expect(error.message).toMatch(/cache: .*is not there\n {2}- system: [^]*setup --openslide[^]*--from/);
  });

  test("a wheel that was altered is refused, and nothing is left", async () => {
    const cache = await useCache("altered");
    const wheel = path.join(folder, openSlideWheel.fileName);
    await writeFile(wheel, "not a wheel");
    const error = await refusal(findOrFetchOpenSlide(addon, { ...quiet, from: [wheel], force: true }));
    expect(error.code).toBe("WSSS_ERR_BINARY_NOT_FOUND");
    expect(error.message).toMatch(/has SHA-256 [0-9a-f]{64}, expected 8ac4aa3a/);
    expect(await readdir(cache)).toEqual([]);
  });

  test("no Python: said, with the ways round it", async () => {
    await useCache("no python");
    process.env["PYTHON"] = path.join(folder, "no-python");
    const error = await refusal(findOrFetchOpenSlide(addon, { ...quiet, force: true, offline: false }));
    expect(error.message).toMatch(/no-python[^]*WSSS_OPENSLIDE/);
  });
});

test("of the wheel the library and the licences are taken", () => {
  expect(placeOfOpenSlide("openslide_bin/libopenslide.so.1")).toBe("lib/libopenslide.so.1");
  expect(placeOfOpenSlide("openslide_bin-4.0.1.2.dist-info/licenses/licenses/cairo/COPYING")).toBe(
    "licences/cairo-COPYING",
  );
  expect(placeOfOpenSlide("openslide_bin/__init__.py")).toBeNull();
  expect(path.basename(cachedOpenSlide())).toBe("libopenslide.so.1");
});

test("setup --openslide --dry-run says what would be fetched, on any machine", async () => {
  const { code, stdout } = await command("setup", "--openslide", "--dry-run");
  expect(code).toBe(0);
  expect(stdout).toContain(openSlideWheel.sha256);
  expect(stdout).toMatch(/pip download .*openslide-bin==4\.0\.1\.2[^]*setup --openslide --from FOLDER/);
});
