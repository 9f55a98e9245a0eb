/** What a LibTorch folder is: its version, its variant, and what it lacks. */
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { libtorchVersion } from "./pinned.js";

/** One LibTorch on disk, as far as this library cares: the vendor's archive or the `torch` folder of a Python wheel. */
export interface LibTorchFolder {
  /** Absolute; holds `lib/` and maybe `include/`. */
  readonly folder: string;
  /** For example `2.13.0`; `null` when the folder does not say. */
  readonly version: string | null;
  /** What it can compute on: `cpu`, or a CUDA release such as `cu130`; `null` when the folder does not say. */
  readonly variant: string | null;
  /** Whether it has the C++ headers, which only building from source needs. */
  readonly hasHeaders: boolean;
  /** Libraries that must be there and are not, as paths in the folder. */
  readonly missing: readonly string[];
}

/** Libraries that every LibTorch must have, in the order in which they load. */
export const requiredLibraries = ["libc10.so", "libtorch_cpu.so"] as const;

/** The library that makes a LibTorch one for NVIDIA's GPUs. */
const cudaLibrary = "libtorch_cuda.so";

/**
 * Reads what a folder says about itself. Nothing is loaded and nothing thrown: a folder that is not there has no
 * version and misses every library.
 */
export async function readLibTorchFolder(folder: string): Promise<LibTorchFolder> {
  const stated = (await readBuildVersion(folder)) ?? (await readVersionPy(folder));
  const [version, builtFor] = splitVersion(stated);
  const libraries = await listLibraries(folder);
  const missing: string[] = [];
  for (const library of requiredLibraries) {
    if (!(await isFile(path.join(folder, "lib", library)))) missing.push(`lib/${library}`);
  }
  if (!libraries.some((name) => name.startsWith("libgomp"))) missing.push("lib/libgomp.so.1");
  const hasHeaders = await isFile(path.join(folder, "include", "ATen", "ATen.h"));
  // The CPU libraries of a CUDA wheel still call themselves cu130.
  const variant = builtFor === null || libraries.includes(cudaLibrary) ? builtFor : "cpu";
  return { folder: path.resolve(folder), version, variant, hasHeaders, missing };
}

/**
 * Why a folder can't be used, as the second half of a sentence about it; `null` if it can.
 *
 * @param needHeaders - whether the addon is to be built against it.
 */
export function problemOf(found: LibTorchFolder, needHeaders: boolean): string | null {
  if (found.missing.length > 0 && found.version === null) return "holds no LibTorch";
  if (found.version === null) return "does not say which LibTorch it is (neither build-version nor version.py)";
  if (found.version !== libtorchVersion) return `is LibTorch ${found.version}, but ${libtorchVersion} is needed`;
  if (found.missing.length > 0) return `is incomplete (${found.missing.join(", ")} missing)`;
  if (needHeaders && !found.hasHeaders) return "has no headers (include/), which building from source needs";
  return null;
}

/** File names in the folder's `lib/`, sorted; empty when there is none. */
export async function listLibraries(folder: string): Promise<string[]> {
  try {
    return (await readdir(path.join(folder, "lib"))).sort();
  } catch {
    return [];
  }
}

/** The vendor's archive has a file `build-version` with a line like `2.13.0+cpu`. */
async function readBuildVersion(folder: string): Promise<string | null> {
  const text = await readText(path.join(folder, "build-version"));
  return text === null || text.trim() === "" ? null : text.trim();
}

/** A Python wheel has a file `version.py` with a line like `__version__ = '2.13.0+cpu'`. */
async function readVersionPy(folder: string): Promise<string | null> {
  const text = await readText(path.join(folder, "version.py"));
  return (text === null ? null : /^__version__\s*=\s*['"]([^'"]+)['"]/m.exec(text)?.[1]) ?? null;
}

function splitVersion(stated: string | null): [version: string | null, builtFor: string | null] {
  if (stated === null) return [null, null];
  const [version = stated, builtFor = null] = stated.split("+", 2);
  return [version, builtFor];
}

async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch {
    return null;
  }
}

async function isFile(file: string): Promise<boolean> {
  try {
    const found = await stat(file);
    return found.isFile() && found.size > 0;
  } catch {
    return false;
  }
}
