/** Kinds of option values, each as a zod rule, as TypeScript source, and as bounds in words. */
import { z } from "zod";

/** What values an option takes; from it come its rule, its TypeScript type, its bounds in words, and how a command line reads it. */
export type Kind =
  | { readonly type: "integer"; readonly min: number; readonly max: number }
  | {
      readonly type: "number";
      /** Smallest value; with `above` none of it. */
      readonly min: number;
      readonly above?: boolean;
      readonly max: number;
      readonly below?: boolean;
    }
  | { readonly type: "choice"; readonly words: readonly string[] }
  | { readonly type: "switch" }
  /** `true`, `false`, or what the start of the network suggests. */
  | { readonly type: "switch-or-auto" }
  /** A word, or a value of another kind. */
  | { readonly type: "word-or"; readonly word: string; readonly other: Kind }
  /** At least one number, of which one is above 0. */
  | { readonly type: "weights"; readonly max: number }
  /** At least one word of a list, none twice. */
  | {
      readonly type: "words";
      readonly words: readonly string[];
      /** What the words are, in the plural. */
      readonly noun: string;
      /** The TypeScript type of one word. */
      readonly typescript: string;
    }
  /** A value of its own shape, that a command line can only choose by a word (`wordValues` of the option). */
  | { readonly type: "own"; readonly rule: z.ZodType; readonly typescript: string };

/** Largest count of anything: what a 32-bit integer holds. */
const largestCount = 2 ** 31 - 1;

/** An integer of at least `min`. */
export function integerFrom(min: number, max = largestCount): Kind {
  return { type: "integer", min, max };
}

/** A number of 0..1, both included. */
export const share: Kind = { type: "number", min: 0, max: 1 };

/** A number above 0, at most `max`. */
export function positive(max: number): Kind {
  return { type: "number", min: 0, above: true, max };
}

/** The zod schema of a kind. */
export function ruleOf(kind: Kind): z.ZodType {
  switch (kind.type) {
    case "integer":
      return z.int().min(kind.min).max(kind.max);
    case "number": {
      const low = kind.above === true ? z.number().gt(kind.min) : z.number().min(kind.min);
      return kind.below === true ? low.lt(kind.max) : low.max(kind.max);
    }
    case "choice":
      return z.enum(kind.words as [string, ...string[]]);
    case "switch":
      return z.boolean();
    case "switch-or-auto":
      return z.union([z.literal("auto"), z.boolean()]);
    case "word-or":
      return z.union([z.literal(kind.word), ruleOf(kind.other)]);
    case "weights":
      return z
        .array(z.number().min(0).max(kind.max))
        .min(1)
        .refine((list) => list.length === 0 || list.some((each) => each > 0), "numbers of which one is above 0");
    case "words":
      return z
        .array(z.enum(kind.words as [string, ...string[]]))
        .min(1)
        .readonly()
        .refine((list) => new Set(list).size === list.length, `${kind.noun} of which none is named twice`);
    case "own":
      return kind.rule;
  }
}

/** The TypeScript type of a kind, as source text. */
export function typescriptOf(kind: Kind): string {
  switch (kind.type) {
    case "integer":
    case "number":
      return "number";
    case "choice":
      return kind.words.map((word) => `"${word}"`).join(" | ");
    case "switch":
      return "boolean";
    case "switch-or-auto":
      return 'boolean | "auto"';
    case "word-or":
      return `${typescriptOf(kind.other)} | "${kind.word}"`;
    case "weights":
      return "readonly number[]";
    case "words":
      return `readonly ${kind.typescript}[]`;
    case "own":
      return kind.typescript;
  }
}

/** The bounds of a kind as half a sentence, for example `above 0, at most 100`; empty where the type says all. */
export function boundsOf(kind: Kind): string {
  switch (kind.type) {
    case "integer":
      return kind.max === largestCount
        ? `an integer of at least ${kind.min}`
        : `an integer of ${kind.min} to ${kind.max}`;
    case "number": {
      if (kind.above !== true && kind.below !== true) return `${kind.min} to ${kind.max}`;
      const low = kind.above === true ? `above ${kind.min}` : `at least ${kind.min}`;
      return kind.below === true ? `${low} and below ${kind.max}` : `${low}, at most ${kind.max}`;
    }
    case "word-or":
      return boundsOf(kind.other) === "" ? "" : `\`"${kind.word}"\`, or ${boundsOf(kind.other)}`;
    case "weights":
      return `numbers of 0 to ${kind.max}, of which one is above 0`;
    case "words":
      return "at least one, none twice";
    case "choice":
    case "switch":
    case "switch-or-auto":
    case "own":
      return "";
  }
}
