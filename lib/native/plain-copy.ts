/** Data of the addon as data of the caller's realm. */

/**
 * A copy whose objects and arrays are of this realm. What the addon makes belongs to Node's own, in which, inside test
 * runners and other `vm` contexts, `Array` and `Object` are not those of the program. Binary data is handed on.
 */
export function plainCopy<Data>(data: Data): Data {
  if (Array.isArray(data)) return data.map((item: unknown) => plainCopy(item)) as Data;
  if (typeof data !== "object" || data === null || ArrayBuffer.isView(data) || isBuffer(data)) return data;
  return Object.fromEntries(Object.entries(data).map(([name, value]) => [name, plainCopy<unknown>(value)])) as Data;
}

/** By its tag: it may be of either realm. */
function isBuffer(value: object): boolean {
  return Object.prototype.toString.call(value) === "[object ArrayBuffer]";
}
