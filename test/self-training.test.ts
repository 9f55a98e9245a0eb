// Self-training: masks drawn again by a segmenter under the labels, and rounds of it in a run.
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { type Dataset, openDataset, PseudoMasks } from "../dist/index.js";
import { writeDemoDataset } from "../dist/demo/write-dataset.js";
import { readPatchFile } from "../dist/dataset/read-patch-file.js";
import { readIndexPng } from "../dist/image/index-png.js";
import { resolveSections } from "../dist/run/plan.js";
import { learningFrom } from "../dist/run/rounds.js";
import type { RunContext } from "../dist/run/context.js";
import { command, type CommandResult, digestsOf, lastJson, startCommand } from "./support/command-line.js";
import { patchPng } from "./support/dataset-folder.js";
import { freshFolder, tinyClassifier, tinyDataset, tinySegmenter, tinySide, tinyWidth } from "./support/tiny-models.js";

describe("Segmenter.redrawPseudoMasks", () => {
  let data: Dataset;
  beforeAll(async () => {
    const { folder } = (await tinyDataset()).train;
    await writeFile(path.join(folder, "train", "p8[00].png"), await patchPng(tinySide, tinySide, 8));
    await writeFile(
      path.join(folder, "train_mask", "p8[00].png"),
      await readFile(path.join(folder, "train_mask", "p0[10].png")),
    );
    data = await openDataset(folder, { allowEmptyLabels: true });
  });

  test.each(["one", "flips"] as const)(
    "draws what it predicts among the classes of the label, and glass (%s)",
    async (views) => {
      await using segmenter = await tinySegmenter(data);
      // Each pixel by itself: no area is too small.
      const masks = await segmenter.redrawPseudoMasks(data.train, { views, glass: { greyAbove: 150, minAreaPx: 1 } });
      expect([masks.levels, masks.count, masks.folder]).toEqual([["segmenter"], 9, null]);
      const seen = new Set<number>();
      for (const [index, file] of data.train.files.entries()) {
        const patch = await readPatchFile(file);
        const { probabilities } = await segmenter.predict({ rgb: patch.data, ...patch }, { views });
        const present = [0, 1].filter((k) => file.labels![k] === 1);
        const mask = masks.mask("segmenter", index);
        const pixels = tinySide * tinySide;
        for (let p = 0; p < pixels; p += 1) {
          const [r, g, b] = patch.data.subarray(3 * p, 3 * p + 3) as unknown as [number, number, number];
          const isGlass = (9798 * r + 19235 * g + 3735 * b + 2 ** 14) >> 15 > 150;
          const chances = present.map((k) => probabilities[k * pixels + p]!);
          const best = present[chances.indexOf(Math.max(...chances))];
          const expected = isGlass || best === undefined ? 2 : best;
          if (Math.abs(chances[0]! - (chances[1] ?? 2)) < 1e-6) continue;
          if (mask[p] !== expected) throw new Error(`pixel ${p} of ${file.stem} is ${mask[p]}, not ${expected}`);
          seen.add(expected);
        }
      }
      expect([...seen].sort()).toEqual([0, 1, 2]);
    },
  );

  test("writes a level of its own, which is read again and learned from", async () => {
    await using segmenter = await tinySegmenter(data);
    const output = path.join(await freshFolder(), "masks");
    const drawn = await segmenter.redrawPseudoMasks(data.train, { output });
    expect(await readdir(output)).toEqual(["PM_segmenter"]);
    const read = await PseudoMasks.open(output, data.train);
    expect([read.levels, drawn.folder, read.folder]).toEqual([["segmenter"], output, output]);
    for (const index of data.train.files.keys()) {
      expect(read.mask("segmenter", index)).toEqual(drawn.mask("segmenter", index));
    }
    await expect(PseudoMasks.open(output, data.train, { levels: ["bn7"] })).rejects.toThrow(/PM_bn7/);
    const losses: number[] = [];
    for await (const event of segmenter.train(data.train, { masks: read, epochs: 1, batchSize: 4, warmupEpochs: 0 })) {
      losses.push(event.kind === "step" ? event.loss : event.meanLoss);
    }
    expect(losses).toHaveLength(3);
    expect(losses.every((loss) => loss > 0)).toBe(true);
  });

  test("does not read masks of a classifier and of a segmenter as one set", async () => {
    await using segmenter = await tinySegmenter(data);
    await using classifier = await tinyClassifier(data);
    const output = path.join(await freshFolder(), "masks");
    await segmenter.redrawPseudoMasks(data.train, { output });
    await classifier.generatePseudoMasks(data.train, { output, levels: ["bn7"] });
    await expect(PseudoMasks.open(output, data.train)).rejects.toThrow(/of a classifier and of a segmenter/);
    expect((await PseudoMasks.open(output, data.train, { levels: ["segmenter"] })).count).toBe(9);
  });

  test("draws without glass where the dataset's rule is left out", async () => {
    await using segmenter = await tinySegmenter(data);
    const masks = await segmenter.redrawPseudoMasks(data.train, { glass: false });
    const labelled = data.train.files.findIndex(({ labels }) => labels![0] === 1 && labels![1] === 0);
    expect(new Set(masks.mask("segmenter", labelled))).toEqual(new Set([0]));
  });

  test("refuses other classes, wrong options, and a folder that can't be made, before it works", async () => {
    await using segmenter = await tinySegmenter(data);
    const others = await tinyDataset(["gland", "fat"]);
    await expect(segmenter.redrawPseudoMasks(others.train)).rejects.toMatchObject({ code: "WSSS_ERR_SHAPE" });
    const wrong = { views: "both" } as unknown as { views: "one" };
    await expect(segmenter.redrawPseudoMasks(data.train, wrong)).rejects.toMatchObject({ code: "WSSS_ERR_OPTION" });
    const file = path.join(await freshFolder(), "file");
    await writeFile(file, "");
    let worked = false;
    const call = segmenter.redrawPseudoMasks(data.train, { output: file, onProgress: () => (worked = true) });
    await expect(call).rejects.toMatchObject({ code: "WSSS_ERR_IO" });
    expect(worked).toBe(false);
    const signal = AbortSignal.abort();
    await expect(segmenter.redrawPseudoMasks(data.train, { signal })).rejects.toMatchObject({
      code: "WSSS_ERR_CANCELLED",
    });
  });
});

