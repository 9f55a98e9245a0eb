/**
 * Adds up what .ci/run left in a folder: jest.json, fuzz.json, lint.json, and a *.status file each with the exit code at its end.
 * Names each failed and each skipped test, prints "N passed, N failed[, N skipped]" as its last line, and exits with 1
 * if anything failed, a report is missing, or a program failed without a failure in its report.
 *
 *   node scripts/sum-checks.mjs FOLDER [all | tests | lint]     what was run
 */
import { readFileSync } from "node:fs";
import path from "node:path";

const folder = process.argv[2] ?? ".";
const total = { passed: 0, failed: 0, skipped: 0 };

const part = process.argv[3] ?? "all";
if (part !== "lint") {
  add("npm test", "tests.status", () => countTests(readReport("jest.json")));
  add("npm run test:fuzz", "fuzz.status", () => countTests(readReport("fuzz.json")));
}
if (part !== "tests") add("npm run lint", "lint.status", () => readReport("lint.json"));

const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;

function add(name, statusFile, count) {
  const exitedWell = readText(statusFile)?.trim().endsWith(" 0") === true;
  const counted = count();
  if (counted === null) console.log(`${name} left no report, which counts as one failure`);
  const { passed = 0, failed = 0, skipped = 0 } = counted ?? { failed: 1 };
  if (!exitedWell && failed === 0) console.log(`${name} failed without a failed check, which counts as one failure`);
  total.passed += passed;
  total.failed += exitedWell ? failed : Math.max(failed, 1);
  total.skipped += skipped;
}

function countTests(report) {
  if (report === null) return null;
  let { numPassedTests: passed, numFailedTests: failed } = report;
  let skipped = 0;
  for (const suite of report.testResults) {
    // A suite that could not be run has no tests of its own.
    if (suite.status === "failed" && suite.assertionResults.length === 0) {
      failed += 1;
      console.log(`failed: ${path.basename(suite.name)} could not be run`);
    }
    for (const { status, fullName } of suite.assertionResults) {
      if (status === "failed") console.log(`failed: ${fullName}`);
      if (status !== "pending" && status !== "todo" && status !== "skipped" && status !== "disabled") continue;
      skipped += 1;
      console.log(`skipped: ${fullName}`);
    }
  }
  return { passed, failed, skipped };
}

function readReport(file) {
  try {
    return JSON.parse(readText(file) ?? "");
  } catch {
    return null;
  }
}

function readText(file) {
  try {
    return readFileSync(path.join(folder, file), "utf8");
  } catch {
    return null;
  }
}
