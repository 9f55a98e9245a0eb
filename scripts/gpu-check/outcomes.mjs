/**
 * What came of a part, read from what it left, whether it ended or was cut off:
 * { counts: { passed, failed } | null, failures: string[], notes: string[], tables: { caption, columns, rows }[] }.
 */

/** The lines of a text that are JSON objects. */
export function jsonLines(text) {
  return text.split("\n").flatMap((line) => {
    if (!line.startsWith("{")) return [];
    try {
      return [JSON.parse(line)];
    } catch {
      return []; // The last line of what was cut off may be half a line.
    }
  });
}

/** JSON has null for what is no number. */
function number(value, digits) {
  return value === null || value === undefined ? "none" : value.toFixed(digits);
}

const nothing = { counts: null, failures: [], notes: [], tables: [] };

/** Lines of a message that say something, without the colours of a terminal. */
function linesOf(text) {
  // eslint-disable-next-line no-control-regex -- colours begin with a control character
  const plain = text.replace(/\u001B\[[0-9;]*m/g, "");
  const lines = plain.split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "");
}

function firstLine(text) {
  return linesOf(text)[0] ?? "";
}

/** What a program said last of an error; a Node that ends by one says its version at the very end. */
function lastWords(text) {
  const lines = linesOf(text);
  return lines.findLast((line) => /^\w*Error\b.*: /.test(line)) ?? lines.at(-1) ?? "without a word";
}

/** Of a failed expectation: which, and the values, which stand in lines of their own. */
function gistOf(message) {
  const [first = "", ...others] = linesOf(message);
  return [first, ...others.filter((line) => /^(Expected|Received)\b.*:/.test(line))].join("; ");
}

/** Of a report in the shape of `jest --json`; those that a pattern left out are not counted. */
export function readJest({ report }) {
  const suites = report?.testResults ?? [];
  const tests = suites.flatMap(({ assertionResults }) => assertionResults);
  const count = (status) => tests.filter((test) => test.status === status).length;
  const broken = suites.filter(({ message }) => message !== "");
  const failures = [
    ...broken.map(({ name, message }) => `${name} could not be run: ${firstLine(message)}`),
    ...tests
      .filter(({ status }) => status === "failed")
      .map(({ fullName, failureMessages }) => `${fullName}: ${gistOf(failureMessages[0] ?? "")}`),
  ];
  const counts = { passed: count("passed"), failed: count("failed") + broken.length };
  // A pattern that fits no test, or a suite that skips all of them, would pass for a success.
  if (report?.isEnded === true && counts.passed + counts.failed === 0) failures.push("no test ran");
  return { ...nothing, counts, failures };
}

/** Of preflight.mjs. */
export function readPreflight({ stdout }) {
  const checks = jsonLines(stdout);
  const failed = checks.filter(({ isPassed }) => !isPassed);
  const counts = { passed: checks.length - failed.length, failed: failed.length };
  const failures = failed.map(({ check, said }) => `${check}: ${firstLine(said)}`);
  const notes = checks
    .filter(({ isPassed, said }) => isPassed && said !== "")
    .map(({ check, said }) => `${check}: ${said}`);
  return { ...nothing, counts, failures, notes };
}

/**
 * How far the score of a recorded training may lie below that of the same training launched, or on the CPU. Seeds alone move it by some
 * 0.02; a step that computes something else than it should costs far more.
 */
const mostLost = 0.08;

