/** Runs another program to its end, and collects its exit code and output. */
import { spawn } from "node:child_process";

/** How a program ended that {@link runProgram} ran. */
export interface ProgramResult {
  /** `null` when it could not be started or died of a signal. */
  readonly exitCode: number | null;
  /** Its standard output. */
  readonly stdout: string;
  /** The last 4,000 characters of its standard error, or why it could not be started. */
  readonly stderr: string;
}

/** What {@link runProgram} may be told. */
export interface RunProgramOptions {
  readonly cwd?: string;
  readonly signal?: AbortSignal | undefined;
  /** The program is ended after this many milliseconds; 0 = never. @defaultValue `0` */
  readonly timeoutMs?: number;
  /** Whether what it says shows on our standard error as it comes, progress bars too. @defaultValue `false` */
  readonly aloud?: boolean;
  /** @defaultValue our own environment */
  readonly environment?: NodeJS.ProcessEnv;
}

const keptStderrChars = 4000;

/** Runs a program to its end without a shell. Never throws: a program that is not there has `exitCode` `null`. */
export async function runProgram(
  command: string,
  parameters: readonly string[],
  options: RunProgramOptions = {},
): Promise<ProgramResult> {
  const { cwd, signal, timeoutMs = 0, aloud = false, environment = process.env } = options;
  return await new Promise((resolve) => {
    let stdout = "";
    let stderr = "";
    const child = spawn(command, parameters, {
      stdio: ["ignore", aloud ? 2 : "pipe", "pipe"],
      env: environment,
      ...(cwd === undefined ? {} : { cwd }),
      ...(signal === undefined ? {} : { signal }),
    });
    // Not spawn's own time-out, which keeps the process alive for its whole length when the program can't be started.
    const timer = timeoutMs > 0 ? setTimeout(() => child.kill(), timeoutMs) : undefined;
    // Whoever ends us ends it: a download goes on for nobody.
    const kill = (): void => {
      child.kill();
    };
    process.once("exit", kill);
    const end = (exitCode: number | null): void => {
      process.off("exit", kill);
      clearTimeout(timer);
      resolve({ exitCode, stdout, stderr });
    };
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-keptStderrChars);
      if (aloud) process.stderr.write(text);
    });
    child.once("error", (error) => {
      if (stderr === "") stderr = error.message;
      end(null);
    });
    child.once("close", end);
  });
}
