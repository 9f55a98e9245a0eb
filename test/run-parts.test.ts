/** Small parts of a run: fingerprints, metric files, markers, folders, and the printed table. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { existsSync } from "node:fs";
import { appendFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { makeFolder } from "../dist/files/make-folder.js";
import { replaceWhole } from "../dist/files/replace-whole.js";
import { canonicalJson, describeDifferences, differencesBetween, digestOf } from "../dist/files/fingerprint.js";
import { writeJson } from "../dist/run/files.js";
import { MetricsFile } from "../dist/run/metrics-file.js";
import { mergeOptions } from "../dist/run/plan-options.js";
import { resolveSections } from "../dist/run/plan.js";
import { alignColumns, reportTable } from "../dist/run/report-table.js";
import { type RunReporter, silentReporter } from "../dist/run/reporter.js";
import { intervalsResult, segmentationResult } from "../dist/run/result.js";
import { performStage, type Stage } from "../dist/run/stage.js";
import { formatDuration } from "../dist/text/duration.js";
import { freshFolder } from "./support/command-line.js";

let folder: string;

beforeAll(async () => {
  folder = await freshFolder();
});

describe("fingerprints", () => {
  test("do not depend on the order of keys, and leave undefined out", () => {
    expect(canonicalJson({ b: 1, a: [true, null, "x"], c: undefined })).toBe('{"a":[true,null,"x"],"b":1}');
    expect(digestOf({ a: 1, b: { c: 2, d: 3 } })).toBe(digestOf({ b: { d: 3, c: 2 }, a: 1 }));
    expect(digestOf({ a: 1 })).not.toBe(digestOf({ a: "1" }));
  });

  test("differences name the path, what was and what is", () => {
    const before = { lr: 0.1, nested: { list: [1, 2], gone: 1 }, same: "x" };
    const now = { lr: 0.2, nested: { list: [1, 3], come: 2 }, same: "x" };
    const found = differencesBetween(before, now);
    expect(found.map((one) => one.path)).toEqual(["lr", "nested.come", "nested.gone", "nested.list"]);
    expect(describeDifferences(found, 2)).toBe(
      "lr was 0.1 and is now 0.2; nested.come was absent and is now 2; and 2 more",
    );
    expect(differencesBetween(before, { ...before })).toEqual([]);
  });
});

describe("plans", () => {
  test("later options win, and undefined is not given", () => {
    const merged = mergeOptions(
      { seed: 1, classifier: { width: 0.5, training: { epochs: 2, batchSize: 4 } } },
      { seed: undefined, classifier: { training: { epochs: 3 } } },
      undefined,
    );
    expect(merged).toEqual({ seed: 1, classifier: { width: 0.5, training: { epochs: 3, batchSize: 4 } } });
  });

  test("are complete, with one seed and recipe for all parts", () => {
    const { classifier, segmenter, evaluation } = resolveSections({ seed: 7, recipe: "published" }, [
      "classifier",
      "segmenter",
      "evaluation",
    ]);
    expect(classifier).toMatchObject({ seed: 7, width: 1, weights: null, training: { seed: 7, momentum: 5e-4 } });
    expect(segmenter).toMatchObject({ masks: "pseudo", outputStride: 16, training: { seed: 7, divideByBatch: true } });
    expect(evaluation).toEqual({
      gate: true,
      boundaryTolerancePx: "auto",
      recipe: "published",
      views: "one",
      gateThreshold: 0.1,
      gateRule: "multiply",
    });
  });

  test("refuse what the library refuses", () => {
    const wrong = (): unknown => resolveSections({ classifier: { width: 9 } }, ["classifier"]);
    expect(wrong).toThrow(expect.objectContaining({ code: "WSSS_ERR_OPTION" }));
  });
});

describe("metric files", () => {
  interface Measured {
    readonly step: number;
    readonly loss: number;
    readonly note?: string;
  }
  const columns = [
    { heading: "step", value: ({ step }: Measured) => step },
    { heading: "loss", value: ({ loss }: Measured) => loss },
    { heading: "note", value: ({ note }: Measured) => note },
  ];

  test("have every line on disk as soon as it is added", async () => {
    const file = path.join(folder, "metrics", "steps.csv");
    const metrics = await MetricsFile.create(file, columns);
    expect(await readFile(file, "utf8")).toBe("step,loss,note\n");
    metrics.append({ step: 1, loss: 0.123456789012, note: 'a "b", c' });
    metrics.append({ step: 2, loss: NaN });
    expect(await readFile(file, "utf8")).toBe('step,loss,note\n1,0.123456789,"a ""b"", c"\n2,,\n');
    metrics.close();
    metrics.close();
  });

  test("that can't be written say so", async () => {
    const file = path.join(folder, "a-file");
    await writeFile(file, "");
    await expect(MetricsFile.create(path.join(file, "steps.csv"), columns)).rejects.toMatchObject({
      code: "WSSS_ERR_IO",
    });
  });
});

describe("files and folders", () => {
  test("are made with their parents, and again without harm", async () => {
    const deep = path.join(folder, "a", "b", "c");
    await makeFolder(deep);
    await makeFolder(deep);
    expect(existsSync(deep)).toBe(true);
  });

  test("a folder in place of a file, or below /proc, is refused", async () => {
    const file = path.join(folder, "file");
    await writeFile(file, "");
    await expect(makeFolder(file)).rejects.toMatchObject({ code: "WSSS_ERR_IO" });
    await expect(makeFolder("/proc/wsss/x")).rejects.toMatchObject({ code: "WSSS_ERR_IO" });
  });

  test("are replaced whole or stay as they were", async () => {
    const target = path.join(folder, "whole");
    await mkdir(target);
    await writeFile(path.join(target, "old.txt"), "old");
    const fail = replaceWhole(target, async (part) => {
      await mkdir(part);
      await writeFile(path.join(part, "new.txt"), "half");
      throw new Error("no more");
    });
    await expect(fail).rejects.toThrow("no more");
    expect(await readdir(target)).toEqual(["old.txt"]);
    await replaceWhole(target, async (part) => {
      await mkdir(part);
      await writeFile(path.join(part, "new.txt"), "whole");
    });
    expect(await readdir(target)).toEqual(["new.txt"]);
    expect((await readdir(folder)).filter((name) => name.includes(".part"))).toEqual([]);
  });
});

describe("stages", () => {
  let root: string;
  let done: number;
  const heard: string[] = [];
  const reporter: RunReporter = {
    ...silentReporter,
    stageStarted: (_, reason) => heard.push(reason),
    stageSkipped: () => heard.push("skipped"),
  };

  beforeAll(async () => {
    root = path.join(folder, "stages-of-a-run");
    done = 0;
    await mkdir(root);
  });

  function stage(key: unknown): Stage<number> {
    return {
      name: "pseudo-masks",
      key,
      outputs: ["masks", "note.txt"],
      work: async () => {
        done += 1;
        await mkdir(path.join(root, "masks", "deep"), { recursive: true });
        await writeFile(path.join(root, "masks", "deep", "one.png"), "picture");
        await writeFile(path.join(root, "note.txt"), "note");
        return done;
      },
    };
  }

  async function perform(key: unknown, signal = new AbortController().signal): Promise<{ id: string; result: number }> {
    return await performStage({ root, signal, reporter }, stage(key));
  }

  test("are done once, and skipped while nothing has changed", async () => {
    const first = await perform({ lr: 1 });
    const second = await perform({ lr: 1 });
    expect(second).toMatchObject({ id: first.id, result: 1, skipped: true });
    expect(heard.splice(0)).toEqual(["not done yet", "skipped"]);
  });

  const key = { lr: 2 };
  const nothing = async (): Promise<void> => await Promise.resolve();
  const inRoot = (...names: string[]): string => path.join(root, ...names);

  test.each([
    ["another key", nothing, { lr: 3 }, "its options or inputs have changed"],
    [
      "a file that grew",
      async () => await appendFile(inRoot("note.txt"), "!"),
      key,
      "note.txt is not as it was written",
    ],
    ["a file more", async () => await writeFile(inRoot("masks", "two.png"), ""), key, "masks is not as it was written"],
    ["a folder that is gone", async () => await rm(inRoot("masks"), { recursive: true }), key, "masks is missing"],
    ["a broken marker", async () => await writeFile(inRoot("stages", "pseudo-masks.json"), "{"), key, "not done yet"],
  ])("are done again after %s, under a new id", async (_, change, keyNow, reason) => {
    const before = await perform(key);
    heard.splice(0);
    await change();
    const after = await perform(keyNow);
    expect(after.id).not.toBe(before.id);
    expect(heard.splice(0)).toEqual([reason]);
  });

  test("count as not done after a failure, and keep what they had written", async () => {
    await perform({ lr: 5 });
    const failing = { ...stage({ lr: 6 }), work: async () => await Promise.reject(new Error("stop")) };
    const signal = new AbortController().signal;
    await expect(performStage({ root, signal, reporter }, failing)).rejects.toThrow("stop");
    expect(await readFile(path.join(root, "note.txt"), "utf8")).toBe("note");
    heard.splice(0);
    await perform({ lr: 5 });
    expect(heard.splice(0)).toEqual(["not done yet"]);
  });

  test("do not begin when the signal is aborted", async () => {
    const controller = new AbortController();
    controller.abort();
    await expect(perform({ lr: 9 }, controller.signal)).rejects.toMatchObject({ code: "WSSS_ERR_CANCELLED" });
  });

  test("that forget an output are a defect", async () => {
    const forgetful = { ...stage({ lr: 10 }), outputs: ["never.txt"] };
    const signal = new AbortController().signal;
    await expect(performStage({ root, signal, reporter }, forgetful)).rejects.toMatchObject({
      code: "WSSS_ERR_INTERNAL",
    });
  });
});

describe("the report", () => {
  const scores = segmentationResult({
    pixelAccuracy: 0.75,
    meanClassAccuracy: 0.7,
    mIoU: 0.6,
    fwIoU: 0.65,
    meanBoundaryF1: 0.5,
    iou: [0.6, null],
    dice: [0.75, null],
    boundaryF1: [0.5, null],
  });

  test("has null where a score is undefined, in JSON and table", async () => {
    expect(scores.iou).toEqual([0.6, null]);
    const file = path.join(folder, "result.json");
    await writeJson(file, scores);
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual(scores);
    const half = { low: 0.5, high: 0.7 };
    const nothing = { low: null, high: null };
    const intervals = intervalsResult({
      by: "patient",
      units: 3,
      level: 0.95,
      resamples: 2000,
      scores: {
        pixelAccuracy: half,
        meanClassAccuracy: half,
        mIoU: half,
        fwIoU: half,
        meanBoundaryF1: half,
        iou: [half, nothing],
        dice: [half, nothing],
        boundaryF1: [half, nothing],
      },
    });
    const segmenter = { plain: { ...scores, intervals }, gated: { ...scores, intervals: null } };
    expect(reportTable({ segmenter, elapsedMs: 61_000 }, ["gland", "stroma"])).toBe(
      [
        "Segmentation (per cent)",
        "                                       Acc         mIoU        FwIoU  Boundary F1    IoU gland  IoU stroma",
        "  segmenter (test)                    75.0         60.0         65.0         50.0         60.0           -",
        "    95 % interval, 3 patients  50.0 - 70.0  50.0 - 70.0  50.0 - 70.0  50.0 - 70.0  50.0 - 70.0           -",
        "  segmenter, gated (test)             75.0         60.0         65.0         50.0         60.0           -",
        "",
        "Took 1 min 01 s.",
      ].join("\n"),
    );
  });

  test("has a dash for every score where nothing is scored", () => {
    const nothing = segmentationResult({
      ...{ pixelAccuracy: null, meanClassAccuracy: null, mIoU: null, fwIoU: null, meanBoundaryF1: null },
      ...{ iou: [null, null], dice: [null, null], boundaryF1: [null, null] },
    });
    const segmenter = { plain: { ...nothing, intervals: null } };
    expect(reportTable({ segmenter, elapsedMs: 1 }, ["gland", "stroma"])).toMatch(/^ {2}segmenter \(test\)( +-){6}$/m);
  });

  test.each([
    [850.4, "850 ms"],
    [12_345, "12.3 s"],
    [245_000, "4 min 05 s"],
    [7_620_000, "2 h 07 min"],
  ])("says %d ms as %s", (elapsedMs, words) => {
    expect(formatDuration(elapsedMs)).toBe(words);
  });

  test("aligns columns", () => {
    expect(
      alignColumns([
        ["a", "1"],
        ["long", "22"],
      ]),
    ).toEqual(["a      1", "long  22"]);
  });
});
