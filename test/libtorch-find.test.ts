// Finding LibTorch: its folder, the cache, the order of places, and NVIDIA's driver.
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import path from "node:path";
import {
  cacheFolder,
  describePlaces,
  findDriver,
  findLibTorch,
  inspectLibTorch,
  judgeDriver,
  problemOf,
  readLibTorchFolder,
  setupLibTorch,
} from "../dist/libtorch/libtorch.js";
import { archiveFiles, fakePython, pathWithNvidiaSmi, temporaryFolder, writeFiles } from "./support/fake-libtorch.js";

const environment = { ...process.env };
let folder: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  delete process.env["LIBTORCH"];
  process.env["WSSS_CACHE"] = path.join(folder, "cache");
  process.env["PYTHON"] = path.join(folder, "no-python");
});
afterEach(() => {
  process.env = { ...environment };
});

describe("a LibTorch folder", () => {
  test("is read in the layout of the vendor's archive", async () => {
    await writeFiles(folder, archiveFiles);
    const read = await readLibTorchFolder(folder);
    expect(read).toEqual({ folder, version: "2.13.0", variant: "cpu", hasHeaders: true, missing: [] });
    expect(problemOf(read, true)).toBeNull();
  });

  test("is read in the layout of a Python wheel, with a hashed libgomp", async () => {
    await writeFiles(folder, {
      "version.py": "from typing import Optional\n__version__ = '2.13.0+cu130'\n",
      "lib/libc10.so": "x",
      "lib/libtorch_cpu.so": "x",
      "lib/libgomp-a34b3233.so.1": "x",
    });
    expect(await readLibTorchFolder(folder)).toMatchObject({ variant: "cpu" });
    await writeFiles(folder, { "lib/libtorch_cuda.so": "x" });
    const read = await readLibTorchFolder(folder);
    expect(read).toMatchObject({ version: "2.13.0", variant: "cu130", hasHeaders: false, missing: [] });
    expect(problemOf(read, false)).toBeNull();
    expect(problemOf(read, true)).toContain("no headers");
  });

  test("of another version is refused with both versions named", async () => {
    await writeFiles(folder, { ...archiveFiles, "build-version": "2.12.1+cpu\n" });
    expect(problemOf(await readLibTorchFolder(folder), false)).toBe("is LibTorch 2.12.1, but 2.13.0 is needed");
  });

  test("that lacks a library, has an empty one, or states no version is refused", async () => {
    await writeFiles(folder, { ...archiveFiles, "lib/libtorch_cpu.so": "" });
    expect(problemOf(await readLibTorchFolder(folder), false)).toBe("is incomplete (lib/libtorch_cpu.so missing)");
    await writeFiles(folder, { ...archiveFiles, "build-version": "\n" });
    expect(problemOf(await readLibTorchFolder(folder), false)).toContain("does not say which LibTorch it is");
    const nowhere = await readLibTorchFolder(path.join(folder, "nowhere"));
    expect(problemOf(nowhere, false)).toContain("holds no LibTorch");
  });
});

describe("the cache folder", () => {
  test("is $WSSS_CACHE, else in $XDG_CACHE_HOME if absolute, else in ~/.cache", () => {
    expect(cacheFolder({ WSSS_CACHE: "/one", XDG_CACHE_HOME: "/two" })).toBe("/one");
    expect(cacheFolder({ WSSS_CACHE: "", XDG_CACHE_HOME: "/two" })).toBe("/two/wsss-tissue-native");
    expect(cacheFolder({ XDG_CACHE_HOME: "relative" })).toMatch(/\/\.cache\/wsss-tissue-native$/);
  });
});

