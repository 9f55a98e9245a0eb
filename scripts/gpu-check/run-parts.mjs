/**
 * Runs the parts of gpu-check one after the other in a given time. Pure logic: the clock, what runs a part and what is told of the results
 * are given.
 */

/** Kept for the end of a run: killing what is cut off, and writing the page. */
export const reservedSeconds = 5;

/** Seconds that a part may take where there is time: its share of the whole, and never less than it needs. */
export function budgetOf({ minSeconds, share }, totalSeconds) {
  return Math.max(minSeconds, Math.round(share * totalSeconds));
}

/** Seconds that a part may take now, of those that are left; 0 if they are less than it needs. */
export function limitOf(part, totalSeconds, leftSeconds) {
  return leftSeconds < part.minSeconds ? 0 : Math.min(budgetOf(part, totalSeconds), leftSeconds);
}

/** The result of a part that has not run. */
function waiting(part, index) {
  const { id, title, isEssential = false } = part;
  const outcome = {
    status: "not run",
    reason: "its turn has not come",
    counts: null,
    failures: [],
    notes: [],
    tables: [],
  };
  return { number: index, id, title, isEssential, seconds: 0, limitSeconds: 0, ...outcome };
}

/**
 * @param {object} run
 * @param {{ id: string, title: string, minSeconds: number, share: number, isEssential?: boolean }[]} run.parts - in the order of what matters;
 *   nothing runs after an essential one that did not pass.
 * @param {number} run.totalSeconds
 * @param {() => number} run.clock - seconds since the start of it all.
 * @param {(part: object, limitSeconds: number) => Promise<object>} run.execute - runs a part and tells its status (`passed`, `failed`, `skipped`,
 *   `cut off`) and what else the page shows.
 * @param {(results: object[]) => void} run.onChange - told the results when a part begins and when it has ended.
 * @param {() => string | null} [run.whyStopped] - why no further part may begin; asked after each.
 * @returns one result for each part.
 */
export async function runParts({ parts, totalSeconds, clock, execute, onChange, whyStopped = () => null }) {
  const results = parts.map(waiting);
  let stopped = null;
  for (const [index, part] of parts.entries()) {
    const result = results[index];
    if (stopped !== null) {
      result.reason = stopped;
      continue;
    }
    const since = clock();
    const left = Math.max(0, totalSeconds - reservedSeconds - since);
    result.limitSeconds = limitOf(part, totalSeconds, left);
    if (result.limitSeconds === 0) {
      result.reason = `${left.toFixed(0)} s were left, and it needs ${part.minSeconds}`;
      if (part.isEssential) stopped = notAfter(index);
      continue;
    }
    Object.assign(result, { status: "running", reason: "" });
    onChange(results);
    Object.assign(result, await execute(part, result.limitSeconds));
    result.seconds = clock() - since;
    stopped = whyStopped() ?? (part.isEssential && result.status !== "passed" ? notAfter(index) : null);
    onChange(results);
  }
  onChange(results);
  return results;
}

function notAfter(number) {
  return `part ${number} did not pass, without which nothing else means anything`;
}

/** How many parts have each status, as words. */
export function summaryOf(results) {
  const names = ["passed", "failed", "cut off", "skipped", "not run", "running"];
  const count = (name) => results.filter(({ status }) => status === name).length;
  return names
    .filter((name) => count(name) > 0)
    .map((name) => `${count(name)} ${name}`)
    .join(", ");
}

/** 0 if every part that ran passed; parts that could not run for want of time or of a program do not count. */
export function exitCodeOf(results) {
  const fine = ["passed", "skipped", "not run"];
  return results.every(({ isEssential, status }) => (isEssential ? status === "passed" : fine.includes(status)))
    ? 0
    : 1;
}
