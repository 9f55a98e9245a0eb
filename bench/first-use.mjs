/**
 * Time and bytes from `npm install` to the first segmented patch, in an empty folder with empty caches.
 *
 *   node bench/first-use.mjs
 *
 * Packs what is built here (npm run prebuild first), installs the tarball, runs `wsss-tissue setup --cpu`, then a program that
 * segments one patch, twice: the second run is what every later start costs. Prints JSON.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const folder = mkdtempSync(path.join(tmpdir(), "wsss-first-use-"));
const project = path.join(folder, "project");
const environment = { ...process.env, LIBTORCH: "", WSSS_CACHE: path.join(folder, "cache") };
environment.npm_config_cache = path.join(folder, "npm-cache");

try {
  mkdirSync(project);
  writeFileSync(path.join(project, "package.json"), '{ "private": true }\n');
  const packing = ["pack", "--ignore-scripts", "--json", "--pack-destination", folder];
  const [packed] = JSON.parse(
    execFileSync("npm", packing, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
  );
  const tarball = path.join(folder, packed.filename);
  const install = timed("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", tarball]);
  const program = path.join(project, "first-patch.mjs");
  copyFileSync(path.join(root, "bench", "first-patch.mjs"), program);
  const setup = timed(process.execPath, ["node_modules/.bin/wsss-tissue", "setup", "--cpu"]);
  const first = timed(process.execPath, [program]);
  const again = timed(process.execPath, [program]);
  const report = {
    node: process.version,
    seconds: { install, setup, first, again, total: install + setup + first },
    bytes: {
      tarball: packed.size,
      package: packed.unpackedSize,
      nodeModules: bytesOf(path.join(project, "node_modules")),
      libtorch: bytesOf(environment.WSSS_CACHE),
    },
  };
  console.log(JSON.stringify(report, null, 2));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function timed(command, parameters) {
  const startedMs = Date.now();
  execFileSync(command, parameters, { cwd: project, env: environment, stdio: ["ignore", "ignore", "inherit"] });
  return Number(((Date.now() - startedMs) / 1000).toFixed(1));
}

function bytesOf(place) {
  return readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(path.join(entry.parentPath ?? entry.path, entry.name)).size, 0);
}
