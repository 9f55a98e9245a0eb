/**
 * Makes a release of what is committed, in steps, each of which says what it does and stops the release with a sentence
 * if something is not right. Nothing is published: the last lines are the commands that would.
 *
 *   node scripts/release.mjs [--dry-run] [--skip-tests] [--skip-prebuild] [--without-cuda]
 *
 * --dry-run        only says the steps
 * --skip-tests     without .ci/run, where it has just passed
 * --skip-prebuild  packs the binaries that are in prebuilds/
 * --without-cuda   the CUDA plugin may be missing
 *
 * Leaves in release/: the tarball for npm, both binaries, an SBOM (CycloneDX), and SHA256SUMS over them.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const inRoot = (...parts) => path.join(root, ...parts);
const binaries = ["wsss-tissue-native.node", "wsss_tissue_cuda.so"].map((name) => `prebuilds/linux-x64/${name}`);
const [addon, cudaPlugin] = binaries;

/** What a tarball must hold, and all that it may hold. */
const documents = ["CHANGELOG.md", "CITATION.cff", "LICENSE", "README.md", "THIRD_PARTY.md", "package.json"];
const needed = [...documents, "dist/index.js", "dist/index.d.ts", "dist/cli/main.js", addon];
const allowed = [/^dist\/([a-z0-9-]+\/)*[a-z0-9-]+\.(js|d\.ts)$/];

let current = "";
const known = ["--dry-run", "--skip-tests", "--skip-prebuild", "--without-cuda"];
const flags = new Set(process.argv.slice(2));
const unknown = [...flags].filter((flag) => !known.includes(flag));
if (unknown.length > 0) stop(`unknown argument ${unknown.join(" ")}; there are ${known.join(", ")}`);

const { name, version, repository } = JSON.parse(readText("package.json"));
const tarball = `${name}-${version}.tgz`;
const sbom = `${name}-${version}.cdx.json`;
const withCuda = () => !flags.has("--without-cuda") || existsSync(inRoot(cudaPlugin));
const skipped = [];

const steps = [
  { title: "git has nothing that is not committed", act: checkTree },
  { title: `version ${version} is in the changelog, and named alike everywhere`, act: checkVersion },
  { title: `there is no other tag v${version}`, act: checkTag },
  { title: "package-lock.json is in step with package.json", act: checkLock },
  { title: "node_modules and dist/ are up to date", act: compile },
  { title: "THIRD_PARTY.md is in step with the lock file", act: checkThirdParty },
  { title: "npm audit knows of no weakness in what users install", act: audit },
  { title: "all tests and linters pass (bash .ci/run)", skip: "--skip-tests", act: test },
  { title: "binaries are built afresh into prebuilds/", skip: "--skip-prebuild", act: prebuild },
  { title: `npm pack into release/${tarball}`, act: pack },
  {
    title: "the tarball holds what it should, and nothing else; its binaries run where LibTorch does",
    act: checkTarball,
  },
  { title: `SBOM into release/${sbom}`, act: writeSbom },
  { title: "release/SHA256SUMS over tarball, binaries and SBOM", act: writeSums },
];

for (const [index, { title, skip, act }] of steps.entries()) {
  current = title;
  const isSkipped = flags.has(skip);
  if (isSkipped) skipped.push(`${title} (${skip})`);
  say(`${index + 1}/${steps.length} ${title}${isSkipped ? `: SKIPPED (${skip})` : ""}`);
  if (!isSkipped && !flags.has("--dry-run")) act();
}
sayWhatIsLeft();

function checkTree() {
  const changes = capture("git", ["status", "--porcelain"]).trimEnd();
  if (changes !== "") stop(`a release is made of what is committed; commit or stash\n${changes}`);
}

