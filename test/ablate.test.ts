/** Full supervision and ablations: cells and what they share, the figures, going on after a kill, divergence, refusals. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { existsSync } from "node:fs";
import { cp, readdir, readFile, rm, stat } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ablate, type AblationRequest } from "../dist/ablation/ablate.js";
import type { Ablation, CellReport, DoneOutcome } from "../dist/ablation/ablation.js";
import { chooseCells } from "../dist/ablation/choose-cells.js";
import { freeNativeMemory } from "../dist/ablation/free-native-memory.js";
import { meanAndDeviation } from "../dist/ablation/percent.js";
import { statisticOf } from "../dist/ablation/statistics.js";
import { allSections, type PlanSections, resolveSections } from "../dist/run/plan.js";
import { silentReporter } from "../dist/run/reporter.js";
import { command, digestsOf, freshFolder, lastJson, startCommand } from "./support/command-line.js";
import { tinyDataset } from "./support/tiny-models.js";

const levels = ["bn7", "b5_2", "b4_5"];
const single = levels.map((level) => `single-${level}`);
const names = ["multi-layer", ...single, "no-pda", "published", "full-supervision"];
/** Cells that train a classifier and draw masks of their own. */
const whole = ["multi-layer", "no-pda", "published"];
/** What each cell of this suite is trained with, as options and as words. */
const training = { batchSize: 4, learningRate: 0.02, headLearningRateFactor: 1 };
const given = {
  classifier: { width: 1 / 16, training: { ...training, epochs: 2, pdaStartEpoch: 1 } },
  segmenter: { width: 1 / 16, training: { ...training, epochs: 3 } },
  pictures: { count: 1 },
};
const classifierWords = ["--classifier-epochs", "2", "--pda-start-epoch", "1"];
const sharedWords = ["--width", "1/16", "--batch-size", "4", "--lr", "0.02", "--head-lr-factor", "1"];
// One thread: several would wait for one another where something else is at work, and one gives the same bits always.
const place = ["--device", "cpu", "--threads", "1"];
const words = [...sharedWords, ...classifierWords, "--segmenter-epochs", "3", "--pictures", "1", ...place];

let folder: string;
let data: string;
let out: string;
let first: Ablation;

type Options = Partial<AblationRequest> & Pick<AblationRequest, "out">;

async function run(options: Options, heard: string[] = []): Promise<Ablation> {
  return await ablate({
    data: { folder: data },
    given,
    device: { device: "cpu", threads: 1 },
    force: false,
    signal: new AbortController().signal,
    reporter: { ...silentReporter, note: (text) => heard.push(text), warn: (text) => heard.push(text) },
    ...options,
  });
}

async function readJson<Value>(...parts: string[]): Promise<Value> {
  return JSON.parse(await readFile(path.join(...parts), "utf8")) as Value;
}

function cellOf({ cells }: Ablation, name: string): CellReport {
  const found = cells.find((cell) => cell.name === name);
  if (found === undefined) throw new Error(`no cell ${name}`);
  return found;
}

function doneOf(ablation: Ablation, name: string, index = 0): DoneOutcome {
  const outcome = cellOf(ablation, name).seeds[index]?.outcome;
  if (outcome?.status !== "done") throw new Error(`${name} is not done: ${JSON.stringify(outcome)}`);
  return outcome;
}

/** What must not depend on how often an ablation was interrupted: everything but times. */
function scoresOf(cells: readonly CellReport[]): unknown {
  return JSON.parse(JSON.stringify(cells, (key, value: unknown) => (key === "elapsedMs" ? undefined : value)));
}

beforeAll(async () => {
  folder = await freshFolder();
  data = (await tinyDataset()).folder;
  out = path.join(folder, "whole");
  first = await run({ out, seeds: [0, 1], command: "wsss-tissue ablate" });
});

