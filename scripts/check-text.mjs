/**
 * Checks what no linter does, over all files that git tracks or would track: no path of somebody's own machine, no
 * registry named in the lock file, no large file outside the fixtures, no source file that has grown too long, no link of a
 * page to a file that is not there, no phrase that is known to make readers stumble, no file that does not open with a sentence
 * on what it is.
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

/** Phrases over which a native reader stumbles, and what to write instead. */
const clumsy = [
  [/\bplay no part\b/i, "is ignored"],
  [/\bare let be\b/i, "are ignored"],
  [/\btakes for ever\b/i, "say what it takes"],
  [/\ball that was told\b/i, "nothing was given but"],
  [/\b(which|that) (it|the \w+) has not\b/i, "which … does not have"],
  [/\bfetches \w+, aloud\b/i, "downloads … and says so"],
  [/(^|[ "(])Of before\b/, "from before"],
  [/\bstands in for while it lives\b/i, "replaces until it is destroyed"],
];

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
    for (const [phrase, better] of file === "scripts/check-text.mjs" ? [] : clumsy) {
      if (phrase.test(line)) problems.push(`${file}:${index + 1}: ${String(phrase)}; write: ${better}`);
    }
    if (/^(<{7}|>{7}) /.test(line)) problems.push(`${file}:${index + 1}: conflict marker`);
  }
  if (file === "package-lock.json" && text.includes('"resolved": "http')) {
    problems.push(`${file}: names a registry; run npm install again, .npmrc leaves it out`);
  }
  if (file.endsWith(".md")) checkLinks(file, text);
  if (needsOpening(file) && !/^(#!.*\n)?\/[/*]/.test(text)) {
    problems.push(`${file}: does not open with a comment that says what the file is`);
  }
  if (/^(lib|binding|cpp|scripts|bench)\/.*\.(ts|mjs|cpp|h)$/.test(file)) {
    const count = codeLines(text);
    if (count > maxCodeLines) problems.push(`${file}: ${count} lines of code, split it (${maxCodeLines} at most)`);
  }
}

/** A C++ file beside a header of its name is told by that. */
function needsOpening(file) {
  if (/^(lib|test|scripts|bench)\/.*\.(ts|mjs)$/.test(file)) return true;
  if (!/^(cpp|binding|cuda|test\/addon)\/.*\.(cpp|cu|h)$/.test(file)) return false;
  return file.endsWith(".h") || !existsSync(path.join(root, file.replace(/\.(cpp|cu)$/, ".h")));
}

/** Links of a page to files that are not there. */
function checkLinks(file, text) {
  for (const [, target] of text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)/g)) {
    if (!existsSync(path.join(root, path.dirname(file), target)))
      problems.push(`${file}: links to ${target}, which is not there`);
  }
}

/** Lines that are neither blank nor only comment. */
function codeLines(text) {
  return text
    .replace(/^\s*\/\*.*?\*\/\s*$/gms, "")
    .split("\n")
    .filter((line) => !/^\s*(\/\/.*)?$/.test(line)).length;
}
