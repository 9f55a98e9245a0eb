/**
 * Runs every linter to its end, says which failed, and exits with 1 if any did.
 *
 *   node scripts/lint.mjs [--report FILE]
 *
 * --report  also writes {"passed", "failed"} there, one check a linter
 *
 * Needs node_modules and dist/, which `node scripts/prepare.mjs --typescript-only` makes.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const program = (name) => path.join("node_modules", name);

const checks = [
  ["types of lib", [program("typescript/bin/tsc"), "--project", "tsconfig.json", "--noEmit"]],
  ["types of the pages", [program("typescript/bin/tsc"), "--project", "tsconfig.page.json", "--noEmit"]],
  ["types of the tests", [program("typescript/bin/tsc"), "--project", "tsconfig.test.json"]],
  ["types as users see them", [program("typescript/bin/tsc"), "--project", "test/types/tsconfig.json"]],
  ["types as bundlers see them", [program("typescript/bin/tsc"), "--project", "test/types/tsconfig.bundler.json"]],
  ["eslint", [program("eslint/bin/eslint.js"), "--max-warnings", "0", "."]],
  ["prettier", [program("prettier/bin/prettier.cjs"), "--check", "--log-level", "warn", "."]],
  ["layers", ["scripts/check-layers.mjs"]],
  ["fields of the addon", ["scripts/check-native-fields.mjs"]],
  ["tables of options", ["scripts/generate-options.mjs", "--check"]],
  ["text", ["scripts/check-text.mjs"]],
  ["commits", ["scripts/check-commits.mjs"]],
  ["third-party notices", ["scripts/third-party.mjs", "--check"]],
  ["documentation", [program("typedoc/bin/typedoc"), "--emit", "none", "--logLevel", "Warn"]],
  ["package", ["scripts/check-package.mjs"]],
  ["clang-format", ["scripts/clang-tools.mjs", "format"]],
  ["clang-tidy", ["scripts/clang-tools.mjs", "tidy"]],
];

const failed = [];
for (const [name, parameters] of checks) {
  const startedMs = Date.now();
  const { status } = spawnSync(process.execPath, parameters, { cwd: root, stdio: ["ignore", 2, 2] });
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
  console.error(`lint: ${name} ${status === 0 ? "ok" : "FAILED"} (${seconds} s)`);
  if (status !== 0) failed.push(name);
}
const reportAt = process.argv.indexOf("--report");
if (reportAt >= 0) {
  const report = { passed: checks.length - failed.length, failed: failed.length };
  writeFileSync(process.argv[reportAt + 1], JSON.stringify(report));
}
if (failed.length > 0) console.error(`lint: ${failed.join(", ")} failed`);
process.exitCode = failed.length > 0 ? 1 : 0;
