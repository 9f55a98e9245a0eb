/**
 * Whether anything that gpu-check finds would mean something: our own kernels, recordings and replayed steps are there. Prints one JSON
 * object a line, {"check", "isPassed", "said"}, and exits with 1 if a check failed.
 */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { writeDemoDataset } from "../../dist/demo/write-dataset.js";
import { Classifier, openDataset } from "../../dist/index.js";
import { libtorchVersion } from "../../dist/libtorch/libtorch.js";
import { runJob } from "../../dist/native/job.js";
import { loadAddon } from "../../dist/native/load.js";

/** Tells a check by what is wrong, `""` if nothing is, and what is worth saying anyway. */
async function check(name, act) {
  const { wrong, said = "" } = await act().catch((error) => ({ wrong: error?.message ?? String(error) }));
  if (wrong !== "") process.exitCode = 1;
  console.log(JSON.stringify({ check: name, isPassed: wrong === "", said: wrong || said }));
}

await check("the addon runs on the LibTorch that it was built against", async () => {
  const { libtorchVersion: loaded, builtAgainst, compiler } = (await loadAddon()).deviceReport();
  const said = `LibTorch ${loaded}, built against ${builtAgainst} by ${compiler}`;
  return { wrong: loaded === libtorchVersion && builtAgainst === libtorchVersion ? "" : said, said };
});

// Without it all others would only say so once more.
if (process.exitCode === 1) process.exit();

await check("a GPU is used", async () => {
  const { cuda } = (await loadAddon()).deviceReport();
  return { wrong: cuda.deviceCount > 0 ? "" : cuda.reason || "no reason given", said: `${cuda.deviceCount} usable` };
});

await check("our own kernels are loaded", async () => {
  const { cuda } = (await loadAddon()).deviceReport();
  return { wrong: cuda.kernelsReason };
});

await check("a tiny recording works", async () => {
  const addon = await loadAddon();
  return { wrong: await runJob((done) => addon.tryRecording({ device: "cuda:0" }, done)) };
});

await check("a tiny training replays steps", async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "wsss-preflight-"));
  try {
    await writeDemoDataset(folder, { seed: 1, patchPx: 48, counts: { train: 24, val: 1, test: 1 } });
    const { classes, background, train } = await openDataset(folder);
    const classifier = await Classifier.create({ classes, background, width: 1 / 16, device: "cuda", seed: 1 });
    const training = classifier.train(train, { epochs: 4, batchSize: 4 });
    let next = await training.next();
    while (!next.done) next = await training.next();
    const { steps, replayedSteps, whyNotRecorded } = next.value;
    const said = `${replayedSteps} of ${steps} steps were replayed${whyNotRecorded && `: ${whyNotRecorded}`}`;
    return { wrong: replayedSteps > 0 && whyNotRecorded === "" ? "" : said, said };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
