/**
 * The API in all the ways in which it should not be used: each method with wrong types, while another call runs, with aborted
 * signals, and after dispose. Always a typed error, never a crash, and the model stays usable.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { readdirSync, renameSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import {
  Classifier,
  type Dataset,
  isWsssError,
  type Progress,
  PseudoMasks,
  Segmenter,
  type WsssError,
} from "../dist/index.js";
import { pixels } from "./support/dataset-folder.js";
import {
  brief,
  endless,
  freshFolder,
  tinyClassifier,
  tinyDataset,
  tinySegmenter,
  tinySide,
  tinyWidth,
} from "./support/tiny-models.js";

type Loose = (...given: unknown[]) => unknown;

/** One use of a method, by its name in messages, with some of its options. */
interface Use {
  readonly call: string;
  readonly use: (options: object) => object;
}

let data: Dataset;
let classifier: Classifier;
let segmenter: Segmenter;
let masks: PseudoMasks;
let folder: string;
const patch = { rgb: pixels(tinySide, tinySide, 3), height: tinySide, width: tinySide };

beforeAll(async () => {
  data = await tinyDataset();
  folder = await freshFolder();
  classifier = await tinyClassifier(data);
  segmenter = await tinySegmenter(data);
  masks = await classifier.generatePseudoMasks(data.train);
});

afterAll(async () => {
  await classifier.dispose();
  await segmenter.dispose();
});

/** The error of a call, whether it throws, rejects, or fails at the first step of a loop. */
async function errorOf(call: () => unknown): Promise<WsssError> {
  try {
    const result = call();
    if (typeof result === "object" && result !== null && "next" in result) {
      const events = result as AsyncGenerator;
      const first = await events.next();
      await events.return(undefined);
      throw new Error(`reported ${JSON.stringify(first.value)} instead of failing`);
    }
    await result;
  } catch (error) {
    if (isWsssError(error)) return error;
    throw error;
  }
  throw new Error("succeeded instead of failing");
}

/** Every long method of a classifier. */
const classifierUses = (model: Classifier): Use[] => [
  { call: "Classifier.save", use: (o) => model.save(path.join(folder, "c.safetensors"), o) },
  { call: "Classifier.predict", use: (o) => model.predict(patch, o) },
  { call: "Classifier.evaluate", use: (o) => model.evaluate(data.test, o) },
  { call: "Classifier.generatePseudoMasks", use: (o) => model.generatePseudoMasks(data.train, o) },
  { call: "Classifier.train", use: (o) => model.train(data.train, { ...endless, ...o }) },
];

/** Every long method of a segmenter. */
const segmenterUses = (model: Segmenter): Use[] => [
  { call: "Segmenter.save", use: (o) => model.save(path.join(folder, "s.safetensors"), o) },
  { call: "Segmenter.predict", use: (o) => model.predict(patch, o) },
  { call: "Segmenter.evaluate", use: (o) => model.evaluate(data.test, o) },
  { call: "Segmenter.train", use: (o) => model.train(data.train, { masks: "ground-truth", ...endless, ...o }) },
];