function checkVersion() {
  if (!/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(version))
    stop(`package.json has ${version}, which is no semantic version`);
  const changelog = readText("CHANGELOG.md");
  const heading = changelog.split("\n").find((line) => line.startsWith(`## [${version}]`));
  const wanted = `"## [${version}] - YYYY-MM-DD"`;
  if (heading === undefined) stop(`CHANGELOG.md has no heading ${wanted}; move what is under [Unreleased] below one`);
  const date = /\] - (\d{4}-\d{2}-\d{2})$/.exec(heading)?.[1];
  if (Number.isNaN(Date.parse(date))) stop(`CHANGELOG.md has "${heading}", not ${wanted} with the day of the release`);
  const pending = /^## \[Unreleased\]\n([^]*?)(?=^## )/m.exec(changelog)?.[1].trim() ?? "";
  if (pending !== "")
    stop(`CHANGELOG.md still has entries under [Unreleased], which this release holds; move them to ${version}`);
  const mentions = [
    ["CITATION.cff", /^version: (.+)$/m],
    ["docs/docker/Dockerfile.cuda", /^ARG WSSS_VERSION=(.+)$/m],
  ];
  for (const [file, pattern] of mentions) {
    const mentioned = pattern.exec(readText(file))?.[1];
    if (mentioned !== version) stop(`${file} has version ${mentioned ?? "none"}, package.json ${version}`);
  }
}

/** A release in CI is made of a tag, so that the tag is there already. */
function checkTag() {
  const commitOf = (name) => tryCapture("git", ["rev-parse", "--quiet", "--verify", `${name}^{commit}`])?.trim();
  const tagged = commitOf(`refs/tags/v${version}`);
  if (tagged !== undefined && tagged !== commitOf("HEAD")) {
    stop(
      `v${version} is the tag of another commit, ${tagged}; a version that is out is never made again, take the next one`,
    );
  }
}

function checkLock() {
  const lock = JSON.parse(readText("package-lock.json"));
  if (lock.version !== version) {
    stop(`package-lock.json has version ${lock.version}, package.json ${version}; run \`npm install\``);
  }
  const parameters = ["ci", "--dry-run", "--ignore-scripts", "--no-audit", "--no-fund"];
  const { status, stderr } = spawnSync("npm", parameters, { cwd: root, encoding: "utf8" });
  if (status === 0) return;
  // npm says how to use it after what is wrong.
  const said = stderr.split("\n").filter((line) => /Invalid|Missing/.test(line));
  stop(`npm ci would refuse package-lock.json; run \`npm install\`\n${said.length > 0 ? said.join("\n") : stderr}`);
}

function compile() {
  const parameters = ["scripts/prepare.mjs", "--typescript-only"];
  run(process.execPath, parameters, "node_modules or dist/ could not be brought up to date, see above");
}

function checkThirdParty() {
  run(process.execPath, ["scripts/third-party.mjs", "--check"], "THIRD_PARTY.md is not right, see above");
}

/** A registry without audits (a mirror) is said aloud and again at the end; a weakness stops. */
function audit() {
  const { stdout } = spawnSync("npm", ["audit", "--omit=dev", "--json"], { cwd: root, encoding: "utf8" });
  const report = parseJson(stdout);
  if (report?.auditReportVersion === undefined) {
    const reason = `no audit to be had: ${report?.message?.replace(/ - .*/, "") ?? "npm gave no report"}`;
    skipped.push(`npm audit (${reason})`);
    say(`    SKIPPED, ${reason}`);
    return;
  }
  const { total } = report.metadata.vulnerabilities;
  if (total === 0) return;
  stop(`npm audit knows of ${total} (${Object.keys(report.vulnerabilities).join(", ")}); run \`npm audit --omit=dev\``);
}

function test() {
  run("bash", [".ci/run"], "something failed, see above");
}

function prebuild() {
  run(process.execPath, ["scripts/prebuild.mjs", "--clean"], "the binaries could not be built, see above");
}

function pack() {
  rmSync(inRoot("release"), { recursive: true, force: true });
  mkdirSync(inRoot("release"));
  // Without scripts: our own `prepare` has been run.
  run("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", "release"], "npm pack failed, see above");
  if (!existsSync(inRoot("release", tarball))) stop(`npm pack left no release/${tarball}`);
}

