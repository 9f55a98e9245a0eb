/** Flags made from the tables of options, and how the value of each is parsed. */
import { classifierOptionTable } from "../classifier/classifier-option-table.js";
import { evaluationOptionTable } from "../evaluation/evaluation-option-table.js";
import { trainingOptionTable } from "../model/training-option-table.js";
import type { DeclaredOption, OptionTable } from "../options/declared-option.js";
import type { Kind } from "../options/kinds.js";
import { pseudoMaskOptionTable } from "../pseudo-masks/pseudo-mask-option-table.js";
import { gateOptionTable } from "../segmenter/gate-option-table.js";
import { segmenterOptionTable } from "../segmenter/segmenter-option-table.js";
import { viewOptionTable } from "../segmenter/view-option-table.js";
import { decimal, decimals, integer, oneOf, wordFor, wordOr, words, yesNoAuto } from "./values.js";

/** One declared option on the command line, and the API's option it stands for. */
export interface DeclaredFlag {
  /** Long name without dashes, for example `batch-size`. */
  readonly name: string;
  /** One letter, in the commands that train one stage. */
  readonly short?: string | undefined;
  /** Placeholder of the value; absent for a switch, which also exists as `--no-<name>`. */
  readonly value?: string | undefined;
  /** The option of the API. */
  readonly option: string;
  readonly declared: DeclaredOption;
  readonly parse?: ((text: string) => unknown) | undefined;
}

/** Options that both trainings have. */
export const sharedTrainingFlags = flagsOf(trainingOptionTable);
/** Options of the classifier's training alone. */
export const classifierTrainingFlags = flagsOf(classifierOptionTable);
/** Options of the segmenter's training alone. */
export const segmenterTrainingFlags = flagsOf(segmenterOptionTable);
/** How pseudo masks are drawn. */
export const pseudoMaskFlags = flagsOf(pseudoMaskOptionTable);
/** How the class gate is applied. */
export const gateFlags = flagsOf(gateOptionTable);
/** What a trained segmenter looks at. */
export const viewFlags = flagsOf(viewOptionTable);
/** How masks are scored. */
export const evaluationFlags = flagsOf(evaluationOptionTable);

/** Every flag that stands in a table. */
export const allDeclaredFlags = [
  ...sharedTrainingFlags,
  ...classifierTrainingFlags,
  ...segmenterTrainingFlags,
  ...pseudoMaskFlags,
  ...gateFlags,
  ...viewFlags,
  ...evaluationFlags,
];

function flagsOf(table: OptionTable): readonly DeclaredFlag[] {
  return Object.entries(table).flatMap(([option, declared]) => {
    const { flag, short, value, kind, wordValues } = declared;
    const parse = wordValues === undefined ? parserOf(kind) : wordFor(wordValues);
    return flag === undefined ? [] : [{ name: flag, short, value, option, declared, parse }];
  });
}

/** How the text of a value is read; a switch has none. Bounds are checked with all other options. */
function parserOf(kind: Kind): ((text: string) => unknown) | undefined {
  switch (kind.type) {
    case "integer":
      return integer;
    case "number":
      return decimal;
    case "choice":
      return oneOf(...kind.words);
    case "switch-or-auto":
      return yesNoAuto;
    case "word-or":
      return wordOr(kind.word, parserOf(kind.other) ?? String);
    case "weights":
      return decimals;
    case "words":
      return words;
    case "switch":
    case "own":
      return undefined;
  }
}
