/**
 * `npm run gpu-check -- --prepare`: compiles what a run on a GPU machine needs, without a GPU, against the LibTorch of the PyTorch that is there, and
 * packs what has to be carried to a machine that has neither a network nor a Node.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { runTimePackages } from "../run-time-packages.mjs";
import { buildAll, buildEnvironment, buildFolderOf, compileTypeScript, root } from "./build.mjs";
import { findCommit, findNvcc, findTorch, isSupportedTorch, supportedTorch } from "./machine.mjs";

const again = "npm run gpu-check -- --prepare";

/** Of node_modules a run needs what the library needs, jest, TypeScript, which compiles the tests, and, should it build, cmake-js. */
const developmentPackages = ["@jest/globals", "cmake-js", "jest", "node-addon-api", "node-api-headers", "typescript"];

/**
 * @param {{ python: string, version?: string, say: (message: string) => void, fail: (message: string) => never }} options - `version`: of PyTorch; left
 *   out, that of the Python, else the pinned one.
 */
export async function prepare({ python, version: wanted, say, fail }) {
  if (findNvcc() === null) fail("there is no nvcc here, which compiles the CUDA plugin");
  if (!compileTypeScript()) fail("the TypeScript could not be compiled, see above");
  // Only now: dist/ may not have been there.
  const libtorch = await import("../../dist/libtorch/libtorch.js");
  const installed = findTorch(python);
  const usable = installed !== null && isSupportedTorch(installed.version) ? installed.version : undefined;
  const version = wanted ?? usable ?? libtorch.libtorchVersion;
  if (!isSupportedTorch(version))
    fail(`--torch must be a release of ${supportedTorch.join(", ")}, as 2.11.0, not ${version}`);
  const folder =
    installed?.version === version ? installed.folder : await fetchTorch({ python, version, libtorch, say, fail });
  say(`compiling against LibTorch ${version} in ${folder}`);
  if (!buildAll(buildEnvironment({ folder, version }))) fail("it could not be built, see above");
  const note = { torch: version, date: new Date().toISOString(), commit: findCommit(root) };
  writeFileSync(path.join(buildFolderOf(version), "prepared.json"), `${JSON.stringify(note)}\n`);
  pack(version, fail);
}

/** The headers and CPU libraries of a PyTorch wheel, in the cache folder; fetched by pip unless they are there. */
async function fetchTorch({ python, version, libtorch, say, fail }) {
  const folder = path.join(libtorch.cacheFolder(), `gpu-check-libtorch-${version}`);
  const isWhole = async () => {
    const found = await libtorch.readLibTorchFolder(folder);
    return found.version === version && found.hasHeaders && found.missing.length === 0;
  };
  if (await isWhole()) return folder;
  const { downloadArguments } = await import("../../dist/fetch/pip-source.js");
  const { libtorchErrand } = await import("../../dist/libtorch/pinned.js");
  const { unpackWheel } = await import("../../dist/libtorch/unpack-wheel.js");
  const scratch = `${folder}.new`;
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  say(`fetching the wheel of PyTorch ${version} (half a gigabyte) for its headers, into ${folder}`);
  // Three equals signs: the build for CUDA, where an index has several.
  const words = ["-m", ...downloadArguments, "--no-cache-dir", "--dest", scratch, `torch===${version}`];
  const env = { ...process.env, TMPDIR: scratch };
  if (spawnSync(python, words, { stdio: ["ignore", 2, 2], env }).status !== 0)
    fail("pip could not fetch it, see above");
  const wheel = path.join(
    scratch,
    readdirSync(scratch).find((name) => name.endsWith(".whl")),
  );
  await unpackWheel(wheel, scratch, { variant: "cpu", headers: true }, libtorchErrand(again));
  rmSync(wheel);
  rmSync(folder, { recursive: true, force: true });
  renameSync(scratch, folder);
  if (!(await isWhole())) fail(`${folder} lacks what the wheel should have had`);
  return folder;
}

/** Packs everything that git does not carry, and says what and how large. */
function pack(version, fail) {
  const build = path.relative(root, buildFolderOf(version));
  const node = path.join("build-gpu", "node");
  copyFileSync(process.execPath, path.join(root, node));
  const groups = [
    ["the build", ["Release", "test-addon", "wsss-build.json", "prepared.json"].map((name) => path.join(build, name))],
    ["dist", ["dist"]],
    ["node_modules, trimmed", packageFolders()],
    [`Node ${process.versions.node}`, [node]],
  ];
  const archive = path.join("build-gpu", `carry-${version}.tar.gz`);
  // Maps of packages, unlike those of dist, are of no use there.
  const words = ["-czf", archive, "--exclude=node_modules/*.map", ...groups.flatMap(([, places]) => places)];
  if (spawnSync("tar", words, { cwd: root, stdio: ["ignore", 2, 2] }).status !== 0)
    fail("tar could not pack it, see above");
  console.log(`prepared for PyTorch ${version}; to be carried to the GPU machine, beside a copy of this tree:\n`);
  for (const [name, places] of groups)
    console.log(`  ${mebibytes(places.reduce((sum, place) => sum + bytesOf(place), 0))}  ${name}`);
  console.log(`  ${mebibytes(bytesOf(archive))}  packed: ${archive}\n`);
  console.log(`There, with the PyTorch ${version} of its python3:\n`);
  console.log(`  tar -xzf ${archive} && ${node} scripts/gpu-check.mjs\n`);
  console.log("Where there is a Node, npm and a network, a copy of the tree and the build alone will do.");
}

/** Folders of node_modules, and what prepare.mjs compares to find that nothing is stale. */
function packageFolders() {
  const packages = runTimePackages(root, developmentPackages).map(({ folder }) => folder);
  // tar takes the packages inside a package with it.
  const outer = packages.filter((folder) => folder.lastIndexOf("node_modules/") === 0);
  const stamps = ["node_modules/.package-lock.json", "node_modules/.cache/wsss-tissue-native"];
  return [...outer, ...stamps].filter((folder) => existsSync(path.join(root, folder)));
}

function bytesOf(place) {
  const absolute = path.join(root, place);
  const found = statSync(absolute);
  if (!found.isDirectory()) return found.size;
  return readdirSync(absolute).reduce((sum, name) => sum + bytesOf(path.join(place, name)), 0);
}

function mebibytes(bytes) {
  return `${(bytes / 2 ** 20).toFixed(1).padStart(7)} MiB`;
}
