/** How often each class occurs in a split, and findings on missing, ubiquitous and rare ones. */
import type { DatasetDescription } from "../dataset/description.js";
import type { SplitName } from "../dataset/split.js";
import { commonestSize } from "./check-sizes.js";
import type { SplitExamination } from "./examination.js";
import type { ExaminedPatch } from "./examine-patches.js";
import type { CheckCode, Finding, Severity } from "./finding.js";

/** From this factor on between the commonest and the rarest class the rarest is hardly learned. */
const strongImbalance = 20;

/** Fewest patches of train for statements on how often a class occurs. */
const enoughPatches = 20;

/** Counts what a split holds. */
export function summariseSplit(
  patches: readonly ExaminedPatch[],
  description: DatasetDescription | null,
): SplitExamination {
  const labels = patches.flatMap(({ label }) => (label === undefined ? [] : [label]));
  const masks = patches.flatMap(({ mask }) => (mask === null ? [] : [mask]));
  const pixels = masks.reduce((sum, { height, width }) => sum + height * width, 0);
  const share = (count: number): number | null => (pixels === 0 ? null : count / pixels);
  const shareOfIndex = (index: number): number | null =>
    share(masks.reduce((sum, { counts }) => sum + (counts[index] ?? 0), 0));
  const classes = description?.classes ?? [];
  return {
    patches: patches.length,
    decoded: patches.filter(({ patch }) => patch !== null).length,
    masks: masks.length,
    size: commonestSize(patches),
    labelled: labels.length,
    classes: classes.map(({ name }, index) => ({
      name,
      patches: labels.filter((label) => label[index] === 1).length,
      pixelShare: shareOfIndex(index),
    })),
    backgroundShare: description === null ? null : shareOfIndex(classes.length),
    ignoredShare: share(masks.reduce((sum, { ignored }) => sum + ignored, 0)),
  };
}

/** Classes that are missing in a split, and in train those that are everywhere or rare. */
export function checkBalance(split: SplitName, { patches, labelled, classes }: SplitExamination): Finding[] {
  // Classes may hide in labels that could not be read; then too little is known.
  if (labelled === 0 || 2 * labelled < patches) return [];
  const found = (check: CheckCode, severity: Severity, problem: string, remedy: string): Finding => ({
    check,
    severity,
    split,
    files: [],
    problem,
    remedy,
  });
  const of = `the ${labelled} labelled patches of ${split}`;
  const missing = classes.filter((one) => one.patches === 0);
  const remedy =
    split === "train"
      ? "add patches that show it, or take the class out of the description"
      : `add patches that show it: in ${split} it can't be scored`;
  const findings = missing.map(({ name }) =>
    found("class-missing", split === "train" ? "error" : "warning", `${name} occurs in none of ${of}`, remedy),
  );
  if (split !== "train" || labelled < enoughPatches || classes.length < 2) return findings;
  for (const { name } of classes.filter((one) => one.patches === labelled)) {
    const problem = `${name} occurs in each of ${of}: the classifier can't learn what it looks like without`;
    findings.push(found("class-everywhere", "warning", problem, "add patches that do not show it"));
  }
  const present = classes.filter((one) => one.patches > 0).sort((one, other) => one.patches - other.patches);
  const [rarest, commonest] = [present[0], present.at(-1)];
  if (rarest !== undefined && commonest !== undefined && commonest.patches >= strongImbalance * rarest.patches) {
    const problem = `${rarest.name} occurs in ${rarest.patches} of ${of}, ${commonest.name} in ${commonest.patches}`;
    findings.push(
      found("class-imbalance", "warning", problem, `add patches that show ${rarest.name}, or expect it to score low`),
    );
  }
  return findings;
}
