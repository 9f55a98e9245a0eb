/** Full supervision and ablations: cells and what they share, the figures, going on after changes, kills and signals. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { existsSync } from "node:fs";
import { cp, readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Ablation, CellReport } from "../dist/ablation/ablation.js";
import { differencesFromMethod } from "../dist/ablation/differences.js";
import { meanAndDeviation } from "../dist/ablation/mean-and-deviation.js";
import { statisticOf } from "../dist/ablation/statistics.js";
import type { PlanSections } from "../dist/run/plan.js";
import { cellOf, doneOf, readJson, runAblation, words } from "./support/ablation.js";
import { hasBrowser, startBrowser } from "./support/browser.js";
import { command, digestsOf, freshFolder, lastJson, startCommand } from "./support/command-line.js";
import { compileFaults } from "./support/faults.js";
import { expectSound, openOffline } from "./support/offline-page.js";
import { tinyDataset } from "./support/tiny-models.js";

const levels = ["bn7", "b5_2", "b4_5"];
const single = levels.map((level) => `single-${level}`);
const names = ["multi-layer", ...single, "no-pda", "published", "mosaics", "self-training", "full-supervision"];
/** Cells that train a classifier and draw masks of their own. */
const whole = ["multi-layer", "no-pda", "published"];

let folder: string;
let data: string;
let out: string;
let first: Ablation;

/** What must not depend on how often an ablation was interrupted: everything but times. */
function scoresOf(cells: readonly CellReport[]): unknown {
  return JSON.parse(JSON.stringify(cells, (key, value: unknown) => (key === "elapsedMs" ? undefined : value)));
}