function checkTarball() {
  const folder = mkdtempSync(path.join(tmpdir(), "wsss-release-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  run("tar", ["-xzf", inRoot("release", tarball), "-C", folder], "the tarball can't be unpacked, see above");
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(path.join(folder, "package"), path.join(entry.parentPath ?? entry.path, entry.name)));
  const mustHave = withCuda() ? [...needed, cudaPlugin] : needed;
  const missing = mustHave.filter((file) => !files.includes(file));
  if (missing.length > 0) stop(`the tarball lacks ${missing.join(", ")}`);
  const strange = files.filter((file) => !mustHave.includes(file) && !allowed.some((pattern) => pattern.test(file)));
  if (strange.length > 0) stop(`the tarball holds what it should not: ${strange.join(", ")}`);
  // Folders of the machine that it was made on are nobody's business, and a file that needs them runs nowhere else.
  const ownFolders = [root, homedir()].filter((place) => place !== "/").map((place) => `${place}/`);
  for (const file of files) {
    const content = readFileSync(path.join(folder, "package", file));
    const own = ownFolders.find((place) => content.includes(place));
    if (own !== undefined) stop(`${file} in the tarball names the folder ${own} of this machine`);
  }
  const unpacked = path.join(folder, "package", path.dirname(addon));
  run(
    process.execPath,
    ["scripts/check-binary.mjs", unpacked],
    "a binary asks more of a system than LibTorch, see above",
  );
  say(`    ${files.length} files`);
}

function writeSbom() {
  run(process.execPath, ["scripts/sbom.mjs", path.join("release", sbom)], "the SBOM could not be written, see above");
}

function writeSums() {
  for (const binary of binaries.filter((file) => existsSync(inRoot(file)))) {
    copyFileSync(inRoot(binary), inRoot("release", path.basename(binary)));
  }
  const lines = readdirSync(inRoot("release"))
    .sort()
    .map(
      (file) =>
        `${createHash("sha256")
          .update(readFileSync(inRoot("release", file)))
          .digest("hex")}  ${file}\n`,
    );
  writeFileSync(inRoot("release", "SHA256SUMS"), lines.join(""));
  process.stdout.write(lines.join(""));
}

function sayWhatIsLeft() {
  const done = flags.has("--dry-run") ? "nothing was done (--dry-run)" : `release/ holds ${name} ${version}`;
  const left = skipped.map((what) => `  not checked: ${what}`);
  if (!withCuda()) left.push("  without the CUDA plugin (--without-cuda)");
  if (repository === undefined) left.push("  package.json has no `repository`, with which npm compares the provenance");
  const commands = [
    `  git tag --annotate v${version} --message "${name} ${version}"`,
    `  git push origin v${version}          # .github/workflows/release.yml then does all of this, and publishes`,
    `  npm publish --provenance release/${tarball}   # what it runs; provenance is to be had only there`,
  ];
  say([done, ...left].join("\n"));
  process.stdout.write(`To publish:\n${commands.join("\n")}\n`);
}

function readText(file) {
  if (!existsSync(inRoot(file))) stop(`${file} is missing`);
  return readFileSync(inRoot(file), "utf8");
}

function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function tryCapture(command, parameters) {
  const { status, stdout, error } = spawnSync(command, parameters, { cwd: root, encoding: "utf8" });
  if (error !== undefined) stop(`${command} could not be started: ${error.message}`);
  return status === 0 ? stdout : undefined;
}

function capture(command, parameters) {
  return tryCapture(command, parameters) ?? stop(`${command} ${parameters.join(" ")} failed`);
}

function run(command, parameters, failure) {
  const { status, error } = spawnSync(command, parameters, { cwd: root, stdio: ["ignore", 2, 2] });
  if (error !== undefined) stop(`${command} could not be started: ${error.message}`);
  if (status !== 0) stop(failure);
}

function say(message) {
  process.stderr.write(`release: ${message}\n`);
}

function stop(message) {
  say(current === "" ? message : `stopped at "${current}": ${message}`);
  process.exit(1);
}
