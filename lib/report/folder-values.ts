/** Values out of the files of a run folder, of which none is trusted. */
import { readFile } from "node:fs/promises";
import type { z } from "zod";
import type { markerSchema } from "./folder-schema.js";

/** The value of a JSON file in a form that is understood; null if it is not there, or is not. */
export async function readAs<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema> | null> {
  try {
    return schema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return null;
  }
}

/** The marker of a stage that is done. */
export type Marker = z.output<typeof markerSchema>;

/** What a stage has left in its marker; null if it is not done, or is not understood. */
export function resultOf<Schema extends z.ZodType>(marker: Marker | null, schema: Schema): z.output<Schema> | null {
  const parsed = schema.safeParse(marker?.result);
  return parsed.success ? parsed.data : null;
}

/** An entry of nested options; undefined where there is none. */
export function entryOf(value: unknown, ...names: readonly string[]): unknown {
  let found = value;
  for (const name of names) {
    if (typeof found !== "object" || found === null) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[name];
  }
  return found;
}