describe("wrong types", () => {
  const wrongSources: unknown[] = [
    undefined,
    null,
    7,
    "",
    true,
    {},
    { rgb: [1], height: 1, width: 1 },
    () => 1,
    Symbol("x"),
  ];

  test("predict refuses what is no patch", async () => {
    for (const source of wrongSources) {
      for (const model of [classifier, segmenter]) {
        const predict = model.predict.bind(model) as Loose;
        const error = await errorOf(() => predict(source));
        expect(error.code).toBe("WSSS_ERR_OPTION");
        expect(error.message).toMatch(/^patch (must|is missing: it must) be the path of a picture/);
        const listed = await errorOf(() => predict([patch, source]));
        expect(listed.message).toMatch(/^patches\[1\] (must|is missing: it must) be the path of a picture/);
      }
    }
  });

  test("predict refuses pixels that don't fit their size, and patches below 32 px", async () => {
    const short = { ...patch, rgb: patch.rgb.subarray(1) };
    const small = { rgb: pixels(31, 40, 0), height: 31, width: 40 };
    for (const model of [classifier, segmenter]) {
      expect(await errorOf(() => model.predict(short))).toMatchObject({ code: "WSSS_ERR_SHAPE" });
      const error = await errorOf(() => model.predict(small));
      expect(error).toMatchObject({ code: "WSSS_ERR_SHAPE" });
      expect(error.message).toContain("at least 32 px");
    }
  });

  test("predict refuses files that are not there, no pictures, or cut off", async () => {
    const whole = await readFile(data.train.files[0]!.imagePath);
    const broken = path.join(folder, "broken.png");
    const text = path.join(folder, "text.png");
    await writeFile(broken, whole.subarray(0, whole.length >> 1));
    await writeFile(text, "no picture");
    for (const model of [classifier, segmenter]) {
      expect(await errorOf(() => model.predict(path.join(folder, "none.png")))).toMatchObject({ code: "WSSS_ERR_IO" });
      expect(await errorOf(() => model.predict([patch, broken]))).toMatchObject({ code: "WSSS_ERR_DATASET" });
      expect(await errorOf(() => model.predict(text))).toMatchObject({ code: "WSSS_ERR_DATASET" });
    }
  });

  test("split arguments refuse everything else", async () => {
    const calls: [string, Loose][] = [
      ["Classifier.train", classifier.train.bind(classifier) as Loose],
      ["Classifier.evaluate", classifier.evaluate.bind(classifier) as Loose],
      ["Classifier.generatePseudoMasks", classifier.generatePseudoMasks.bind(classifier) as Loose],
      ["Segmenter.evaluate", segmenter.evaluate.bind(segmenter) as Loose],
      ["Segmenter.train", (split: unknown) => segmenter.train(split as Dataset["train"], { masks })],
    ];
    for (const [call, method] of calls) {
      for (const split of [undefined, null, 3, "train", {}, data]) {
        const error = await errorOf(() => method(split));
        expect(error.code).toBe("WSSS_ERR_OPTION");
        expect(error.message).toMatch(/^split (must|is missing: it must) be a split of a dataset/);
        expect(error.message).toContain(call);
      }
    }
  });

  test("every method refuses wrong options, by name", async () => {
    for (const { call, use } of [...classifierUses(classifier), ...segmenterUses(segmenter)]) {
      const unknown = await errorOf(() => use({ singal: 1 }));
      expect(unknown.code).toBe("WSSS_ERR_OPTION");
      expect(unknown.message).toContain("did you mean signal?");
      expect(unknown.message).toContain(`(${call})`);
      expect((await errorOf(() => use({ signal: "now" }))).message).toContain("signal must be an AbortSignal");
    }
  });

  test("the segmenter's masks and gate are judged before anything begins", async () => {
    const train = segmenter.train.bind(segmenter) as Loose;
    expect((await errorOf(() => train(data.train))).message).toContain("masks is missing");
    expect((await errorOf(() => train(data.train, { masks: "pseudo" }))).message).toContain('or "ground-truth"');
    const weights = { masks, levelWeights: [1, 2] };
    expect((await errorOf(() => train(data.train, weights))).message).toContain("levelWeights must be 3 long");
    const evaluate = segmenter.evaluate.bind(segmenter) as Loose;
    expect((await errorOf(() => evaluate(data.test, { gate: segmenter }))).message).toContain(
      "gate must be a Classifier",
    );
    const alone = await errorOf(() => evaluate(data.test, { gateThreshold: 0.5 }));
    expect(alone.message).toContain("gateThreshold must be left out without a gate classifier");
  });

  test("a batch that can't be filled, or would hold one patch alone, is refused", async () => {
    const large = await errorOf(() => classifier.train(data.train, { batchSize: 9 }));
    expect(large.message).toContain("batchSize must be at most 8, the 8 patches of train");
    const options = { masks, batchSize: 7, dropLastBatch: false };
    const single = await errorOf(() => segmenter.train(data.train, options));
    expect(single.message).toContain("alone in the last batch");
  });

  test("save refuses other endings, missing folders and folders in the file's place", async () => {
    for (const model of [classifier, segmenter]) {
      const save = model.save.bind(model) as Loose;
      for (const file of [undefined, 3, "", "stage1.pth"]) {
        expect(await errorOf(() => save(file))).toMatchObject({ code: "WSSS_ERR_OPTION" });
      }
      const nowhere = await errorOf(() => save(path.join(folder, "no", "where.safetensors")));
      expect(nowhere).toMatchObject({ code: "WSSS_ERR_IO" });
      expect(nowhere.message).toContain(`there is no folder ${path.join(folder, "no")}`);
      const taken = path.join(folder, "taken.safetensors");
      await mkdir(taken, { recursive: true });
      expect((await errorOf(() => save(taken))).message).toContain("it is a folder");
    }
  });
});

