/** Pictures of a folder that a manifest can name. */
import path from "node:path";
import { pathProblem } from "../dataset/inner-path.js";
import { compareCodePoints } from "../dataset/list-files.js";
import { WsssError } from "../errors.js";
import { readFolder } from "../files/read-folder.js";
import { patchExtensions } from "../image/decode-patch.js";

/** Folders of a dataset that hold no patches. */
const otherFolders = ["labels", "mask", "masks", "train_mask", "node_modules"];

/** Pictures of a folder and those below, in the same order on every machine; paths with `/`. */
export async function picturesInFolder(folder: string, below = ""): Promise<string[]> {
  const entries = await readFolder(path.join(folder, below));
  const found: string[] = [];
  for (const { name, isFolder, isLink, foreign } of entries) {
    const inside = below === "" ? name : `${below}/${name}`;
    if (name.startsWith(".") || foreign !== undefined) continue;
    // A link to a folder above would never end.
    if (isFolder && !isLink && !otherFolders.includes(name)) found.push(...(await picturesInFolder(folder, inside)));
    else if (!isFolder && (patchExtensions as readonly string[]).includes(path.extname(name).toLowerCase()))
      found.push(inside);
  }
  return found.sort(compareCodePoints);
}

/**
 * @param names - of pictures, all that the manifest is to name.
 * @throws WsssError `WSSS_ERR_DATASET` for a name that it can't hold, and for two pictures whose masks would be called the same.
 */
export function assertNameableInManifest(folder: string, names: readonly string[]): void {
  const refuse = (problem: string): WsssError =>
    new WsssError("WSSS_ERR_DATASET", `${folder} holds ${problem}`, { path: folder });
  const first = new Map<string, string>();
  for (const name of names) {
    const problem = name === name.trim() ? pathProblem(name) : "must not begin or end with blanks";
    if (problem !== null)
      throw refuse(`${JSON.stringify(name)}, which a manifest can't name: it ${problem}; rename it`);
    const stem = path.posix.parse(name).name;
    const earlier = first.get(stem);
    if (earlier !== undefined)
      throw refuse(`both ${earlier} and ${name}; masks are called after names without ending, so rename one`);
    first.set(stem, name);
  }
}
