// How much memory work takes: gradient checkpointing, a batch size that fits, and what work that ran out says.
import { execFileSync, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { Classifier, type Dataset, Segmenter } from "../dist/index.js";
import { mostPatches } from "../dist/model/training-options.js";
import { tinyDataset, tinyWidth, trainFolder } from "./support/tiny-models.js";

let data: Dataset;
beforeAll(async () => {
  data = await tinyDataset();
});

const classifierBackbones = ["resnet38", "mobilenet", "efficientnet-lite0"] as const;
const segmenterBackbones = ["resnet101", "xception", "drn", "mobilenet", "efficientnet-lite0"] as const;
const precisions = ["float32", "bfloat16"] as const;
const cases = <Backbone extends string>(backbones: readonly Backbone[]) =>
  backbones.flatMap((backbone) => precisions.map((precision) => [backbone, precision] as const));

interface Outcome {
  readonly losses: number[];
  readonly probabilities: number[];
}

/** Losses of all steps, and what the trained network makes of a patch. */
async function outcome(
  training: AsyncIterable<{ kind: string; loss?: number }>,
  predict: () => Promise<{ readonly probabilities: Float32Array }>,
): Promise<Outcome> {
  const losses: number[] = [];
  for await (const event of training) if (event.kind === "step") losses.push(event.loss!);
  return { losses, probabilities: [...(await predict()).probabilities] };
}

/** Largest difference of two lists, in units of the largest value. */
function difference(some: readonly number[], others: readonly number[]): number {
  const largest = Math.max(...others.map(Math.abs));
  return Math.max(...some.map((value, i) => Math.abs(value - others[i]!))) / largest;
}

describe("gradient checkpointing changes no result", () => {
  const brief = { epochs: 2, batchSize: 4, freezeBatchNorm: false } as const;

  test.each(cases(classifierBackbones))("classifier on %s, %s", async (backbone, precision) => {
    const run = async (gradientCheckpointing: boolean): Promise<unknown> => {
      const { classes, background } = data;
      const choice = { classes, background, width: tinyWidth, device: "cpu", seed: 1, backbone, precision } as const;
      await using classifier = await Classifier.create(choice);
      const training = classifier.train(data.train, { ...brief, pdaStartEpoch: 1, gradientCheckpointing });
      return await outcome(training, () => classifier.predict(data.test.files[0]!.imagePath));
    };
    expect(await run(true)).toEqual(await run(false));
  });

  // A map that goes to the decoder too has its gradients added in another order.
  test.each(cases(segmenterBackbones))("segmenter on %s, %s, but for rounding", async (backbone, precision) => {
    const run = async (gradientCheckpointing: boolean): Promise<Outcome> => {
      const { classes, background } = data;
      const choice = { classes, background, width: tinyWidth, device: "cpu", seed: 1, backbone, precision } as const;
      await using segmenter = await Segmenter.create(choice);
      const training = segmenter.train(data.train, { ...brief, masks: "ground-truth", gradientCheckpointing });
      return await outcome(training, () => segmenter.predict(data.test.files[0]!.imagePath));
    };
    const [checkpointed, plain] = [await run(true), await run(false)];
    expect(checkpointed.losses[0]).toBe(plain.losses[0]);
    const bound = precision === "float32" ? 1e-4 : 2e-2;
    expect(difference(checkpointed.losses, plain.losses)).toBeLessThan(bound);
    expect(difference(checkpointed.probabilities, plain.probabilities)).toBeLessThan(bound);
  });

  test("frozen layers before the first that learns", async () => {
    const run = async (gradientCheckpointing: boolean): Promise<unknown> => {
      const { classes, background } = data;
      await using classifier = await Classifier.create({
        classes,
        background,
        width: tinyWidth,
        device: "cpu",
        seed: 1,
      });
      const frozen = { ...brief, freezeStem: true, freezeBatchNorm: true, gradientCheckpointing };
      return await outcome(classifier.train(data.train, frozen), () =>
        classifier.predict(data.test.files[0]!.imagePath),
      );
    };
    expect(await run(true)).toEqual(await run(false));
  });
});

describe("batchSize auto", () => {
  test("is 20, or all patches of a smaller split, where memory has room", async () => {
    expect(mostPatches("auto", 400)).toBe(20);
    expect(mostPatches("auto", 8)).toBe(8);
    expect(mostPatches(64, 8)).toBe(64);
    const { classes, background } = data;
    await using classifier = await Classifier.create({ classes, background, width: tinyWidth, device: "cpu", seed: 1 });
    const training = classifier.train(data.train, { epochs: 1, batchSize: "auto" });
    let next = await training.next();
    while (next.done !== true) next = await training.next();
    expect(next.value).toMatchObject({ steps: 1, batchSize: data.train.count });
    // What it came to is what the model remembers.
    expect(classifier.trainings[0]!.settings).toMatchObject({ batchSize: data.train.count });
  });

  test("another word is refused", () => {
    const { classes, background } = data;
    return expect(
      Classifier.create({ classes, background, width: tinyWidth, device: "cpu" }).then((classifier) =>
        classifier.train(data.train, { batchSize: "large" as "auto" }),
      ),
    ).rejects.toMatchObject({ code: "WSSS_ERR_OPTION", details: { option: "batchSize" } });
  });
});

describe("a process that may not have more memory", () => {
  const library = fileURLToPath(new URL("../dist/index.js", import.meta.url));
  let folder: string;
  let larger: string;

  beforeAll(async () => {
    folder = await trainFolder(24, 256);
    larger = await trainFolder(24, 384);
  });

  /** A program that works on 24 patches in so much more memory than it has when all is loaded. */
  const program = (patches: string, mebibytes: number, then: string): string => `
    import { execFileSync } from "node:child_process";
    import { readFileSync } from "node:fs";
    import { Classifier, openDataset } from ${JSON.stringify(library)};
    const { train, classes } = await openDataset(${JSON.stringify(patches)});
    const classifier = await Classifier.create({ classes, width: 1 / 8, device: "cpu", threads: 2, seed: 1, precision: "float32" });
    const patch = { rgb: new Uint8Array(3 * 256 * 256), height: 256, width: 256 };
    await train.load();
    const run = async (options) => {
      const training = classifier.train(train, { epochs: 1, ...options });
      let next = await training.next();
      while (next.done !== true) next = await training.next();
      return next.value;
    };
    await run({ batchSize: 1, epochs: 1 }); // Threads, and what libraries keep, are there then.
    // What is written to, not addresses: the C library reserves 64 MiB of those for a thread, at any time.
    const used = Number(/^VmData:\\s+(\\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))[1]) * 1024;
    execFileSync("prlimit", ["--pid", String(process.pid), "--data=" + (used + ${mebibytes} * 2 ** 20)]);
    ${then}
    process.exit(0);
  `;

  async function output(text: string): Promise<unknown> {
    const child = spawn(process.execPath, ["--input-type=module", "--eval", text]);
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (bytes: Buffer) => (stdout += bytes.toString()));
    child.stderr.on("data", (bytes: Buffer) => (stderr += bytes.toString()));
    await new Promise((resolve) => child.on("close", resolve));
    if (stdout === "") throw new Error(stderr);
    return JSON.parse(stdout) as unknown;
  }

  const hasPrlimit = ((): boolean => {
    try {
      execFileSync("prlimit", ["--version"]);
      return true;
    } catch {
      console.warn("SKIPPED: there is no prlimit here, which would limit the memory of a process");
      return false;
    }
  })();

  (hasPrlimit ? test : test.skip)("says what would fit, which then does, and auto chooses it", async () => {
    const found = (await output(
      program(
        folder,
        500,
        `let failure;
         await run({ batchSize: 24 }).catch((error) => (failure = error));
         const { code, message, details } = failure;
         const after = await run({ batchSize: details.fits });
         const auto = await run({ batchSize: "auto" });
         const { probabilities } = await classifier.predict(patch);
         const sums = [...probabilities].every(Number.isFinite);
         console.log(JSON.stringify({ code, message, details, after, auto, sums }));`,
      ),
    )) as {
      code: string;
      message: string;
      details: { batchSize: number; fits: number };
      after: { batchSize: number };
      auto: { batchSize: number };
      sums: boolean;
    };
    console.info(found.message);
    expect(found).toMatchObject({ code: "WSSS_ERR_OUT_OF_MEMORY", details: { batchSize: 24 }, sums: true });
    expect(found.details.fits).toBeGreaterThan(0);
    expect(found.details.fits).toBeLessThan(24);
    expect(found.message).toContain(`about ${found.details.fits} would fit`);
    expect(found.after.batchSize).toBe(found.details.fits);
    expect(found.auto.batchSize).toBeGreaterThan(0);
    expect(found.auto.batchSize).toBeLessThan(20);
  });

  (hasPrlimit ? test : test.skip).each([
    ["predict", "(batchSize) => classifier.predict(train, { batchSize })"],
    // As published: otherwise patches of one class, as these, need no network.
    ["generatePseudoMasks", '(batchSize) => classifier.generatePseudoMasks(train, { batchSize, recipe: "published" })'],
  ])("so does %s, whose classifier stays usable", async (_, call) => {
    const found = (await output(
      program(
        larger,
        600,
        `const call = ${call};
         let failure;
         await call(24).catch((error) => (failure = error));
         const { code, message, details } = failure;
         await call(details.fits);
         console.log(JSON.stringify({ code, message, details }));`,
      ),
    )) as { code: string; message: string; details: { batchSize: number; fits: number } };
    console.info(found.message);
    expect(found).toMatchObject({ code: "WSSS_ERR_OUT_OF_MEMORY", details: { batchSize: 24 } });
    expect(found.details.fits).toBeGreaterThan(0);
    expect(found.message).toContain(`a batch of 24 patches; about ${found.details.fits} would fit`);
  });

  test("a thread in which oneDNN once had no memory for code is worked round", async () => {
    const root = fileURLToPath(new URL("..", import.meta.url));
    const failures = await output(`
      import { createRequire } from "node:module";
      import { join } from "node:path";
      import { buildFolder } from ${JSON.stringify(fileURLToPath(new URL("../dist/native/binary.js", import.meta.url)))};
      import { loadAddon } from ${JSON.stringify(fileURLToPath(new URL("../dist/native/load.js", import.meta.url)))};
      await loadAddon();
      const root = ${JSON.stringify(root)};
      const { Workspace } = createRequire(join(root, "package.json"))(join(buildFolder(root), "test-addon", "wsss_test.node"));
      const space = new Workspace();
      space.run("convolve_without_memory", {});
      console.log(JSON.stringify([...new Int32Array(space.get("failures").data)]));
      process.exit(0);
    `);
    // Without memory; with memory again, through what the product calls; and what becomes of the thread without that.
    expect(failures).toEqual([1, 0, 1]);
  });

  test("validation takes no memory on top of what the steps have had", async () => {
    const peak = async (options: string): Promise<number> =>
      (await output(`
        import { Classifier, openDataset } from ${JSON.stringify(library)};
        const { train, classes } = await openDataset(${JSON.stringify(folder)});
        const place = { classes, width: 1 / 8, device: "cpu", threads: 2, seed: 1, precision: "float32" };
        const classifier = await Classifier.create(place);
        for await (const _ of classifier.train(train, { epochs: 2, batchSize: 12, ...${options} }));
        console.log(process.resourceUsage().maxRSS / 1024);
        process.exit(0);
      `)) as number;
    const [alone, validated] = [await peak("{}"), await peak("{ validation: train }")];
    console.info(`peak memory: ${Math.round(alone)} MiB without validation, ${Math.round(validated)} MiB with it`);
    expect(validated).toBeLessThan(1.08 * alone);
  });
});
