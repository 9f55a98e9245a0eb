// Finds or installs a Python with the same PyTorch release as LibTorch.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { cacheFolder, libtorchVersion } from "../../dist/libtorch/libtorch.js";

const run = promisify(execFile);

async function hasTorch(python: string): Promise<boolean> {
  const script = `import torch; assert torch.__version__.startswith("${libtorchVersion}")`;
  return await run(python, ["-c", script]).then(
    () => true,
    () => false,
  );
}

/**
 * A Python with the PyTorch that LibTorch is of: `$WSSS_TEST_PYTHON`, or `python3`. Where the variable says `install`, as in CI, one is
 * installed by pip into the cache folder.
 * @returns null if there is none; tests then skip aloud.
 */
export async function findPythonTorch(): Promise<string | null> {
  const wish = process.env["WSSS_TEST_PYTHON"];
  if (wish === undefined) return (await hasTorch("python3")) ? "python3" : null;
  if (wish !== "install") return wish;
  const environment = path.join(cacheFolder(), `test-python-${libtorchVersion}`);
  const python = path.join(environment, "bin", "python");
  if (existsSync(python) && (await hasTorch(python))) return python;
  await mkdir(path.dirname(environment), { recursive: true });
  await run("python3", ["-m", "venv", "--clear", environment]);
  await run(python, ["-m", "pip", "install", "--quiet", `torch==${libtorchVersion}`], { maxBuffer: 1e8 });
  return python;
}
