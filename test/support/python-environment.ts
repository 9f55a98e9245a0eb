/** Pythons with packages of their own, for tests that other programs must agree with. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { cacheFolder } from "../../dist/libtorch/libtorch.js";

const run = promisify(execFile);

/**
 * A Python with packages in the cache, installed there by pip where WSSS_TEST_FETCH is 1; null if there is none, or no index has them.
 * @param name - of the environment; another one for other versions.
 */
export async function findPythonWith(name: string, packages: readonly string[]): Promise<string | null> {
  const environment = path.join(cacheFolder(), name);
  const python = path.join(environment, "bin", "python");
  if (existsSync(path.join(environment, "whole"))) return python;
  if (process.env["WSSS_TEST_FETCH"] !== "1") return null;
  await mkdir(path.dirname(environment), { recursive: true });
  await run("python3", ["-m", "venv", "--clear", environment]);
  try {
    await run(python, ["-m", "pip", "install", "--quiet", ...packages], { maxBuffer: 1e8 });
  } catch (error) {
    console.warn(`pip could not install ${packages.join(", ")}: ${(error as Error).message}`);
    return null;
  }
  await mkdir(path.join(environment, "whole"));
  return python;
}
