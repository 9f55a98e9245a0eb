/** Lists a folder, also entries whose names are not UTF-8. */
import { isUtf8 } from "node:buffer";
import { readdir, stat } from "node:fs/promises";
import { escapeBytes } from "./foreign-name.js";

/** One entry of a folder. */
export interface FolderEntry {
  /** Its name; where that is not UTF-8, with the other bytes escaped: there is no such file then. */
  readonly name: string;
  /** Path by which the operating system finds it, whatever its bytes are. */
  readonly rawPath: Buffer;
  /** Bytes of the name, if they are not UTF-8: no text of JavaScript then leads to the file. */
  readonly foreign?: Buffer;
  /** A folder, or a link to one. */
  readonly isFolder: boolean;
  readonly isLink: boolean;
}

/**
 * What a folder holds, in the order of the directory. Names are read as bytes: Node's own reading replaces those that are
 * not UTF-8, and then finds no such file.
 * @throws an error of the operating system, as `readdir` does.
 */
export async function readFolder(folder: string | Buffer): Promise<FolderEntry[]> {
  const found = await readdir(folder, { withFileTypes: true, encoding: "buffer" });
  const base = typeof folder === "string" ? Buffer.from(folder) : folder;
  return await Promise.all(
    found.map(async (entry): Promise<FolderEntry> => {
      const bytes = entry.name;
      const rawPath = Buffer.concat([base, Buffer.from("/"), bytes]);
      // A link to a folder is one; a link that leads nowhere is told by whoever opens it.
      const isLink = entry.isSymbolicLink();
      const isFolder = isLink ? await leadsToFolder(rawPath) : entry.isDirectory();
      if (isUtf8(bytes)) return { name: bytes.toString(), rawPath, isFolder, isLink };
      return { name: escapeBytes(bytes), rawPath, foreign: bytes, isFolder, isLink };
    }),
  );
}

async function leadsToFolder(path: Buffer): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
