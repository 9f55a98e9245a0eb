import { describe, expect, test } from "@jest/globals";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { preloadLibTorch } from "../dist/libtorch/index.js";
import { buildFromSource, findBinary } from "../dist/native/binary.js";
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

  test("that is not there and can't be built is an error with every place and the repair", async () => {
    const root = await temporaryFolder();
    const { tried } = await findBinary(root);
    const failing = buildFromSource(tried, root);
    await expect(failing).rejects.toMatchObject({ code: "WSSS_ERR_BINARY_NOT_FOUND" });
    await expect(failing).rejects.toThrow(
      /wsss_tissue_native\.node is not there[^]*prebuilds[^]*npx wsss-tissue setup/,
    );
  });
});

test("a library that does not load is an error with the loader's words", async () => {
  const folder = await temporaryFolder();
  await writeFiles(folder, archiveFiles);
  const fake = { folder, version: "2.13.0", variant: "cpu", hasHeaders: true, missing: [] };
  await expect(preloadLibTorch(fake)).rejects.toThrow(/libgomp\.so\.1 could not be loaded \(.*\)[^]*setup --force/);
});

test("the addon loads once, against the LibTorch that it was built for", async () => {
  const addon = await loadAddon();
  expect(await loadAddon()).toBe(addon);
  const report = addon.deviceReport();
  expect(report.libtorchVersion).toBe("2.13.0");
  expect(report.builtAgainst).toBe("2.13.0");
});
