/**
 * Checks the subjects of commits: at most 72 characters, so that every tool shows them whole. Commits of before the rule, and merges, are
 * left alone.
 *
 *   node scripts/check-commits.mjs
 */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const ruleBegins = "2026-11-28T19:00:00Z";
const longest = 72;

const { stdout, status } = spawnSync("git", ["log", "--no-merges", `--since=${ruleBegins}`, "--format=%h %s"], {
  cwd: root,
  encoding: "utf8",
});
// An unpacked archive has no history.
const lines = status === 0 ? stdout.trim().split("\n").filter(Boolean) : [];
const tooLong = lines.filter((line) => [...line.slice(line.indexOf(" ") + 1)].length > longest);
for (const line of tooLong) console.log(`${line}: the subject has more than ${longest} characters`);
process.exitCode = tooLong.length > 0 ? 1 : 0;
