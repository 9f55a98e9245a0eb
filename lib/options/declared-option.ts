/** Tables of options: what is declared of each, and the defaults and rules made from it. */
import type { z } from "zod";
import { type Recipe, recipes } from "./fields.js";
import { type Kind, ruleOf } from "./kinds.js";

/** A value that an option can have. */
export type OptionValue = number | string | boolean | readonly number[];

/** The default of an option in one training. */
export interface Defaults {
  readonly default: OptionValue;
  /** In recipe `"published"`, where it differs. */
  readonly published?: OptionValue;
  /** For small networks (MobileNetV2, EfficientNet-Lite) in recipe `"default"`, where it differs. */
  readonly small?: OptionValue;
  /** With optimizer `"adamw"` in recipe `"default"`, where it differs; stands before that of small networks. */
  readonly adamw?: OptionValue;
}

/** The networks that options belong to: to their trainings, or to what is done with them. */
export type TrainedStage = "classifier" | "segmenter";

/** Everything about one option, in the only place where it is said. */
export interface DeclaredOption {
  /** What values it takes. */
  readonly kind: Kind;
  /** Another kind for the segmenter. */
  readonly segmenterKind?: Kind;
  /** What the words of the flag stand for, where they are not the values themselves. */
  readonly wordValues?: Readonly<Record<string, OptionValue>>;
  /** Long flag without dashes, in timm's words where timm has one; a switch also exists as `--no-<flag>`. */
  readonly flag?: string;
  /** One letter, in the commands that train one stage. */
  readonly short?: string;
  /** Placeholder of the flag's value; absent for a switch. */
  readonly value?: string;
  /** In a few words: the help of the flag, and its line in docs/command-line.md. */
  readonly brief: string;
  /** What it means, in whole sentences, without bounds and defaults: they are added. */
  readonly meaning: string;
  /** Of both trainings, or of each. */
  readonly defaults: Defaults | Readonly<Record<TrainedStage, Defaults>>;
  /** Why the default is what it is; continues the list of the values. */
  readonly reason: string;
  /** Whether the result is the same with any value, but for rounding: a training may be resumed with another one. */
  readonly changesNoResult?: true;
  /** What runs and checkpoints of before there was this option stand for: with it, it is not written down. */
  readonly before?: OptionValue;
}

/** The recipe of calls whose commands have it from the training's flag. */
export const callRecipe = {
  kind: { type: "choice", words: recipes },
  brief: "base values of the options below",
  meaning: "Base values of the options below.",
  defaults: { default: "default" },
  reason: "the method with its known defects repaired",
} as const satisfies DeclaredOption;

/** Options by the name that the API gives them, in the order of the docs. */
export type OptionTable = Readonly<Record<string, DeclaredOption>>;

/** The default of an option for a network. */
export function defaultsOf({ defaults }: DeclaredOption, stage: TrainedStage): Defaults {
  return "default" in defaults ? defaults : defaults[stage];
}

/** What values an option takes for a network. */
export function kindOf({ kind, segmenterKind }: DeclaredOption, stage: TrainedStage): Kind {
  return stage === "segmenter" ? (segmenterKind ?? kind) : kind;
}

/** What defaults depend on beside the recipe. */
export interface Circumstances {
  readonly isSmall: boolean;
  readonly isAdamW: boolean;
}

/** Those of an option that depends on nothing but the recipe. */
export const usualCircumstances: Circumstances = { isSmall: false, isAdamW: false };

/** The values of each recipe, on which options given by a user stand. */
export function basesOf(
  table: OptionTable,
  stage: TrainedStage,
  circumstances: Circumstances,
): Record<Recipe, Record<string, OptionValue>> {
  return {
    default: baseOf(table, stage, (defaults) => usualValue(defaults, circumstances)),
    published: baseOf(table, stage, ({ default: usual, published = usual }) => published),
  };
}

function baseOf(
  table: OptionTable,
  stage: TrainedStage,
  valueOf: (defaults: Defaults) => OptionValue,
): Record<string, OptionValue> {
  const entries = Object.entries(table).map(([name, option]) => [name, valueOf(defaultsOf(option, stage))] as const);
  return Object.fromEntries(entries);
}

function usualValue(
  { default: usual, small = usual, adamw }: Defaults,
  { isSmall, isAdamW }: Circumstances,
): OptionValue {
  if (isAdamW && adamw !== undefined) return adamw;
  return isSmall ? small : usual;
}

/** Settings as a run or a checkpoint records them: without options that have the value of before there was a choice. */
export function recordedSettings<Settings extends object>(table: OptionTable, settings: Settings): Settings {
  const isNews = ([name, value]: [string, unknown]): boolean => {
    const before = table[name]?.before;
    return before === undefined || value !== before;
  };
  return Object.fromEntries(Object.entries(settings).filter(isNews)) as Settings;
}

/** The schema of each option; nothing is optional, since base values are filled in before the check. */
export function rulesOf(table: OptionTable, stage: TrainedStage): Record<string, z.ZodType> {
  return Object.fromEntries(Object.entries(table).map(([name, option]) => [name, ruleOf(kindOf(option, stage))]));
}
