/** `wsss-tissue compare` on evaluations that were saved as `evaluate` saves them. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { RunComparison } from "../dist/run/compare-runs.js";
import { type EvaluationName, openEvaluation, saveEvaluation } from "../dist/run/saved-evaluation.js";
import { command, freshFolder, lastJson } from "./support/command-line.js";
import { evaluateMasks, rowsWithHits } from "./support/masks.js";

const header = { dataset: "rows", classes: ["even, left", "odd"], segmenter: null };
const patients = ["a", "a", "b", "b", "c"];
let folder: string;

async function run(
  name: string,
  hits: readonly number[],
  which: EvaluationName,
  of: readonly string[] = patients,
): Promise<string> {
  const root = path.join(folder, name);
  const evaluation = await evaluateMasks(rowsWithHits(hits, 40), { height: 1, width: 40 }, 2, { patients: of });
  await saveEvaluation(root, which, header, evaluation);
  return root;
}

let first: string;
let second: string;

beforeAll(async () => {
  folder = await freshFolder();
  first = await run("first", [20, 22, 24, 26, 28], "plain");
  second = await run("second", [24, 26, 28, 30, 32], "plain");
});

describe("compare", () => {
  test("prints scores, differences, intervals and p-values of two run folders", async () => {
    const { code, stdout, stderr } = await command("compare", first, second);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/Acc +60\.0 +70\.0 +\+10\.0 +\+10\.0 to \+10\.0 +0\.250/);
    expect(stdout).toMatch(/IoU even, left +\d/);
    expect(stdout).toContain("In the second more pixels are right on 5 patches, fewer on 0, as many on 0.");
    expect(stdout).toContain("Paired by patient: 3 patients; all 8 permutations");
  });

  test("--by patch draws patches, and --json says it in numbers", async () => {
    const result = await command("compare", first, second, "--by", "patch", "--resamples", "200", "--json");
    expect(result.code).toBe(0);
    const { comparison, classes } = lastJson(result) as {
      classes: string[];
      comparison: { by: string; units: number; resamples: number; difference: { pixelAccuracy: number } };
    };
    expect(classes).toEqual(header.classes);
    expect(comparison).toMatchObject({ by: "patch", units: 5, resamples: 200, permutations: 32, exact: true });
    expect(comparison.difference.pixelAccuracy).toBeCloseTo(0.1, 12);
  });

  test("takes the gated evaluations where both have one, and those that are asked for", async () => {
    await run("first", [10, 10, 10, 10, 10], "gated");
    await run("second", [30, 30, 30, 30, 30], "gated");
    const gated = await command("compare", first, second);
    expect(gated.stdout).toContain(path.join("second", "evaluation", "gated.json"));
    expect(gated.stdout).toMatch(/Acc +25\.0 +75\.0/);
    expect((await command("compare", first, second, "--no-gate")).stdout).toMatch(/Acc +60\.0 +70\.0/);
    const files = [path.join(first, "evaluation", "plain.json"), path.join(second, "evaluation", "gated.json")];
    expect((await command("compare", ...files)).stdout).toMatch(/Acc +60\.0 +75\.0/);
  });

  test("refuses what can't be compared, in one line each", async () => {
    const other = await run("other", [1, 2, 3], "plain", ["a", "b", "c"]);
    const alone = await run("alone", [20, 22, 24, 26, 28], "plain", ["a", "a", "a", "a", "a"]);
    const empty = path.join(folder, "empty");
    await mkdir(empty);
    const broken = path.join(folder, "broken.json");
    const saved = JSON.parse(await readFile(path.join(first, "evaluation", "plain.json"), "utf8")) as {
      counts: { cells: number[] };
    };
    saved.counts.cells[0] = 99;
    await writeFile(broken, JSON.stringify(saved));
    const cases = [
      [["compare", first, other, "--no-gate"], 3, /5 patches in the first, 3 in the second/],
      [
        ["compare", first, empty],
        3,
        /empty holds no plain evaluation: give a run folder on which evaluate has been run/,
      ],
      [
        ["compare", path.join(first, "evaluation", "plain.json"), broken],
        3,
        /broken\.json is no evaluation of this version/,
      ],
      [["compare", first, path.join(second, "evaluation", "gated.json")], 2, /two run folders, or two evaluation/],
      [
        ["compare", path.join(first, "none.json"), path.join(first, "evaluation", "plain.json")],
        3,
        /there is no evaluation .*none\.json/,
      ],
      [["compare", first, first], 2, /first and second are the same run/],
      [["compare", alone, first, "--no-gate"], 2, /at least 2 patients, or by "patch"/],
      [["compare", first, second, "--level", "2"], 2, /level must be below 1, received 2/],
      [["compare", first], 2, /missing required argument 'second'/],
    ] as const;
    for (const [words, code, message] of cases) {
      const result = await command(...words);
      expect({ words, code: result.code, stdout: result.stdout }).toEqual({ words, code, stdout: "" });
      expect(result.stderr).toMatch(message);
      expect(result.stderr.trimEnd().split("\n")).toHaveLength(1);
    }
  });
});

test("scores with test-time augmentation are named as such", async () => {
  const root = await run("augmented", [20, 22, 24, 26, 28], "plain");
  const file = path.join(root, "evaluation", "plain.json");
  const saved = JSON.parse(await readFile(file, "utf8")) as object;
  await writeFile(file, JSON.stringify({ ...saved, views: "flips" }));
  const { stdout } = await command("compare", first, root, "--no-gate");
  expect(stdout).toMatch(/^ {2}first: +\S+plain\.json$/mu);
  expect(stdout).toMatch(/^ {2}second: \S+plain\.json \(--tta flips\)$/mu);
  const json = lastJson(await command("compare", first, root, "--no-gate", "--json")) as unknown as RunComparison;
  expect([json.first.views, json.second.views]).toEqual(["one", "flips"]);
});

describe("a run folder whose segmenter was trained again", () => {
  test("is refused until it is evaluated again", async () => {
    const root = await run("again-trained", [20, 22, 24, 26, 28], "plain");
    const file = path.join(root, "evaluation", "plain.json");
    const saved = JSON.parse(await readFile(file, "utf8")) as object;
    await writeFile(file, JSON.stringify({ ...saved, segmenter: "the first" }));
    const marker = (id: string): string =>
      JSON.stringify({ format: 1, stage: "train-segmenter", id, key: "k", outputs: [], result: {}, elapsedMs: 1 });
    await mkdir(path.join(root, "stages"));
    await writeFile(path.join(root, "stages", "train-segmenter.json"), marker("the second"));
    const refused = await command("compare", first, root, "--no-gate");
    expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 3, stdout: "" });
    expect(refused.stderr).toContain(
      "again-trained: the segmenter was trained again since it was evaluated; run evaluate",
    );
    await writeFile(path.join(root, "stages", "train-segmenter.json"), marker("the first"));
    expect((await command("compare", first, root, "--no-gate")).code).toBe(0);
  });
});

describe("a saved evaluation", () => {
  test("of patches on which nothing is scored has empty cells, and a dash in the comparison", async () => {
    const size = { height: 1, width: 40 };
    const nothing = { truth: new Uint8Array(40).fill(255), prediction: new Uint8Array(40) };
    const pairs = [nothing, ...rowsWithHits([40], 40)];
    const evaluation = await evaluateMasks(pairs, size, 2);
    const root = path.join(folder, "nothing-in-one");
    await saveEvaluation(root, "plain", header, evaluation);
    const table = (await readFile(path.join(root, "evaluation", "plain-patches.csv"), "utf8")).trimEnd().split("\n");
    expect(table[1]).toBe(`p0,${",".repeat(11)}`);
    expect(table[2]).toBe(`p1,${",1".repeat(11)}`);
    expect((await openEvaluation(path.join(root, "evaluation", "plain.json")))?.evaluation).toEqual(evaluation);
    const empty = [path.join(folder, "nothing-1"), path.join(folder, "nothing-2")] as const;
    for (const one of empty)
      await saveEvaluation(one, "plain", header, await evaluateMasks([nothing, nothing], size, 2));
    const json = await command("compare", ...empty, "--no-gate", "--json");
    expect(json.code).toBe(0);
    const { first: side, comparison } = lastJson(json) as unknown as RunComparison;
    expect([side.scores.fwIoU, comparison.difference.fwIoU, comparison.pValues.fwIoU]).toEqual([null, null, null]);
    expect(comparison.intervals.fwIoU).toEqual({ low: null, high: null });
    const text = await command("compare", ...empty, "--no-gate");
    for (const name of ["Acc", "mIoU", "FwIoU", "Boundary F1", "IoU odd"]) {
      expect(text.stdout).toMatch(new RegExp(`^ +${name}( +-){5}$`, "m"));
    }
  });

  test("gives all scores again, and a table of the patches", async () => {
    const evaluation = await evaluateMasks(rowsWithHits([20, 40], 40), { height: 1, width: 40 }, 2, { patients });
    const root = path.join(folder, "again");
    await saveEvaluation(root, "plain", header, evaluation);
    const opened = await openEvaluation(path.join(root, "evaluation", "plain.json"));
    expect(opened?.evaluation).toEqual(evaluation);
    const table = (await readFile(path.join(root, "evaluation", "plain-patches.csv"), "utf8")).trimEnd().split("\n");
    expect(table[0]).toBe(
      "patch,patient,pixelAccuracy,meanClassAccuracy,mIoU,fwIoU,meanBoundaryF1," +
        '"IoU even, left",IoU odd,"Dice even, left",Dice odd,"boundary F1 even, left",boundary F1 odd',
    );
    expect(table[2]).toMatch(/^p1,a(,1){11}$/);
    expect(table).toHaveLength(3);
    const [[evenEven, evenOdd], [oddEven, oddOdd]] = evaluation.confusion as [number[], number[]];
    expect(
      (await readFile(path.join(root, "evaluation", "plain-confusion.csv"), "utf8")).trimEnd().split("\n"),
    ).toEqual([
      'true class,"predicted even, left",predicted odd,predicted background',
      `"even, left",${evenEven},${evenOdd},0`,
      `odd,${oddEven},${oddOdd},0`,
    ]);
  });
});
