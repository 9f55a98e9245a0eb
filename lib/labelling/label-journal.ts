/** The journal of a labelling: a file of lines that is only ever added to, each on the disk before anybody is told. */
import { type FileHandle, open } from "node:fs/promises";
import path from "node:path";
import { WsssError } from "../errors.js";
import { ioFailure, readBytes, systemCode } from "../files/file-access.js";
import { writingFailure } from "../files/make-folder.js";
import { type JournalEntry, journalEntrySchema } from "./journal-entry.js";

interface Waiting {
  readonly line: string;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/** A journal that is open for writing. One at a time writes a file: whoever opens it holds the lock of its folder. */
export class LabelJournal {
  readonly path: string;
  readonly #file: FileHandle;
  /** Bytes of whole lines. */
  #size: number;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;

  private constructor(file: string, handle: FileHandle, size: number) {
    this.path = file;
    this.#file = handle;
    this.#size = size;
  }

  /**
   * Opens a journal, and makes it if need be. A last line that is not whole is cut off: nobody was told that it was written.
   * @returns the journal, and the entries that it holds.
   * @throws WsssError `WSSS_ERR_DATASET` with the number of a line that is none; `WSSS_ERR_IO`.
   */
  static async open(file: string): Promise<{ readonly journal: LabelJournal; readonly entries: JournalEntry[] }> {
    const { entries, size } = await readWhole(file);
    try {
      const handle = await open(file, "a");
      await handle.truncate(size);
      await handle.datasync();
      await syncFolder(path.dirname(file));
      return { journal: new LabelJournal(file, handle, size), entries };
    } catch (error) {
      throw writingFailure(error, "write", file);
    }
  }

  /**
   * Adds an entry. It is on the disk when the promise resolves; entries that come while the disk is busy go there together.
   * @throws WsssError `WSSS_ERR_IO`: the entry is then not in the journal.
   */
  async append(entry: JournalEntry): Promise<void> {
    await new Promise<void>((done, failed) => {
      this.#waiting.push({ line: `${JSON.stringify(entry)}\n`, done, failed });
      this.#writing ??= this.#writeAll().finally(() => (this.#writing = undefined));
    });
  }

  /** Waits for what is being written, and closes the file. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        const bytes = Buffer.from(batch.map(({ line }) => line).join(""));
        await this.#file.writeFile(bytes);
        await this.#file.datasync();
        this.#size += bytes.length;
        for (const { done } of batch) done();
      } catch (error) {
        // A part of a line would spoil the next one.
        await this.#file.truncate(this.#size).catch(() => undefined);
        for (const { failed } of batch) failed(writingFailure(error, "write", this.path));
      }
    }
  }
}

/**
 * The entries of a journal, which stays as it is; none if there is no such file.
 * @throws WsssError as {@link LabelJournal.open}.
 */
export async function readJournal(file: string): Promise<JournalEntry[]> {
  return (await readWhole(file)).entries;
}

async function readWhole(file: string): Promise<{ readonly entries: JournalEntry[]; readonly size: number }> {
  const bytes = await readBytes(file).catch((error: unknown) => {
    if (systemCode((error as Error).cause) === "ENOENT") return Buffer.alloc(0);
    throw error;
  });
  const size = bytes.lastIndexOf("\n") + 1;
  const lines = size === 0 ? [] : bytes.toString("utf8", 0, size - 1).split("\n");
  return { entries: lines.map((line, index) => entryOf(line, index + 1, file)), size };
}

function entryOf(line: string, number: number, file: string): JournalEntry {
  const parsed = journalEntrySchema.safeParse(valueOf(line));
  if (parsed.success) return parsed.data;
  const message =
    `line ${number} of ${file} is not what wsss-tissue label writes; ` +
    "it was changed or damaged: bring the file back from a copy, or take the line out if it is lost";
  throw new WsssError("WSSS_ERR_DATASET", message, { path: file, line: number });
}

function valueOf(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}

/** Without it a new file's name may be lost although its content is not. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    // Some network file systems can't.
    if (!["EINVAL", "ENOTSUP", "EISDIR", "EPERM"].includes(systemCode(error) ?? ""))
      throw ioFailure(error, "write", folder);
  }
}
