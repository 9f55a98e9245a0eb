/** How error messages spell the values that a caller gave. */

const longest = 60;

/** A received value as a few words for an error message, for example `-0.01`, `"fast"`, `[1, 2]` or `a Map`. */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case "string":
      return shorten(JSON.stringify(value));
    case "bigint":
      return `${value}n`;
    case "symbol":
      return "a symbol";
    case "function":
      return value.name === "" ? "a function" : `the function ${shorten(value.name)}`;
    case "object":
      return describeObject(value);
    case "number":
    case "boolean":
    case "undefined":
      return Object.is(value, -0) ? "-0" : String(value);
  }
}

function describeObject(value: object | null): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return describeArray(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return "an object";
  const name: unknown = (value as { constructor?: { name?: unknown } }).constructor?.name;
  if (typeof name !== "string" || name === "" || name === "Object") return "an object";
  return `${/^[AEIO]/.test(name) ? "an" : "a"} ${shorten(name)}`;
}

function describeArray(value: readonly unknown[]): string {
  const short = value.length <= 8 && value.every((item) => item === null || typeof item !== "object");
  const text = short ? `[${value.map(describeValue).join(", ")}]` : "";
  return short && text.length <= longest ? text : `an array of ${value.length}`;
}

function shorten(text: string): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}...`;
}
