/** A zod check of a description file, with each wrong entry explained in words. */
import type { z } from "zod";

/**
 * Checks a value against a schema. On failure returns one sentence that names each wrong entry, what is allowed, and what
 * was received: `classes[1].colour[0] must be at most 255, received 300`.
 */
export function checkValue<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): { value: z.output<Schema> } | { problem: string } {
  const parsed = schema.safeParse(value);
  if (parsed.success) return { value: parsed.data };
  return { problem: parsed.error.issues.map((issue) => describeIssue(issue, value)).join("; ") };
}

function describeIssue(issue: z.core.$ZodIssue, root: unknown): string {
  const name = pathName(issue.path);
  const received = valueAt(root, issue.path);
  const bound = boundOf(issue);
  if (issue.code === "unrecognized_keys") {
    const keys = issue.keys.map((key) => (name === "it" ? key : `${name}.${key}`));
    const one = keys.length === 1;
    return `${keys.join(", ")} ${one ? "is" : "are"} not known here; ${one ? "it is" : "they are"} misspelled or belong elsewhere`;
  }
  if (received === undefined && issue.code !== "custom") return `${name} is missing; it must be ${bound}`;
  if (issue.code === "custom") return `${name === "it" ? "" : `${name} `}${issue.message}`;
  return `${name} must be ${bound}, received ${show(received)}`;
}

function boundOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_type") return kindInWords(issue.expected);
  if (issue.code === "invalid_value") return issue.values.map((value) => JSON.stringify(value)).join(" or ");
  // Objects told apart by one entry: the issue lies at that entry, and these are its values.
  if (issue.code === "invalid_union" && "options" in issue) {
    return issue.options.map((value) => JSON.stringify(value)).join(" or ");
  }
  if (issue.code === "too_small") {
    return `${issue.inclusive === false ? "above" : "at least"} ${issue.minimum}${unitOf(issue.origin)}`;
  }
  if (issue.code === "too_big") {
    return `${issue.inclusive === false ? "below" : "at most"} ${issue.maximum}${unitOf(issue.origin)}`;
  }
  return issue.message;
}

function kindInWords(expected: string): string {
  const words: Readonly<Record<string, string>> = {
    int: "a whole number",
    number: "a finite number",
    string: "a text",
    boolean: "true or false",
    array: "a list",
    tuple: "a list",
    object: "an object",
    record: "an object",
  };
  return words[expected] ?? expected;
}

function unitOf(origin: string): string {
  if (origin === "string") return " characters long";
  return origin === "array" ? " entries long" : "";
}

function pathName(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "it";
  const joined = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  return joined.replace(/^\./, "");
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = root;
  for (const key of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

function show(value: unknown): string {
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  const text = typeof value === "function" || typeof value === "symbol" ? `a ${typeof value}` : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
