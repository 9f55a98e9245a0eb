/** Findings on the labels in a split's file names: missing, misspelled, of another number of classes. */
import { join } from "node:path";
import type { DatasetDescription } from "../dataset/description.js";
import { type LabelFailure, parseLabels, patchFileName } from "../dataset/labels.js";
import type { FolderSurvey } from "../dataset/list-files.js";
import { findLabels, type LabelProblem, type NamedLabels } from "../dataset/list-split.js";
import type { SplitName } from "../dataset/split.js";
import type { LabelSpelling } from "../dataset/tissue-class.js";
import type { CheckCode, Finding } from "./finding.js";

/** A description whose labels stand in file names. */
export type NamedDescription = NamedLabels & Pick<DatasetDescription, "name">;

/** The labels in the names of a split, and which names have no valid one. */
export interface LabelsChecked {
  /** In the order of the files; undefined where the mask decides, or the name is wrong. */
  readonly labels: readonly (readonly number[] | undefined)[];
  readonly findings: readonly Finding[];
}

const checks = {
  missing: "label-missing",
  length: "label-length",
  "not-a-digit": "label-not-a-digit",
  digit: "label-digit",
  empty: "label-empty",
} as const satisfies Readonly<Record<LabelFailure, CheckCode>>;

/** Reads the labels in the names of a split's patches. */
export function checkLabels(survey: FolderSurvey, split: SplitName, description: NamedDescription): LabelsChecked {
  const { labels, findings } = findLabels(survey.files, split, description);
  const ofDescription = wrongClassCount(survey, split, findings, description);
  if (ofDescription !== null) return { labels, findings: [ofDescription] };
  return { labels, findings: findings.map((one) => findingOf(one, survey.folder, split, description)) };
}

function findingOf(
  { file, failure, problem }: LabelProblem,
  folder: string,
  split: SplitName,
  { labels: rule, classes }: NamedDescription,
): Finding {
  const other = failure === "not-a-digit" && isOtherSpelling(file, rule.rule, classes);
  const firstOnly = classes.map((_, index) => (index === 0 ? 1 : 0));
  const example = patchFileName("NAME", firstOnly, rule);
  const order = classes.map(({ name }) => name).join(", ");
  let remedy = `name it like ${example}, in the order ${order}`;
  if (failure === "empty") remedy = "name its classes, remove the patch, or set labels.allowEmpty in the description";
  if (other)
    remedy = `rename it; if all are spelled so, set labels.rule to "${otherRule[rule.rule]}" in the description`;
  return {
    check: other ? "label-spelling" : checks[failure],
    severity: "error",
    split,
    files: [join(folder, file)],
    problem,
    remedy,
  };
}

const otherRule: Readonly<Record<LabelSpelling, LabelSpelling>> = { separated: "characters", characters: "separated" };

function isOtherSpelling(file: string, rule: LabelSpelling, classes: NamedDescription["classes"]): boolean {
  try {
    parseLabels(file, { rule: otherRule[rule], grammar: "strict", allowEmpty: true }, classes);
    return true;
  } catch {
    return false;
  }
}

/** Where all names agree on another number of classes, not they are wrong but the description. */
function wrongClassCount(
  { files, folder }: FolderSurvey,
  split: SplitName,
  findings: readonly LabelProblem[],
  { classes, name }: NamedDescription,
): Finding | null {
  const [first] = findings;
  if (first === undefined || files.length < 2 || findings.length < files.length) return null;
  if (findings.some(({ failure, problem }) => failure !== "length" || problem !== first.problem)) return null;
  const problem = `holds ${files.length} patches, each of which ${first.problem} of ${name}`;
  const remedy = `correct the description, which names ${classes.map((one) => one.name).join(", ")}, or choose another preset`;
  return { check: "class-count", severity: "error", split, files: [folder], problem, remedy };
}