describe("the search", () => {
  test("takes LIBTORCH before the cache, and the cache before Python", async () => {
    const [named, cached, python] = ["named", "cache/libtorch-2.13.0-cpu", "python/torch"].map((name) =>
      path.join(folder, name),
    ) as [string, string, string];
    for (const place of [named, cached, python]) await writeFiles(place, archiveFiles);
    process.env["PYTHON"] = await fakePython(folder, `echo '${python}'`);
    process.env["LIBTORCH"] = named;
    expect((await findLibTorch()).found?.folder).toBe(named);
    delete process.env["LIBTORCH"];
    expect((await findLibTorch()).found?.folder).toBe(cached);
    process.env["WSSS_CACHE"] = path.join(folder, "empty");
    expect((await findLibTorch()).found?.folder).toBe(python);
  });

  test("passes over a Python torch of another version and says so", async () => {
    await writeFiles(path.join(folder, "torch"), { ...archiveFiles, "build-version": "2.9.0+cpu" });
    process.env["PYTHON"] = await fakePython(folder, `echo '${path.join(folder, "torch")}'`);
    const { found, places } = await findLibTorch();
    expect(found).toBeNull();
    expect(describePlaces(places).join("\n")).toContain("is LibTorch 2.9.0, but 2.13.0 is needed");
  });

  test("never passes over a LIBTORCH that is set but unusable", async () => {
    await writeFiles(path.join(folder, "cache/libtorch-2.13.0-cpu"), archiveFiles);
    await writeFiles(path.join(folder, "old"), { ...archiveFiles, "build-version": "2.12.0" });
    process.env["LIBTORCH"] = path.join(folder, "old");
    expect((await findLibTorch()).found).toBeNull();
    const setup = setupLibTorch();
    await expect(setup).rejects.toMatchObject({ code: "WSSS_ERR_BINARY_NOT_FOUND", details: { needed: "2.13.0" } });
    await expect(setup).rejects.toThrow(/is LibTorch 2\.12\.0, but 2\.13\.0 is needed[^]*npx wsss-tissue setup/);
  });

  test("is reported without being loaded, every place included", async () => {
    const cached = path.join(folder, "cache/libtorch-2.13.0-cpu");
    await writeFiles(cached, archiveFiles);
    const report = await inspectLibTorch();
    expect(report).toMatchObject({ needed: "2.13.0", folder: cached, variant: "cpu", repair: null });
    expect(report.places.map((place) => place.source)).toEqual(["LIBTORCH", "cache", "cache", "python"]);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });
});

describe("the NVIDIA driver", () => {
  test("is read from its kernel module, else from nvidia-smi", async () => {
    const file = path.join(folder, "version");
    await writeFiles(folder, {
      version: "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build\nGCC version: 12\n",
    });
    expect(await findDriver(file)).toEqual({ version: "580.65.06", variant: "cu130", problem: null });
    process.env["PATH"] = await pathWithNvidiaSmi(folder, "570.124.06");
    expect(await findDriver(path.join(folder, "nowhere"))).toMatchObject({ version: "570.124.06", variant: "cpu" });
  });

  test("decides which LibTorch is recommended", () => {
    expect(judgeDriver(null)).toEqual({ version: null, variant: "cpu", problem: null });
    expect(judgeDriver("610.1")).toMatchObject({ variant: "cu130", problem: null });
    expect(judgeDriver("550.54.15").problem).toMatch(
      /550\.54\.15 is too old for CUDA 13\.0, which needs 580 or newer.*setup --cuda/,
    );
  });

  test("puts the CUDA build of the cache first; without one it still serves, on the CPU", async () => {
    const [cpu, cuda] = ["cpu", "cu130"].map((variant) => path.join(folder, `cache/libtorch-2.13.0-${variant}`)) as [
      string,
      string,
    ];
    await writeFiles(cuda, { ...archiveFiles, "build-version": "2.13.0+cu130", "lib/libtorch_cuda.so": "x" });
    expect((await findLibTorch()).found?.folder).toBe(cuda);
    await writeFiles(cpu, archiveFiles);
    expect((await findLibTorch()).found?.folder).toBe(cpu);
    process.env["PATH"] = await pathWithNvidiaSmi(folder, "580.65.06");
    expect((await findLibTorch()).found?.folder).toBe(cuda);
  });

  test("beside a LibTorch without CUDA is worth an advice", async () => {
    await writeFiles(path.join(folder, "cache/libtorch-2.13.0-cpu"), archiveFiles);
    expect((await inspectLibTorch()).advice).toBeNull();
    process.env["PATH"] = await pathWithNvidiaSmi(folder, "580.65.06");
    expect((await inspectLibTorch()).advice).toMatch(/580\.65\.06.*CPU only.*setup --cuda/);
  });
});
