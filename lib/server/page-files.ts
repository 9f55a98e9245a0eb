/** The files of a page, read once and given as they are. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Route } from "./loopback-server.js";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
};

/**
 * A route for each file of a page: `index.html` is the page itself, each other file has its name.
 * @param folder - where they are.
 * @param more - files from elsewhere: address -> path.
 */
export async function pageFiles(
  folder: URL,
  names: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<Route[]> {
  const own = names.map((name) => [`/${name === "index.html" ? "" : name}`, path.join(fileURLToPath(folder), name)]);
  return await Promise.all(
    [...own, ...Object.entries(more)].map(async ([address = "", file = ""]) => {
      const body = await readFile(file);
      const reply = { type: types[path.extname(file)] ?? "application/octet-stream", body };
      return {
        path: new RegExp(`^${address.replaceAll(".", "\\.")}$`),
        answer: async () => await Promise.resolve(reply),
      };
    }),
  );
}
