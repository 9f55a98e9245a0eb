/** A manifest file as a plain table of cells, from CSV or JSON. */
import { type CsvError, type Info, parse } from "csv-parse/sync";
import { WsssError } from "../../errors.js";
import { readText } from "../../files/file-access.js";

/** One entry of a manifest as it stands in the file, before anything is believed. */
export interface ManifestRow {
  /** Where it stands: `"line 4"` of a CSV file, `"entry 3"` of a JSON file, both from 1. */
  readonly where: string;
  /** What stands there, by column: a text of a CSV file, any value of a JSON file. Empty cells and nulls are left out. */
  readonly cells: ReadonlyMap<string, unknown>;
  /** Why the entry can't be read at all. */
  readonly problem?: string;
}

/** A manifest as it stands in the file. */
export interface ManifestTable {
  /** Absolute path. */
  readonly path: string;
  /** Columns of the header, or all keys of a JSON file, in their order; accents composed (NFC). */
  readonly columns: readonly string[];
  readonly rows: readonly ManifestRow[];
}

/**
 * Reads a manifest as a table: CSV with commas, a header line and quotes where they are needed, or a JSON list of objects.
 * @throws WsssError `WSSS_ERR_IO` if it can't be read; `WSSS_ERR_DATASET` if it is no such file, or holds no entry.
 */
export async function readManifestTable(path: string): Promise<ManifestTable> {
  const read = await readText(path);
  if ("problem" in read) throw unreadable(path, read.problem);
  const { text } = read;
  const table = /\.json$/i.test(path) ? tableOfJson(text, path) : tableOfCsv(text, path);
  if (table.rows.length === 0) throw unreadable(path, "names no patches");
  return table;
}

function tableOfCsv(text: string, path: string): ManifestTable {
  let records: { readonly record: readonly string[]; readonly info: Info }[];
  try {
    // Rows of another length than the header are let through, so that all of them can be reported at once.
    records = parse(text, {
      info: true,
      skip_empty_lines: true,
      relax_column_count: true,
    }) as unknown as typeof records;
  } catch (error) {
    const { message, lines } = error as CsvError & { readonly lines?: number };
    throw unreadable(path, `is not valid CSV, line ${lines ?? 1}: ${message}`, error);
  }
  const [header, ...body] = records;
  if (header === undefined) throw unreadable(path, "is empty; its first line must name the columns");
  const columns = header.record.map((name) => name.trim().normalize("NFC"));
  if (columns.length === 1 && /[;\t]/.test(columns[0] ?? "")) {
    throw unreadable(
      path,
      `separates its columns by ${columns[0]?.includes(";") === true ? ";" : "tabs"}; save it with commas`,
    );
  }
  return { path, columns, rows: body.map(({ record, info }) => rowOfCsv(columns, record, `line ${info.lines}`)) };
}

function rowOfCsv(columns: readonly string[], record: readonly string[], where: string): ManifestRow {
  const entries = columns.map((column, index) => [column, (record[index] ?? "").trim()] as const);
  const cells = new Map(entries.filter(([, cell]) => cell !== ""));
  if (record.length === columns.length) return { where, cells };
  return { where, cells, problem: `has ${record.length} cells for the ${columns.length} columns of the header` };
}

function tableOfJson(text: string, path: string): ManifestTable {
  let value: unknown;
  try {
    value = JSON.parse(text) as unknown;
  } catch (error) {
    throw unreadable(path, `is not valid JSON: ${(error as Error).message}`, error);
  }
  if (!Array.isArray(value)) throw unreadable(path, "must be a JSON list with one object for each patch");
  const rows = value.map((entry: unknown, index) => rowOfJson(entry, `entry ${index + 1}`));
  return { path, columns: [...new Set(rows.flatMap(({ cells }) => [...cells.keys()]))], rows };
}

function rowOfJson(entry: unknown, where: string): ManifestRow {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
    return { where, cells: new Map(), problem: "is not an object" };
  }
  const trimmed = Object.entries(entry).map(([key, cell]: [string, unknown]) => {
    return [key.normalize("NFC"), typeof cell === "string" ? cell.trim() : cell] as const;
  });
  return { where, cells: new Map(trimmed.filter(([, cell]) => cell !== null && cell !== "")) };
}

function unreadable(path: string, problem: string, cause?: unknown): WsssError {
  return new WsssError("WSSS_ERR_DATASET", `manifest ${path} ${problem}`, { path, problem }, { cause });
}