describe("a run with rounds", () => {
  let data: string;
  let folder: string;
  let first: CommandResult;
  const training = ["--width", "1/16", "--epochs", "1", "--batch-size", "4", "--threads", "1"];
  const small = [...training, "--pictures", "2"];
  const given = ["--level-weights", "0.5,0.3,0.2", "--levels", "bn7,b5_2,b4_5"];
  const run = async (out: string, ...more: string[]): Promise<CommandResult> =>
    await command(
      "run",
      "--data",
      data,
      "--out",
      path.join(folder, out),
      "--device",
      "cpu",
      ...small,
      ...more,
      "--json",
    );
  const skipped = ({ stderr }: CommandResult): number => stderr.match(/already done, skipped/g)?.length ?? 0;

  beforeAll(async () => {
    folder = await freshFolder();
    data = path.join(folder, "data");
    await writeDemoDataset(data, { patchPx: 48, counts: { train: 8, val: 2, test: 4 }, seed: 2 });
    first = await run("first", "--rounds", "1", ...given);
  });

  test("draws the masks again, scores them, and ends with a segmenter that has learned from them", async () => {
    expect(first).toMatchObject({ code: 0 });
    const root = path.join(folder, "first");
    expect(Object.keys((lastJson(first) as { pseudoMasks: object }).pseudoMasks)).toEqual([
      "bn7",
      "b5_2",
      "b4_5",
      "round 1",
    ]);
    expect(await readdir(path.join(root, "round-1", "train_PM"))).toEqual(["PM_segmenter"]);
    expect(await readdir(path.join(root, "round-1", "train_PM", "PM_segmenter"))).toHaveLength(8);
    // The stages by themselves end with the same weights.
    const alone = path.join(folder, "alone");
    const words = [
      "--data",
      data,
      "--out",
      alone,
      "--masks",
      path.join(root, "round-1", "train_PM"),
      "--device",
      "cpu",
    ];
    expect(await command("train-segmenter", ...words, ...training)).toMatchObject({ code: 0 });
    const digest = async (of: string): Promise<string> => (await digestsOf(of))["segmenter.safetensors"]!;
    expect(await digest(root)).toBe(await digest(alone));
    expect(await digest(root)).not.toBe(await digest(path.join(root, "round-1")));
    const page = await readFile(path.join(root, "report.html"), "utf8");
    for (const part of ["pseudo masks round 1, train", "round 1: train the segmenter", "round 1: draw pseudo masks"]) {
      expect(page).toContain(part);
    }
    expect(page).toContain("Finished: every stage is done.");
    const headings = [...page.matchAll(/<h3>((?:Classifier|Segmenter)[^<]*)<\/h3>/gu)].map(([, text]) => text);
    expect(headings).toEqual(["Classifier", "Segmenter of round 1", "Segmenter"]);
    expect(page).toContain("Loss of the segmenter of round 1");
  });

  test("is skipped when it is done", async () => {
    const again = await run("first");
    expect([again.code, skipped(again)]).toEqual([0, 7]);
    expect(again.stderr).not.toContain("self-training");
    // The stage alone has its rounds too.
    const stage = await command("train-segmenter", "--out", path.join(folder, "first"), "--device", "cpu");
    expect([stage.code, skipped(stage)]).toEqual([0, 3]);
  });

  test("that is given one more and interrupted in it goes on, though there are checkpoints of the last training of before", async () => {
    await cp(path.join(folder, "first"), path.join(folder, "more"), { recursive: true });
    const words = ["run", "--out", path.join(folder, "more"), "--device", "cpu", "--rounds", "2"];
    const running = startCommand([...words, "--force"]);
    await running.saw("round 2 of 2");
    running.child.kill("SIGINT");
    expect(await running.ended).toMatchObject({ code: 130 });
    const more = await command(...words, "--json");
    expect(more).toMatchObject({ code: 0 });
    // Classifier, pseudo masks, and both stages of the first round.
    expect(skipped(more)).toBe(4);
    expect(Object.keys((lastJson(more) as { pseudoMasks: object }).pseudoMasks)).toContain("round 2");
    // From the beginning it ends the same.
    const whole = await run("whole", "--rounds", "2", ...given);
    expect({ ...lastJson(whole), elapsedMs: 0 }).toEqual({ ...lastJson(more), elapsedMs: 0 });
  });

  test("by two processes draws the same masks but for rounding", async () => {
    const together = await run("together", "--rounds", "1", ...given, "--processes", "2");
    expect(together).toMatchObject({ code: 0 });
    const folderOf = (out: string): string => path.join(folder, out, "round-1", "train_PM", "PM_segmenter");
    let same = 0;
    let pixels = 0;
    for (const name of await readdir(folderOf("first"))) {
      const [ours, theirs] = await Promise.all(
        ["first", "together"].map(async (out) => (await readIndexPng(path.join(folderOf(out), name))).indices),
      );
      ours!.forEach((index, at) => (same += index === theirs![at] ? 1 : 0));
      pixels += ours!.length;
    }
    expect(pixels).toBe(8 * 48 * 48);
    expect(same / pixels).toBeGreaterThan(0.99);
  });

  test("is refused with true masks, and beyond what can be meant", async () => {
    for (const wrong of [
      ["--rounds", "1", "--masks", "ground-truth"],
      ["--rounds", "21"],
      ["--rounds", "-1"],
    ]) {
      const { code, stderr } = await run("wrong", ...wrong);
      expect([code, stderr]).toEqual([2, expect.stringContaining("--rounds")]);
    }
  });

  test("later rounds have one level, and mosaics of half of the patches at most", () => {
    const plan = resolveSections(
      {
        pseudoMasks: { levels: ["bn7"] },
        segmenter: { width: tinyWidth, rounds: 2, training: { mosaic: 1, levelWeights: [1] } },
      },
      ["pseudoMasks", "segmenter"],
    );
    const context = { root: "run", sources: {}, plan } as unknown as RunContext;
    const { sources, plan: later } = learningFrom(context, { ...context, root: path.join("run", "round-1") });
    expect(sources.masks).toBe(path.join("run", "round-1", "train_PM"));
    expect(later.segmenter?.training).toMatchObject({ mosaic: 0.5, levelWeights: "auto" });
    expect(later.pseudoMasks?.levels).toBe("all");
    const usual = { ...context, plan: resolveSections({}, ["pseudoMasks", "segmenter"]) };
    expect(learningFrom(usual, { ...usual, root: "round-1" }).plan.segmenter?.training.mosaic).toBe("auto");
    expect(resolveSections({ segmenter: { rounds: 0 } }, ["segmenter"]).segmenter).not.toHaveProperty("rounds");
  });
});
