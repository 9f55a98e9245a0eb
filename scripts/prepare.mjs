/**
 * Brings a clone into a state in which everything runs, doing only what is missing or stale:
 * npm's packages, the compiled TypeScript (dist/), LibTorch (in the cache), the C++ addon (build/).
 *
 *   node scripts/prepare.mjs [--tests] [--cuda] [--typescript-only]
 *
 * --tests            also builds the addon that drives the C++ tests
 * --cuda             also builds the CUDA plugin, with nvcc
 * --typescript-only  stops after dist/
 *
 * Plain Node without packages, since it runs before there are any. Talks on standard error only, so that the standard
 * output of what runs after it stays clean.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { constants, hostname } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const inRoot = (...parts) => path.join(root, ...parts);
const flags = new Set(process.argv.slice(2));

checkNode();
const unlock = await lock(inRoot(".prepare.lock"));
process.once("exit", unlock);
for (const signal of ["SIGHUP", "SIGINT", "SIGUSR1", "SIGUSR2", "SIGTERM", "SIGXCPU"]) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}

installPackages();
compileTypeScript();
makeExecutable();
if (!flags.has("--typescript-only")) buildAddon();

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  const isNewEnough = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22;
  if (isNewEnough) return;
  fail(`Node 20.19, 22.12 or newer is needed, this is ${process.version}`);
}

function installPackages() {
  const reason = staleDependency();
  if (reason === null) return;
  say(`installing npm packages (${reason})`);
  // No package here needs an install script.
  run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], "npm ci failed, see above");
}

/** Why node_modules is not what package-lock.json says; `null` if it is. npm leaves its own copy of the lock there. */
function staleDependency() {
  const installed = readJson(inRoot("node_modules", ".package-lock.json"));
  if (installed === null) return "node_modules is missing";
  const wanted = readJson(inRoot("package-lock.json"));
  if (wanted === null) fail("package-lock.json is missing or broken");
  for (const [folder, { version, optional, link }] of Object.entries(wanted.packages)) {
    if (folder === "" || link === true) continue;
    const there = installed.packages[folder];
    if (there === undefined ? optional !== true : there.version !== version) return `${folder} is not at ${version}`;
  }
  return null;
}

function compileTypeScript() {
  const stampFile = inRoot("node_modules", ".cache", "wsss-tissue-native", "dist.json");
  const stamp = () => ({
    sources: hashOf(["lib", "tsconfig.json", "tsconfig.page.json", "package-lock.json"]),
    outputs: hashOf(["dist"]),
  });
  const last = readJson(stampFile);
  const now = stamp();
  if (existsSync(inRoot("dist", "index.js")) && last?.sources === now.sources && last.outputs === now.outputs) return;
  say("compiling TypeScript");
  // The pages' own code runs in browsers, and knows other globals.
  for (const project of ["tsconfig.json", "tsconfig.page.json"]) {
    run(
      process.execPath,
      [inRoot("node_modules", "typescript", "bin", "tsc"), "--project", inRoot(project)],
      "TypeScript does not compile, see above",
    );
  }
  for (const file of filesOf("lib").filter(isPagePart)) {
    const copy = inRoot("dist", path.relative("lib", file));
    mkdirSync(path.dirname(copy), { recursive: true });
    copyFileSync(inRoot(file), copy);
  }
  removeOrphans();
  mkdirSync(path.dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, JSON.stringify(stamp()));
}

/** Removes compiled files whose source is gone. */
function removeOrphans() {
  for (const file of filesOf("dist")) {
    const twin = path.join("lib", path.relative("dist", file));
    const source = isPagePart(file) ? twin : twin.replace(/\.(d\.ts|js|js\.map)$/, ".ts");
    if (!existsSync(inRoot(source))) rmSync(inRoot(file));
  }
}

/** What of a page is shipped as it stands. */
function isPagePart(file) {
  return [".html", ".css"].includes(path.extname(file));
}

/** Lets `npx wsss-tissue` run this clone: npm links the command, but makes it executable only once. */
function makeExecutable() {
  const program = inRoot("dist", "cli", "main.js");
  if (existsSync(program)) chmodSync(program, 0o755);
}

function buildAddon() {
  const parameters = [inRoot("scripts", "build-addon.mjs"), "--if-stale"];
  for (const flag of ["--tests", "--cuda"]) if (flags.has(flag)) parameters.push(flag);
  run(process.execPath, parameters, "the addon could not be built, see above");
}

/**
 * Waits until no other process prepares this clone. Returns what ends the lock: a file with the number of the process, and the host, the
 * start of the machine and the container in which it counts. A process of another container or host can't be asked.
 */
async function lock(file) {
  const place = [hostname(), readText("/proc/sys/kernel/random/boot_id")?.trim() ?? "", processNamespace()];
  const text = [process.pid, ...place, ""].join("\n");
  for (let told = false; ;) {
    try {
      writeFileSync(file, text, { flag: "wx" });
      return () => {
        if (readText(file) === text) rmSync(file, { force: true });
      };
    } catch (error) {
      if (error.code !== "EEXIST") fail(`${root} can't be written: ${error.message}`);
    }
    // Versions before wrote the number alone.
    const [number, host = place[0], boot = place[1], namespace = place[2]] = (readText(file) ?? "").split("\n");
    const owner = Number(number);
    const isRestarted = host === place[0] && boot !== place[1];
    const isHere = host === place[0] && boot === place[1] && namespace === place[2];
    if (owner > 0 && (isRestarted || (isHere && !isAlive(owner)))) {
      rmSync(file, { force: true });
      continue;
    }
    const holder = isHere ? `process ${owner}` : `process ${owner} of another container or machine (${host})`;
    if (!told) say(`waiting for ${holder}, which prepares this clone; if it has ended, remove ${file}`);
    told = true;
    await sleep(500);
  }
}

function processNamespace() {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

function isAlive(processId) {
  try {
    return process.kill(processId, 0);
  } catch (error) {
    return error.code === "EPERM";
  }
}

function hashOf(sources) {
  const hash = createHash("sha256");
  for (const file of sources.flatMap(filesOf).sort()) hash.update(`\0${file}\0`).update(readFileSync(inRoot(file)));
  return hash.digest("hex");
}

/** Files of a folder of the clone and all folders in it, or the one file; none if it is not there. */
function filesOf(source) {
  if (!existsSync(inRoot(source))) return [];
  if (path.extname(source) !== "") return [source];
  return readdirSync(inRoot(source), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath ?? entry.path, entry.name)));
}

function readJson(file) {
  const text = readText(file);
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

function readText(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

function run(command, parameters, failure) {
  const { status, error } = spawnSync(command, parameters, { cwd: root, stdio: ["ignore", 2, 2] });
  if (error !== undefined) fail(`${command} could not be started: ${error.message}`);
  if (status !== 0) fail(failure);
}

function say(message) {
  process.stderr.write(`prepare: ${message}\n`);
}

function fail(message) {
  say(message);
  process.exit(1);
}
