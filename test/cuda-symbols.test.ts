// Whether the addon and the CUDA plugin find all that they need in the LibTorch that users of GPUs get, without a GPU: by the symbols
// of the pinned files themselves.
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { findCudaLibraries, symbolsOf } from "./support/cuda-libraries.js";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const release = path.join(root, "build", "Release");
const plugin = path.join(release, "wsss_tissue_cuda.so");
const isCompiled = existsSync(plugin);
if (!isCompiled) console.warn("SKIPPED: there is no nvcc here, so that the CUDA plugin was not compiled");

/** Of glibc, the C++ library and the compiler, which every system has. */
const system = /^lib(c|m|dl|pthread|stdc\+\+|gcc_s)\.so|^ld-linux/;

async function systemSymbols(): Promise<string[]> {
  const folders = ["/lib/x86_64-linux-gnu", "/lib64"].filter((folder) => existsSync(folder));
  const lists = folders.map(async (folder) => {
    const names = (await readdir(folder)).filter((name) => system.test(name) && /\.so\.\d+$/.test(name));
    return await Promise.all(names.map(async (name) => await symbolsOf(path.join(folder, name), "defined")));
  });
  return (await Promise.all(lists)).flat(2);
}

(isCompiled ? describe : describe.skip)("the CUDA plugin", () => {
  test("exports what the addon asks it for, and nothing else", async () => {
    const functions = ["capability", "list_segments", "make_graph", "table"].map((name) => `wsss_cuda_${name}`);
    const exported = (await symbolsOf(plugin, "defined")).filter((name) => !name.startsWith("_"));
    expect(exported.sort()).toEqual(functions);
  });

  test("calls LibTorch's CUDA graphs, not those of at::accelerator, which have no CUDA behind them", async () => {
    const needed = (await symbolsOf(plugin, "undefined")).filter((name) => name.startsWith("_ZN2at"));
    expect(needed.some((name) => name.includes("CUDAGraph"))).toBe(true);
    expect(needed.filter((name) => name.includes("accelerator"))).toEqual([]);
  });
});

test("all that addon and plugin need is in the pinned CUDA libraries", async () => {
  const libraries = await findCudaLibraries();
  if (libraries === null) {
    console.warn("skipped: LibTorch's CUDA libraries (0.5 GB) are fetched for this test only with WSSS_TEST_FETCH=1");
    return;
  }
  const names = (await readdir(libraries)).filter((name) =>
    /^lib(torch_cpu|torch_cuda|c10|c10_cuda|cudart|gomp)\b/.test(name),
  );
  expect(names.length).toBeGreaterThanOrEqual(6);
  const defined = new Set(await systemSymbols());
  for (const file of [...names.map((name) => path.join(libraries, name)), process.execPath]) {
    for (const name of await symbolsOf(file, "defined")) defined.add(name);
  }
  const ours = [path.join(release, "wsss_tissue_native.node"), ...(isCompiled ? [plugin] : [])];
  for (const file of ours) {
    const needed = await symbolsOf(file, "undefined");
    expect(needed.length).toBeGreaterThan(10);
    expect(needed.filter((name) => !defined.has(name))).toEqual([]);
  }
});
