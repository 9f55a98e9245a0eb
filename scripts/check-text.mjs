/**
 * Checks what no linter does, over all files that git tracks or would track: no path of somebody's own machine, no
 * registry named in the lock file, no large file outside the fixtures, no source file that has grown too long.
 * Prints one line for each violation and exits with 1 if there is any.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const maxFileBytes = 1024 * 1024;
const maxCodeLines = 300;
const folders = ["work", "root", "home", "Users", "mnt"].join("|");
const machinePath = new RegExp(`(?<![\\w.~*)}\\]-])/(?:${folders})/[\\w.-]`);

const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root });
const problems = [];

for (const file of listed.toString("utf8").split("\0")) {
  const absolute = path.join(root, file);
  // A tracked file may be deleted but not yet committed so.
  if (file === "" || !existsSync(absolute) || file.startsWith("test/fixtures/")) continue;
  const { size } = statSync(absolute);
  if (size > maxFileBytes) problems.push(`${file}: ${size} bytes, more than ${maxFileBytes} outside test/fixtures`);
  const content = readFileSync(absolute);
  if (!content.includes(0)) checkText(file, content.toString("utf8"));
}
for (const problem of problems) console.log(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

function checkText(file, text) {
  for (const [index, line] of text.split("\n").entries()) {
    if (machinePath.test(line)) problems.push(`${file}:${index + 1}: names an absolute path of one machine`);
    if (/^(<{7}|>{7}) /.test(line)) problems.push(`${file}:${index + 1}: conflict marker`);
  }
  if (file === "package-lock.json" && text.includes('"resolved": "http')) {
    problems.push(`${file}: names a registry; run npm install again, .npmrc leaves it out`);
  }
  if (/^(lib|binding|cpp|scripts|bench)\/.*\.(ts|mjs|cpp|h)$/.test(file)) {
    const count = codeLines(text);
    if (count > maxCodeLines) problems.push(`${file}: ${count} lines of code, split it (${maxCodeLines} at most)`);
  }
}

/** Lines that are neither blank nor only comment. */
function codeLines(text) {
  return text
    .replace(/^\s*\/\*.*?\*\/\s*$/gms, "")
    .split("\n")
    .filter((line) => !/^\s*(\/\/.*)?$/.test(line)).length;
}
