/** CSV files of metrics that grow by a line for each event of a training. */
import { closeSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { makeFolder, writingFailure } from "../files/make-folder.js";

/** What a CSV cell can hold; undefined and NaN become an empty cell. */
export type MetricValue = number | string | boolean | null | undefined;

/** One column: its heading and how its value is found in an event. */
export interface MetricColumn<Event> {
  readonly heading: string;
  value(event: Event): MetricValue;
}

function cell(value: MetricValue): string {
  if (value === undefined || value === null || (typeof value === "number" && Number.isNaN(value))) return "";
  const text =
    typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(9))) : String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function headingsOf<Event>(columns: readonly MetricColumn<Event>[]): string {
  return columns.map(({ heading }) => cell(heading)).join(",");
}

function lineOf<Event>(columns: readonly MetricColumn<Event>[], event: Event): string {
  return columns.map((column) => cell(column.value(event))).join(",");
}

/** A whole CSV file. */
export function csvTable<Event>(columns: readonly MetricColumn<Event>[], events: readonly Event[]): string {
  return `${[headingsOf(columns), ...events.map((event) => lineOf(columns, event))].join("\n")}\n`;
}

/**
 * A CSV file that grows by one line an event. Every line reaches the operating system before {@link append} returns, so
 * a killed run keeps all that it measured, and another program can follow the file while it grows.
 */
export class MetricsFile<Event> {
  readonly path: string;
  readonly #columns: readonly MetricColumn<Event>[];
  #descriptor: number | undefined;

  private constructor(path: string, columns: readonly MetricColumn<Event>[], descriptor: number) {
    this.path = path;
    this.#columns = columns;
    this.#descriptor = descriptor;
  }

  /** Starts a file with its headings; an older one of that name is replaced. @throws WsssError `WSSS_ERR_IO` */
  static async create<Event>(path: string, columns: readonly MetricColumn<Event>[]): Promise<MetricsFile<Event>> {
    await makeFolder(dirname(path));
    try {
      const descriptor = openSync(path, "w");
      const file = new MetricsFile(path, columns, descriptor);
      file.#write(headingsOf(columns));
      return file;
    } catch (error) {
      throw writingFailure(error, "write", path);
    }
  }

  /** Adds the line of one event. Synchronous: some hundred bytes, at most once a training step. @throws WsssError `WSSS_ERR_IO` */
  append(event: Event): void {
    this.#write(lineOf(this.#columns, event));
  }

  #write(line: string): void {
    if (this.#descriptor === undefined) return;
    const bytes = Buffer.from(`${line}\n`, "utf8");
    try {
      for (let written = 0; written < bytes.length;) written += writeSync(this.#descriptor, bytes, written);
    } catch (error) {
      throw writingFailure(error, "write", this.path);
    }
  }

  /** Closes the file; later calls do nothing. */
  close(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}
