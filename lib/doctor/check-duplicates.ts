/** Finds patches with equal pixels, within a split or across splits, and labels or masks that differ. */
import type { SplitName } from "../dataset/split.js";
import type { ExaminedPatch } from "./examine-patches.js";
import type { CheckCode, Finding, Severity } from "./finding.js";
import { nameOfPatch } from "./patch-to-examine.js";

/** Patches with the same pixels: under several names of a split, or in several splits. */
export function checkDuplicates(patches: readonly ExaminedPatch[]): Finding[] {
  const byPixels = new Map<string, ExaminedPatch[]>();
  for (const one of patches) {
    // White patches equal each other by nature, and are found as what they are.
    if (one.patch === null || one.patch.look === "white" || one.patch.look === "flat") continue;
    const twins = byPixels.get(one.patch.digest);
    if (twins === undefined) byPixels.set(one.patch.digest, [one]);
    else twins.push(one);
  }
  return [...byPixels.values()].filter((twins) => twins.length > 1).flatMap(findingsOf);
}

function findingsOf(twins: readonly ExaminedPatch[]): Finding[] {
  const splits = [...new Set(twins.map(({ split }) => split))];
  const findings: Finding[] = [];
  if (splits.length > 1) {
    const problem = `have the same pixels in ${splits.join(" and ")}, so that scores measure memory, not skill`;
    const remedy = "keep it in one split only; split by patient, before patches are cut";
    findings.push({ check: "leak", severity: "error", split: null, files: pathsOf(twins), problem, remedy });
  }
  for (const split of splits) {
    const inSplit = twins.filter((one) => one.split === split);
    if (inSplit.length > 1) findings.push(withinSplit(inSplit, split));
  }
  return findings;
}

function withinSplit(twins: readonly ExaminedPatch[], split: SplitName): Finding {
  const found = (check: CheckCode, severity: Severity, problem: string, remedy: string): Finding => ({
    check,
    severity,
    split,
    files: pathsOf(twins),
    problem,
    remedy,
  });
  if (differ(twins.map(({ nameLabel }) => nameLabel?.join("")))) {
    const problem = "have the same pixels, but different labels: one of them is wrong";
    return found("duplicate-labels", "error", problem, "find out which label is right and remove the others");
  }
  if (differ(twins.map(({ mask }) => mask?.digest))) {
    const problem = "have the same pixels, but different masks: one of them is wrong";
    return found("duplicate-masks", "error", problem, "find out which mask is right and remove the others");
  }
  const problem = `have the same pixels: one patch counts ${twins.length} times`;
  return found("duplicate", "warning", problem, "keep one of them");
}

/** Whether two of the known values differ. */
function differ(values: readonly (string | undefined)[]): boolean {
  return new Set(values.filter((value) => value !== undefined)).size > 1;
}

function pathsOf(patches: readonly ExaminedPatch[]): string[] {
  return patches.map(nameOfPatch);
}