beforeAll(async () => {
  folder = await freshFolder();
  data = (await tinyDataset()).folder;
  out = path.join(folder, "whole");
  first = await runAblation({ out, data: { folder: data }, seeds: [0, 1], command: "wsss-tissue ablate" });
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

  test("have a report each, and one together that says which differences are more than chance", async () => {
    for (const seed of [0, 1]) {
      for (const name of names) {
        const page = await readFile(path.join(out, `seed-${seed}`, name, "report.html"), "utf8");
        expect(page).toContain("Finished: every stage is done.");
      }
    }
    const page = await readFile(path.join(out, "report.html"), "utf8");
    expect(page).toContain("Finished: 18 runs are done.");
    const { cells, tests, problems } = await differencesFromMethod(out, first);
    expect(problems).toEqual([]);
    expect(tests).toBe(2 * (names.length - 1));
    expect(page).toContain(`corrected for the ${tests} tests`);
    for (const { name, seeds } of cells) {
      for (const [index, { seed, difference, pValue, isMoreThanChance }] of seeds.entries()) {
        expect(seed).toBe(index);
        const of = (cell: string): number => doneOf(first, cell, index).segmenter.gated!.mIoU!;
        expect(difference).toBeCloseTo(of(name) - of("multi-layer"), 12);
        // Three patches have eight permutations.
        expect(pValue).toBeGreaterThanOrEqual(0.25);
        expect(isMoreThanChance).toBe(false);
      }
    }
    const answer = await command("report", out, "--json");
    // Three patches of each tissue alone are too few for mosaics.
    const missing = [expect.stringMatching(/^no-mosaics is left out: .* 3 of gland, 3 of stroma; 16 of each/)];
    expect(lastJson(answer)).toMatchObject({ kind: "ablation", missing });
    // Plot moves lines by half a pixel where it finds a test runner's globals.
    const withoutPlots = (text: string): string => text.replaceAll(/<svg.*?<\/svg>/gs, "");
    expect(withoutPlots(await readFile(path.join(out, "report.html"), "utf8"))).toBe(withoutPlots(page));
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

(hasBrowser ? test : test.skip).each([
  [1280, "light"],
  [390, "dark"],
] as const)("the report of all cells is a sound page at %d px, %s", async (width, scheme) => {
  const browser = await startBrowser();
  try {
    const page = await openOffline(browser, pathToFileURL(path.join(out, "report.html")).href, width, scheme);
    expect(await page.locator("h1").count()).toBe(1);
    await expectSound(page);
  } finally {
    await browser.close();
  }
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
    const more = await runAblation({
      out: copy,
      data: { folder: data },
      seeds: [5],
      only: ["full-supervision"],
      given: {},
    });
    expect(more.seeds).toEqual([0, 1, 5]);
    expect(more.cells.map(({ name }) => name)).toEqual(names);
    expect(cellOf(more, "full-supervision").summary!.plain.mIoU.n).toBe(3);
    expect(cellOf(more, "full-supervision").seeds.slice(0, 2)).toEqual(cellOf(first, "full-supervision").seeds);
    expect(cellOf(more, "no-pda").seeds[2]!.outcome).toBeNull();
    expect(cellOf(more, "no-pda").summary).toEqual(cellOf(first, "no-pda").summary);
    // What it needs of multi-layer was made, and no more than that.
    expect(await readdir(path.join(copy, "seed-5", "multi-layer", "stages"))).toEqual(["train-classifier.json"]);
    expect(await readFile(path.join(copy, "ablation.md"), "utf8")).toContain("8 of the runs are not done yet");
  });

  test("masks that had to be drawn again are learned from again, by every cell that shares them", async () => {
    const copy = path.join(folder, "redrawn");
    await cp(out, copy, { recursive: true });
    const masks = path.join(copy, "seed-0", "multi-layer", "train_PM", "PM_b4_5");
    await rm(path.join(masks, (await readdir(masks))[0] ?? ""));
    const result = await command(
      "ablate",
      "--out",
      copy,
      "--seeds",
      "0,",
      "--only",
      "multi-layer,single-bn7",
      "--json",
    );
    expect(result.stderr).toContain("PM_b4_5 is not as it was written");
    expect(result.stderr).not.toContain("train the classifier");
    expect(result.stderr.match(/train the segmenter \(its options or inputs have changed\)/g)).toHaveLength(2);
    expect(scoresOf((lastJson(result) as unknown as Ablation).cells)).toEqual(scoresOf(first.cells));
  });

  test("killed in the middle of a cell, the table so far is there, and the end is that of an undisturbed one", async () => {
    const killed = path.join(folder, "killed");
    const cells = ["multi-layer", "single-bn7"];
    const all = ["ablate", "--data", data, "--out", killed, "--seeds", "2", "--only", cells.join(), ...words];
    // A checkpoint after each step, of which the third is never finished.
    all.push("--recovery-interval", "1");
    const cell = path.join(killed, "seed-0", "single-bn7");
    const faults = { WSSS_FAULT: "1:kill", WSSS_FAULT_SAVE: "3", WSSS_FAULT_PATH: path.join(cell, "checkpoints") };
    const env = { ...process.env, ...faults, LD_PRELOAD: await compileFaults(folder) };
    const running = startCommand(all, { env });
    expect((await running.ended).code).toBeNull();
    expect(running.child.signalCode).toBe("SIGKILL");
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

  test("--demo draws tissue of its own, and is refused beside --data", async () => {
    const out = path.join(folder, "demo");
    const refused = await command("ablate", "--demo", "--data", data, "--out", out);
    expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 2, stdout: "" });
    expect(refused.stderr).toContain("--demo has data of its own; leave --data out");
    const small = [
      "--train-limit",
      "8",
      "--val-limit",
      "4",
      "--test-limit",
      "4",
      "--width",
      "1/16",
      "--epochs",
      "1",
      "--batch-size",
      "4",
    ];
    const words = ["--only", "multi-layer", "--seeds", "0,", "--warmup-epochs", "0", "--pictures", "0", ...small];
    const result = await command("ablate", "--demo", "--out", out, ...words, "--json");
    expect(result.stderr).toContain("dataset");
    expect(result.code).toBe(0);
    const ablation = lastJson(result) as unknown as Ablation;
    expect(ablation.dataset.name).toBe("procedural tissue");
    expect(ablation.given.segmenter).toMatchObject({
      width: 1 / 16,
      training: { epochs: 1, levelWeights: [0.2, 0.2, 0.6] },
    });
    const again = await command("ablate", "--out", out, "--json");
    expect(again.code).toBe(0);
    expect(again.stderr).toContain("already done");
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
