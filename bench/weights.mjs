/**
 * Loading and saving a classifier of full size (105 million parameters, 420 MB), ours beside Python's torch.load / torch.save and
 * safetensors, each in a process of its own, interleaved. Prints medians of the seconds, the ratios' spread, and the largest memory.
 *
 *   node bench/weights.mjs [--rounds 5] [--python python3] [--json]
 *
 * Load: from the file to a network that is ready. Save: from the network to a file; ours always flushes it to the disk, the peers leave it
 * in the system's cache, so they are measured with an fsync behind it, and without. The Python needs torch and safetensors.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";

const run = promisify(execFile);
const here = path.dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    python: { type: "string", default: "python3" },
    json: { type: "boolean", default: false },
  },
});

const folder = await mkdtemp(path.join(tmpdir(), "wsss-bench-weights-"));
const file = (name) => path.join(folder, name);
/** What is measured: a worker prints {"load": seconds, "save": seconds, "memoryBytes"}. */
const candidates = {
  "ours, safetensors": [
    process.execPath,
    path.join(here, "weights-ours.mjs"),
    file("a.safetensors"),
    file("x.safetensors"),
  ],
  "ours, .pth": [process.execPath, path.join(here, "weights-ours.mjs"), file("a.pth"), file("x.pth")],
  "torch, .pth": [values.python, path.join(here, "weights_torch.py"), file("a.pth"), file("y.pth")],
  "Python safetensors": [
    values.python,
    path.join(here, "weights_torch.py"),
    file("a.safetensors"),
    file("y.safetensors"),
  ],
};
const measured = Object.fromEntries(Object.keys(candidates).map((name) => [name, []]));
try {
  await run(process.execPath, [path.join(here, "weights-ours.mjs"), "--make", file("a.safetensors"), file("a.pth")]);
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const [name, [program, ...words]] of Object.entries(candidates)) {
      const { stdout } = await run(program, words);
      measured[name].push(JSON.parse(stdout.trimEnd().split("\n").at(-1)));
      for (const output of ["x.safetensors", "x.pth", "y.pth", "y.safetensors"]) {
        if (existsSync(file(output))) await rm(file(output));
      }
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const titles = { load: "load", flushed: "save, flushed to the disk", save: "save as it comes" };
const pairs = [
  ["ours, .pth", "torch, .pth"],
  ["ours, safetensors", "Python safetensors"],
];
const rows = pairs.flatMap(([ours, peer]) =>
  ["load", "flushed", "save"].map((work) => {
    const ratios = measured[ours].map((one, i) => measured[peer][i][work] / one[work]);
    return {
      work: `${titles[work]} 420 MB`,
      peer,
      ours: median(measured[ours].map((one) => one[work])),
      theirs: median(measured[peer].map((one) => one[work])),
      ratio: median(ratios),
      ratioMin: Math.min(...ratios),
      ratioMax: Math.max(...ratios),
      runs: ratios.length,
      oursPeakMiB: Math.round(median(measured[ours].map((one) => one.memoryBytes)) / 2 ** 20),
      theirsPeakMiB: Math.round(median(measured[peer].map((one) => one.memoryBytes)) / 2 ** 20),
    };
  }),
);
if (values.json) for (const row of rows) console.log(JSON.stringify(row));
else console.table(rows);
