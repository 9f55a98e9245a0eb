// Loading the addon: platform, binary, LibTorch's libraries, and errors that say the repair.
import { describe, expect, test } from "@jest/globals";
import { execFile } from "node:child_process";
import { copyFile, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { preloadLibTorch, setupLibTorch } from "../dist/libtorch/libtorch.js";
import { findBinary, noBinary } from "../dist/native/binary.js";
import { loadAddon } from "../dist/native/load.js";
import { platformProblem } from "../dist/native/platform.js";
import { archiveFiles, temporaryFolder, writeFiles } from "./support/fake-libtorch.js";

describe("the platform", () => {
  test("is Linux x64 with a glibc that LibTorch's wheels need", () => {
    expect(platformProblem({ system: "linux", architecture: "x64", glibc: "2.28" })).toBeNull();
    expect(platformProblem({ system: "linux", architecture: "x64", glibc: "3.0" })).toBeNull();
    expect(platformProblem({ system: "linux", architecture: "x64", glibc: "2.17" })).toContain("glibc here is 2.17");
    expect(platformProblem({ system: "linux", architecture: "x64", glibc: null })).toContain("musl");
    expect(platformProblem({ system: "linux", architecture: "arm64", glibc: "2.36" })).toContain("linux arm64");
    expect(platformProblem({ system: "darwin", architecture: "x64", glibc: null })).toContain("darwin x64");
  });
});

describe("the addon's binary", () => {
  test("is the built one by name, else the prebuild, never another addon", async () => {
    const root = await temporaryFolder();
    const release = path.join(root, "build", "Release");
    expect((await findBinary(root)).tried).toHaveLength(2);
    await mkdir(release, { recursive: true });
    await writeFile(path.join(release, "another.node"), "");
    expect((await findBinary(root)).binary).toBeNull();
    await writeFile(path.join(release, "wsss_tissue_native.node"), "");
    expect((await findBinary(root)).binary).toBe(path.join(release, "wsss_tissue_native.node"));

    const installed = await temporaryFolder();
    const prebuild = path.join(installed, "prebuilds", "linux-x64", "wsss-tissue-native.node");
    await mkdir(path.dirname(prebuild), { recursive: true });
    await writeFile(prebuild, "");
    expect((await findBinary(installed)).binary).toBe(prebuild);
  });

  test("that is not there is an error with every place and the repair", async () => {
    const { tried } = await findBinary(await temporaryFolder());
    const error = noBinary(tried);
    expect(error.code).toBe("WSSS_ERR_BINARY_NOT_FOUND");
    expect(error.message).toMatch(/wsss_tissue_native\.node is not there[^]*prebuilds[^]*npm run build/);
  });
});

test("a library that does not load is an error with the loader's words", async () => {
  const folder = await temporaryFolder();
  await writeFiles(folder, archiveFiles);
  const fake = { folder, version: "2.13.0", variant: "cpu", hasHeaders: true, missing: [] };
  await expect(preloadLibTorch(fake, false)).rejects.toThrow(
    /libgomp\.so\.1 could not be loaded \(.*\)[^]*setup --force/,
  );
});

test("CUDA libraries are loaded where there is a driver; one that does not load leaves the CPU", async () => {
  const { folder: real } = await setupLibTorch({});
  const folder = await temporaryFolder();
  await mkdir(path.join(folder, "lib"));
  for (const name of await readdir(path.join(real, "lib"))) {
    await symlink(path.join(real, "lib", name), path.join(folder, "lib", name));
  }
  const cuda = { folder, version: "2.13.0", variant: "cu130", hasHeaders: true, missing: [] };
  expect(await preloadLibTorch(cuda, true)).toBeNull();
  await writeFile(path.join(folder, "lib", "libtorch_cuda.so"), "no library");
  expect(await preloadLibTorch(cuda, false)).toBeNull();
  expect(await preloadLibTorch(cuda, true)).toMatch(/libtorch_cuda\.so could not be loaded/);
});

test("of a Python's torch the compiler of kernels is loaded too, from the packages beside it", async () => {
  const { folder: real } = await setupLibTorch({});
  const site = await temporaryFolder();
  const [torch, cuda] = [path.join(site, "torch"), path.join(site, "nvidia", "cu13", "lib")];
  await mkdir(torch);
  await mkdir(cuda, { recursive: true });
  await symlink(path.join(real, "lib"), path.join(torch, "lib"));
  // Any library that does nothing when it loads will do for one of the two; the other is damaged.
  const gomp = (await readdir(path.join(real, "lib"))).find((name) => name.startsWith("libgomp"))!;
  await copyFile(path.join(real, "lib", gomp), path.join(cuda, "libnvrtc.so.13"));
  await writeFile(path.join(cuda, "libnvrtc-builtins.so.13.0"), "no library");
  const found = { folder: torch, version: "2.13.0", variant: "cu130", hasHeaders: true, missing: [] };
  expect(await preloadLibTorch(found, true)).toBeNull();
  const mapped = await readFile("/proc/self/maps", "utf8");
  expect(mapped).toContain(path.join(cuda, "libnvrtc.so.13"));
});

test("development can name another build and the LibTorch that it is of", async () => {
  const script = `
    const { findBinary } = await import("./dist/native/binary.js");
    const { libtorchVersion, setupLibTorch } = await import("./dist/libtorch/libtorch.js");
    const { binary, tried } = await findBinary("/nowhere");
    const said = await setupLibTorch().catch(({ message }) => message);
    console.log(JSON.stringify({ binary, tried, libtorchVersion, said }));
  `;
  const folder = await temporaryFolder();
  const env = { ...process.env, WSSS_BUILD: folder, WSSS_LIBTORCH_VERSION: "2.11.7", PYTHON: "false" };
  const parameters = ["--input-type=module", "-e", script];
  const { stdout } = await promisify(execFile)(process.execPath, parameters, { env });
  const { libtorchVersion, said, tried } = JSON.parse(stdout) as Record<string, string>;
  expect(libtorchVersion).toBe("2.11.7");
  expect(tried![0]).toBe(`${path.join(folder, "Release", "wsss_tissue_native.node")} is not there`);
  // No other release than the pinned one is ever fetched.
  expect(said).toMatch(/^No usable LibTorch 2\.11\.7, and only 2\.13\.0 is fetched; unset WSSS_LIBTORCH_VERSION/);
});

test("the addon loads once, against the LibTorch that it was built for", async () => {
  const addon = await loadAddon();
  expect(await loadAddon()).toBe(addon);
  const report = addon.deviceReport();
  expect(report.libtorchVersion).toBe("2.13.0");
  expect(report.builtAgainst).toBe("2.13.0");
});
