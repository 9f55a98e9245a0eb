/** Reads `patches.csv`, which says of each patch its patient and the image it was cut from. */
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import type { Finding } from "./finding.js";
import { readDatasetFile } from "./read-file.js";

/** File in a dataset's folder that may say where each patch comes from. */
export const patchTableName = "patches.csv";

/** Where a patch comes from, as the table says; absent where it says nothing. */
export interface PatchOrigin {
  readonly patient?: string;
  readonly source?: string;
}

/**
 * Reads `patches.csv`: a line for each patch with its name in the column `patch`, its patient in `patient`, the image that
 * it was cut from in `source_image` and, where a name occurs in several splits, its split in `split`.
 * @returns origins by {@link tableKey}; empty if there is no such file or it has other columns. A finding if it can't be read.
 */
export async function readPatchTable(folder: string): Promise<ReadonlyMap<string, PatchOrigin> | Finding> {
  const file = join(folder, patchTableName);
  const there = await lstat(file).catch(() => null);
  if (there === null) return new Map();
  const bytes = await readDatasetFile(file, null);
  return Buffer.isBuffer(bytes) ? originsOf(bytes.toString("utf8").replace(/^\ufeff/, "")) : bytes;
}

function originsOf(text: string): Map<string, PatchOrigin> {
  const [header, ...rows] = rowsOf(text);
  const columns = (header ?? []).map((name) => name.trim().toLowerCase());
  const cell = (row: readonly string[], name: string): string => row[columns.indexOf(name)]?.trim() ?? "";
  if (!columns.includes("patch")) return new Map();
  return new Map(
    rows.map((row) => {
      const [patient, source] = [cell(row, "patient"), cell(row, "source_image")];
      return [
        tableKey(cell(row, "split"), cell(row, "patch")),
        { ...(patient && { patient }), ...(source && { source }) },
      ];
    }),
  );
}

/** Key of a patch in the table, however its accents are stored; an empty split stands for any. */
export function tableKey(split: string, name: string): string {
  return `${split}/${name}`.normalize("NFC");
}

/** Rows of cells; none if it is no CSV file: the table only adds to what the names tell. */
function rowsOf(text: string): string[][] {
  try {
    return parse(text, { skip_empty_lines: true, relax_column_count: true });
  } catch {
    return [];
  }
}
