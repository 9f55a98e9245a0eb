/** Processes of a benchmark that measure together, on demand. */
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The variables of `size` processes that are one group, as torchrun sets them. */
export async function placesOf(size, extra = {}) {
  const port = await freePort();
  return Array.from({ length: size }, (_, rank) => ({
    RANK: String(rank),
    LOCAL_RANK: String(rank),
    WORLD_SIZE: String(size),
    LOCAL_WORLD_SIZE: String(size),
    MASTER_ADDR: "127.0.0.1",
    MASTER_PORT: String(port),
    ...extra,
  }));
}

/** One process for each environment. Each reads {"runs": 1} as a line and answers {"seconds": [...]}. */
export class Team {
  constructor(program, words, environments) {
    this.members = environments.map((env) => {
      const child = spawn(program, words, {
        cwd: here,
        env: { ...process.env, ...env },
        stdio: ["pipe", "pipe", "pipe"],
      });
      const member = { child, stderr: "", lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
      child.stderr.on("data", (chunk) => (member.stderr += String(chunk)));
      child.stdin.on("error", () => undefined);
      return member;
    });
  }

  /** Seconds of one run of the slowest of them. */
  async run() {
    for (const { child } of this.members) child.stdin.write(`${JSON.stringify({ runs: 1 })}\n`);
    const answers = await Promise.all(
      this.members.map(async ({ lines, stderr }) => {
        const { value, done } = await lines.next();
        if (done) throw new Error(stderr.trim().split("\n").at(-1) ?? "it ended without a word");
        return JSON.parse(value).seconds[0];
      }),
    );
    return Math.max(...answers);
  }

  stop() {
    for (const { child } of this.members) child.kill("SIGKILL");
  }
}

export const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
