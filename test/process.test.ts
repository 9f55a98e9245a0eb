// How the addon behaves as a guest in a Node process: exits, workers, the event loop.
import { spawn } from "node:child_process";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "@jest/globals";
import { resolveSegmenterTraining } from "../dist/index.js";
import { noGroup } from "../dist/model/checkpoints.js";
import type { NativeSegmenterTraining } from "../dist/segmenter/train-segmenter.js";
import { nativeTraining } from "../dist/model/native-training-options.js";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const library = pathToFileURL(path.join(root, "dist/native/load.js")).href;

/** What the library would tell the addon of an endless training on one level of masks. */
const endless = {
  ...nativeTraining(resolveSegmenterTraining({ epochs: 100_000, batchSize: 4, seed: 1, blur: 0 }), {
    split: { count: 16 },
    checkpoints: { checkpointFolder: "", checkpointSteps: 0, checkpointKeep: 1, checkpointConfig: "", resumeFrom: "" },
    metadata: {},
    precision: "float32",
    isValidated: false,
    group: noGroup,
  }),
  levelWeights: [1],
  mosaic: 0,
  patients: [],
  previews: 0,
} satisfies NativeSegmenterTraining;

/** A program that starts an endless training on invented tissue and then does `then`. */
const training = (then: string, options = ""): string => `
  import { loadAddon } from ${JSON.stringify(library)};
  const addon = await loadAddon();
  const call = (start) => new Promise((resolve, reject) =>
    start((failure, result) => (failure ? reject(new Error(failure.code)) : resolve(result))));
  const [patches, masks] = [new addon.PatchStore(16, 64, 64, 4), new addon.MaskStore(16, 64, 64, 1)];
  await call((done) => addon.synthesizeTissue({ seed: 1, firstPatch: 0 }, patches, masks, done));
  const config = { classCount: 4, width: 1 / 16, headWidth: 1 / 16, device: "cpu", seed: 1, threads: 0, precision: "float32", tf32: true, backbone: "resnet101", outputStride: 16 };
  const segmenter = new addon.Segmenter(config);
  await call((done) => segmenter.initialize(null, done));
  const options = { ...${JSON.stringify(endless)}, ${options} };
  let steps = 0;
  let tellFirst;
  const first = new Promise((resolve) => (tellFirst = resolve));
  const learning = () => first; // Resolves with the first step; 100000 epochs are still to come.
  const onEvent = (event) => { if (event.kind === "step") { steps = event.step; tellFirst(); } };
  const train = () => call((done) => segmenter.train(options, patches, masks, null, onEvent, done));
  ${then}
`;

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(program: string): Promise<Ended> {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { cwd: root });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (bytes: Buffer) => (stdout += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (stderr += bytes.toString()));
  return await new Promise((resolve) => {
    child.on("close", (code, signal) => {
      resolve({ code, signal, stdout, stderr });
    });
  });
}

test("process.exit during a training keeps its exit code and does not crash", async () => {
  const ended = await run(training("void train(); await learning(); process.exit(7);"));
  expect(ended).toMatchObject({ code: 7, signal: null });
});

test("an uncaught error during a training ends the process as it would any other", async () => {
  const ended = await run(training("void train(); await learning(); throw new Error('boom');"));
  expect(ended).toMatchObject({ code: 1, signal: null });
  expect(ended.stderr).toContain("boom");
});

test("a process with nothing left to do ends by itself, models alive or not", async () => {
  const ended = await run(training("options.epochs = 1; await train(); console.log('trained', steps);"));
  expect(ended).toMatchObject({ code: 0, signal: null });
  expect(ended.stdout).toContain("trained 4");
});

test("worker.terminate during a training ends the worker and leaves the process whole", async () => {
  const worker = training(
    "void train(); await learning(); (await import('node:worker_threads')).parentPort.postMessage('on');",
  );
  const ended = await run(`
    import { Worker } from "node:worker_threads";
    const worker = new Worker(new URL("data:text/javascript," + encodeURIComponent(${JSON.stringify(worker)})));
    worker.on("error", (error) => { console.error(error); process.exit(3); });
    worker.on("message", async () => { console.log("ended", await worker.terminate()); });
  `);
  expect(ended.stderr).toBe("");
  expect(ended).toMatchObject({ code: 0, signal: null });
  expect(ended.stdout).toContain("ended 1");
});

