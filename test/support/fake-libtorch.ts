// Stand-ins for LibTorch's folders and wheels, for Python with pip, and for nvidia-smi.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import type { PinnedTorchWheel } from "../../dist/libtorch/pinned.js";

/** A fresh folder under the system's temporary one. */
export async function temporaryFolder(): Promise<string> {
  return await mkdtemp(path.join(tmpdir(), "wsss-libtorch-"));
}

/** Writes files, given as path -> text, into a folder. */
export async function writeFiles(folder: string, files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}

/** Files of a folder that passes for a LibTorch as the vendor's archive lays it out. */
export const archiveFiles: Record<string, string> = {
  "build-version": "2.13.0+cpu\n",
  "lib/libc10.so": "c10",
  "lib/libtorch_cpu.so": "torch",
  "lib/libgomp.so.1": "gomp",
  "include/ATen/ATen.h": "// ATen",
};

/** Files of a torch wheel, with one that must not be unpacked. */
export const wheelFiles: Record<string, string> = {
  "torch/version.py": "__version__ = '2.13.0+cpu'\n",
  "torch/lib/libc10.so": "c10",
  "torch/lib/libtorch_cpu.so": "torch",
  "torch/lib/libgomp.so.1": "gomp",
  "torch/lib/libtorch_python.so": "python",
  "torch/include/ATen/ATen.h": "// ATen",
  "torch/nn/functional.py": "pass\n",
  "torch-2.13.0.dist-info/licenses/LICENSE": "licence\n",
};

/** Files of a torch wheel for CUDA. */
export const cudaWheelFiles: Record<string, string> = {
  ...wheelFiles,
  "torch/version.py": "__version__ = '2.13.0+cu130'\n",
  "torch/lib/libtorch_cuda.so": "torch cuda",
  "torch/lib/libc10_cuda.so": "c10 cuda",
};

/** Files of the archive that LibTorch's makers offer. */
export const makersArchiveFiles: Record<string, string> = {
  "libtorch/build-version": "2.13.0+cpu\n",
  "libtorch/lib/libc10.so": "c10",
  "libtorch/lib/libtorch_cpu.so": "torch",
  "libtorch/lib/libgomp-98b21ff3.so.1": "gomp",
  "libtorch/lib/libc10.a": "static",
  "libtorch/include/ATen/ATen.h": "// ATen",
};

/** Makes a wheel (a zip file) of the given files. */
export async function makeWheel(file: string, files: Record<string, string>): Promise<void> {
  const script =
    "import json, sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as z:\n  [z.writestr(*p) for p in json.loads(sys.argv[2]).items()]";
  await promisify(execFile)("python3", ["-c", script, file, JSON.stringify(files)]);
}

/** The pin of a wheel that was made, right or with overrides. */
export async function pinOf(file: string, overrides: Partial<PinnedTorchWheel> = {}): Promise<PinnedTorchWheel> {
  const content = await readFile(file);
  return {
    requirement: "torch==2.13.0",
    fileName: path.basename(file),
    sha256: createHash("sha256").update(content).digest("hex"),
    sizeBytes: content.length,
    companions: [],
    ...overrides,
  };
}

/**
 * A stand-in for Python whose `-m pip download` copies a file; `behaviour` is the shell that does it, `$dest` its folder,
 * `$what` the requirement. What it was called with is added to the file `<its path>.calls`.
 */
export async function fakePython(folder: string, behaviour: string, pipVersion = "23.2.1"): Promise<string> {
  const file = path.join(folder, `python-${String(Math.random()).slice(2)}`);
  const findDest = 'while [ $# -gt 0 ]; do [ "$1" = --dest ] && dest=$2; what=$1; shift; done';
  const saysVersion = `case "$*" in "-m pip --version") echo "pip ${pipVersion} from somewhere"; exit 0;; esac`;
  const lines = ["#!/bin/sh", 'echo "$@" >> "$0.calls"', saysVersion, findDest, behaviour, ""];
  await writeFile(file, lines.join("\n"), { mode: 0o755 });
  return file;
}

/** A PATH whose `nvidia-smi` says a driver's version. */
export async function pathWithNvidiaSmi(folder: string, version: string): Promise<string> {
  const programs = path.join(folder, "with-driver");
  await mkdir(programs, { recursive: true });
  await writeFile(path.join(programs, "nvidia-smi"), `#!/bin/sh\necho ${version}\n`, { mode: 0o755 });
  return `${programs}:${process.env["PATH"] ?? ""}`;
}