describe("things that don't belong together", () => {
  test("splits with other classes", async () => {
    const three = await tinyDataset(["gland", "stroma", "fat"]);
    const renamed = await tinyDataset(["stroma", "gland"]);
    for (const other of [three, renamed]) {
      for (const call of [
        () => classifier.train(other.train, brief),
        () => classifier.train(data.train, { ...brief, validation: other.val }),
        () => classifier.evaluate(other.test),
        () => classifier.predict(other.test),
        () => classifier.generatePseudoMasks(other.train),
        () => segmenter.train(other.train, { ...brief, masks: "ground-truth" }),
        () => segmenter.evaluate(other.test),
      ]) {
        const error = await errorOf(call);
        expect(error.code).toBe("WSSS_ERR_SHAPE");
        expect(error.message).toContain("2 (gland, stroma)");
      }
      await using gate = await tinyClassifier(other);
      const error = await errorOf(() => segmenter.evaluate(data.test, { gate }));
      expect(error).toMatchObject({ code: "WSSS_ERR_SHAPE" });
    }
  });

  test("masks of other patches", async () => {
    const part = data.train.subset(5);
    const error = await errorOf(() => segmenter.train(part, { ...brief, masks }));
    expect(error.code).toBe("WSSS_ERR_SHAPE");
    expect(error.message).toContain("8 masks for 5 patches");
    expect(await errorOf(() => masks.score("bn7", part))).toMatchObject({ code: "WSSS_ERR_SHAPE" });
    const level = await errorOf(() => masks.score("b6" as "bn7", data.train));
    expect(level.message).toContain('level must be "bn7" or "b5_2" or "b4_5"');
    for (const index of [-1, 8, 0.5, NaN]) expect(() => masks.mask("bn7", index)).toThrow("index must be an integer");
  });

  test("weights of the other network, of other classes, and of other programs", async () => {
    const file = path.join(folder, "classifier.safetensors");
    await classifier.save(file);
    const { classes } = data;
    const role = await errorOf(() => Segmenter.load(file));
    expect(role).toMatchObject({ code: "WSSS_ERR_WEIGHTS" });
    expect(role.message).toContain("holds a classifier, not a segmenter");
    const start = { classes, weights: file, width: tinyWidth, device: "cpu" } as const;
    expect(await errorOf(() => Segmenter.create(start))).toMatchObject({ code: "WSSS_ERR_WEIGHTS" });
    const width = await errorOf(() => Classifier.create({ ...start, width: 2 * tinyWidth }));
    expect(width.message).toContain("width 0.0625 in the file, 0.125 asked for");
    const others = [...classes, { name: "fat", colour: [0, 0, 9] }] as const;
    const count = await errorOf(() => Classifier.create({ ...start, classes: others }));
    expect(count.message).toContain("classes 2 (gland, stroma) in the file, 3 (gland, stroma, fat) asked for");

    expect(await errorOf(() => Classifier.load(path.join(folder, "none.safetensors")))).toMatchObject({
      code: "WSSS_ERR_IO",
    });
    const bytes = await readFile(file);
    for (const [name, content, message] of [
      ["empty", Buffer.alloc(0), "is empty"],
      [
        "zip",
        Buffer.concat([Buffer.from("PK\x03\x04"), Buffer.alloc(60)]),
        "directory at the end of a zip archive is missing",
      ],
      ["text", Buffer.from("these are no weights at all"), "none of the known containers"],
      ["cut", bytes.subarray(0, bytes.length - 100), "outside the file"],
      ["header", bytes.subarray(0, 100), "is cut off"],
      ["json", Buffer.concat([Buffer.from([4, 0, 0, 0, 0, 0, 0, 0]), Buffer.from("{{{{")]), "JSON header is broken"],
      [
        "foreign",
        safetensors({ x: { dtype: "F32", shape: [1], data_offsets: [0, 4] } }, 4),
        "does not name its classes",
      ],
    ] as const) {
      const bad = path.join(folder, `${name}.safetensors`);
      await writeFile(bad, content);
      const error = await errorOf(() => Classifier.load(bad));
      expect(error.code).toBe("WSSS_ERR_WEIGHTS");
      expect(error.message).toContain(message);
    }
    const foreign = { ...start, weights: path.join(folder, "foreign.safetensors") };
    expect(await errorOf(() => Classifier.create(foreign))).toMatchObject({ code: "WSSS_ERR_WEIGHTS" });
    expect(await errorOf(() => Classifier.create({ ...foreign, strict: false }))).toMatchObject({
      code: "WSSS_ERR_WEIGHTS",
    });
  });

  test("a start from other classes with strict: false says what was left out", async () => {
    const file = path.join(folder, "start.safetensors");
    await classifier.save(file);
    const classes = [...data.classes, { name: "fat", colour: [0, 0, 9] }] as const;
    const options = { classes, weights: file, strict: false, width: tinyWidth, device: "cpu" } as const;
    await using other = await Classifier.create(options);
    expect(other.weightsReport?.misshapen).toHaveLength(1);
    expect(other.weightsReport?.misshapen[0]).toContain("fc8.weight");
    expect(other.weightsReport?.loaded.length).toBeGreaterThan(100);
  });

  test("a device that is not there", async () => {
    const { classes } = data;
    const error = await errorOf(() => Classifier.create({ classes, width: tinyWidth, device: "cuda:99" }));
    expect(error).toMatchObject({ code: "WSSS_ERR_DEVICE" });
  });
});

