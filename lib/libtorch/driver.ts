/** The version of NVIDIA's driver on this machine, and which LibTorch it can use. */
import { readFile } from "node:fs/promises";
import { type LibTorchVariant, oldestCudaDriver, setupCommand } from "./pinned.js";
import { runProgram } from "../fetch/run-program.js";

/** The NVIDIA driver that runs here, and what follows from it for the choice of a LibTorch. */
export interface DriverReport {
  /** For example `580.65.06`; `null` where no driver runs. */
  readonly version: string | null;
  /** The variant that is fetched unless another is asked for. */
  readonly variant: LibTorchVariant;
  /** Why CUDA is not recommended although there is a driver, and what to do; `null` otherwise. */
  readonly problem: string | null;
}

/** The kernel module says its version here, as `NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  ...`. */
const kernelModule = "/proc/driver/nvidia/version";

/** Asks the kernel module for its version, and where there is none, as in WSL, `nvidia-smi`. Never throws. */
export async function findDriver(versionFile: string = kernelModule): Promise<DriverReport> {
  return judgeDriver((await versionOfModule(versionFile)) ?? (await versionOfProgram()));
}

/** What follows from a driver's version; `null` = there is no driver. */
export function judgeDriver(version: string | null): DriverReport {
  if (version === null) return { version, variant: "cpu", problem: null };
  if (Number(version.split(".", 1)[0]) >= oldestCudaDriver) return { version, variant: "cu130", problem: null };
  const needed = `NVIDIA's driver ${version} is too old for CUDA 13.0, which needs ${String(oldestCudaDriver)} or newer`;
  return { version, variant: "cpu", problem: `${needed}; with a newer one, run \`${setupCommand} --cuda\`` };
}

async function versionOfModule(file: string): Promise<string | null> {
  const text = await readFile(file, "utf8").catch(() => "");
  return /^NVRM version:.*?\s(\d+\.\d+(?:\.\d+)?)\s/m.exec(text)?.[1] ?? null;
}

async function versionOfProgram(): Promise<string | null> {
  const query = ["--query-gpu=driver_version", "--format=csv,noheader"];
  const { exitCode, stdout } = await runProgram("nvidia-smi", query, { timeoutMs: 20_000 });
  return exitCode === 0 ? (/^\d+(\.\d+)+/m.exec(stdout)?.[0] ?? null) : null;
}