describe("cells", () => {
  test("are run folders of their own, for each seed all of them", async () => {
    expect(first.cells.map(({ name }) => name)).toEqual(names);
    for (const seed of [0, 1]) {
      expect((await readdir(path.join(out, `seed-${seed}`))).sort()).toEqual([...names].sort());
      for (const name of names) {
        const cell = path.join(out, `seed-${seed}`, name);
        const record = await readJson<{ plan: Record<string, { seed?: number }> }>(cell, "run.json");
        expect(record.plan["segmenter"]).toMatchObject({ seed });
        expect(existsSync(path.join(cell, "segmenter.safetensors"))).toBe(true);
        expect(existsSync(path.join(cell, "pictures", "test.png"))).toBe(true);
        expect(existsSync(path.join(cell, "run.lock"))).toBe(false);
      }
    }
    expect(existsSync(path.join(out, "run.lock"))).toBe(false);
  });

  test("differ from the method in one thing each", async () => {
    const planOf = async (name: string): Promise<PlanSections> =>
      (await readJson<{ plan: PlanSections }>(out, "seed-0", name, "run.json")).plan;
    const method = await planOf("multi-layer");
    expect((await planOf("no-pda")).classifier.training).toEqual({
      ...method.classifier.training,
      pdaStartEpoch: "never",
    });
    expect((await planOf("single-b5_2")).pseudoMasks).toEqual({ ...method.pseudoMasks, levels: ["b5_2"] });
    expect((await planOf("full-supervision")).segmenter).toEqual({ ...method.segmenter, masks: "ground-truth" });
    const published = await planOf("published");
    const { epochs, learningRate } = method.segmenter.training;
    const base = { recipe: "published", background: "fifth-logit", divideByBatch: true, gradientClipNorm: 0 };
    expect(published.segmenter.training).toMatchObject({ ...base, epochs, learningRate });
    expect(published.classifier.training).toMatchObject({ recipe: "published", momentum: 5e-4, keep: "last" });
    expect(published.evaluation).toMatchObject({ recipe: "published", gateRule: "multiply" });
    expect(published.pseudoMasks).toMatchObject({ recipe: "published", scaling: "published" });
  });

  test("share the classifier and the masks of multi-layer instead of making them again", async () => {
    for (const name of names) {
      const cell = path.join(out, "seed-1", name);
      const markers = (await readdir(path.join(cell, "stages"))).sort();
      const own = whole.includes(name) ? ["pseudo-masks.json", "train-classifier.json"] : [];
      expect(markers).toEqual(["evaluate.json", "pictures.json", ...own, "train-segmenter.json"].sort());
      expect(existsSync(path.join(cell, "classifier.safetensors"))).toBe(whole.includes(name));
      expect(existsSync(path.join(cell, "train_PM"))).toBe(whole.includes(name));
      const epochs = await readFile(path.join(cell, "metrics", "segmenter-epochs.csv"), "utf8");
      expect(epochs.trimEnd().split("\n")).toHaveLength(1 + 3);
    }
    const basisOf = async (name: string): Promise<unknown> =>
      (await readJson<{ basis?: unknown }>(out, "seed-1", name, "run.json")).basis;
    const classifier = "../multi-layer/classifier.safetensors";
    expect(await basisOf("single-bn7")).toEqual({ classifier, masks: "../multi-layer/train_PM" });
    expect(await basisOf("full-supervision")).toEqual({ classifier });
  });

  test.each([
    ["multi-layer", []],
    ["single-b4_5", ["--levels", "b4_5"]],
    ["full-supervision", ["--masks", "ground-truth"]],
  ])("%s has exactly the scores of a plain run with the same options", async (name, more) => {
    const plain = path.join(folder, `plain-${name}`);
    const result = await command("run", "--data", data, "--out", plain, "--seed", "1", ...words, ...more, "--json");
    expect(result.stderr).not.toContain("wsss-tissue:");
    const { classifier, pseudoMasks, segmenter } = doneOf(first, name, 1);
    const expected = lastJson(result);
    expect({ classifier, segmenter }).toEqual({
      classifier: expected["classifier"],
      segmenter: expected["segmenter"],
    });
    if (name === "multi-layer") expect(pseudoMasks).toEqual(expected["pseudoMasks"]);
  });

  test("are found by the other commands, with the classifier that they share", async () => {
    const cell = path.join(out, "seed-0", "single-bn7");
    const again = await command("run", "--out", cell, "--json");
    expect(again.code).toBe(0);
    expect(again.stderr.match(/already done, skipped/g)).toHaveLength(3);
    const picture = path.join(data, "test", "img", "test0.png");
    const to = path.join(folder, "predictions");
    expect(lastJson(await command("predict", "--run", cell, "--out", to, picture, "--json"))).toMatchObject({
      gated: true,
    });
  });
});