describe("while another call runs", () => {
  test.each(["Classifier", "Segmenter"] as const)(
    "every method of a %s is busy, and free again after",
    async (kind) => {
      const uses = kind === "Classifier" ? classifierUses(classifier) : segmenterUses(segmenter);
      const model = kind === "Classifier" ? classifier : segmenter;
      const training = uses.at(-1)!.use({}) as AsyncGenerator;
      expect(model.busy).toBe(false);
      await training.next();
      expect(model.busy).toBe(true);
      for (const { call, use } of uses) {
        const error = await errorOf(() => use({}));
        expect(error).toMatchObject({ code: "WSSS_ERR_BUSY", details: { call, running: `${kind}.train` } });
        expect(error.message).toContain(`${call} can't begin while ${kind}.train is running`);
      }
      await training.return(undefined);
      expect(model.busy).toBe(false);
      await model.predict(patch);
    },
  );

  test("a gate that is at work", async () => {
    const training = classifier.train(data.train, endless);
    await training.next();
    const error = await errorOf(() => segmenter.evaluate(data.test, { gate: classifier }));
    expect(error).toMatchObject({ code: "WSSS_ERR_BUSY" });
    expect(error.message).toContain("Segmenter.evaluate with this gate can't begin while Classifier.train is running");
    await training.return(undefined as never);
    await segmenter.evaluate(data.test, { gate: classifier });
  });

  test("of two predictions at once the second is refused and the first goes on", async () => {
    const first = segmenter.predict(data.test);
    expect(await errorOf(() => segmenter.predict(patch))).toMatchObject({ code: "WSSS_ERR_BUSY" });
    expect(await first).toHaveLength(3);
  });
});

