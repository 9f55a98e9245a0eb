/**
 * The npm packages that an install of this package brings on Linux x64 with glibc, worked out from package-lock.json: what
 * the lock file calls "not dev" also holds binaries for machines that are not supported.
 */
import { readFileSync } from "node:fs";
import path from "node:path";

const platform = { os: "linux", cpu: "x64", libc: "glibc" };

/**
 * @param {string} root - folder of package.json, package-lock.json and node_modules.
 * @param {readonly string[]} more - packages for development that are wanted too, with all that they need.
 * @returns {{ name: string, version: string, folder: string }[]} sorted by name; `folder` is relative to `root`.
 */
export function runTimePackages(root, more = []) {
  const { packages } = JSON.parse(readFileSync(path.join(root, "package-lock.json"), "utf8"));
  const found = new Map();
  visit("", more);
  return [...found.values()].sort((a, b) => (a.folder < b.folder ? -1 : 1));

  function visit(folder, others = []) {
    const { dependencies = {}, optionalDependencies = {} } = packages[folder];
    for (const name of [...Object.keys({ ...dependencies, ...optionalDependencies }), ...others]) {
      const place = resolve(folder, name);
      if (place === null && name in optionalDependencies) continue;
      if (place === null) throw new Error(`package-lock.json lacks ${name}, which ${folder || "package.json"} needs`);
      if (found.has(place) || !runsHere(packages[place])) continue;
      found.set(place, { name, version: packages[place].version, folder: place });
      visit(place);
    }
  }

  /** Where Node would find a package: in the own node_modules, else in that of a folder above. */
  function resolve(from, name) {
    for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("node_modules") - 1))) {
      const place = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`;
      if (place in packages) return place;
      if (folder === "") return null;
    }
  }
}

/** Whether npm installs a package on the platform; a list may also name what is excluded, as `!win32`. */
function runsHere(locked) {
  return Object.entries(platform).every(([key, value]) => {
    const list = locked[key] ?? [];
    const wanted = list.filter((entry) => !entry.startsWith("!"));
    return !list.includes(`!${value}`) && (wanted.length === 0 || wanted.includes(value));
  });
}
