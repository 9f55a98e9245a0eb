/**
 * Makes the binaries of the npm package in prebuilds/<platform>/: the addon, which runs on the CPU and CUDA builds of the
 * pinned LibTorch alike, and where nvcc is, the CUDA plugin beside it. Both are stripped and checked.
 *
 *   node scripts/prebuild.mjs [--clean]
 *
 * --clean  builds from an empty folder, as a release must; else only what is stale is built
 *
 * arm64: nothing here is bound to x64 but the tags of the pinned wheels (lib/libtorch/pip-source.ts), the platform check
 * (lib/native/platform.ts) and "cpu" in package.json. No arm64 machine has run it, so none is claimed.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(import.meta.url);
const addon = path.join(root, "build", "Release", "wsss_tissue_native.node");
const kept = path.join(root, "build", "wsss_tissue_native.node.kept");
const prebuilds = path.join(root, "prebuilds", `${process.platform}-${process.arch}`);

run(path.join(root, "scripts", "prepare.mjs"), "--typescript-only");
run(path.join(root, "scripts", "build-addon.mjs"), process.argv.includes("--clean") ? "--clean" : "--if-stale");

// prebuildify builds once more (through the shim: nothing is stale), strips what it finds and moves it away. The build
// folder keeps its own, with symbols.
copyFileSync(addon, kept);
rmSync(prebuilds, { recursive: true, force: true });
try {
  const shim = path.join(root, "scripts", "node-gyp-shim.mjs");
  const prebuildify = path.join(path.dirname(require.resolve("prebuildify/package.json")), "bin.js");
  run(prebuildify, "--napi", "--strip", "--node-gyp", shim);
} finally {
  if (existsSync(kept)) copyFileSync(kept, addon);
  rmSync(kept, { force: true });
}
run(path.join(root, "scripts", "check-binary.mjs"), prebuilds);

function run(script, ...parameters) {
  const { status } = spawnSync(process.execPath, [script, ...parameters], { cwd: root, stdio: ["ignore", 2, 2] });
  if (status === 0) return;
  process.stderr.write(`prebuild: ${path.relative(root, script)} failed, see above\n`);
  process.exit(1);
}
