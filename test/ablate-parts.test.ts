/** Ablations: cells that diverge, cells that are left out, refusals, and the small parts. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { existsSync } from "node:fs";
import { cp, readFile, rm, stat } from "node:fs/promises";
import path from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Ablation } from "../dist/ablation/ablation.js";
import { chooseCells } from "../dist/ablation/choose-cells.js";
import { type ComparisonCache, forgetComparisons, holmRejects } from "../dist/ablation/differences.js";
import { freeNativeMemory } from "../dist/native/free-native-memory.js";
import { meanAndDeviation } from "../dist/ablation/mean-and-deviation.js";
import { statisticOf } from "../dist/ablation/statistics.js";
import { openDataset, type Split } from "../dist/index.js";
import { allSections, type PlanSections, resolveSections } from "../dist/run/plan.js";
import { fewestPieces } from "../dist/segmenter/mosaic-share.js";
import { cellOf, doneOf, given, readJson, runAblation, words } from "./support/ablation.js";
import { command, freshFolder, lastJson } from "./support/command-line.js";
import { tinyDataset } from "./support/tiny-models.js";

let folder: string;
let data: string;

beforeAll(async () => {
  folder = await freshFolder();
  data = (await tinyDataset()).folder;
});

test("mean and sample standard deviation, against a hand computation", () => {
  const { mean, sd, n } = statisticOf([0.2, null, 0.4, undefined, 0.9]);
  expect(mean).toBeCloseTo(0.5, 12);
  // Squares .09, .01, .16: sum .26, by n - 1 = 2: .13.
  expect(sd).toBeCloseTo(Math.sqrt(0.13), 12);
  expect(n).toBe(3);
  expect(statisticOf([0.3])).toEqual({ mean: 0.3, sd: null, n: 1 });
  expect(statisticOf([null])).toEqual({ mean: null, sd: null, n: 0 });
  expect(meanAndDeviation({ mean: 0.6321, sd: 0.0149, n: 3 })).toBe("63.2 ± 1.5");
  expect(meanAndDeviation({ mean: 0.6321, sd: null, n: 1 })).toBe("63.2");
  expect(meanAndDeviation(null)).toBe("-");
});

describe("a cell that diverges", () => {
  // Huge steps: the recipe default cuts the gradient's norm to 5 and stays finite, the recipe published does not.
  const wild = ["--segmenter-lr", "100", "--segmenter-head-lr-factor", "1000", "--segmenter-weight-decay", "0"];

  test("is tabled, and the others go on; exit 0; a second time it is not trained again", async () => {
    const wildOut = path.join(folder, "wild");
    const only = ["--seeds", "1", "--only", "multi-layer,published,full-supervision"];
    const all = ["ablate", "--data", data, "--out", wildOut, ...only, ...words, ...wild, "--segmenter-epochs", "5"];
    const { code, stdout, stderr } = await command(...all);
    expect(code).toBe(0);
    const report = await readJson<Ablation>(wildOut, "ablation.json");
    const outcome = cellOf(report, "published").seeds[0]!.outcome!;
    expect(outcome).toMatchObject({ status: "diverged", stage: "train-segmenter" });
    const step = outcome.status === "diverged" ? outcome.step : 0;
    expect(step).toBeGreaterThan(1);
    expect(stderr).toContain(`published: diverged at step ${step} of train-segmenter; the other cells go on`);
    expect(stdout).toMatch(new RegExp(`published +0 of 1 +diverged at step ${step}`));
    for (const name of ["multi-layer", "full-supervision"]) expect(doneOf(report, name).segmenter.plain).toBeDefined();
    const marker = path.join(wildOut, "seed-0", "published", "diverged.json");
    const metrics = path.join(wildOut, "seed-0", "published", "metrics", "segmenter-steps.csv");
    const before = [await readFile(marker, "utf8"), (await stat(metrics)).mtimeMs];
    const again = await command("ablate", "--out", wildOut, "--json");
    expect(again.stderr).not.toContain("train the");
    expect(lastJson(again)).toEqual(JSON.parse(JSON.stringify(report)));
    expect([await readFile(marker, "utf8"), (await stat(metrics)).mtimeMs]).toEqual(before);
  });

  test("in the shared classifier leaves the cells that need it undone, with the reason", async () => {
    const classifier = { learningRate: 100, headLearningRateFactor: 1000, weightDecay: 1, gradientClipNorm: 0 };
    const heard: string[] = [];
    const options = { ...given, classifier: { width: 1 / 16, training: { ...classifier, batchSize: 2, epochs: 5 } } };
    const report = await runAblation(
      {
        out: path.join(folder, "blocked"),
        data: { folder: data },
        seeds: [0],
        only: ["multi-layer", "single-bn7"],
        given: options,
      },
      heard,
    );
    expect(cellOf(report, "multi-layer").seeds[0]!.outcome).toMatchObject({
      status: "diverged",
      stage: "train-classifier",
    });
    const reason = /^the classifier of multi-layer diverged at step \d+$/;
    expect(cellOf(report, "single-bn7").seeds[0]!.outcome).toEqual({
      status: "blocked",
      message: expect.stringMatching(reason),
    });
    expect(heard.join("\n")).toMatch(/single-bn7: not done, since the classifier of multi-layer diverged/);
  });
});

describe("differences that are more than chance", () => {
  test("are those that Holm's method leaves: each p is held against a level that grows with its rank", () => {
    expect(holmRejects([])).toEqual([]);
    expect(holmRejects([0.04])).toEqual([true]);
    // 0.05 / 4, 0.05 / 3, 0.05 / 2, 0.05: the third smallest fails, and with it all that are larger.
    expect(holmRejects([0.03, 0.012, 0.04, 0.016])).toEqual([false, true, false, true]);
    // Only the smallest of all is asked about first.
    expect(holmRejects([0.013, 0.013, 0.013, 0.013])).toEqual([false, false, false, false]);
  });

  test("are asked about anew for a run that was done again, and for all of a seed whose method was", () => {
    const known = (): ComparisonCache =>
      new Map(["seed-0/no-pda", "seed-0/single-bn7", "seed-1/no-pda"].map((key) => [key, { problem: key }]));
    const [one, all] = [known(), known()];
    forgetComparisons(one, 0, "no-pda");
    expect([...one.keys()]).toEqual(["seed-0/single-bn7", "seed-1/no-pda"]);
    forgetComparisons(all, 0, "multi-layer");
    expect([...all.keys()]).toEqual(["seed-1/no-pda"]);
  });
});

describe("the choice of cells", () => {
  let labelled: Pick<Split, "files" | "classes" | "dataset" | "hasMasks">;
  beforeAll(async () => {
    const { files, classes, dataset, hasMasks } = (await openDataset(data)).train;
    labelled = { files, classes, dataset, hasMasks };
  });

  const planOf = (options: object): PlanSections => resolveSections(options, allSections) as PlanSections;

  test("leaves out what can't be had or would repeat the method, and says why", () => {
    const plan = planOf({
      recipe: "published",
      classifier: { training: { epochs: 3 } },
      pseudoMasks: { levels: ["bn7"] },
      segmenter: { training: { mosaic: 1 } },
    });
    const { cells, notes } = chooseCells({ plan, train: { ...labelled, hasMasks: false } });
    expect(cells.map(({ name }) => name)).toEqual(["multi-layer", "no-mosaics", "self-training"]);
    expect(notes).toEqual([
      "single-bn7 is left out: multi-layer has that one level only",
      "no-pda is left out: multi-layer has no PDA either (3 epochs, PDA from epoch 3, counted from 0)",
      "published is left out: all cells have the recipe published",
      "mosaics is left out: multi-layer has no other patches either",
      "full-supervision is left out: the train patches have no true masks",
    ]);
    // The last round of multi-layer learns from masks beside its mosaics.
    const inRounds = planOf({ segmenter: { rounds: 1, training: { mosaic: 1 } } });
    expect(chooseCells({ plan: inRounds, train: labelled }).notes).toEqual([
      "self-training is left out: multi-layer learns in rounds too",
    ]);
    const mixed = { ...labelled, files: labelled.files.map((file) => ({ ...file, labels: [1, 1] })) };
    const reason = "of patches labelled with one class alone there is none of gland, nor of stroma";
    expect(chooseCells({ plan: planOf({}), train: mixed }).notes).toEqual([
      expect.stringMatching(
        /^no-mosaics is left out: multi-layer has none either \(patches labelled with one class alone: 0 of gland, /,
      ),
      `mosaics is left out: ${reason}`,
    ]);
    expect(() => chooseCells({ plan: planOf({}), train: mixed, only: ["mosaics"] })).toThrow(
      expect.objectContaining({ code: "WSSS_ERR_DATASET" }),
    );
    expect(() => chooseCells({ plan: planOf({}), train: mixed, only: ["no-mosaics"] })).toThrow(
      expect.objectContaining({ code: "WSSS_ERR_OPTION" }),
    );
    // With enough patches of each class, the method has mosaics by default.
    const single = [
      [1, 0],
      [0, 1],
    ].flatMap((labels) => Array.from({ length: fewestPieces }, () => ({ ...labelled.files[0]!, labels })));
    const many = chooseCells({ plan: planOf({}), train: { ...labelled, files: single } });
    expect(many.cells.map(({ name }) => name)).toContain("no-mosaics");
    expect(many.notes).toEqual([]);
    const named = (): unknown => chooseCells({ plan, train: { ...labelled, hasMasks: false }, only: ["no-pda"] });
    expect(named).toThrow(expect.objectContaining({ code: "WSSS_ERR_OPTION" }));
  });

  test("with mosaics trains the method without them too, from its masks", async () => {
    const out = path.join(folder, "mosaics");
    const half = {
      ...given,
      segmenter: { ...given.segmenter, training: { ...given.segmenter.training, mosaic: 0.5 } },
    };
    const only = ["multi-layer", "no-mosaics"];
    const report = await runAblation({ out, data: { folder: data }, seeds: [0], given: half, only });
    const lossesOf = (name: string): Promise<string> =>
      readFile(path.join(out, "seed-0", name, "metrics", "segmenter-epochs.csv"), "utf8");
    expect(await lossesOf("no-mosaics")).not.toBe(await lossesOf("multi-layer"));
    const { plan } = await readJson<{ plan: PlanSections }>(out, "seed-0", "no-mosaics", "run.json");
    expect(plan.segmenter.training).not.toHaveProperty("mosaic");
    expect(doneOf(report, "no-mosaics", 0).segmenter.plain.mIoU).toBeGreaterThan(0);
  });

  test("has the levels of the classifier's own network", () => {
    const plan = planOf({ classifier: { backbone: "mobilenet" } });
    const { cells } = chooseCells({ plan, train: labelled });
    const own = ["single-features18", "single-features17", "single-features16"];
    expect(cells.map(({ name }) => name).slice(1, 4)).toEqual(own);
  });

  test("without train_mask/ full supervision is left out with a note, and refused by name", async () => {
    const bare = path.join(folder, "without-train-masks");
    await cp(data, bare, { recursive: true });
    await rm(path.join(bare, "train_mask"), { recursive: true });
    const missing = path.join(folder, "without");
    const options = { out: missing, data: { folder: bare }, seeds: [0] };
    const refused = runAblation({ ...options, only: ["multi-layer", "full-supervision"] });
    await expect(refused).rejects.toMatchObject({ code: "WSSS_ERR_DATASET" });
    expect(existsSync(missing)).toBe(false);
    const heard: string[] = [];
    const one = { ...given, pseudoMasks: { levels: ["bn7"] as const } };
    one.classifier = { ...one.classifier, training: { ...one.classifier.training, pdaStartEpoch: 2 } };
    const report = await runAblation({ ...options, given: one }, heard);
    expect(report.cells.map(({ name }) => name)).toEqual(["multi-layer", "published", "mosaics", "self-training"]);
    expect(heard).toContain("full-supervision is left out: the train patches have no true masks");
    expect(report.notes).toContain("full-supervision is left out: the train patches have no true masks");
    const { summary } = cellOf(report, "multi-layer");
    expect(summary).toMatchObject({ gap: null, pseudoMasks: null });
    expect(summary!.plain.mIoU).toMatchObject({ sd: null, n: 1 });
  });

  test.each([
    ["an unknown cell", ["--only", "multi-layer,no-pdda"], "there is no cell no-pdda; did you mean no-pda?"],
    ["a level of another network", ["--only", "single-features18"], "cells are multi-layer, single-bn7"],
    ["no seeds", ["--seeds", "0"], "a number of seeds from 1 to 1000"],
    ["a seed twice", ["--seeds", "4,4"], "seeds of which none is named twice"],
    ["one seed", ["--seed", "4"], "unknown option '--seed'"],
    ["a wrong option of any cell", ["--segmenter-lr", "-1"], "learningRate must be above 0"],
  ])("%s: exit 2, one line, nothing is made", async (_, more, says) => {
    const nowhere = path.join(folder, "nowhere");
    const { code, stderr } = await command("ablate", "--data", data, "--out", nowhere, ...more);
    expect(stderr).toContain(says);
    expect(stderr).toMatch(/^wsss-tissue: [^\n]+\n$/);
    expect(code).toBe(2);
    expect(existsSync(nowhere)).toBe(false);
  });
});

test("between cells native memory that nobody can reach is let go", async () => {
  const weak = ((): WeakRef<object> => new WeakRef({ held: new Uint8Array(8) }))();
  await nextTurn(); // Until then it is kept for the turn that made it.
  await freeNativeMemory();
  expect(weak.deref()).toBeUndefined();
});
