// Installing LibTorch from made-up wheels: pip, files, damage, two at once, and set-ups that ended early.
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, truncate, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readLibTorchFolder } from "../dist/libtorch/libtorch.js";
import { installLibTorch } from "../dist/libtorch/install.js";
import { type LibTorchVariant, pinnedVariants, type PinnedTorchWheel } from "../dist/libtorch/pinned.js";
import { pipSource } from "../dist/fetch/pip-source.js";
import { fileSource } from "../dist/fetch/file-source.js";
import { libtorchErrand } from "../dist/libtorch/pinned.js";
import { ownName } from "../dist/fetch/owner.js";
import { ownIdentity } from "../dist/machine/process-identity.js";
import { placeInFolder } from "../dist/libtorch/place-in-folder.js";
import {
  cudaWheelFiles,
  fakePython,
  makeWheel,
  pinOf,
  temporaryFolder,
  wheelFiles,
  writeFiles,
} from "./support/fake-libtorch.js";

let folder: string;
let cache: string;
let target: string;
let wheel: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  cache = path.join(folder, "cache");
  target = path.join(cache, "libtorch-2.13.0-cpu");
  wheel = path.join(folder, "torch-2.13.0-cp311.whl");
  await makeWheel(wheel, wheelFiles);
  process.env["PYTHON"] = await fakePython(folder, `cp '${wheel}' "$dest/"`);
});
afterEach(() => {
  delete process.env["PYTHON"];
});

interface Run {
  readonly variant?: LibTorchVariant;
  readonly headers?: boolean;
  /** Files instead of pip. */
  readonly from?: readonly string[];
  readonly wheels?: readonly PinnedTorchWheel[];
  readonly force?: boolean;
  readonly neededBytes?: number;
  readonly signal?: AbortSignal;
  readonly messages?: string[];
}
const errand = libtorchErrand("setup");

async function install(run: Run = {}): Promise<void> {
  const { variant = "cpu", headers = true, from, wheels, force = false, neededBytes = 0, signal, messages = [] } = run;
  await installLibTorch({
    variant,
    headers,
    source: from === undefined ? await pipSource({ errand, aloud: false, signal }) : fileSource(from, errand),
    wheels: wheels ?? [await pinOf(wheel)],
    target,
    force,
    neededBytes,
    signal,
    onProgress: ({ message }) => messages.push(message),
  });
}
const leftovers = async (): Promise<string[]> => (await readdir(cache)).filter((name) => name.startsWith(".setup-"));

