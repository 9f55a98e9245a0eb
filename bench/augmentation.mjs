/**
 * What augmentation and mosaics cost a training step: steps with each beside steps without, in turns, in processes that stay alive.
 *
 *   node bench/augmentation.mjs [--rounds 7] [--threads 2] [--stage segmenter] [--backbone mobilenet] [--precision bfloat16]
 *
 * Patches are of 224 px, 20 in a step, each of one class, as mosaics need them. Prints the step's time by that without any of it: median of
 * the rounds' ratios, least and most.
 */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { makeData } from "./speed/data.mjs";
import { median, Team } from "./speed/team.mjs";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "7" },
    threads: { type: "string", default: "2" },
    stage: { type: "string", default: "segmenter" },
    backbone: { type: "string", default: "mobilenet" },
    precision: { type: "string", default: "bfloat16" },
  },
});
const { rounds, threads, stage, backbone, precision } = values;

const ways = {
  "nothing but flips": {},
  "quarter turns and scales": { quarterTurns: 0.75, scaleMax: 1.4 },
  "brightness, contrast, saturation, hue": { brightness: 0.25, contrast: 0.25, saturation: 0.25, hue: 0.05 },
  "stain jitter": { stainJitter: 0.1 },
  "all of these": {
    ...{ quarterTurns: 0.75, scaleMax: 1.4, stainJitter: 0.1 },
    ...{ brightness: 0.25, contrast: 0.25, saturation: 0.25, hue: 0.05 },
  },
  ...(stage === "segmenter" && { "mosaics, half of the patches": { mosaic: 0.5 }, "mosaics alone": { mosaic: 1 } }),
};

const batch = 20;
const folder = await mkdtemp(path.join(os.tmpdir(), "wsss-bench-augmentation-"));
try {
  const network = { backbone, headWidth: 0.25 };
  const data = await makeData(path.join(folder, "set"), { count: batch, size: 224, batch, labels: "single", network });
  const ours = fileURLToPath(new URL("speed/ours.mjs", import.meta.url));
  const words = [ours, `${stage}-step`, data, threads, String(batch), precision, "cpu"];
  const teams = Object.entries(ways).map(([way, options]) => {
    const team = new Team(process.execPath, words, [{ WSSS_BENCH_OPTIONS: JSON.stringify(options) }]);
    return { way, team, seconds: [] };
  });
  for (let round = 0; round <= Number(rounds); round += 1) {
    for (const { team, seconds } of teams) {
      const own = await team.run();
      if (round > 0) seconds.push(own);
    }
    console.error(`bench: round ${round} of ${rounds}`);
  }
  for (const { team } of teams) team.stop();
  console.log(
    `${stage}, ${backbone}, ${precision}, ${threads} threads, ${batch} patches of 224 px, ${rounds} rounds\n`,
  );
  console.log("| with | seconds a step | by a step without |\n|---|---|---|");
  for (const { way, seconds } of teams) {
    const ratios = seconds.map((one, round) => one / teams[0].seconds[round]);
    const range = `${median(ratios).toFixed(3)} (${Math.min(...ratios).toFixed(3)} to ${Math.max(...ratios).toFixed(3)})`;
    console.log(`| ${way} | ${median(seconds).toFixed(3)} | ${range} |`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit(0);
