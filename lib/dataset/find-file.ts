/** Looks up the files that a manifest names, forgiving how accents are stored, and says why one won't do. */
import { lstat, stat } from "node:fs/promises";
import path from "node:path";
import { isWsssError } from "../errors.js";
import { withAccentForm } from "../files/accent-match.js";
import { ioFailure, systemCode } from "../files/file-access.js";
import { composeNamesRemedy, encodingThatSays, foreignNameRemedy } from "../files/foreign-name.js";
import { type FolderEntry, readFolder } from "../files/read-folder.js";

/** A file that a manifest names: where it is, relative to the same folder, or why it can't be used. */
export type FileFound = { readonly file: string } | { readonly problem: string };

/**
 * Finds the files that a manifest names. A name that differs from the file's only in how accents are stored (NFC and NFD) is
 * understood, as long as only one file would do.
 */
export class FileFinder {
  readonly #base: string;
  readonly #listings = new Map<string, Promise<readonly FolderEntry[]>>();

  /** @param base - folder that names are relative to. */
  constructor(base: string) {
    this.#base = base;
  }

  /** @throws an error that is none of the file system. */
  async find(file: string): Promise<FileFound> {
    const exact = await this.#look(file);
    if (exact !== "missing") return exact;
    const alike = await this.#alike(file);
    if (alike === null) return { problem: `is not there (${path.join(this.#base, file)})` };
    if ("problem" in alike) return alike;
    const found = await this.#look(alike.file);
    return found === "missing" ? { problem: `is not there (${path.join(this.#base, file)})` } : found;
  }

  async #look(file: string): Promise<FileFound | "missing"> {
    const whole = path.join(this.#base, file);
    try {
      return (await stat(whole)).isFile() ? { file } : { problem: "is not a file" };
    } catch (error) {
      if (["ENOENT", "ENOTDIR"].includes(systemCode(error) ?? "")) return "missing";
      const failure = ioFailure(error, "read", whole);
      if (isWsssError(failure)) return { problem: `can't be read: ${failure.message}` };
      throw failure;
    }
  }

  /** The same path with each part as it is stored; null if there is none. */
  async #alike(file: string): Promise<FileFound | null> {
    const parts: string[] = [];
    for (const part of file.split("/")) {
      const folder = path.join(this.#base, ...parts);
      if (part === "." || (await isThere(path.join(folder, part)))) {
        parts.push(part);
        continue;
      }
      const entries = await this.#list(folder);
      const composed = part.normalize("NFC");
      const alike = entries.filter(({ name, foreign }) => foreign === undefined && name.normalize("NFC") === composed);
      const [first] = alike;
      if (first === undefined) return foreignNamed(composed, entries, folder);
      if (alike.length > 1) {
        const names = alike.map(({ name }) => withAccentForm(name)).join(" or ");
        const remedy = `remove one, or name it exactly alike: ${composeNamesRemedy(folder)}`;
        return { problem: `could be ${names}, which differ only in how accents are stored; ${remedy}` };
      }
      parts.push(first.name);
    }
    return { file: parts.join("/") };
  }

  async #list(folder: string): Promise<readonly FolderEntry[]> {
    const known = this.#listings.get(folder);
    if (known !== undefined) return await known;
    // A folder that can't be listed shows nothing that is alike.
    const listing = readFolder(folder).catch(() => []);
    this.#listings.set(folder, listing);
    return await listing;
  }
}

async function isThere(file: string): Promise<boolean> {
  return await lstat(file).then(
    () => true,
    () => false,
  );
}

/** The problem of a name that is there, but in another encoding than UTF-8. */
function foreignNamed(name: string, entries: readonly FolderEntry[], folder: string): FileFound | null {
  for (const { name: escaped, foreign } of entries) {
    const encoding = foreign === undefined ? undefined : encodingThatSays(foreign, name);
    if (encoding === undefined) continue;
    const where = `is there under a name in ${encoding.toUpperCase()}, not UTF-8 (${escaped})`;
    return { problem: `${where}; ${foreignNameRemedy(encoding, folder)}` };
  }
  return null;
}