describe("a set-up of LibTorch", () => {
  test("unpacks what is needed, says what it does, and leaves nothing else", async () => {
    const messages: string[] = [];
    await install({ messages });
    expect(await readLibTorchFolder(target)).toMatchObject({ version: "2.13.0", hasHeaders: true, missing: [] });
    expect((await readdir(path.join(target, "lib"))).sort()).toEqual(["libc10.so", "libgomp.so.1", "libtorch_cpu.so"]);
    expect((await readdir(target)).sort()).toEqual(["include", "lib", "licences", "version.py", "wsss-receipt.json"]);
    expect(await readdir(path.join(target, "licences"))).toEqual(["torch-2.13.0-LICENSE"]);
    expect(messages[0]).toContain("torch==2.13.0");
    expect(messages[0]).toContain(target);
    expect(await leftovers()).toEqual([]);
  });

  test("adds the libraries of companion wheels", async () => {
    const companion = path.join(folder, "nvidia_cuda_runtime.whl");
    await makeWheel(companion, { "nvidia/cu13/lib/libcudart.so.13": "cudart", "nvidia/cu13/include/cuda.h": "" });
    const copy = `case $what in torch*) cp '${wheel}' "$dest/";; *) cp '${companion}' "$dest/";; esac`;
    process.env["PYTHON"] = await fakePython(folder, copy);
    const companions = [await pinOf(companion, { requirement: "nvidia-cuda-runtime==13.0.96" })];
    await install({ wheels: [await pinOf(wheel, { companions })] });
    expect(await readdir(path.join(target, "lib"))).toContain("libcudart.so.13");
  });

  test("refuses a wheel whose checksum differs, and keeps nothing of it", async () => {
    const wheels = [await pinOf(wheel, { sha256: "0".repeat(64) })];
    const failing = install({ wheels });
    await expect(failing).rejects.toMatchObject({ code: "WSSS_ERR_BINARY_NOT_FOUND" });
    await expect(failing).rejects.toThrow(/SHA-256 [0-9a-f]{64}, expected 0{64}/);
    expect(await readdir(cache)).toEqual([]);
  });

  test("refuses a wheel that is none of the pinned ones", async () => {
    const failing = install({ wheels: pinnedVariants.cpu.wheels });
    await expect(failing).rejects.toThrow(
      /torch-2\.13\.0-cp311\.whl is not what is needed, which is torch-2\.13\.0\+cpu/,
    );
  });

  test("repeats pip's own error and names the repair", async () => {
    process.env["PYTHON"] = await fakePython(folder, 'echo "ERROR: No matching distribution" >&2; exit 1');
    await expect(install()).rejects.toThrow(/No matching distribution[^]*npx wsss-tissue setup/);
    process.env["PYTHON"] = path.join(folder, "nowhere");
    await expect(install()).rejects.toMatchObject({ code: "WSSS_ERR_BINARY_NOT_FOUND" });
  });

  test("checks the free space first", async () => {
    await expect(install({ neededBytes: 1e18 })).rejects.toMatchObject({ code: "WSSS_ERR_IO" });
    expect(await readdir(cache)).toEqual([]);
  });

  test("can run twice at once", async () => {
    await Promise.all([install(), install(), install({ force: true })]);
    expect(await readLibTorchFolder(target)).toMatchObject({ version: "2.13.0", missing: [] });
    expect(await leftovers()).toEqual([]);
  });

  test("replaces an incomplete folder, and with force also a usable one", async () => {
    await writeFiles(target, { "lib/libc10.so": "half" });
    await install();
    expect(await readFile(path.join(target, "lib/libc10.so"), "utf8")).toBe("c10");
    await writeFiles(target, { "lib/libc10.so": "mine" });
    await install();
    expect(await readFile(path.join(target, "lib/libc10.so"), "utf8")).toBe("mine");
    await install({ force: true });
    expect(await readFile(path.join(target, "lib/libc10.so"), "utf8")).toBe("c10");
  });

  test("removes what killed set-ups left, but not what others are at", async () => {
    const [, number = "", start = ""] = /-(\d+)-(\d+)$/.exec(ownName) ?? [];
    const alive = `.setup-cpu-${ownName}-abc`;
    const dead = alive.replace(`-${number}-`, "-4194303-");
    const reborn = alive.replace(`-${start}-`, "-1-");
    const elsewhere = ".setup-cpu-0123456789ab-1-1-abc";
    // Of another machine with the same name, outside of containers; by its start alone it is told from this one.
    const { host, namespace } = ownIdentity();
    const ofNamesake = createHash("sha256").update(`${host} ${namespace}`).digest("hex").slice(0, 12);
    const namesake = `.setup-cpu-${ofNamesake}-4194303-1-abc`;
    for (const name of [dead, alive, reborn, elsewhere, namesake])
      await mkdir(path.join(cache, name), { recursive: true });
    await install();
    expect((await leftovers()).sort()).toEqual([alive, elsewhere, namesake].sort());
    // What can't be asked counts as given up after a day.
    const before = new Date(Date.now() - 25 * 3600 * 1000);
    for (const name of [elsewhere, namesake]) await utimes(path.join(cache, name), before, before);
    await install({ force: true });
    expect(await leftovers()).toEqual([alive]);
  });

  test("stops when its signal is aborted, and leaves nothing", async () => {
    const python = await fakePython(folder, 'touch "$0.began"; exec sleep 3600');
    process.env["PYTHON"] = python;
    const controller = new AbortController();
    const installing = install({ signal: controller.signal });
    installing.catch(() => undefined); // looked at below
    while (!(await readdir(folder)).includes(`${path.basename(python)}.began`)) await sleep(20);
    controller.abort();
    await expect(installing).rejects.toThrow();
    expect(await readdir(cache)).toEqual([]);
  });

  test("fails on a broken wheel", async () => {
    await writeFile(wheel, "no zip file");
    await expect(install()).rejects.toThrow(/can't be unpacked \(.*\): it is damaged/);
    expect(await readdir(cache)).toEqual([]);
    // A byte of a file's content, whose checksum stands in its entry.
    await makeWheel(wheel, { ...wheelFiles, "torch/lib/libc10.so": "c10".repeat(500) });
    const content = await readFile(wheel);
    const place = content.indexOf("torch/lib/libc10.so") + "torch/lib/libc10.so".length + 2;
    content[place] = (content[place] ?? 0) ^ 0x40;
    await writeFile(wheel, content);
    await expect(install()).rejects.toThrow(/can't be unpacked \(.*\): it is damaged/);
    expect(await readdir(cache)).toEqual([]);
  });
});

describe("a set-up that ended early", () => {
  let companion: string;
  let wheels: PinnedTorchWheel[];
  beforeEach(async () => {
    companion = path.join(folder, "nvidia_cuda_runtime.whl");
    await makeWheel(companion, { "nvidia/cu13/lib/libcudart.so.13": "cudart" });
    wheels = [await pinOf(wheel, { companions: [await pinOf(companion, { requirement: "nvidia-cuda-runtime==1" })] })];
  });
  const copyTorch = (): string =>
    `case $what in torch*) cp '${wheel}' "$dest/";; *) echo "ERROR: gone" >&2; exit 1;; esac`;

  test("keeps its finished wheels, and the next one fetches the others only", async () => {
    process.env["PYTHON"] = await fakePython(folder, copyTorch());
    const messages: string[] = [];
    await expect(install({ wheels, messages })).rejects.toThrow(/could not download nvidia-cuda-runtime==1 .*gone/);
    expect(messages.at(-1)).toBe("1 finished files are kept for the next set-up");
    expect(await leftovers()).toHaveLength(1);

    const python = await fakePython(folder, `cp '${companion}' "$dest/"`);
    process.env["PYTHON"] = python;
    await install({ wheels });
    const downloads = (await readFile(`${python}.calls`, "utf8"))
      .split("\n")
      .filter((line) => line.includes("download"));
    expect(downloads).toHaveLength(1);
    expect(downloads[0]).toMatch(/nvidia-cuda-runtime==1$/);
    expect(await readdir(path.join(target, "lib"))).toEqual(expect.arrayContaining(["libcudart.so.13", "libc10.so"]));
    expect(await leftovers()).toEqual([]);
  });

  test("is not taken over by one of another variant, or one that needs the headers it lacks", async () => {
    process.env["PYTHON"] = await fakePython(folder, copyTorch());
    await expect(install({ wheels, headers: false })).rejects.toThrow(/gone/);
    await install({ variant: "cu130", wheels: [await pinOf(wheel)] });
    expect(await leftovers()).toHaveLength(1); // not cu130's
    await install({ force: true });
    expect(await readFile(path.join(target, "include/ATen/ATen.h"), "utf8")).toBe("// ATen");
    expect(await leftovers()).toEqual([]);
  });
});

test("only files that are wanted now are taken over, and none that would fail again", async () => {
  const other = path.join(folder, "other.whl");
  await makeWheel(other, { ...wheelFiles, "torch/lib/libgomp-other.so.1": "another" });
  const missing = await pinOf(wheel, { requirement: "missing==1", fileName: "missing.whl" });
  const failing = install({ wheels: [await pinOf(other, { companions: [missing] })], from: [other] });
  await expect(failing).rejects.toThrow(/is not what is needed, which is missing\.whl/);
  expect(await leftovers()).toHaveLength(1);
  await install();
  expect(await readdir(path.join(target, "lib"))).not.toContain("libgomp-other.so.1");
  expect(await leftovers()).toEqual([]);

  // Whole, but with a library that lost its content, as after a power cut.
  const bad = path.join(cache, ".setup-cpu-nobody-abc", "libtorch");
  await install({ force: true });
  await rename(target, bad.replace(/\/libtorch$/, "") + "-x").catch(() => undefined);
  await mkdir(path.dirname(bad), { recursive: true });
  await rename(path.join(cache, ".setup-cpu-nobody-abc-x"), bad);
  await truncate(path.join(bad, "lib/libc10.so"), 0);
  await expect(install()).rejects.toThrow(/is incomplete \(lib\/libc10\.so missing\)/);
  await install();
  expect(await readLibTorchFolder(target)).toMatchObject({ missing: [] });
});

describe("files that were brought", () => {
  test("are taken by their names from files and folders, and stay where they are", async () => {
    await install({ from: [folder] });
    expect(await readLibTorchFolder(target)).toMatchObject({ version: "2.13.0", missing: [] });
    await install({ from: [path.join(folder, "nowhere"), wheel], force: true });
    expect((await readFile(wheel)).length).toBeGreaterThan(0);
  });

  test("of another name, of other content or not there are refused", async () => {
    const other = path.join(folder, "torch-2.12.0-cp311.whl");
    await makeWheel(other, wheelFiles);
    await expect(install({ from: [other] })).rejects.toThrow(
      /torch-2\.12\.0-cp311\.whl is not what is needed, which is/,
    );
    await expect(install({ from: [path.join(folder, "nowhere")] })).rejects.toThrow(
      /none of .*nowhere is torch-2\.13\.0/,
    );
    const wheels = [await pinOf(wheel)];
    await writeFile(wheel, "damaged");
    await expect(install({ wheels, from: [wheel] })).rejects.toThrow(/SHA-256 .* expected/);
  });
});

describe("pip", () => {
  const failing = 'echo "urllib3.exceptions.ProtocolError: Connection broken: IncompleteRead" >&2; exit 1';

  test("of 25.1 and newer is told to go on with a broken download, an older one is called again", async () => {
    for (const [version, calls, resumes] of [
      ["23.2.1", 3, false],
      ["25.1", 3, true],
    ] as const) {
      const python = await fakePython(folder, failing, version);
      process.env["PYTHON"] = python;
      await expect(install()).rejects.toThrow(/Connection broken[^]*Check the network and pip's proxy settings/);
      const downloads = (await readFile(`${python}.calls`, "utf8"))
        .split("\n")
        .filter((line) => line.includes("download"));
      expect(downloads).toHaveLength(calls);
      expect(downloads[0]?.includes("--resume-retries")).toBe(resumes);
    }
  });

  test("that is too old for our wheels is refused, with the command that renews it", async () => {
    process.env["PYTHON"] = await fakePython(folder, "exit 1", "20.0.2");
    await expect(install()).rejects.toThrow(
      /pip 20\.0\.2 .* needs 20\.3 or newer\. Run `.* -m pip install --user --upgrade pip`/,
    );
  });

  test("that is missing, and a Python that is missing, are told apart", async () => {
    process.env["PYTHON"] = path.join(folder, "nowhere");
    await expect(install()).rejects.toThrow(/could not be started as .*nowhere[^]*Install python3 and python3-pip/);
    const bare = path.join(folder, "bare-python");
    await writeFile(bare, '#!/bin/sh\necho "$0: No module named pip" >&2; exit 1\n', { mode: 0o755 });
    process.env["PYTHON"] = bare;
    await expect(install()).rejects.toThrow(/has no pip.*No module named pip[^]*-m ensurepip/);
  });
});

test("only needed files of a wheel have a place", () => {
  const [cpu, cuda] = [
    { variant: "cpu", headers: true },
    { variant: "cu130", headers: false },
  ] as const;
  expect(placeInFolder("torch/lib/libgomp-24e2ab19.so.1", cpu)).toBe("lib/libgomp-24e2ab19.so.1");
  expect(placeInFolder("torch/include/torch/csrc/api/include/torch/torch.h", cpu)).toMatch(/^include\/torch/);
  expect(placeInFolder("nvidia/cu13/lib/libcupti.so.13", cpu)).toBe("lib/libcupti.so.13");
  for (const name of ["torch/lib/libtorch_cuda.so", "torch/__init__.py", "torch/lib/deeper/libc10.so", "version.py"]) {
    expect(placeInFolder(name, cpu)).toBeNull();
  }
  expect(placeInFolder("nvidia/cu13/lib/libcublas.so.13", cpu)).toBeNull();
  for (const name of ["cu13/lib/libcublasLt.so.13", "cudnn/lib/libcudnn_ops.so.9", "nccl/lib/libnccl.so.2"]) {
    expect(placeInFolder(`nvidia/${name}`, cuda)).toBe(`lib/${path.basename(name)}`);
  }
  for (const name of ["cu13/lib/libnvrtc.alt.so.13", "cu13/lib/libcufftw.so.12", "cu13/include/cuda.h"]) {
    expect(placeInFolder(`nvidia/${name}`, cuda)).toBeNull();
  }
  expect(placeInFolder("torch/include/ATen/ATen.h", cuda)).toBeNull();
  expect(placeInFolder("libtorch/lib/libc10.so", cpu)).toBe("lib/libc10.so");
  expect(placeInFolder("libtorch/lib/libc10.a", cpu)).toBeNull();
});

test("every pinned wheel has a checksum, a size and an exact version", () => {
  const wheels = Object.values(pinnedVariants).flatMap((variant) =>
    variant.wheels.flatMap((torch) => [torch, ...torch.companions]),
  );
  expect(wheels.length).toBeGreaterThan(10);
  for (const { requirement, fileName, sha256, sizeBytes } of wheels) {
    expect(requirement).toMatch(/^[a-z0-9-]+===?[0-9.]+$/);
    expect(fileName).toMatch(/^[a-z0-9_]+-[0-9.]+(\+cpu)?-.*x86_64\.whl$/);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(sizeBytes).toBeGreaterThan(1e6);
  }
});

test("a CUDA wheel brings its CUDA libraries only to the variant for CUDA", async () => {
  await makeWheel(wheel, cudaWheelFiles);
  await install();
  expect(await readLibTorchFolder(target)).toMatchObject({ variant: "cpu" });
  target = path.join(cache, "libtorch-2.13.0-cu130");
  await install({ variant: "cu130", headers: false });
  expect(await readLibTorchFolder(target)).toMatchObject({ variant: "cu130", hasHeaders: false });
});
