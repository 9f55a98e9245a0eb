/**
 * Makes the binaries of the npm package in prebuilds/<platform>/: the addon, which runs on the CPU and CUDA builds of the
 * pinned LibTorch alike, and where nvcc is, the CUDA plugin beside it. Both are stripped and checked.
 *
 *   node scripts/prebuild.mjs [--clean]
 *
 * --clean  builds from an empty folder, as a release must; else only what is stale is built
 *
 * arm64: nothing here is bound to x64 but the tags of the pinned wheels (lib/fetch/pip-source.ts), the platform check
 * (lib/native/platform.ts) and "cpu" in package.json. No arm64 machine has run it, so none is claimed.
 */
import { spawnSync } from "node:child_process";
import { cpSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(import.meta.url);
const release = path.join(root, "build", "Release");
const kept = path.join(root, "build", "Release.kept");
const prebuilds = path.join(root, "prebuilds", `${process.platform}-${process.arch}`);

process.once("uncaughtException", (error) => {
  process.stderr.write(`prebuild: ${error.message}\n`);
  process.exit(1);
});
run(path.join(root, "scripts", "prepare.mjs"), "--typescript-only");
run(path.join(root, "scripts", "build-addon.mjs"), process.argv.includes("--clean") ? "--clean" : "--if-stale");

// prebuildify builds once more (through the shim: nothing is stale), strips what it finds in place and moves it away. It gets
// copies: a process that has the build folder's own files loaded, such as a test run, would crash on code that changes.
rmSync(prebuilds, { recursive: true, force: true });
rmSync(kept, { recursive: true, force: true });
renameSync(release, kept);
try {
  cpSync(kept, release, { recursive: true, preserveTimestamps: true });
  const shim = path.join(root, "scripts", "node-gyp-shim.mjs");
  const prebuildify = path.join(path.dirname(require.resolve("prebuildify/package.json")), "bin.js");
  run(prebuildify, "--napi", "--strip", "--node-gyp", shim);
} finally {
  rmSync(release, { recursive: true, force: true });
  renameSync(kept, release);
}
run(path.join(root, "scripts", "check-binary.mjs"), prebuilds);

function run(script, ...parameters) {
  const { status } = spawnSync(process.execPath, [script, ...parameters], { cwd: root, stdio: ["ignore", 2, 2] });
  if (status === 0) return;
  throw new Error(`${path.relative(root, script)} failed, see above`);
}
