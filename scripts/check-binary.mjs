/**
 * Says what the prebuilt binaries need of the system they run on, and fails if that is more than LibTorch needs itself, or
 * if a binary knows the machine it was built on.
 *
 *   node scripts/check-binary.mjs [FOLDER] [--json]
 *
 * FOLDER  holds *.node and *.so; prebuilds/linux-x64 unless given
 *
 * Needs readelf and objdump, which come with the compiler.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const parameters = process.argv.slice(2);
const folder = path.resolve(
  parameters.find((word) => !word.startsWith("--")) ?? path.join(root, "prebuilds/linux-x64"),
);

/** What LibTorch 2.13.0's own libraries need (`objdump -T libtorch_cpu.so`): with less ours would gain nothing. */
const ceilings = { GLIBC: "2.28", GLIBCXX: "3.4.22", CXXABI: "1.3.11" };
/** Libraries that are loaded before the addon, or are part of every glibc system. */
const allowedLibraries =
  /^(libc10|libtorch_cpu)\.so$|^(libc|libm|libdl|libpthread|librt|libgcc_s|libstdc\+\+|ld-linux-x86-64)\.so\.\d+$/;

const reports = readdirSync(folder)
  .filter((name) => /\.(node|so)$/.test(name))
  .sort()
  .map((name) => examine(path.join(folder, name)));
if (reports.length === 0) reports.push({ name: folder, bytes: 0, needs: {}, problems: ["holds no binary"] });

if (parameters.includes("--json")) console.log(JSON.stringify(reports));
else for (const report of reports) console.log(describe(report));
process.exitCode = reports.some(({ problems }) => problems.length > 0) ? 1 : 0;

function examine(file) {
  const needs = neededVersions(file);
  const problems = [];
  for (const [kind, ceiling] of Object.entries(ceilings)) {
    if (isNewer(needs[kind], ceiling)) problems.push(`needs ${kind}_${needs[kind]}, LibTorch only ${kind}_${ceiling}`);
  }
  const dynamic = run("readelf", "-d", "--wide", file);
  if (/\((RPATH|RUNPATH)\)/.test(dynamic)) problems.push("has a run path");
  for (const [, library] of dynamic.matchAll(/\(NEEDED\).*\[(.+)\]/g)) {
    if (!allowedLibraries.test(library)) problems.push(`is linked to ${library}, which nothing loads before it`);
  }
  if (/ \.symtab /.test(run("readelf", "-S", "--wide", file))) problems.push("is not stripped");
  const content = readFileSync(file, "latin1");
  for (const place of new Set([root, homedir(), "/usr/include/", "/usr/lib/gcc/"])) {
    if (place !== "/" && content.includes(place))
      problems.push(`names a folder of the machine it was built on, ${place}`);
  }
  return { name: path.basename(file), bytes: statSync(file).size, needs, problems };
}

/** The newest version of each library's symbols that a binary is bound to. */
function neededVersions(file) {
  const needs = {};
  for (const [, kind, version] of run("objdump", "-T", file).matchAll(/\((GLIBC|GLIBCXX|CXXABI)_([0-9.]+)\)/g)) {
    if (needs[kind] === undefined || isNewer(version, needs[kind])) needs[kind] = version;
  }
  return needs;
}

function isNewer(version, than) {
  if (version === undefined) return false;
  const [left, right] = [version, than].map((text) => text.split(".").map(Number));
  const place = left.findIndex((number, i) => number !== (right[i] ?? 0));
  return place >= 0 && left[place] > (right[place] ?? 0);
}

function describe({ name, bytes, needs, problems }) {
  const list = Object.entries(needs).map(([kind, version]) => `${kind}_${version}`);
  const lines = [`${name}: ${(bytes / 1e6).toFixed(2)} MB, needs ${list.join(", ") || "nothing"}`];
  return [...lines, ...problems.map((problem) => `  ${problem}`)].join("\n");
}

function run(program, ...words) {
  return execFileSync(program, words, { encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "ignore"] });
}
