// The libraries of LibTorch for CUDA, fetched for tests without a GPU, and the symbols in them.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { cacheFolder, libtorchVersion } from "../../dist/libtorch/libtorch.js";
import { pipSource } from "../../dist/fetch/pip-source.js";
import type { PinnedWheel } from "../../dist/fetch/pinned-wheel.js";
import { libtorchErrand, pinnedVariants } from "../../dist/libtorch/pinned.js";
import { unpackWheel } from "../../dist/fetch/unpack-wheel.js";
import { placeInFolder } from "../../dist/libtorch/place-in-folder.js";

const errand = libtorchErrand("npm test");

/**
 * The folder with the shared libraries of the pinned LibTorch for CUDA and of the CUDA runtime, without those that only computing needs
 * (cuDNN, cuBLAS, ...): 0.5 GB to fetch, once, where `WSSS_TEST_FETCH` is set.
 * @returns null if they are not there and may not be fetched; tests then skip aloud.
 */
export async function findCudaLibraries(): Promise<string | null> {
  const folder = path.join(cacheFolder(), `test-cuda-libraries-${libtorchVersion}`);
  if (existsSync(folder)) return path.join(folder, "lib");
  if (process.env["WSSS_TEST_FETCH"] !== "1") return null;
  await mkdir(cacheFolder(), { recursive: true });
  const scratch = await mkdtemp(`${folder}-`);
  try {
    for (const wheel of wantedWheels()) await unpack(wheel, scratch);
    await rm(path.join(scratch, "wheel"), { recursive: true, force: true });
    await rename(scratch, folder);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return path.join(folder, "lib");
}

function wantedWheels(): PinnedWheel[] {
  return pinnedVariants.cu130.wheels.flatMap((wheel) => [
    wheel,
    ...wheel.companions.filter(({ requirement }) => requirement.startsWith("nvidia-cuda-runtime")),
  ]);
}

async function unpack(wanted: PinnedWheel, folder: string): Promise<void> {
  const source = await pipSource({ errand, aloud: false });
  const { file } = await source.fetch([wanted], folder);
  await unpackWheel(file, folder, (name) => placeInFolder(name, { variant: "cu130", headers: false }), errand);
  await rm(path.dirname(file), { recursive: true });
}

/** Names in a library's dynamic symbol table, without their versions. */
export async function symbolsOf(library: string, which: "defined" | "undefined"): Promise<string[]> {
  const parameters = ["--dynamic", `--${which}-only`, "--format=posix", library];
  const { stdout } = await promisify(execFile)("nm", parameters, { maxBuffer: 1e9 });
  const lines = stdout.trim().split("\n");
  // A weak symbol may be missing: whoever needs it does without.
  const wanted = lines.filter((line) => which === "defined" || / U( |$)/.test(line));
  return wanted.map((line) => line.split(" ")[0]!.split("@")[0]!);
}