test("one worker after another trains where the main thread never loads the addon", async () => {
  // Node lets go of an addon with the last worker that used it; what LibTorch still knows of it must outlive that.
  const worker = training("options.epochs = 1; await train();");
  const ended = await run(`
    import { once } from "node:events";
    import { Worker } from "node:worker_threads";
    for (let i = 0; i < 3; i++) {
      const worker = new Worker(new URL("data:text/javascript," + encodeURIComponent(${JSON.stringify(worker)})));
      console.log("ended", ...(await once(worker, "exit")));
    }
  `);
  expect(ended).toMatchObject({ code: 0, signal: null, stderr: "" });
  expect(ended.stdout.match(/ended 0/g)).toHaveLength(3);
});

test("the event loop goes on turning while a network trains", async () => {
  const ended = await run(
    training(`
      const { monitorEventLoopDelay } = await import("node:perf_hooks");
      const delay = monitorEventLoopDelay({ resolution: 5 });
      let failed;
      const job = train().catch((error) => (failed = error.message));
      delay.enable();
      let turns = 0;
      while (steps < 6 && failed === undefined) { await new Promise((resolve) => setImmediate(resolve)); turns++; }
      delay.disable();
      await call((done) => segmenter.dispose(done));
      console.log(JSON.stringify({ turns, steps, ended: await job, p99Ms: delay.percentile(99) / 1e6 }));
    `),
  );
  expect(ended).toMatchObject({ code: 0, signal: null });
  const measured = JSON.parse(ended.stdout) as { turns: number; steps: number; ended: string; p99Ms: number };
  // Figures are printed, not judged: machines are noisy. That the loop turned is seen by the end: of 100000 epochs the
  // training is in the sixth step when this thread asks it to stop.
  console.info(
    `event loop during training: ${measured.turns} turns in ${measured.steps} steps, delay p99 ${measured.p99Ms.toFixed(1)} ms`,
  );
  expect(measured.ended).toBe("WSSS_ERR_CANCELLED");
});

test("a cancelled full-size step ends long before the step would", async () => {
  const ended = await run(`
    import { loadAddon } from ${JSON.stringify(library)};
    const addon = await loadAddon();
    const call = (start) => new Promise((resolve, reject) =>
      start((failure, result) => (failure ? reject(new Error(failure.code)) : resolve(result))));
    const patches = new addon.PatchStore(8, 224, 224, 4);
    const many = new addon.PatchStore(32, 224, 224, 4);
    const classifier = new addon.Classifier({ classCount: 4, width: 0.5, headWidth: 0.5, backbone: "resnet38", outputStride: 8, device: "cpu", seed: 1, threads: 0, precision: "float32", tf32: true });
    await call((done) => classifier.initialize(null, done));
    // Of time that is computed in, not that of the clock: what runs beside it does not count.
    const computedMs = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
    let start = computedMs();
    await call((done) => classifier.classify({ batchSize: 8 }, patches, () => {}, done));
    const wholeMs = computedMs() - start;
    let job;
    const ended = new Promise((resolve) => {
      job = classifier.classify({ batchSize: 32 }, many, () => {}, (failure) => resolve(failure?.code));
    });
    start = computedMs();
    const { readdirSync, readFileSync } = await import("node:fs");
    // Whether the model's thread has computed anything yet: it then is inside the step, of which it has seconds to go.
    const isInside = () => readdirSync("/proc/self/task").some((thread) => {
      try {
        const [, name, fields] = /\\((.*)\\) (.*)/.exec(readFileSync("/proc/self/task/" + thread + "/stat", "utf8"));
        return name === "wsss model" && Number(fields.split(" ")[11]) > 0;
      } catch {
        return false; // It has ended since.
      }
    });
    while (!isInside()) await new Promise((resolve) => setImmediate(resolve));
    job.cancel();
    const code = await ended;
    console.log(JSON.stringify({ code, share: (computedMs() - start) / (4 * wholeMs) }));
  `);
  const measured = JSON.parse(ended.stdout) as { code: string; share: number };
  console.info(`ended after ${(100 * measured.share).toFixed(0)} % of the work, cancelled at its beginning`);
  expect(measured.code).toBe("WSSS_ERR_CANCELLED");
  expect(measured.share).toBeLessThan(0.75);
});

test("loading twice gives the same addon", async () => {
  const started = performance.now();
  const { loadAddon } = await import("../dist/native/load.js");
  expect(await loadAddon()).toBe(await loadAddon());
  console.info(`addon and LibTorch loaded in ${(performance.now() - started).toFixed(0)} ms`);
});