describe("figures", () => {
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

  test("of two seeds: half their sum, and their distance by the root of two", () => {
    for (const name of names) {
      const summary = cellOf(first, name).summary!;
      for (const gate of ["plain", "gated"] as const) {
        const [a, b] = [0, 1].map((index) => doneOf(first, name, index).segmenter[gate]!);
        for (const score of ["mIoU", "fwIoU", "accuracy"] as const) {
          const { mean, sd, n } = summary[gate]![score];
          expect(mean).toBeCloseTo((a![score]! + b![score]!) / 2, 12);
          expect(sd).toBeCloseTo(Math.abs(a![score]! - b![score]!) / Math.SQRT2, 12);
          expect(n).toBe(2);
        }
        expect(summary[gate]!.iou).toHaveLength(2);
        expect(summary[gate]!.iou[0]!.mean).toBeCloseTo((a!.iou[0]! + b!.iou[0]!) / 2, 12);
      }
    }
    expect(Object.keys(cellOf(first, "multi-layer").summary!.pseudoMasks!)).toEqual(levels);
    expect(cellOf(first, "single-bn7").summary!.pseudoMasks).toBeNull();
  });

  test("the gap to full supervision is taken seed by seed", () => {
    const gaps = [0, 1].map((index) => {
      const of = (name: string): number => doneOf(first, name, index).segmenter.gated!.mIoU!;
      return of("full-supervision") - of("no-pda");
    });
    const gap = cellOf(first, "no-pda").summary!.gap!;
    expect(gap.gated).toEqual(statisticOf(gaps));
    expect(cellOf(first, "full-supervision").summary!.gap).toBeNull();
  });

  test("stand in ablation.json and ablation.md as they were returned", async () => {
    expect(await readJson<Ablation>(out, "ablation.json")).toEqual(JSON.parse(JSON.stringify(first)));
    const markdown = await readFile(path.join(out, "ablation.md"), "utf8");
    const { plain, gated } = cellOf(first, "no-pda").summary!;
    const start = `| no-pda | 2 | ${meanAndDeviation(plain.mIoU)} | ${meanAndDeviation(gated!.mIoU)} |`;
    expect(markdown).toContain(start);
    expect(markdown).toContain("mean ± sample standard deviation over 2 seeds (0, 1)");
    expect(markdown).toContain("wsss-tissue ablate\n");
    expect(markdown).toMatch(/LibTorch 2\.13\.0, Node \d/);
    // Every line of a table has as many cells as its heading.
    for (const table of markdown.split("\n\n").filter((part) => part.startsWith("|"))) {
      const bars = table.split("\n").map((line) => line.split("|").length);
      expect(new Set(bars).size).toBe(1);
    }
  });
});

