/** Parsers for the values of flags: numbers, fractions, seeds, lists, words, paths. */
import { resolve } from "node:path";
import { InvalidArgumentError } from "commander";
import { isWeightsName } from "../pretrained/catalogue.js";

const integerForm = /^[+-]?\d+$/;
const numberForm = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** An integer, written in full: `1e3`, `12px` and the empty text are refused. */
export function integer(text: string): number {
  const value = Number(text);
  if (!integerForm.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError("It must be an integer.");
  return value;
}

/** Integers from a least one on. */
export function atLeast(least: number): (text: string) => number {
  return (text) => {
    const value = integer(text);
    if (value < least) throw new InvalidArgumentError(`It must be at least ${least}.`);
    return value;
  };
}

/** A finite decimal number; `nan`, `inf` and numbers followed by letters are refused. */
export function decimal(text: string): number {
  const value = Number(text);
  if (!numberForm.test(text) || !Number.isFinite(value)) throw new InvalidArgumentError("It must be a number.");
  return value;
}

/** A decimal number or a fraction of two integers: `0.125` or `1/8`. */
export function fraction(text: string): number {
  const parts = /^(\d+)\/(\d+)$/.exec(text);
  if (parts === null) return decimal(text);
  const value = Number(parts[1]) / Number(parts[2]);
  if (!Number.isFinite(value)) throw new InvalidArgumentError("It must be a number or a fraction such as 1/8.");
  return value;
}

/** A list of decimal numbers with commas between. */
export function decimals(text: string): number[] {
  return text.split(",").map((part) => decimal(part.trim()));
}

/** Seeds: `3` stands for 0, 1 and 2; with a comma it is a list, `4,7`, or `7,` for that one alone. */
export function seedList(text: string): number[] {
  if (text.includes(","))
    return text
      .replace(/,$/, "")
      .split(",")
      .map((part) => integer(part.trim()));
  const count = integer(text);
  if (count < 1 || count > 1000)
    throw new InvalidArgumentError("It must be a number of seeds from 1 to 1000, or a list.");
  return Array.from({ length: count }, (_, seed) => seed);
}

/** Height and width in pixels: `224`, or `224x320`. */
export function pictureSize(text: string): { readonly height: number; readonly width: number } {
  const [height, width = height] = text.split("x").map(integer);
  if (height === undefined || width === undefined || text.split("x").length > 2) {
    throw new InvalidArgumentError("It must be a side in pixels, or height and width as 224x320.");
  }
  return { height, width };
}

/** A port to listen on; 0 = any that is free. */
export function port(text: string): number {
  const value = integer(text);
  if (value < 0 || value > 65_535) throw new InvalidArgumentError("It must be a port, 0 to 65535.");
  return value;
}

/** A list of words with commas between, none empty. */
export function words(text: string): string[] {
  const parts = text.split(",").map((part) => part.trim());
  if (parts.some((part) => part === "")) throw new InvalidArgumentError("It must be words with commas between.");
  return parts;
}

/** One word of a fixed set. */
export function oneOf<Word extends string>(...known: readonly Word[]): (text: string) => Word {
  return (text) => {
    const found = known.find((word) => word === text);
    if (found === undefined) throw new InvalidArgumentError(`It must be ${known.join(" or ")}.`);
    return found;
  };
}

/** One word of a fixed set, as the value that it stands for. */
export function wordFor<Value>(values: Readonly<Record<string, Value>>): (text: string) => Value | undefined {
  const known = oneOf(...Object.keys(values));
  return (text) => values[known(text)];
}

/** A fixed word, or what `parse` makes of anything else. */
export function wordOr<Word extends string, Value>(
  word: Word,
  parse: (text: string) => Value,
): (text: string) => Word | Value {
  return (text) => (text === word ? word : parse(text));
}

/** `yes`, `no` or `auto`. */
export function yesNoAuto(text: string): boolean | "auto" {
  const word = oneOf("auto", "yes", "no")(text);
  return word === "auto" ? word : word === "yes";
}

/** A path or name that is not empty. */
export function someText(text: string): string {
  if (text === "") throw new InvalidArgumentError("It must not be empty.");
  return text;
}

/** A name of the catalogue of weights as it stands, or a path as an absolute one; a file of such a name is `./imagenet`. */
export function weightsOrName(text: string): string {
  return isWeightsName(text) ? text : resolve(someText(text));
}
