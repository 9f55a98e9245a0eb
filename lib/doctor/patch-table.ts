import { readFile } from "node:fs/promises";
import { join } from "node:path";

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
 * @returns origins by {@link tableKey}; empty if there is no such file, it can't be read, or it has other columns.
 */
export async function readPatchTable(folder: string): Promise<ReadonlyMap<string, PatchOrigin>> {
  const text = await readFile(join(folder, patchTableName), "utf8").catch(() => "");
  const [header, ...rows] = parseCsv(text.replace(/^\ufeff/, ""));
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

/** Key of a patch in the table; an empty split stands for any. */
export function tableKey(split: string, name: string): string {
  return `${split}/${name}`;
}

/** Rows of cells; a cell in quotes may hold commas, and quotes doubled. */
function parseCsv(text: string): string[][] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  return lines.map((line) =>
    [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
      ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "",
    ),
  );
}
