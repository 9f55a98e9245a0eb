// Runs the command line in a process of its own, for tests of what it prints and leaves.
import { afterAll } from "@jest/globals";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** How a command ended. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command under way. */
export interface RunningCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<CommandResult>;
  /** Resolves when stderr has shown the text; rejects if the command ends without. */
  saw(text: string): Promise<void>;
}

/** Starts the command line as a user would. */
export function startCommand(
  words: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): RunningCommand {
  const child = spawn(process.execPath, [main, ...words], { stdio: ["ignore", "pipe", "pipe"], ...options });
  let stdout = "";
  let stderr = "";
  const watchers = new Set<() => void>();
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
    for (const watcher of watchers) watcher();
  });
  const ended = new Promise<CommandResult>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      resolve({ code, stdout, stderr });
    });
  });
  const saw = async (text: string): Promise<void> => {
    await new Promise<void>((resolve, reject) => {
      const watcher = (): void => {
        if (!stderr.includes(text)) return;
        watchers.delete(watcher);
        resolve();
      };
      watchers.add(watcher);
      watcher();
      void ended.then(() => {
        reject(new Error(`ended without saying "${text}":\n${stderr}`));
      });
    });
  };
  return { child, ended, saw };
}

/** Runs the command line to its end. */
export async function command(...words: string[]): Promise<CommandResult> {
  return await startCommand(words).ended;
}

/** The JSON object of the last line of stdout. */
export function lastJson(result: CommandResult): Record<string, unknown> {
  const line = result.stdout.trimEnd().split("\n").at(-1) ?? "";
  return JSON.parse(line) as Record<string, unknown>;
}

const folders: string[] = [];

/** A fresh folder under the system's temporary one, removed when the tests of the file have ended. */
export async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "wsss-cli-"));
  folders.push(folder);
  return folder;
}

afterAll(async () => {
  await Promise.all(folders.map(async (folder) => await rm(folder, { recursive: true, force: true })));
});

/** SHA-256 of every file of a folder by its relative path, sorted. */
export async function digestsOf(folder: string): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const file = path.join(folder, name);
    if (!(await stat(file)).isFile()) continue;
    digests[name] = createHash("sha256")
      .update(await readFile(file))
      .digest("hex");
  }
  return digests;
}
