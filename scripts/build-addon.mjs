/**
 * Builds the C++ addon with cmake-js, from a clone or from an installed package.
 *
 *   node scripts/build-addon.mjs [--if-stale] [--tests] [--cuda] [--clean] [--jobs=2]
 *
 * --if-stale  builds only if a source, LibTorch's version or a build tool changed since the last build
 * --tests     also builds the addon that drives the C++ tests, build/test-addon/wsss_test.node
 * --cuda      also builds the CUDA plugin, build/Release/wsss_tissue_cuda.so, with nvcc 12.8 or newer; --tests does so
 *             where there is one
 * --clean     starts from an empty build folder
 * --jobs      compilers at once; each takes up to 1.3 GB
 *
 * Builds in build/ against the pinned LibTorch. WSSS_BUILD names another folder, and WSSS_LIBTORCH_VERSION with LIBTORCH
 * another LibTorch: the same variables under which that build is then loaded.
 * Needs dist/ (it uses lib/libtorch to find LibTorch), a C++20 compiler, make and CMake. Talks on standard error only.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
// One generator everywhere: Ninja is not on every machine, and a build folder can't change its generator.
const generator = "Unix Makefiles";

const flags = new Set(process.argv.slice(2));
const jobsFlag = [...flags].find((flag) => /^--jobs=[1-9]\d*$/.test(flag));
const known = ["--if-stale", "--tests", "--cuda", "--clean", jobsFlag];
const unknown = [...flags].filter((flag) => !known.includes(flag));
if (unknown.length > 0) fail(`unknown argument ${unknown.join(" ")}`);
// LibTorch's headers take up to 1.3 GB a file, so that more jobs than this could run a small machine out of memory.
const jobs = jobsFlag?.split("=")[1] ?? "2";

const { libtorchVersion, setupLibTorch } = await import("../dist/libtorch/libtorch.js");
const require = createRequire(import.meta.url);
const buildFolder = (await import("../dist/native/binary.js")).buildFolder(root);
const addon = path.join(buildFolder, "Release", "wsss_tissue_native.node");
const cudaPlugin = path.join(buildFolder, "Release", "wsss_tissue_cuda.so");
const testAddon = path.join(buildFolder, "test-addon", "wsss_test.node");
const stampFile = path.join(buildFolder, "wsss-build.json");

const wantsTests = flags.has("--tests");
// One that is there is kept up to date: it must be of the same build as the addon.
const wantsCuda = flags.has("--cuda") || existsSync(cudaPlugin) || (wantsTests && hasNvcc());
const stamp = {
  addon: hashOf(["CMakeLists.txt", "binding", "cpp"]),
  cuda: wantsCuda ? hashOf(["CMakeLists.txt", "cuda", "cpp/wsss/kernels", "cpp/wsss/recording/device_graph.h"]) : null,
  tests: wantsTests ? hashOf(["CMakeLists.txt", "cpp", "binding", "test/addon"]) : null,
};

// Found even when nothing is to be built: the addon can't run without it.
let libtorch;
try {
  libtorch = await setupLibTorch({
    needHeaders: true,
    onProgress: ({ stage, message }) => stage !== "found" && say(message),
  });
} catch (error) {
  fail(error.message);
}
if (flags.has("--if-stale") && isFresh()) process.exit(0);

say(
  `building the addon${wantsTests ? " and its tests" : ""} against LibTorch in ${libtorch.folder} (minutes the first time)`,
);
if (flags.has("--clean") || madeElsewhere()) rmSync(buildFolder, { recursive: true, force: true });
rmSync(stampFile, { force: true });
mkdirSync(buildFolder, { recursive: true });
const common = [
  "--log-level",
  "warn",
  "--directory",
  root,
  "--out",
  buildFolder,
  "--config",
  "Release",
  "--generator",
  generator,
];
const definitions = [
  `--CDWSSS_LIBTORCH=${libtorch.folder}`,
  `--CDWSSS_LIBTORCH_VERSION=${libtorchVersion}`,
  `--CDWSSS_BUILD_TESTS=${wantsTests ? "ON" : "OFF"}`,
  `--CDWSSS_BUILD_CUDA=${wantsCuda ? "ON" : "OFF"}`,
];
// cmake-js configures only a folder that never was, so a changed definition needs the step of its own.
cmakeJs("configure", ...common, ...definitions);
cmakeJs("build", ...common, "--parallel", jobs);
if (!existsSync(addon)) fail(`the build ended well but left no ${path.relative(root, addon)}`);
if (wantsCuda && !existsSync(cudaPlugin)) fail(`the build ended well but left no ${path.relative(root, cudaPlugin)}`);
if (wantsTests && !existsSync(testAddon)) fail(`the build ended well but left no ${path.relative(root, testAddon)}`);
writeFileSync(stampFile, `${JSON.stringify(stamp)}\n`);
say(`built ${path.relative(process.cwd(), addon)}`);

/** SHA-256 over the names and contents of source files, LibTorch's version, and the versions of the build tools. */
function hashOf(sources) {
  const hash = createHash("sha256");
  const tools = ["cmake-js", "node-addon-api", "node-api-headers"].map(
    (name) => require(`${name}/package.json`).version,
  );
  hash.update(JSON.stringify([libtorchVersion, ...tools]));
  for (const file of sources.flatMap(filesOf).sort()) {
    hash.update(`\0${file}\0`);
    hash.update(readFileSync(path.join(root, file)));
  }
  return hash.digest("hex");
}

/** Files of a folder of the repository and all folders in it, or the one file; none if it is not there. */
function filesOf(source) {
  const absolute = path.join(root, source);
  if (!existsSync(absolute)) return [];
  if (path.extname(source) !== "") return [source];
  return readdirSync(absolute, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath ?? entry.path, entry.name)));
}

function isFresh() {
  if (!existsSync(addon) || !existsSync(stampFile)) return false;
  const last = JSON.parse(readFileSync(stampFile, "utf8"));
  if (last.addon !== stamp.addon || (wantsCuda && (last.cuda !== stamp.cuda || !existsSync(cudaPlugin)))) return false;
  return !wantsTests || (last.tests === stamp.tests && existsSync(testAddon));
}

/** Whether there is an nvcc that knows all processors of the plugin. */
function hasNvcc() {
  const { stdout } = spawnSync("nvcc", ["--version"], { encoding: "utf8" });
  const [, major, minor] = /release (\d+)\.(\d+)/.exec(stdout ?? "") ?? [];
  return Number(major) > 12 || (Number(major) === 12 && Number(minor) >= 8);
}

/** Whether the build folder belongs to another source folder (a moved clone) or another generator: CMake refuses both. */
function madeElsewhere() {
  const cache = path.join(buildFolder, "CMakeCache.txt");
  if (!existsSync(cache)) return false;
  const text = readFileSync(cache, "utf8");
  return (
    !text.includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${root}\n`) ||
    !text.includes(`CMAKE_GENERATOR:INTERNAL=${generator}\n`)
  );
}

function cmakeJs(...parameters) {
  const program = path.join(path.dirname(require.resolve("cmake-js/package.json")), "bin", "cmake-js");
  const result = spawnSync(process.execPath, [program, ...parameters], { cwd: root, stdio: ["ignore", 2, 2] });
  if (result.status === 0) return;
  const hint = `the output above says why; a C++20 compiler, make and CMake 3.25 are needed`;
  fail(`cmake-js ${parameters[0]} failed (${hint})`);
}

function say(message) {
  process.stderr.write(`build-addon: ${message}\n`);
}

function fail(message) {
  say(message);
  process.exit(1);
}