describe("going on", () => {
  test("a second time does nothing, and prints the same figures: one line with --json", async () => {
    const before = await digestsOf(out);
    const { code, stdout, stderr } = await command("ablate", "--out", out, "--json");
    expect(code).toBe(0);
    expect(stderr.match(/already done/g)).toHaveLength(names.length * 2);
    expect(stderr).not.toContain("train-");
    expect(stdout.trimEnd().split("\n")).toHaveLength(1);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(first)));
    const after = await digestsOf(out);
    // run.json holds the time of the last command.
    const files = (all: Record<string, string>): [string, string][] =>
      Object.entries(all).filter(([name]) => !name.endsWith("run.json"));
    expect(files(after)).toEqual(files(before));
  });

  test("other options are refused with what differs, even for a seed that has no folder yet; nothing is touched", async () => {
    const before = await digestsOf(out);
    const { code, stderr } = await command("ablate", "--out", out, "--seeds", "8,9", "--segmenter-lr", "0.5");
    expect(code).toBe(2);
    expect(stderr).toContain("holds an ablation with other options");
    expect(stderr).toContain("segmenter.training.learningRate was 0.02 and is now 0.5");
    expect(await digestsOf(out)).toEqual(before);
  });

  test("some cells and another seed add to the table and take nothing away", async () => {
    const copy = path.join(folder, "more");
    await cp(out, copy, { recursive: true });
    const more = await run({ out: copy, seeds: [5], only: ["full-supervision"], given: {} });
    expect(more.seeds).toEqual([0, 1, 5]);
    expect(more.cells.map(({ name }) => name)).toEqual(names);
    expect(cellOf(more, "full-supervision").summary!.plain.mIoU.n).toBe(3);
    expect(cellOf(more, "full-supervision").seeds.slice(0, 2)).toEqual(cellOf(first, "full-supervision").seeds);
    expect(cellOf(more, "no-pda").seeds[2]!.outcome).toBeNull();
    expect(cellOf(more, "no-pda").summary).toEqual(cellOf(first, "no-pda").summary);
    // What it needs of multi-layer was made, and no more than that.
    expect(await readdir(path.join(copy, "seed-5", "multi-layer", "stages"))).toEqual(["train-classifier.json"]);
    expect(await readFile(path.join(copy, "ablation.md"), "utf8")).toContain("6 of the runs are not done yet");
  });

  test("killed in the middle of a cell, the table so far is there, and the end is that of an undisturbed one", async () => {
    const killed = path.join(folder, "killed");
    const cells = ["multi-layer", "single-bn7"];
    const all = ["ablate", "--data", data, "--out", killed, "--seeds", "2", "--only", cells.join(), ...words];
    // A checkpoint after each step, so that the kill falls between two of them.
    all.push("--recovery-interval", "1");
    const running = startCommand(all);
    const cell = path.join(killed, "seed-0", "single-bn7");
    const isUnderWay = async (): Promise<boolean> => {
      const files = await readdir(path.join(cell, "checkpoints", "segmenter")).catch(() => []);
      return files.some((name) => /^checkpoint-\d+\.safetensors$/.test(name));
    };
    while (!(await isUnderWay()) && running.child.exitCode === null) await sleep(2);
    running.child.kill("SIGKILL");
    expect((await running.ended).code).toBeNull();
    expect(existsSync(path.join(cell, "stages", "train-segmenter.json"))).toBe(false);
    const half = await readJson<Ablation>(killed, "ablation.json");
    expect(doneOf(half, "multi-layer").segmenter).toEqual(doneOf(first, "multi-layer").segmenter);
    expect(half.cells.map(({ seeds }) => seeds.map(({ outcome }) => outcome === null))).toEqual([
      [false, true],
      [true, true],
    ]);
    expect(await readFile(path.join(killed, "ablation.md"), "utf8")).toContain("| single-bn7 | 0 of 2 | - |");
    const again = await command(...all, "--json");
    expect(again.code).toBe(0);
    expect(again.stderr).toMatch(/train-segmenter: resumed after step [1-5] of 6/);
    const report = (lastJson(again) as unknown as Ablation).cells;
    const expected = first.cells.filter(({ name }) => cells.includes(name));
    const withoutGap = (list: unknown): unknown =>
      (list as CellReport[]).map((cell) => ({ ...cell, summary: { ...cell.summary, gap: null } }));
    expect(withoutGap(scoresOf(report))).toEqual(withoutGap(scoresOf(expected)));
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s: exit %d with everything saved; meanwhile a second ablate is refused", async (signal, code) => {
    const stopped = path.join(folder, `stopped-${signal}`);
    const all = ["ablate", "--data", data, "--out", stopped, "--only", "multi-layer", ...words];
    const running = startCommand([...all, "--classifier-epochs", "100000"]);
    await running.saw("train-classifier: epoch 2/100000");
    const second = await command("ablate", "--out", stopped);
    expect(second.code).toBe(3);
    expect(second.stderr).toContain(`process ${running.child.pid ?? 0} is at work in ${stopped}`);
    running.child.kill(signal);
    const ended = await running.ended;
    expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code, stdout: "" });
    expect(cellOf(await readJson<Ablation>(stopped, "ablation.json"), "multi-layer").summary).toBeNull();
    const cell = path.join(stopped, "seed-0", "multi-layer");
    expect(existsSync(path.join(cell, "checkpoints", "classifier", "last.safetensors"))).toBe(true);
    expect(existsSync(path.join(stopped, "run.lock")) || existsSync(path.join(cell, "run.lock"))).toBe(false);
  });
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
    const report = await run(
      { out: path.join(folder, "blocked"), seeds: [0], only: ["multi-layer", "single-bn7"], given: options },
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

describe("the choice of cells", () => {
  const planOf = (options: object): PlanSections => resolveSections(options, allSections) as PlanSections;

  test("leaves out what can't be had or would repeat the method, and says why", () => {
    const plan = planOf({
      recipe: "published",
      classifier: { training: { epochs: 3 } },
      pseudoMasks: { levels: ["bn7"] },
    });
    const { cells, notes } = chooseCells({ plan, trainHasMasks: false });
    expect(cells.map(({ name }) => name)).toEqual(["multi-layer"]);
    expect(notes).toEqual([
      "single-bn7 is left out: multi-layer has that one level only",
      "no-pda is left out: multi-layer has no PDA either (3 epochs, PDA from epoch 3, counted from 0)",
      "published is left out: all cells have the recipe published",
      "full-supervision is left out: the train patches have no true masks",
    ]);
    const named = (): unknown => chooseCells({ plan, trainHasMasks: false, only: ["no-pda"] });
    expect(named).toThrow(expect.objectContaining({ code: "WSSS_ERR_OPTION" }));
  });

  test("has the levels of the classifier's own network", () => {
    const plan = planOf({ classifier: { backbone: "mobilenet" } });
    const { cells } = chooseCells({ plan, trainHasMasks: true });
    const own = ["single-features18", "single-features13", "single-features6"];
    expect(cells.map(({ name }) => name).slice(1, 4)).toEqual(own);
  });

  test("without train_mask/ full supervision is left out with a note, and refused by name", async () => {
    const bare = path.join(folder, "without-train-masks");
    await cp(data, bare, { recursive: true });
    await rm(path.join(bare, "train_mask"), { recursive: true });
    const missing = path.join(folder, "without");
    const options = { out: missing, data: { folder: bare }, seeds: [0] };
    const refused = run({ ...options, only: ["multi-layer", "full-supervision"] });
    await expect(refused).rejects.toMatchObject({ code: "WSSS_ERR_DATASET" });
    expect(existsSync(missing)).toBe(false);
    const heard: string[] = [];
    const one = { ...given, pseudoMasks: { levels: ["bn7"] as const } };
    one.classifier = { ...one.classifier, training: { ...one.classifier.training, pdaStartEpoch: 2 } };
    const report = await run({ ...options, given: one }, heard);
    expect(report.cells.map(({ name }) => name)).toEqual(["multi-layer", "published"]);
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
  await sleep(1);
  await freeNativeMemory();
  expect(weak.deref()).toBeUndefined();
});