describe("with an AbortSignal", () => {
  test("aborted before: nothing happens", async () => {
    const signal = AbortSignal.abort("changed my mind");
    for (const { use } of [...classifierUses(classifier), ...segmenterUses(segmenter)]) {
      const error = await errorOf(() => use({ signal }));
      expect(error).toMatchObject({ code: "WSSS_ERR_CANCELLED", cause: "changed my mind" });
    }
    const creation = errorOf(() => Classifier.create({ classes: data.classes, width: tinyWidth, signal }));
    expect(await creation).toMatchObject({ code: "WSSS_ERR_CANCELLED" });
    expect(await errorOf(() => masks.score("bn7", data.train, { signal }))).toMatchObject({
      code: "WSSS_ERR_CANCELLED",
    });
    const output = path.join(folder, "never");
    expect(await errorOf(() => masks.write(output, { signal }))).toMatchObject({ code: "WSSS_ERR_CANCELLED" });
    expect(await readdir(folder)).not.toContain("never");
  });

  test("aborted meanwhile: the call rejects and the model goes on working", async () => {
    for (const { call, use } of [...classifierUses(classifier), ...segmenterUses(segmenter)]) {
      const controller = new AbortController();
      const stop = (): void => controller.abort(new Error("stopped by the test"));
      const onProgress = call.endsWith("train") || call.endsWith("save") ? {} : { onProgress: stop };
      const result = use({ signal: controller.signal, ...onProgress });
      if (call.endsWith("train")) {
        const training = result as AsyncGenerator;
        await training.next();
        stop();
        expect(await errorOf(() => training)).toMatchObject({ code: "WSSS_ERR_CANCELLED" });
      } else {
        if (call.endsWith("save")) setImmediate(stop);
        const error = await errorOf(() => result).catch(() => null); // A save may be faster than its abort.
        if (error) expect(error.code).toBe("WSSS_ERR_CANCELLED");
        else expect(call).toMatch("save");
      }
    }
    expect(classifier.busy || segmenter.busy).toBe(false);
    await classifier.predict(patch);
    await segmenter.predict(patch);
  });

  test("a listener that throws: the call rejects with what it threw and the model goes on working", async () => {
    const onProgress = (): never => {
      throw new RangeError("thrown by the listener");
    };
    const calls = [...classifierUses(classifier), ...segmenterUses(segmenter)].filter(
      ({ call }) => !/save|train/.test(call),
    );
    for (const { use } of calls) {
      await expect(use({ onProgress })).rejects.toThrow("thrown by the listener");
      await expect(use({ onProgress })).rejects.toBeInstanceOf(RangeError);
    }
    const gated = segmenter.evaluate(data.test, { gate: classifier, onProgress });
    await expect(gated).rejects.toThrow("thrown by the listener");
    await expect(masks.write(path.join(folder, "thrown"), { onProgress })).rejects.toThrow("thrown by the listener");
    expect(classifier.busy || segmenter.busy).toBe(false);
  });

  test("leaving a training's loop cancels it, and the model goes on working", async () => {
    for await (const event of classifier.train(data.train, endless)) {
      expect(event).toMatchObject({ kind: "step", epoch: 0, step: 1, patches: 2 });
      break;
    }
    const loop = async (): Promise<void> => {
      for await (const event of segmenter.train(data.train, { masks, ...endless })) throw new Error(event.kind);
    };
    await expect(loop()).rejects.toThrow("step");
    await classifier.predict(patch);
    await segmenter.predict(patch);
  });
});

