/**
 * What the report of a run costs: a finished run folder is grown again, epoch by epoch and stage by stage, and its report written each time
 * as a run does it, on a thread.
 *
 *   node bench/report.mjs RUN
 *
 * Prints the processor time of the first page, with which the thread starts, and of the last, what share of the time that the run's stages
 * took they are, the longest time for which the main thread was held up, and the size of the last page. Those between take a hundredth of a
 * run's time at most, since the writer rests from each.
 */
/* global setInterval, clearInterval */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";

import { ReportWriter } from "../dist/report/report-writer.js";

const [run] = process.argv.slice(2);
if (run === undefined) {
  console.error("usage: node bench/report.mjs RUN");
  process.exit(2);
}

const root = await mkdtemp(path.join(tmpdir(), "wsss-report-"));
const grown = path.join(root, path.basename(path.resolve(run)));
await mkdir(path.join(grown, "metrics"), { recursive: true });
await mkdir(path.join(grown, "stages"));
const problems = [];
// In a run it rests from a page 99 times as long as that took: here each is made.
const writer = new ReportWriter(grown, (problem) => problems.push(problem), 0);
const delay = monitorEventLoopDelay({ resolution: 5 });
const usedMs = [];

/** One page; only its own processor time is counted. */
async function page() {
  const before = process.cpuUsage();
  // The thread keeps no process alive, which training would.
  const alive = setInterval(() => undefined, 1000);
  delay.enable();
  writer.request();
  await writer.settled();
  delay.disable();
  clearInterval(alive);
  const { user, system } = process.cpuUsage(before);
  usedMs.push((user + system) / 1000);
}

const take = async (name) => await cp(path.join(run, name), path.join(grown, name), { recursive: true });
const marker = async (stage) => await take(path.join("stages", `${stage}.json`));

async function train(name) {
  const tables = await Promise.all(
    ["steps", "epochs"].map(async (kind) => {
      const file = `${name}-${kind}.csv`;
      const [head, ...lines] = (await readFile(path.join(run, "metrics", file), "utf8")).trim().split("\n");
      return { file, head, lines };
    }),
  );
  const epochs = tables[1].lines.length;
  for (let epoch = 0; epoch <= epochs; epoch += 1) {
    for (const { file, head, lines } of tables) {
      const until = lines.filter((line) => Number(line.split(",")[0]) <= epoch);
      await writeFile(path.join(grown, "metrics", file), `${[head, ...until].join("\n")}\n`);
    }
    await page();
  }
  await marker(`train-${name}`);
}

await take("run.json");
const stages = (await readdir(path.join(run, "stages"))).map((file) => path.basename(file, ".json"));
if (stages.includes("train-classifier")) await train("classifier");
// That a stage begins is told with the end of the one before it: both are one page.
if (stages.includes("pseudo-masks")) {
  await marker("pseudo-masks");
  await page();
}
if (stages.includes("train-segmenter")) await train("segmenter");
for (const [stage, folder] of [
  ["evaluate", "evaluation"],
  ["pictures", "pictures"],
]) {
  if (!stages.includes(stage)) continue;
  await take(folder);
  await marker(stage);
  await page();
}
await take("result.json");
await page();
await writer.end();

let runMs = 0;
for (const stage of stages) {
  const { elapsedMs } = JSON.parse(await readFile(path.join(run, "stages", `${stage}.json`), "utf8"));
  runMs += elapsedMs;
}
const { size } = await stat(path.join(grown, "report.html"));
await rm(root, { recursive: true });
const seconds = (ms) => (ms / 1000).toFixed(2);
const [first, last] = [usedMs[0], usedMs.at(-1)];
console.log(
  `processor time of ${usedMs.length} pages: the first ${seconds(first)} s, the last ${seconds(last)} s, both ` +
    `${((100 * (first + last)) / runMs).toFixed(2)} % of the run's ${(runMs / 1000).toFixed(0)} s; main thread held up for at most ${(delay.max / 1e6).toFixed(0)} ms; last page ${(size / 1e6).toFixed(2)} MB` +
    (problems.length > 0 ? `; problems: ${problems.join("; ")}` : ""),
);
