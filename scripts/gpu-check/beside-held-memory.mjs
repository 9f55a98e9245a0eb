/**
 * Runs a program while another process holds most of the GPU's free memory, and ends as it does.
 *
 *   node beside-held-memory.mjs PYTHON SHARE PROGRAM [WORDS...]
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const [python, share, program, ...words] = process.argv.slice(2);
const script = path.join(path.dirname(fileURLToPath(import.meta.url)), "hold-memory.py");
const holder = spawn(python, [script, share], { stdio: ["pipe", "pipe", "inherit"] });
const held = once(holder, "exit");
const [ready] = await Promise.race([once(createInterface({ input: holder.stdout }), "line"), held.then(() => [null])]);
if (ready === null) {
  console.error("the memory could not be held: the words above say why");
  process.exit(1);
}
console.log(ready);
const [status] = await once(spawn(program, words, { stdio: "inherit" }), "exit");
holder.stdin.end();
await held;
process.exitCode = status ?? 1;