describe("disposing", () => {
  test("every method of a disposed model says so; disposing again is fine", async () => {
    const [gone, alsoGone] = [await tinyClassifier(data), await tinySegmenter(data)];
    await Promise.all([gone.dispose(), gone.dispose()]);
    await alsoGone[Symbol.asyncDispose]();
    await alsoGone.dispose();
    expect([gone.disposed, alsoGone.disposed]).toEqual([true, true]);
    for (const { call, use } of [...classifierUses(gone), ...segmenterUses(alsoGone)]) {
      const error = await errorOf(() => use({}));
      expect(error).toMatchObject({ code: "WSSS_ERR_DISPOSED", details: { call } });
    }
    const gate = await errorOf(() => segmenter.evaluate(data.test, { gate: gone }));
    expect(gate).toMatchObject({ code: "WSSS_ERR_DISPOSED" });
    expect(gone.classes).toHaveLength(2);
  });

  test("during a training: the loop ends with WSSS_ERR_CANCELLED", async () => {
    for (const model of [await tinyClassifier(data), await tinySegmenter(data)]) {
      const uses = model instanceof Classifier ? classifierUses(model) : segmenterUses(model);
      const training = uses.at(-1)!.use({}) as AsyncGenerator;
      await training.next();
      const disposal = model.dispose();
      const error = await errorOf(() => training);
      expect(error.code).toBe("WSSS_ERR_CANCELLED");
      expect(error.message).toContain("was disposed");
      await disposal;
    }
  });

  test("during a prediction: it rejects with WSSS_ERR_CANCELLED", async () => {
    const model = await tinySegmenter(data);
    const work = errorOf(() =>
      model.predict(
        Array.from({ length: 40 }, () => patch),
        { batchSize: 1 },
      ),
    );
    await model.dispose();
    expect(await work).toMatchObject({ code: "WSSS_ERR_CANCELLED" });
  });
});

describe("files of pseudo masks", () => {
  test("are written whole or not at all, and an abort leaves the older ones", async () => {
    const output = path.join(folder, "masks");
    await masks.write(output);
    expect((await readdir(output)).sort()).toEqual(["PM_b4_5", "PM_b5_2", "PM_bn7"]);
    const before = await readFile(path.join(output, "PM_bn7", `${masks.stems[0]}.png`));
    const controller = new AbortController();
    const stopped = await errorOf(() =>
      masks.write(output, { signal: controller.signal, onProgress: () => controller.abort() }),
    );
    expect(stopped.code).toBe("WSSS_ERR_CANCELLED");
    expect((await readdir(output)).sort()).toEqual(["PM_b4_5", "PM_b5_2", "PM_bn7"]);
    expect(await readFile(path.join(output, "PM_bn7", `${masks.stems[0]}.png`))).toEqual(before);

    const again = await PseudoMasks.open(output, data.train);
    expect(again.levels).toEqual(["bn7", "b5_2", "b4_5"]);
    for (const level of again.levels) expect(again.mask(level, 3)).toEqual(masks.mask(level, 3));
    expect(await again.score("b5_2", data.train)).toEqual(await masks.score("b5_2", data.train));
  });

  test("drawing that is aborted while it writes leaves the older ones, too", async () => {
    const output = path.join(folder, "drawn");
    await classifier.generatePseudoMasks(data.train, { output, levels: ["bn7"] });
    const controller = new AbortController();
    const stages = new Set<string>();
    const options = {
      output,
      signal: controller.signal,
      onProgress: ({ stage, done }: Progress) => {
        stages.add(stage);
        if (stage === "write" && done >= 5) controller.abort();
      },
    };
    const error = await errorOf(() => classifier.generatePseudoMasks(data.train, options));
    expect(error).toMatchObject({ code: "WSSS_ERR_CANCELLED" });
    expect([...stages]).toEqual(["pseudo-masks", "write"]);
    expect(await readdir(output)).toEqual(["PM_bn7"]);
    expect(await readdir(path.join(output, "PM_bn7"))).toHaveLength(8);
  });

  test("drawing whose files can't be written ends with a file's failure and leaves the older ones", async () => {
    const output = path.join(folder, "taken-away");
    await classifier.generatePseudoMasks(data.train, { output, levels: ["bn7"] });
    let taken = false;
    const takeAway = ({ stage }: Progress): void => {
      if (taken || stage !== "pseudo-masks") return;
      taken = true;
      const unfinished = readdirSync(output).find((name) => name.startsWith(".PM-unfinished-"))!;
      renameSync(path.join(output, unfinished), path.join(folder, "elsewhere"));
    };
    const options = { output, batchSize: 1, onProgress: takeAway };
    const error = await errorOf(() => classifier.generatePseudoMasks(data.train, options));
    expect(error).toMatchObject({ code: "WSSS_ERR_IO" });
    expect(await readdir(output)).toEqual(["PM_bn7"]);
    expect(await readdir(path.join(output, "PM_bn7"))).toHaveLength(8);
  });

  test("an output that can't be a folder fails before the network runs", async () => {
    const file = path.join(folder, "a-file");
    await writeFile(file, "in the way");
    for (const output of [file, path.join(file, "below"), "/proc/no-such-place"]) {
      let progress = 0;
      const error = await errorOf(() =>
        classifier.generatePseudoMasks(data.train, { output, onProgress: () => (progress += 1) }),
      );
      expect(error).toMatchObject({ code: "WSSS_ERR_IO" });
      expect(error.message).toContain(output);
      expect(progress).toBe(0);
    }
    const training = await errorOf(() => classifier.train(data.train, { ...brief, checkpointFolder: file }));
    expect(training).toMatchObject({ code: "WSSS_ERR_IO" });
  });

  test("that are missing, incomplete, or damaged are refused", async () => {
    const output = path.join(folder, "incomplete");
    expect(await errorOf(() => PseudoMasks.open(output, data.train))).toMatchObject({ code: "WSSS_ERR_IO" });
    await mkdir(output);
    const none = await errorOf(() => PseudoMasks.open(output, data.train));
    expect(none.message).toContain("holds no pseudo masks");
    await masks.write(output);
    await writeFile(path.join(output, "PM_bn7", `${masks.stems[0]}.png`), "damaged");
    expect(await errorOf(() => PseudoMasks.open(output, data.train))).toMatchObject({ code: "WSSS_ERR_DATASET" });
    const missing = await errorOf(() => PseudoMasks.open(output, data.test));
    expect(missing.message).toContain("lacks 3 of 3 pseudo masks");
    const level = await errorOf(() => PseudoMasks.open(output, data.train, { levels: ["b6" as "bn7"] }));
    expect(level.code).toBe("WSSS_ERR_OPTION");
  });
});

