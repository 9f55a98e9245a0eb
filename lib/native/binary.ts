/** Finds the addon's binary: the one built here, or the prebuild of the package. */
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { WsssError } from "../errors.js";

const require = createRequire(import.meta.url);

/** Folder of this package: `package.json` lies there, and this file is compiled to `dist/native/`. */
export const packageRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "..");

/** Where the addon is, or why there is none. */
export interface BinarySearch {
  /** Absolute path of the `.node` file; `null` if there is none. */
  readonly binary: string | null;
  /** One line for each place that was looked at in vain. */
  readonly tried: readonly string[];
}

/**
 * Folder of what `scripts/build-addon.mjs` builds: `build/`, or, for development alone, the one that WSSS_BUILD names, which
 * holds a build against another LibTorch.
 */
export function buildFolder(root: string): string {
  const named = process.env["WSSS_BUILD"];
  return named === undefined || named === "" ? path.join(root, "build") : path.resolve(named);
}

/** The addon as `scripts/build-addon.mjs` builds it. */
export function builtAddonPath(root: string): string {
  return path.join(buildFolder(root), "Release", "wsss_tissue_native.node");
}

/**
 * Looks for the addon: what was built here first, then the prebuild that came with the package. The built one is taken
 * by name, because node-gyp-build would take any addon in `build/Release`, the one of the tests too.
 */
export async function findBinary(root: string = packageRoot): Promise<BinarySearch> {
  const built = builtAddonPath(root);
  if (await exists(built)) return { binary: built, tried: [] };
  const prebuilds = path.join(root, "prebuilds");
  const nodeGypBuild = require("node-gyp-build") as { resolve: (folder: string) => string };
  try {
    const binary = nodeGypBuild.resolve(root);
    if (binary.startsWith(prebuilds + path.sep)) return { binary, tried: [] };
  } catch {
    // It throws when it finds none, and its message says no more than ours.
  }
  const platform = `${process.platform}-${process.arch}`;
  return { binary: null, tried: [`${built} is not there`, `${path.join(prebuilds, platform)} holds no prebuild`] };
}

/** The error of a package without a usable addon; lists what was tried and says what repairs it. */
export function noBinary(tried: readonly string[]): WsssError {
  const places = tried.map((line) => `\n  - ${line}`).join("");
  const repair = "Install the package again; in a clone, `npm run build` builds the addon.";
  return new WsssError("WSSS_ERR_BINARY_NOT_FOUND", `There is no binary of the addon. Tried:${places}\n${repair}`, {
    tried,
  });
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
