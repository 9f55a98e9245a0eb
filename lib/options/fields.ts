/** Zod rules for values that many options have: counts, seeds, paths, recipes, signals. */
import { z } from "zod";

/** Largest seed: what fits an unsigned 32-bit integer, so that one seed means the same everywhere. */
export const largestSeed = 2 ** 32 - 1;

export const count = z
  .int()
  .min(1)
  .max(2 ** 31 - 1);
export const countOrNone = z
  .int()
  .min(0)
  .max(2 ** 31 - 1);
export const probability = z.number().min(0).max(1);
export const flag = z.boolean();

/** `true`, `false`, or what the start of the network suggests. */
export const autoOrFlag = z.union([z.literal("auto"), flag]);
export const seed = z.int().min(0).max(largestSeed);
export const path = z
  .string()
  .min(1)
  .refine((text) => !text.includes("\0"), "a path without NUL characters");

/** Where in a weight file the weights are: a key of several parts, or the start of names. */
export const weightsKey = z.string().min(1).max(1000);

/** All sets of base values that options can start from. */
export const recipes = ["default", "published"] as const;

/**
 * Base values of the options: `"default"` is the method as we would train it, `"published"` reproduces the published
 * code with its oddities. Options given beside it win over either.
 */
export type Recipe = (typeof recipes)[number];

export const recipe = z.enum(recipes);

/** Judged by what it can do and not by `instanceof`: test runners and workers bring signals of other realms. */
export const signal = z.custom<AbortSignal>(
  (value) =>
    typeof value === "object" &&
    value !== null &&
    "aborted" in value &&
    typeof value.aborted === "boolean" &&
    "addEventListener" in value &&
    typeof value.addEventListener === "function",
  "an AbortSignal",
);

/** A function of the caller. */
export function callback<Callback>(): z.ZodType<Callback> {
  return z.custom<Callback>((value) => typeof value === "function", "a function");
}

/** An object without the entries that are `undefined`, so that "given as undefined" means "not given". */
export function withoutUndefined<Options extends object>(options: Options): Partial<Options> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<Options>;
}