describe("a full disk", () => {
  test("stops saving, masks and checkpoints with WSSS_ERR_IO, and what was saved before stays whole", async () => {
    const disk = path.join(folder, "disk");
    await mkdir(disk);
    try {
      // Room for one set of weights of this width (1.7 MB) and a set of masks, not for two.
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=2200k,nr_inodes=48", "tmpfs", disk], { stdio: "ignore" });
    } catch {
      console.warn("NOT TESTED: the full disk, since this user can't mount a small tmpfs");
      return;
    }
    try {
      const file = path.join(disk, "weights.safetensors");
      await classifier.save(file);
      const saved = await readFile(file);
      const output = path.join(disk, "masks");
      await masks.write(output);
      for (const call of [
        () => classifier.save(file),
        () => classifier.save(path.join(disk, "second.safetensors")),
        () => masks.write(output),
        () => classifier.generatePseudoMasks(data.train, { output }),
        () => lastOf(classifier.train(data.train, { ...brief, checkpointFolder: disk })),
      ]) {
        const error = await errorOf(call);
        expect(error).toMatchObject({ code: "WSSS_ERR_IO" });
        expect(error.message).toContain(disk);
      }
      expect(await readFile(file)).toEqual(saved);
      const reopened = await PseudoMasks.open(output, data.train);
      expect(reopened.mask("b4_5", 7)).toEqual(masks.mask("b4_5", 7));
      expect((await readdir(disk)).sort()).toEqual(["masks", "weights.safetensors"]);
      expect((await readdir(output)).sort()).toEqual(["PM_b4_5", "PM_b5_2", "PM_bn7"]);
    } finally {
      execFileSync("umount", ["-l", disk]);
    }
  });
});

/** Runs a training to its end. */
async function lastOf(training: AsyncGenerator): Promise<unknown> {
  for (;;) {
    const { done, value } = await training.next();
    if (done === true) return value;
  }
}

/** A safetensors file with this header and `size` bytes of zeros. */
function safetensors(header: object, size: number): Buffer {
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(size)]);
}
