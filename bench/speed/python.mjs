/** The Python of the peers. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { cacheFolder, libtorchVersion } from "../../dist/libtorch/libtorch.js";

const run = promisify(execFile);

/** What inference is measured against beside PyTorch, and what a network is handed to them in. */
const engines = ["numpy", "onnx==1.23.2", "onnxruntime==1.32.0", "openvino==2026.4.1"];

/** Whether a Python has the PyTorch that our LibTorch is of, Pillow, and the engines. */
async function fits(python) {
  const script = `import torch, PIL, onnx, onnxruntime, openvino; assert torch.__version__.startswith("${libtorchVersion}")`;
  return await run(python, ["-c", script]).then(
    () => true,
    () => false,
  );
}

/** A Python with PyTorch: that of the system, or one that pip fills in the cache folder. */
export async function pythonWithTorch(say) {
  if (await fits("python3")) return "python3";
  const environment = path.join(cacheFolder(), `bench-python-${libtorchVersion}`);
  const python = path.join(environment, "bin", "python");
  if (existsSync(python) && (await fits(python))) return python;
  say(`installing torch ${libtorchVersion} for the peers into ${environment}`);
  await mkdir(path.dirname(environment), { recursive: true });
  await run("python3", ["-m", "venv", "--clear", environment]);
  const packages = [`torch==${libtorchVersion}`, "pillow==13.0.0", "setuptools==80.9.0", ...engines];
  await run(python, ["-m", "pip", "install", "--quiet", ...packages], { maxBuffer: 1e8 });
  return python;
}
