// Starts the processes of a group, each in a Node of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const scripts = { training: "grouped-training.mjs", evaluation: "grouped-evaluation.mjs" } as const;

/** What every process can end with. */
interface Failure {
  readonly code?: string;
  readonly message?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** What a process of grouped-training.mjs answers. */
interface TrainingAnswer extends Failure {
  readonly steps: number | readonly (readonly number[])[];
}

/** How a process ends. */
export interface MemberEnd<Answer = TrainingAnswer> {
  readonly killed: boolean;
  /** Its last line. */
  readonly answer: (Answer & Failure) | null;
  readonly stderr: string;
}

/** A process under way. */
export interface Member<Answer = TrainingAnswer> {
  readonly child: ChildProcess;
  readonly ended: Promise<MemberEnd<Answer>>;
  /** Resolves when stdout has shown the text; rejects if the process ends without. */
  saw(pattern: RegExp): Promise<string>;
}

/** Starts one process of a group. @param folder - of the run, or of the networks to be evaluated. */
export function startMember<Answer = TrainingAnswer>(
  variables: Readonly<Record<string, string | number>>,
  dataset: string,
  folder: string,
  options: object = {},
  script: keyof typeof scripts = "training",
): Member<Answer> {
  const texts = Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, String(value)]));
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL(scripts[script], import.meta.url)), dataset, folder, JSON.stringify(options)],
    {
      env: { ...process.env, ...texts },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let [stdout, stderr] = ["", ""];
  const watchers = new Set<() => void>();
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
    for (const watcher of watchers) watcher();
  });
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<MemberEnd<Answer>>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (_, signal) => {
      const last = stdout.trimEnd().split("\n").at(-1) ?? "";
      const answer = last.startsWith("{") ? (JSON.parse(last) as MemberEnd<Answer>["answer"]) : null;
      resolve({ killed: signal === "SIGKILL", answer, stderr });
    });
  });
  const saw = async (pattern: RegExp): Promise<string> =>
    await new Promise<string>((resolve, reject) => {
      const watcher = (): void => {
        const found = pattern.exec(stdout);
        if (found === null) return;
        watchers.delete(watcher);
        resolve(found[1] ?? found[0]);
      };
      watchers.add(watcher);
      watcher();
      void ended.then(() => {
        reject(new Error(`ended without saying ${pattern}:\n${stdout}${stderr}`));
      });
    });
  return { child, ended, saw };
}

/** Starts all processes of a group; process 0 chooses the port. @param optionsOf - of a rank, beside those of all. */
export async function startGroup<Answer = TrainingAnswer>(
  size: number,
  dataset: string,
  folder: string,
  optionsOf: (rank: number) => object = () => ({}),
  script: keyof typeof scripts = "training",
): Promise<Member<Answer>[]> {
  const variables = (rank: number, port: string): Record<string, string | number> => {
    return { RANK: rank, WORLD_SIZE: size, MASTER_ADDR: "127.0.0.1", MASTER_PORT: port };
  };
  const first = startMember<Answer>(variables(0, "0"), dataset, folder, optionsOf(0), script);
  const port = await first.saw(/listening (\d+)/u);
  const others = Array.from({ length: size - 1 }, (_, i) =>
    startMember<Answer>(variables(i + 1, port), dataset, folder, optionsOf(i + 1), script),
  );
  return [first, ...others];
}

/** How all of them end. */
export async function endsOf<Answer>(members: readonly Member<Answer>[]): Promise<MemberEnd<Answer>[]> {
  return await Promise.all(members.map(async ({ ended }) => await ended));
}
