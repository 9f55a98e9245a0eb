/** Explanations of file names whose label is misspelled, misplaced or missing. */
import { printable } from "../text/printable.js";
import type { LabelSpelling } from "./tissue-class.js";

/** Brackets of other kinds, and those of Chinese and Japanese keyboards. */
const otherBrackets = /[({<\uff3b\u3010\u3014\uff08\u300c]([^()[\]{}<>]*)[)}>\uff3d\u3011\u3015\uff09\u300d]$/;

/** Entries without a separator, or with one of some. */
const digitsOnly = /^[01](?:[\s,;._|/+-]*[01])+$/;

/** What is wrong with a name without a label in brackets at its end, to be read behind the name. */
export function missingLabelProblem(stem: string): string {
  const inside = /\[([^[\]]*)\](?!.*\[)([^[\]]+)$/.exec(stem);
  const [, label = "", behind = ""] = inside ?? [];
  if (inside !== null) {
    const copied = /^ ?\(\d+\)$|copy|kopie|副本/i.test(behind) ? ", as of a copy of a file" : "";
    return `has ${quoted(behind)} behind its label [${label}]${copied}; the label must end the name`;
  }
  const other = otherBrackets.exec(stem);
  if (other !== null && digitsOnly.test(other[1] ?? "")) {
    return `has its label in other brackets, ${quoted(other[0])}; it must be in [ and ]`;
  }
  if (/\[[^[\]]*$/.test(stem)) return "has a label that begins with [ but is not ended by ]";
  if (stem.endsWith("]"))
    return "has brackets inside of each other, or a ] without a [ before it, where its label should be";
  const bare = /[^01]([01](?:[ ,;._-][01])+)$/.exec(stem);
  if (bare !== null)
    return `has no label in brackets at its end; ${quoted(bare[1] ?? "")} there may be one without brackets`;
  return "has no label in brackets at its end";
}

/** What is wrong with a label that is not spelled as its rule says, to be read behind the name. */
export function spellingProblem(label: string, rule: LabelSpelling): string {
  const problem = `has the label [${printable(label)}]`;
  const reason = reasonOf(label, rule);
  return reason === null ? problem : `${problem}; ${reason}`;
}

function reasonOf(label: string, rule: LabelSpelling): string | null {
  const otherSpelling = rule === "characters" ? /^[01]([ ,]|, )[01](([ ,]|, )[01])*$/ : /^[01]{2,}$/;
  if (otherSpelling.test(label)) {
    return `it is spelled by the rule "${rule === "characters" ? "separated" : "characters"}"`;
  }
  if (label.trim() === "") return "it is empty";
  if (label.includes("=")) return "that is a place in a slide, as QuPath writes it, and no label";
  const numbers = label.trim().split(/[\s,;]+/);
  if (numbers.length > 1 && numbers.some((number) => /^[-+]?(\d+\.\d*|\.\d+)$/.test(number))) {
    return "its entries have decimal points, as floats are printed; write whole numbers, 0 or 1";
  }
  const signed = numbers.find((number) => /^[-+]\d/.test(number));
  if (signed !== undefined) return `${quoted(signed)} is no entry; each class has a 0 (absent) or 1 (present)`;
  if (/true|false/i.test(label)) return "its entries are True and False; write 1 and 0";
  const entries = label.split(/[^\p{L}\p{N}]+/u).filter((entry) => entry !== "");
  const strange = entries.find((entry) => !/^[0-9]+$/.test(entry));
  if (strange !== undefined) return `${quoted(strange)} is no entry; each class has a 0 (absent) or 1 (present)`;
  const separators = [...new Set(label.split(/[0-9]+/).slice(1, -1))];
  const allowed = rule === "characters" ? "nothing" : "one space or a comma";
  const other = separators.find((one) => one !== " " && !/^, ?$/.test(one)) ?? separators[0];
  if (/^\D|\D$/.test(label)) return `it has ${quoted(label.replace(/\d.*\d|\d/s, ""))} around its entries`;
  if (separators.length > 1) {
    return `its entries are separated in several ways, ${separators.map(quoted).join(" and ")}; ${allowed} must be between them`;
  }
  if (other !== undefined) return `its entries are separated by ${quoted(other)}; ${allowed} must be between them`;
  return null;
}

/** A text with its spaces and unusual characters told apart: a space of another kind looks like one. */
function quoted(text: string): string {
  const named = text.replaceAll(/[^\S ]/g, (space) => `U+${(space.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`);
  return `"${printable(named)}"`;
}
