/** What gpu-check needs to know of a machine. Nothing here throws: what is not there is `null`, or an empty list. */
import { spawnSync } from "node:child_process";
import { realpathSync } from "node:fs";
import os from "node:os";

/** The PyTorch releases that this tree was compiled against. */
export const supportedTorch = ["2.11", "2.12", "2.13", "2.14"];

export function isSupportedTorch(version) {
  return supportedTorch.some((release) => version.startsWith(`${release}.`));
}

/** What a program prints, without white space at its ends; `null` if it is not there or fails. */
function printed(program, words, options = {}) {
  const { status, stdout } = spawnSync(program, words, { encoding: "utf8", timeout: 60_000, ...options });
  return status === 0 ? stdout.trim() : null;
}

/** NVIDIA's GPUs, as their driver lists them. */
export function findGpus() {
  const fields = "--query-gpu=name,driver_version,memory.total";
  const lines = printed("nvidia-smi", [fields, "--format=csv,noheader,nounits"])?.split("\n") ?? [];
  return lines
    .map((line) => line.split(",").map((field) => field.trim()))
    .filter((parts) => parts.length === 3)
    .map(([name, driver, memoryMiB]) => ({ name, driver, memoryMiB: Number(memoryMiB) }));
}

/** Release of the CUDA compiler, as `13.0`. */
export function findNvcc() {
  return /release (\d+\.\d+)/.exec(printed("nvcc", ["--version"]) ?? "")?.[1] ?? null;
}

/** Finds PyTorch without importing it, which would take seconds. */
const torchScript = `
import importlib.util, json, os, platform, re
spec = importlib.util.find_spec("torch")
folder = list(spec.submodule_search_locations)[0]
with open(os.path.join(folder, "version.py")) as file:
    text = file.read()
build = re.search(r"^__version__\\s*=\\s*['\\"]([^'\\"]+)", text, re.M).group(1)
cuda = re.search(r"^cuda\\b[^=]*=\\s*['\\"]([^'\\"]+)", text, re.M)
print(json.dumps({
    "pythonVersion": platform.python_version(),
    "folder": folder,
    "build": build,
    "version": build.split("+")[0],
    "cuda": cuda.group(1) if cuda else None,
}))
`;

/** The PyTorch of a Python: its folder, its version (`2.11.0`), its build (`2.11.0+cu130`) and its CUDA. */
export function findTorch(python) {
  const text = printed(python, ["-c", torchScript]);
  return text === null ? null : { python, ...JSON.parse(text) };
}

/** Commit of the tree, and whether nothing in it differs from that commit; `null` in a copy without its repository. */
export function findCommit(root) {
  const git = (...words) => printed("git", ["-C", root, ...words]);
  // In a copy that lies inside another repository, that one's commit would be told.
  const top = git("rev-parse", "--show-toplevel");
  const commit = git("rev-parse", "HEAD");
  if (top === null || commit === null || realpathSync(top) !== realpathSync(root)) return null;
  return { commit, isClean: git("status", "--porcelain") === "" };
}

/** Whether a program is there and answers when it is asked for its version. */
export function hasProgram(program) {
  return printed(program, ["--version"]) !== null;
}

export function describeHost() {
  return {
    processor: os.cpus()[0]?.model ?? "unknown",
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    node: process.versions.node,
  };
}
