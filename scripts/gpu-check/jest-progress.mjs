/**
 * A reporter of jest that writes what is known after each test, in the shape of `jest --json`, which writes only at the end: a run that is
 * cut off leaves all it has found. The file is named by GPU_CHECK_REPORT.
 */
import { renameSync, writeFileSync } from "node:fs";
import path from "node:path";

export default class JestProgress {
  #suites = new Map();
  #isEnded = false;

  onTestCaseResult({ path: file }, { status, fullName, failureMessages }) {
    const suite = this.#suites.get(file) ?? { name: file, message: "", assertionResults: [] };
    suite.assertionResults.push({ status, fullName, failureMessages });
    this.#suites.set(file, suite);
    this.#write();
  }

  /** Its list has all tests, those too that were not looked at one by one. */
  onTestFileResult({ path: file }, { testResults, failureMessage, testExecError }) {
    const assertionResults = testResults.map(({ status, fullName, failureMessages }) => ({
      status,
      fullName,
      failureMessages,
    }));
    // A suite that could not be run has no tests; its message says why.
    const message = testExecError === undefined ? "" : testExecError.message || failureMessage || "no reason given";
    this.#suites.set(file, { name: file, message, assertionResults });
    this.#write();
  }

  onRunComplete() {
    this.#isEnded = true;
    this.#write();
  }

  #write() {
    const file = process.env.GPU_CHECK_REPORT;
    const testResults = [...this.#suites.values()].map((suite) => ({ ...suite, name: path.relative("", suite.name) }));
    const report = { isEnded: this.#isEnded, testResults };
    writeFileSync(`${file}.new`, JSON.stringify(report));
    renameSync(`${file}.new`, file);
  }
}
