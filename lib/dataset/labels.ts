/** Patch-level labels in file names: reading them by both grammars, and writing them. */
import { parse } from "node:path";
import { WsssError } from "../errors.js";
import { missingLabelProblem, spellingProblem } from "./label-near-miss.js";
import type { NameLabelRule, TissueClass } from "./tissue-class.js";

/** Why a file name gives no label. */
export type LabelFailure =
  /** No `[...]` at the end of the name. */
  | "missing"
  /** Fewer or more entries than there are classes; with the published grammar, a text that is too short. */
  | "length"
  /** Something else than a digit where one is expected, or another spelling. */
  | "not-a-digit"
  /** A digit above 1. */
  | "digit"
  /** No class at all. */
  | "empty";

/** What the reading of a name needs of a {@link NameLabelRule}. */
export type LabelReading = Pick<NameLabelRule, "rule"> & Partial<Pick<NameLabelRule, "grammar" | "allowEmpty">>;

/**
 * The patch-level label in a patch's file name: one entry for each class, 0 or 1.
 *
 * The default grammar wants the name to end with one label in brackets, spelled as the rule says: `[1 0 1]`, `[1,0,1]` or
 * `[1, 0, 1]` by the rule `"separated"`, `[101]` by the rule `"characters"`.
 * `grammar: "published"` reads by character position and is as lenient as the published code: other separators, text
 * behind the label, names without brackets, digits above 1 (returned as they are) and labels without any class.
 *
 * @param fileName - name of the file with its ending, without folder.
 * @param classes - the K classes, for the length and the message.
 * @throws WsssError `WSSS_ERR_DATASET` that says what is wrong with the name; `details.failure` is a {@link LabelFailure}.
 */
export function parseLabels(fileName: string, rule: LabelReading, classes: readonly TissueClass[]): number[] {
  if (rule.grammar === "published") return parsePublished(fileName, rule, classes);
  const { name } = parse(fileName);
  const label = /\[([^[\]]*)\]$/.exec(name)?.[1];
  if (label === undefined) throw labelError("missing", fileName, missingLabelProblem(name), rule, classes);
  const digits = digitsOf(label, rule, fileName, classes);
  if (digits.length !== classes.length) {
    const problem = `has a label of ${digits.length} entries for ${classes.length} classes`;
    throw labelError("length", fileName, problem, rule, classes);
  }
  const wrong = digits.find((digit) => digit > 1);
  if (wrong !== undefined) {
    throw labelError(
      "digit",
      fileName,
      `has a ${wrong} in its label; an entry is 0 (absent) or 1 (present)`,
      rule,
      classes,
    );
  }
  if (rule.allowEmpty !== true && !digits.includes(1)) {
    const problem = "has a label that names no class; remove the patch, or set allowEmptyLabels to keep it";
    throw labelError("empty", fileName, problem, rule, classes);
  }
  return digits;
}

/**
 * The name that a labelled patch has in the published layout: `patchFileName("a", [0, 1], { rule: "separated" })` is
 * `"a[0 1].png"`.
 * @param stem - name without label and ending; without brackets, slashes and control characters.
 * @param labels - one entry for each class, 0 or 1.
 * @throws WsssError `WSSS_ERR_OPTION` if the stem or the labels can't be written in that way.
 */
export function patchFileName(
  stem: string,
  labels: ArrayLike<number>,
  { rule }: Pick<NameLabelRule, "rule">,
  extension = ".png",
): string {
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  if (stem === "" || stem.startsWith(".") || /[[\]/\\\u0000-\u001f]/.test(stem)) {
    const message = `patchFileName: stem must be a name without brackets and slashes, received ${JSON.stringify(stem)}`;
    throw new WsssError("WSSS_ERR_OPTION", message, { option: "stem", value: stem });
  }
  const digits = Array.from(labels);
  if (digits.length === 0 || digits.some((digit) => digit !== 0 && digit !== 1)) {
    const message = `patchFileName: labels must be 0 or 1 for each class, received [${digits.join(", ")}]`;
    throw new WsssError("WSSS_ERR_OPTION", message, { option: "labels", value: digits });
  }
  return `${stem}[${digits.join(rule === "separated" ? " " : "")}]${extension}`;
}

/** The stem without the label at its end: `"a[0 1]"` gives `"a"`. */
export function stemWithoutLabel(stem: string): string {
  return stem.replace(/\[[^[\]]*\]$/, "");
}

/**
 * Entries of a label as digits; the spelling decides how they are told apart. Separated ones have a space, a comma, or a
 * comma and a space between them, as Python prints lists.
 */
function digitsOf(label: string, rule: LabelReading, fileName: string, classes: readonly TissueClass[]): number[] {
  const separator = label.includes(",") ? /, ?/ : " ";
  const entries = rule.rule === "characters" ? Array.from(label) : label.split(separator);
  if (entries.every((entry) => /^[0-9]$/.test(entry))) return entries.map(Number);
  throw labelError("not-a-digit", fileName, spellingProblem(label, rule.rule), rule, classes);
}

/**
 * The published reading: drop four characters of the name, keep what is before the first `]`, of that what is behind the
 * last `[`, and take the characters at fixed positions.
 */
function parsePublished(fileName: string, rule: LabelReading, classes: readonly TissueClass[]): number[] {
  const characters = Array.from(fileName);
  const stem = characters.slice(0, Math.max(0, characters.length - 4)).join("");
  const beforeBracket = stem.split("]")[0] ?? "";
  const label = Array.from(beforeBracket.split("[").at(-1) ?? "");
  const step = rule.rule === "separated" ? 2 : 1;
  return classes.map((_, index) => {
    const character = label[index * step];
    if (character === undefined) {
      throw labelError("length", fileName, `is too short for ${classes.length} classes`, rule, classes);
    }
    if (!/^[0-9]$/.test(character)) {
      const problem = `has ${JSON.stringify(character)} where a digit for "${classes[index]?.name}" is expected`;
      throw labelError("not-a-digit", fileName, problem, rule, classes);
    }
    return Number(character);
  });
}

function labelError(
  failure: LabelFailure,
  fileName: string,
  problem: string,
  rule: LabelReading,
  classes: readonly TissueClass[],
): WsssError {
  const example = patchFileName(
    "NAME",
    classes.map((_, index) => (index === 0 ? 1 : 0)),
    rule,
  );
  const expected = `expected a name like ${example}, in the order ${classes.map(({ name }) => name).join(", ")}`;
  const text = failure === "empty" ? `${fileName} ${problem}` : `${fileName} ${problem}; ${expected}`;
  return new WsssError("WSSS_ERR_DATASET", text, { file: fileName, failure, problem });
}
