/**
 * Checks the package as npm would publish it: what publint says of its files and fields, what "Are the types wrong?" says
 * of how TypeScript resolves it, and whether CommonJS can load it. Prints what is wrong and exits with 1 if anything is.
 *
 * Needs node_modules and dist/. The prebuilt binaries may be missing: no field of package.json names them.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const program = (name) => path.join(root, "node_modules", name);

const folder = mkdtempSync(path.join(tmpdir(), "wsss-package-"));
try {
  // Without scripts: `prepare` would compile dist/ anew.
  if (passes("npm", ["pack", "--ignore-scripts", "--pack-destination", folder])) {
    const tarball = path.join(folder, readdirSync(folder)[0]);
    const judges = [
      [program("publint/src/cli.js"), "run", "--strict", tarball],
      // The package is ESM only. CommonJS gets it by require() all the same, which every Node of `engines` can do for ES
      // modules; the profile leaves out the rule that still calls this an error, and resolution as in Node 10.
      [program("@arethetypeswrong/cli/dist/index.js"), "--profile", "esm-only", "--no-color", "--no-emoji", tarball],
      // So this is tried: a top-level await anywhere in the library would end it.
      ["--input-type=commonjs", "--eval", 'require("wsss-tissue-native")'],
    ];
    // All, even if one fails.
    const verdicts = judges.map((parameters) => passes(process.execPath, parameters));
    process.exitCode = verdicts.every(Boolean) ? 0 : 1;
  } else {
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Runs a command to its end; what it says is printed only if it fails. */
function passes(command, parameters) {
  const { status, stdout, stderr, error } = spawnSync(command, parameters, { cwd: root, encoding: "utf8" });
  if (status !== 0) console.log(error === undefined ? `${stdout}${stderr}` : `${command}: ${error.message}`);
  return status === 0;
}
