/**
 * Builds the addon, the CUDA plugin and the test addon against the LibTorch of a PyTorch, into build-gpu/VERSION, doing only what is missing or
 * stale: what --prepare compiled of the same sources is taken as it is.
 *
 *   node scripts/gpu-check/build.mjs     with the environment of buildEnvironment()
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "..");

/** Where the build against one LibTorch lies. */
export function buildFolderOf(version) {
  return path.join(root, "build-gpu", version);
}

/**
 * The environment in which that build is made, and found again by whoever loads the addon.
 * @param {{ folder: string, version: string }} libtorch - the folder `torch` of a Python, or of an unpacked wheel.
 */
export function buildEnvironment({ folder, version }) {
  return {
    ...process.env,
    LIBTORCH: folder,
    WSSS_LIBTORCH_VERSION: version,
    WSSS_BUILD: buildFolderOf(version),
    // CMake asks `node` for packages, and a Node that was carried along is on no path.
    PATH: [path.dirname(process.execPath), process.env.PATH].join(path.delimiter),
  };
}

/** Compilers that fit into memory side by side, 1.5 GiB each, one for each core at most. */
function jobs() {
  return Math.max(1, Math.min(os.availableParallelism(), Math.floor(os.freemem() / (1.5 * 2 ** 30))));
}

/** Compiles the TypeScript, if it is stale. Its output goes to standard error. */
export function compileTypeScript(env = process.env) {
  return run(["scripts/prepare.mjs", "--typescript-only"], env);
}

/** Builds what build-gpu/VERSION lacks. */
export function buildAll(env) {
  return run(["scripts/build-addon.mjs", "--if-stale", "--tests", "--cuda", `--jobs=${jobs()}`], env);
}

function run(words, env) {
  return spawnSync(process.execPath, words, { cwd: root, env, stdio: ["ignore", 2, 2] }).status === 0;
}

/** What --prepare noted of the build that it made; `null` if there is none of it. */
export function readPrepared(version) {
  const file = path.join(buildFolderOf(version), "prepared.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : null;
}

/** As a part of a run: brings the build up to date, and forgets who prepared it if that one did not fit. */
function bringUpToDate(env) {
  const folder = env.WSSS_BUILD;
  const stamp = () => statSync(path.join(folder, "wsss-build.json"), { throwIfNoEntry: false })?.mtimeMs;
  const before = stamp();
  const isDone = compileTypeScript(env) && buildAll(env);
  if (stamp() !== before) rmSync(path.join(folder, "prepared.json"), { force: true });
  return isDone;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = bringUpToDate(process.env) ? 0 : 1;
