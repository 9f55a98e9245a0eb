/** Dataset errors that concern many files: one message with a count, a few names, and advice. */
import { WsssError } from "../errors.js";
import { printable } from "../text/printable.js";

/** Most files that a message lists; the count says how many there are. */
const listedFiles = 5;

/** One file with a problem. */
export interface FileProblem {
  readonly file: string;
  /** What is wrong with it; may be left out where the heading says all. */
  readonly problem?: string;
}

/**
 * One error for all files with the same kind of problem: how many, the first five, and what to do.
 *
 * @param heading - says what is wrong with so many files, for example `"3 of 12 patches of train have no label"`.
 * @param advice - what would be right.
 */
export function fileProblemsError(
  heading: string,
  findings: readonly FileProblem[],
  advice: string,
  details: Readonly<Record<string, unknown>>,
): WsssError {
  const shown = findings.slice(0, listedFiles);
  const lines = shown.map(({ file, problem }) => printable(problem === undefined ? file : `${file}: ${problem}`));
  const more = findings.length - shown.length;
  if (more > 0) lines.push(`and ${more} more`);
  const message = `${heading}:\n${lines.map((line) => `  ${line}\n`).join("")}${advice}`;
  const files = shown.map(({ file }) => file);
  return new WsssError("WSSS_ERR_DATASET", message, { ...details, count: findings.length, files });
}

/** Most findings of one kind that a message with several kinds lists. */
const listedOfKind = 3;

/** Findings of one kind. */
export interface FileProblems {
  readonly kind: string;
  readonly findings: readonly FileProblem[];
}

/**
 * One error for findings of several kinds, so that one report is enough to mend them all: of each kind how many, and the
 * first three.
 */
export function groupedError(
  heading: string,
  groups: readonly FileProblems[],
  advice: string,
  details: Readonly<Record<string, unknown>>,
): WsssError {
  const lines = groups.flatMap(({ kind, findings }) => {
    const shown = findings
      .slice(0, listedOfKind)
      .map(({ file, problem = kind }) => `  ${printable(`${file}: ${problem}`)}`);
    const more = findings.length - shown.length;
    return more > 0 ? [...shown, `  and ${more} more of this kind`] : shown;
  });
  const kinds = Object.fromEntries(groups.map(({ kind, findings }) => [kind, findings.length]));
  const count = groups.reduce((sum, { findings }) => sum + findings.length, 0);
  return new WsssError("WSSS_ERR_DATASET", `${heading}:\n${lines.join("\n")}\n${advice}`, { ...details, count, kinds });
}

/** `"1 of 12 patches has"`, `"3 of 12 patches have"`. */
export function countOf(found: number, total: number, noun = "patches"): string {
  return `${found} of ${total} ${noun} ${found === 1 ? "has" : "have"}`;
}