/** Of tissue-training.mjs. */
export function readTissueTraining({ stdout }) {
  const runs = jsonLines(stdout);
  const [recorded, launched, cpu] = ["recorded on the GPU", "launched on the GPU", "on the CPU"].map((name) =>
    runs.find(({ run }) => run === name),
  );
  const failures = runs.length === 0 ? ["no training ended"] : [];
  if (recorded?.replayedSteps === 0) failures.push(`no step was replayed: ${recorded.whyNotRecorded}`);
  if (launched?.replayedSteps > 0) failures.push("steps were replayed although WSSS_RECORD was 0");
  for (const other of [launched, cpu]) {
    if (recorded === undefined || other === undefined || recorded.mIoU > other.mIoU - mostLost) continue;
    failures.push(
      `the score of the recorded training, ${recorded.mIoU.toFixed(3)}, is too far below ${other.mIoU.toFixed(3)} ${other.run}`,
    );
  }
  const rows = runs.map(
    ({ run, mIoU, pixelAccuracy, iou, lastLoss, steps, replayedSteps, whyNotRecorded, seconds }) => [
      run,
      number(mIoU, 3),
      number(pixelAccuracy, 3),
      iou.map((value) => number(value, 3)).join(", "),
      number(lastLoss, 4),
      `${replayedSteps} of ${steps}${whyNotRecorded === "" ? "" : ` (${whyNotRecorded})`}`,
      number(seconds, 1),
    ],
  );
  const columns = ["training", "mIoU", "pixel accuracy", "IoU of each class", "last loss", "steps replayed", "seconds"];
  const caption = "Held-out patches of procedural tissue, after a short training with dropout from the same start";
  return { ...nothing, failures, tables: rows.length === 0 ? [] : [{ caption, columns, rows }] };
}

/** Of bench/speed.mjs with --json. */
export function readSpeed({ stdout, stderr }) {
  const rows = jsonLines(stdout).map((row) => [
    row.work,
    row.precision,
    row.peer,
    number(row.ours * 1000, 1),
    number(row.theirs * 1000, 1),
    `${number(row.ratio, 2)} (${number(row.ratioMin, 2)} to ${number(row.ratioMax, 2)})`,
    row.steps === undefined
      ? ""
      : `${row.replayedSteps} of ${row.steps}${row.whyNotRecorded && ` (${row.whyNotRecorded})`}`,
  ]);
  const columns = ["work", "our precision", "peer", "ours, ms", "theirs, ms", "theirs by ours", "our steps replayed"];
  const notes = stderr.split("\n").filter((line) => /does not run here|skipped/.test(line));
  const caption = "Medians; above 1 in the last but one column we are faster";
  if (rows.length === 0) return { ...nothing, notes, failures: ["nothing was measured"] };
  return { ...nothing, notes, tables: [{ caption, columns, rows }] };
}

/** Of a suite beside hold-memory.py. */
export function readHeldMemory({ stdout, report }) {
  return { ...readJest({ report }), notes: stdout.split("\n").filter((line) => line.startsWith("ready: ")) };
}

/** Of a suite under compute-sanitizer. */
export function readSanitizer({ stdout, report }) {
  const lines = stdout.split("\n").filter((line) => line.startsWith("========="));
  const errors = /ERROR SUMMARY: (\d+) error/.exec(stdout)?.[1];
  const tests = readJest({ report });
  const said = lines.map((line) => line.replace(/^=+\s*/, "")).filter((line) => line !== "");
  const failures = errors === undefined || errors === "0" ? [] : [`${errors} errors of memory`, ...said.slice(0, 5)];
  const notes = errors === undefined ? [] : [`errors of memory: ${errors}`];
  return { ...tests, failures: [...tests.failures, ...failures], notes };
}

/** Of what only ends well or not. */
export function readNothing() {
  return nothing;
}

/**
 * The status of a part that ran, and what to show of it.
 * @param {(left: { stdout: string, stderr: string, report: object | null }) => object} read - one of the functions above.
 * @param {{ ended: number | string | null, isCutOff: boolean, problem: string | null }} end - of run-command.mjs.
 */
export function outcomeOf(read, { ended, isCutOff, problem }, left) {
  const outcome = read(left);
  const failures = [...outcome.failures];
  if (problem !== null) failures.push(`it could not be started: ${problem}`);
  else if (!isCutOff && ended !== 0 && !(outcome.counts?.failed > 0)) {
    failures.push(`it ended with ${ended}: ${lastWords(left.stderr)}`);
  }
  const status = isCutOff ? "cut off" : failures.length === 0 ? "passed" : "failed";
  return { ...outcome, failures, status, reason: "" };
}
