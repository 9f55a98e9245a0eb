/** Checks the options of a call by a zod schema, and puts every refusal into words. */
import type { z } from "zod";
import { WsssError } from "../errors.js";
import { nearestName } from "../text/nearest-name.js";
import { describeValue } from "./describe-value.js";
import { foreignWords } from "./foreign-words.js";

/** What `details` of a `WSSS_ERR_OPTION` holds. */
export interface OptionErrorDetails {
  /** The call that refused the option, for example `"Classifier.train"`. */
  readonly call: string;
  /** Path of the first refused option, for example `"learningRate"` or `"classes[0].colour"`. */
  readonly option: string;
  /** The value received as it was; an object or array in a few words, so that a log of the error does not hold a picture. */
  readonly received: unknown;
  /** What would be right, in words: `"above 0"`, `"at most 1"`, `"a boolean"`. */
  readonly bound: string;
  /** Every refusal of the call, one sentence each. */
  readonly problems: readonly string[];
}

interface Problem {
  readonly option: string;
  readonly received: unknown;
  readonly bound: string;
  readonly sentence: string;
}

/** The part of a zod issue that is read here. */
type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/**
 * Checks the options of one call, whole, before anything else happens.
 *
 * @param schema - a zod object schema, strict if unknown options are to be refused.
 * @param call - the public name of the call, `"Classifier.train"`, which ends the message.
 * @param value - what the caller gave; `undefined` counts as no options.
 * @returns the checked options, as the schema gives them out.
 * @throws WsssError `WSSS_ERR_OPTION`, message for example `learningRate must be above 0, received -0.01
 *   (Classifier.train)`, details {@link OptionErrorDetails}.
 */
export function checkOptions<Schema extends z.ZodObject>(
  schema: Schema,
  call: string,
  value: unknown = {},
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  // An unknown name often leaves the right one missing; the unknown one is the better news.
  const issues = [...result.error.issues].sort((a, b) => Number(isUnknown(b)) - Number(isUnknown(a)));
  throw optionError(
    call,
    issues.flatMap((issue) => problemsOf(issue, value, schema)),
  );
}

/**
 * An option error outside of a schema, in the same form.
 * @param bound - what would be right, for example `"at most 12, the number of train patches"`.
 */
export function refuseOption(call: string, option: string, bound: string, received: unknown): WsssError {
  return optionError(call, [problem(option, bound, received)]);
}

function optionError(call: string, problems: readonly Problem[]): WsssError {
  const first = problems[0] ?? problem("options", "valid", undefined);
  const sentences = problems.map(({ sentence }) => sentence);
  const details: OptionErrorDetails = {
    call,
    option: first.option,
    received: isObject(first.received) ? describeValue(first.received) : first.received,
    bound: first.bound,
    problems: sentences,
  };
  return new WsssError("WSSS_ERR_OPTION", `${sentences.join("; ")} (${call})`, { ...details });
}

function problem(option: string, bound: string, received: unknown): Problem {
  const sentence =
    received === undefined
      ? `${option} is missing: it must be ${bound}`
      : `${option} must be ${bound}, received ${describeValue(received)}`;
  return { option, received, bound, sentence };
}

function isUnknown(issue: Issue): boolean {
  return issue.code === "unrecognized_keys";
}

function problemsOf(issue: Issue, value: unknown, schema: z.ZodObject): Problem[] {
  const received = valueAt(value, issue.path);
  if (issue.code === "invalid_union") {
    // Where the value is of one alternative's kind and only an entry of it is wrong, that entry is the news.
    const meant = issue.errors.find((branch) => branch.length > 0 && !branch.some(isAtTop));
    const within = meant?.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
    if (within) return within.flatMap((inner) => problemsOf(inner, value, schema));
  }
  if (issue.code !== "unrecognized_keys") return [problem(optionName(issue.path), boundOf(issue), received)];
  const known = issue.path.length === 0 ? Object.keys(schema.shape) : [];
  return issue.keys.map((key) => {
    const option = optionName([...issue.path, key]);
    const meant = nearestName(key, known, foreignWords);
    const hint = meant === undefined ? listOf(known) : `did you mean ${meant}?`;
    const sentence = `unknown option ${option}${hint === "" ? "" : `; ${hint}`}`;
    return { option, received: valueAt(received, [key]), bound: "a known option", sentence };
  });
}

function listOf(known: readonly string[]): string {
  return known.length === 0 ? "" : `known are ${known.join(", ")}`;
}

/** What the value would have to be, to be read after "must be". */
function boundOf(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return typeNames[issue.expected] ?? `a ${issue.expected}`;
    case "too_small":
      return `${issue.inclusive === false ? "above" : "at least"} ${issue.minimum}${unitOf(issue.origin)}`;
    case "too_big":
      return `${issue.inclusive === false ? "below" : "at most"} ${issue.maximum}${unitOf(issue.origin)}`;
    case "invalid_value":
      return issue.values.map((value) => describeValue(value)).join(" or ");
    case "invalid_union":
      return [...new Set(issue.errors.flatMap((branch) => branch.filter(isAtTop).map(boundOf)))].join(" or ");
    case "unrecognized_keys":
      return "an object without unknown options";
    case "custom":
    case "invalid_element":
    case "invalid_format":
    case "invalid_key":
    case "not_multiple_of":
      // Own checks (`z.custom`, `refine`) state their bound as their message.
      return issue.message;
  }
}

function isAtTop(issue: Issue): boolean {
  return issue.path.length === 0;
}

const typeNames: Readonly<Record<string, string>> = {
  number: "a finite number",
  int: "an integer",
  string: "a string",
  boolean: "true or false",
  object: "an object",
  array: "an array",
  record: "an object",
};

function unitOf(origin: string): string {
  if (origin === "string") return " characters long";
  return origin === "array" ? " long" : "";
}

function optionName(path: Path): string {
  if (path.length === 0) return "options";
  return path.reduce<string>((name, key) => {
    if (typeof key === "number") return `${name}[${key}]`;
    return name === "" ? String(key) : `${name}.${String(key)}`;
  }, "");
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, key) => {
    return isObject(at) ? (at as Record<PropertyKey, unknown>)[key] : undefined;
  }, value);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
