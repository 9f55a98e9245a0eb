// The report of a run: what it says of whole, cut off, old and hostile run folders, and how it looks in a real browser.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rm, stat, truncate, watch, writeFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { poolCounts } from "../dist/report/pixel-scores.js";
import { ReportWriter } from "../dist/report/report-writer.js";
import { runPage } from "../dist/report/run-page.js";
import { writeRunReport } from "../dist/report/write-run-report.js";
import { rankPatches } from "../dist/run/ranked-patches.js";
import { silentReporter } from "../dist/run/reporter.js";
import type { RunResult, TestResult } from "../dist/run/result.js";
import { whileReporting } from "../dist/run/while-reporting.js";
import { percent } from "../dist/text/percent.js";
import { hasBrowser, startBrowser } from "./support/browser.js";
import { command, digestsOf, freshFolder, lastJson } from "./support/command-line.js";
import { expectSound, openOffline } from "./support/offline-page.js";

let folder: string;
/** Run folder of the tiny demo, whole. */
let demo: string;
let result: RunResult;

const readJson = async (...parts: string[]): Promise<any> => JSON.parse(await readFile(path.join(...parts), "utf8"));

beforeAll(async () => {
  folder = await freshFolder();
  demo = path.join(folder, "demo");
  const { code, stderr } = await command("demo", "--tiny", "--seed", "3", "--out", demo, "--json");
  expect(stderr).not.toContain("report.html is not up to date");
  expect(code).toBe(0);
  result = await readJson(demo, "result.json");
});

/** A copy of the whole run, changed. */
async function copyOf(name: string, change: (copy: string) => Promise<void>): Promise<string> {
  const copy = path.join(folder, name);
  await cp(demo, copy, { recursive: true, filter: (source) => !/\/(data|checkpoints|train_PM)$/.test(source) });
  await change(copy);
  return copy;
}

async function edit(file: string, change: (value: any) => unknown): Promise<void> {
  const value = await readJson(file);
  await writeFile(file, JSON.stringify(change(value) ?? value));
}

describe("a run folder", () => {
  test("has its report when the run ends, and the same bytes come out again", async () => {
    const before = await digestsOf(demo);
    expect(before["report.html"]).toBeDefined();
    const again = await command("report", demo, "--json");
    expect(again.code).toBe(0);
    expect(lastJson(again)).toEqual({
      kind: "run",
      file: path.join(demo, "report.html"),
      missing: ["No scores by patient: the dataset does not say whom each patch is of."],
    });
    expect(await digestsOf(demo)).toEqual(before);
  });

  test("is read and not written: --out names another place", async () => {
    const before = await digestsOf(demo);
    const out = path.join(folder, "elsewhere.html");
    const { code, stdout } = await command("report", demo, "--out", out);
    expect([code, stdout.split("\n")[0]]).toEqual([0, out]);
    expect(await readFile(out)).toEqual(await readFile(path.join(demo, "report.html")));
    expect(await digestsOf(demo)).toEqual(before);
  });

  test("that is none is refused, exit 3", async () => {
    const { code, stderr } = await command("report", path.join(folder, "nowhere"));
    expect(code).toBe(3);
    expect(stderr).toContain("is neither a run folder nor that of an ablation");
  });

  test("has a page that is bounded, and loads nothing", async () => {
    const page = await readFile(path.join(demo, "report.html"), "utf8");
    expect(page.length).toBeLessThan(6e6);
    expect(page).not.toMatch(/<script|<link(?! rel="icon" href="data:,")|url\(|@import|\son\w+=/);
    expect(page.match(/(?:src|href)="(?!data:|#)[^"]*"/g)).toBeNull();
    expect(page).toContain("default-src &#39;none&#39;");
    expect(page.match(/<img src="data:image\/webp;base64,/g)).toHaveLength(6 + 2);
  });

  test("names the best, median and worst test patches by their scores", async () => {
    const marker = await readJson(demo, "stages", "pictures.json");
    const ranked = marker.result.ranked as {
      rank: string;
      place: number;
      stem: string;
      mIoU: number;
      picture: string;
    }[];
    expect(ranked.map(({ rank, place }) => `${rank} ${place}`)).toEqual(
      ["best", "median", "worst"].flatMap((rank) => [`${rank} 1`, `${rank} 2`]),
    );
    expect(new Set(ranked.map(({ stem }) => stem)).size).toBe(6);
    const lines = (await readFile(path.join(demo, "evaluation", "gated-patches.csv"), "utf8")).trim().split("\n");
    const column = lines[0]!.split(",").indexOf("mIoU");
    const scores = new Map(lines.slice(1).map((line) => [line.split(",")[0], Number(line.split(",")[column])]));
    const sorted = [...scores.values()].sort((one, other) => other - one);
    for (const { rank, place, stem, mIoU, picture } of ranked) {
      expect(mIoU).toBeCloseTo(scores.get(stem)!, 8);
      expect(picture).toBe(`pictures/${rank}-${place}-${stem}.png`);
      expect(existsSync(path.join(demo, picture))).toBe(true);
      if (rank === "best") expect(mIoU).toBeCloseTo(sorted[place - 1]!, 8);
      if (rank === "worst") expect(mIoU).toBeCloseTo(sorted.at(-place)!, 8);
    }
  });

  test("gives the scores of patches and of all, as they were evaluated", async () => {
    const saved = await readJson(demo, "evaluation", "gated.json");
    const { patches, confusion } = poolCounts(saved);
    const lines = (await readFile(path.join(demo, "evaluation", "gated-patches.csv"), "utf8")).trim().split("\n");
    const columns = lines[0]!.split(",");
    for (const [index, { name, scores }] of patches.entries()) {
      const cells = lines[index + 1]!.split(",");
      const cell = (heading: string): number => Number(cells[columns.indexOf(heading)]);
      expect(name).toBe(cells[0]);
      expect(scores.mIoU).toBeCloseTo(cell("mIoU"), 8);
      expect(scores.accuracy).toBeCloseTo(cell("pixelAccuracy"), 8);
    }
    const matrix = (await readFile(path.join(demo, "evaluation", "gated-confusion.csv"), "utf8")).trim().split("\n");
    expect(confusion.map((row) => row.join(","))).toEqual(
      matrix.slice(1).map((line) => line.split(",").slice(1).join(",")),
    );
    // All patches as if they were of one patient: the scores of the whole set.
    const one = { ...saved, patches: saved.patches.map(({ stem }: { stem: string }) => ({ stem, patient: "P" })) };
    const [whole] = poolCounts(one).patients!;
    expect(whole!.patches).toBe(8);
    expect(whole!.scores.mIoU).toBeCloseTo(result.segmenter!.gated!.mIoU!, 12);
    expect(whole!.scores.iou).toHaveLength(4);
  });
});

describe("ranks", () => {
  const patches = (scores: readonly (number | null)[]): { stem: string; mIoU: number | null }[] =>
    scores.map((mIoU, index) => ({ stem: `p${index}`, mIoU }));
  const ranksOf = (scores: readonly (number | null)[], most = 2): string[] =>
    rankPatches(patches(scores), most).map(({ rank, place, stem }) => `${rank} ${place} ${stem}`);

  test.each([
    [[], []],
    [[null, null], []],
    [[0.5], ["best 1 p0"]],
    [
      [0.5, 0.7],
      ["best 1 p1", "worst 1 p0"],
    ],
    [
      [0.5, null, 0.7, 0.6],
      ["best 1 p2", "median 1 p3", "worst 1 p0"],
    ],
    // Equal scores are ordered by name.
    [
      [0.5, 0.5, 0.5, 0.5, 0.5],
      ["best 1 p0", "median 1 p2", "worst 1 p4"],
    ],
    [
      [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
      ["best 1 p6", "best 2 p5", "median 1 p4", "median 2 p3", "worst 1 p0", "worst 2 p1"],
    ],
  ])("of %j are %j", (scores, expected) => {
    expect(ranksOf(scores)).toEqual(expected);
  });

  test("are as many as there are to be pictures", () => {
    expect(ranksOf([1, 2, 3, 4, 5, 6, 7, 8], 0)).toEqual([]);
    expect(ranksOf([1, 2, 3, 4, 5, 6, 7, 8], 1)).toHaveLength(3);
    expect(ranksOf([1, 2, 3, 4, 5, 6, 7, 8], 99)).toHaveLength(6);
  });
});

/** What the page of a folder can't show. */
const missingOf = async (root: string): Promise<string> => (await runPage(root)).missing.join("\n");

describe("what is missing is said", () => {
  test("of a run that was cut off in a training", async () => {
    const cut = await copyOf("cut", async (copy) => {
      for (const name of ["train-segmenter", "evaluate", "pictures"])
        await rm(path.join(copy, "stages", `${name}.json`));
      for (const name of ["evaluation", "pictures", "result.json"])
        await rm(path.join(copy, name), { recursive: true });
      // A line that was not written to its end.
      const steps = path.join(copy, "metrics", "segmenter-steps.csv");
      await truncate(steps, (await stat(steps)).size - 30);
    });
    const { text, missing } = await runPage(cut);
    expect(text).toContain("Not finished when this page was written: train the segmenter, 1 of 1 epochs done.");
    expect(missing.join("\n")).toMatch(/No scores yet.*\n.*No pictures yet/);
  });

  test("of a folder with nothing but a beginning", async () => {
    const empty = path.join(folder, "empty");
    await mkdir(path.join(empty, "stages"), { recursive: true });
    const { text, missing } = await runPage(empty);
    expect(text).toContain("Nothing has been done in this folder yet.");
    expect(missing.join("\n")).toMatch(/run\.json is not there, or damaged/);
    expect(missing.join("\n")).toMatch(/No training has begun/);
  });

  test("of a run of an earlier version", async () => {
    const old = await copyOf("old", async (copy) => {
      await edit(path.join(copy, "run.json"), ({ dataset, data, given, plan, ...rest }) => {
        const splits = { ...dataset, test: undefined };
        return { format: 1, data, given, plan, dataset: splits, versions: { package: "0.0.1" }, device: rest.device };
      });
      await edit(path.join(copy, "stages", "pictures.json"), (marker) => {
        delete marker.result.ranked;
      });
      await edit(path.join(copy, "stages", "evaluate.json"), (marker) => {
        delete marker.result.segmenter.gated.meanBoundaryF1;
        delete marker.result.segmenter.gated.intervals;
        delete marker.result.segmenter.plain.intervals;
      });
    });
    const missing = await missingOf(old);
    expect(missing).toMatch(/does not name the version of node, libtorch/);
    expect(missing).toMatch(/No best, median and worst patches/);
    expect(missing).toMatch(/No confidence intervals/);
    expect((await runPage(old)).text).toContain("test-00001");
  });

  test("of pictures that are gone, or are none", async () => {
    const poor = await copyOf("poor", async (copy) => {
      const pictures = (await readdir(path.join(copy, "pictures"))).filter((name) => name.startsWith("best-"));
      await rm(path.join(copy, "pictures", pictures[0]!));
      await writeFile(path.join(copy, "pictures", pictures[1]!), "no picture");
      await edit(path.join(copy, "stages", "pictures.json"), (marker) => {
        marker.result.pictures.push("../../../etc/train-passwd.png");
      });
    });
    const missing = await missingOf(poor);
    expect(missing).toMatch(/2 of 6 pictures can't be shown: pictures\/best-1-.*, pictures\/best-2-/);
    expect(missing).toMatch(/1 of 3 pictures can't be shown: \.\.\/\.\.\/\.\.\/etc/);
  });

  test("of scores that are older than the segmenter", async () => {
    const stale = await copyOf("stale", async (copy) => {
      await edit(path.join(copy, "stages", "train-segmenter.json"), (marker) => ({ ...marker, id: "another" }));
    });
    expect(await missingOf(stale)).toMatch(/The scores are those of an earlier segmenter/);
  });

  test("of losses that are no numbers, and of val and test that are not there", async () => {
    const bare = await copyOf("bare", async (copy) => {
      const steps = path.join(copy, "metrics", "classifier-steps.csv");
      const [head = "", ...lines] = (await readFile(steps, "utf8")).trim().split("\n");
      const broken = lines.map((line, index) => line.split(",").with(2, ["", "Infinity", "0.5"][index]!).join(","));
      await writeFile(steps, `${[head, ...broken].join("\n")}\n`);
      for (const name of ["classifier", "segmenter"]) {
        const epochs = path.join(copy, "metrics", `${name}-epochs.csv`);
        const table = (await readFile(epochs, "utf8"))
          .trim()
          .split("\n")
          .map((line) => line.split(","));
        const cells = table.map((row, index) =>
          row.map((cell, column) => (index > 0 && table[0]![column]!.startsWith("val") ? "" : cell)),
        );
        await writeFile(epochs, `${cells.map((row) => row.join(",")).join("\n")}\n`);
      }
      await edit(path.join(copy, "run.json"), (record) => {
        record.dataset.val = { ...record.dataset.val, count: 0, masks: null };
        record.dataset.test = { ...record.dataset.test, count: 0, masks: null };
      });
      for (const name of ["evaluation", "result.json", "stages/evaluate.json"]) {
        await rm(path.join(copy, name), { recursive: true });
      }
    });
    const { text, missing } = await runPage(bare);
    expect(missing.join("\n")).toMatch(/loss of the classifier is no finite number at 2 of 3 steps/);
    expect(missing.join("\n")).toMatch(/classifier has no scores on val/);
    expect(missing.join("\n")).toMatch(/segmenter has no scores on val/);
    expect(missing.join("\n")).toMatch(/No val patches/);
    expect(missing.join("\n")).toMatch(/No scores: there are no test patches with true masks/);
    expect(text).toContain("Finished: every stage is done.");
    expect(text.replaceAll(/base64,[^"]*/g, "")).not.toMatch(/NaN|Infinity|undefined/);
  });
});

const hostile = ['<script>alert("x")</script>', "\"quoted\" & 'more' <b>", "\u0007bell", "x".repeat(300)];

/** The run with other names of its classes, or more classes. */
async function renamed(name: string, names: readonly string[]): Promise<string> {
  return await copyOf(name, async (copy) => {
    await edit(path.join(copy, "run.json"), (record) => {
      record.dataset.name = names[0];
      record.dataset.classes = names.map((one, index) => ({ name: one, colour: [index, 9, 9] }));
      record.given = { ...record.given, note: names[0] };
    });
    for (const one of ["plain", "gated"]) {
      await edit(path.join(copy, "evaluation", `${one}.json`), (saved) => {
        const before: number = saved.classes.length;
        const columns = before + 1;
        const wide = names.length + 1;
        const cell = (old: number): number => Math.floor(old / columns) * wide + (old % columns);
        const pixelCells = before * columns;
        saved.counts.cells = saved.counts.cells.map((old: number) =>
          old < pixelCells ? cell(old) : names.length * wide,
        );
        saved.classes = names;
        saved.patches[0].stem = names[0];
        for (const [index, patch] of saved.patches.entries()) patch.patient = `${names[0]} ${index % 3}`;
      });
    }
    await edit(path.join(copy, "stages", "evaluate.json"), (marker) => {
      for (const one of ["plain", "gated"]) {
        const scores = marker.result.segmenter[one];
        for (const key of ["iou", "dice", "boundaryF1"]) {
          scores[key] = names.map((_, index) => scores[key][index] ?? (index % 5 === 0 ? null : index / 300));
          scores.intervals[key] = names.map((_, index) => scores.intervals[key][index] ?? [null, null]);
        }
      }
    });
  });
}

describe("the writer", () => {
  test("makes one of many wishes, and leaves whole pages and no thread", async () => {
    const root = await copyOf("wishes", async (copy) => await rm(path.join(copy, "report.html")));
    const problems: string[] = [];
    const writer = new ReportWriter(root, (problem) => problems.push(problem));
    for (let i = 0; i < 50; i += 1) writer.request();
    await writer.end();
    expect(problems).toEqual([]);
    expect(await readFile(path.join(root, "report.html"), "utf8")).toMatch(/^<!doctype html>[^]*<\/html>\s*$/);
    expect((await readdir(root)).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("rests from a page before it makes the next, but not at the end", async () => {
    const root = await copyOf("rests", async (copy) => await rm(path.join(copy, "report.html")));
    const file = path.join(root, "report.html");
    const writer = new ReportWriter(root, (problem) => expect(problem).toBe(""), 1e6);
    writer.request();
    await writer.settled();
    await rm(file);
    writer.request();
    await writer.settled();
    expect(existsSync(file)).toBe(false);
    await writer.end();
    expect(existsSync(file)).toBe(true);
  });

  test("writes nothing any more once it is abandoned", async () => {
    const root = await copyOf("abandoned", async (copy) => await rm(path.join(copy, "report.html")));
    const writer = new ReportWriter(root, (problem) => expect(problem).toBe(""));
    writer.request();
    await writer.abandon();
    writer.request();
    await writer.end();
    expect(existsSync(path.join(root, "report.html"))).toBe(false);
    expect((await readdir(root)).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("grows with a run, and its failure is a warning", async () => {
    const root = path.join(folder, "failing");
    // No page can replace a folder.
    await mkdir(path.join(root, "report.html", "in-the-way"), { recursive: true });
    const warnings: string[] = [];
    const reporter = { ...silentReporter, warn: (text: string) => warnings.push(text) };
    const signal = new AbortController().signal;
    const answer = await whileReporting({ root, signal, reporter }, async (followed) => {
      followed.stageStarted("evaluate", "not done yet");
      followed.stageFinished("evaluate", 1);
      return await Promise.resolve(7);
    });
    expect(answer).toBe(7);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/^report\.html is not up to date: cannot write .*report\.html/);
  });

  test("has the page there while the work goes on", async () => {
    const root = await copyOf("growing", async (copy) => {
      for (const name of ["report.html", "stages/train-segmenter.json"]) await rm(path.join(copy, name));
    });
    const surroundings = { root, signal: new AbortController().signal, reporter: silentReporter };
    await whileReporting(surroundings, async (followed) => {
      const changes = watch(root);
      followed.epoch({ stage: "train-segmenter", epoch: 1, epochs: 1, text: "" });
      for await (const { filename } of changes) if (filename === "report.html") break;
      const page = await readFile(path.join(root, "report.html"), "utf8");
      expect(page).toContain("Not finished when this page was written: train the segmenter, 1 of 1 epochs done.");
      // The scores in the folder are of the segmenter before.
      expect(page).toContain("The scores are those of an earlier segmenter");
    });
  });

  test("is given up when the signal is aborted, also while the last page is made", async () => {
    const root = await copyOf("stopped", async (copy) => await rm(path.join(copy, "report.html")));
    const controller = new AbortController();
    const surroundings = { root, signal: controller.signal, reporter: silentReporter };
    const ended = whileReporting(surroundings, async (followed) => {
      followed.stageFinished("pictures", 1);
      await Promise.resolve();
    });
    controller.abort();
    await ended;
    expect(existsSync(path.join(root, "report.html"))).toBe(false);
  });

  test("tells the failed work's own error, after a last page", async () => {
    const root = path.join(folder, "failed");
    await mkdir(root);
    const work = whileReporting(
      { root, signal: new AbortController().signal, reporter: silentReporter },
      (followed) => {
        followed.epoch({ stage: "train-classifier", epoch: 1, epochs: 2, text: "" });
        return Promise.reject(new Error("diverged"));
      },
    );
    await expect(work).rejects.toThrow("diverged");
    expect(existsSync(path.join(root, "report.html"))).toBe(true);
  });

  test("is silent where nothing happened and a report is there", async () => {
    const root = path.join(folder, "idle");
    await mkdir(root);
    await writeFile(path.join(root, "report.html"), "as it was");
    const surroundings = { root, signal: new AbortController().signal, reporter: silentReporter };
    await whileReporting(surroundings, async () => await Promise.resolve());
    expect(await readFile(path.join(root, "report.html"), "utf8")).toBe("as it was");
  });
});

(hasBrowser ? describe : describe.skip)("in a browser", () => {
  let browser: Browser;
  beforeAll(async () => (browser = await startBrowser()));
  afterAll(async () => await browser.close());

  async function open(root: string, width = 1280, colorScheme: "light" | "dark" = "light"): Promise<Page> {
    await writeRunReport(root);
    return await openOffline(browser, pathToFileURL(path.join(root, "report.html")).href, width, colorScheme);
  }

  test.each([
    [1280, "light"],
    [800, "dark"],
    [390, "light"],
    [390, "dark"],
  ] as const)("the whole run is sound at %d px, %s", async (width, scheme) => {
    await expectSound(await open(demo, width, scheme));
  });

  test("the numbers are those of result.json, and hovering shows them whole", async () => {
    const page = await open(demo);
    const rowOf = (scores: TestResult): string[] =>
      (["accuracy", "meanClassAccuracy", "mIoU", "fwIoU", "meanBoundaryF1"] as const).flatMap((key) => {
        const [low, high] = scores.intervals![key];
        return scores[key] === null ? ["-"] : [`${percent(scores[key])} ${percent(low)} to ${percent(high)}`];
      });
    const table = page.locator("#scores table").first().locator("tbody tr");
    const cellsOf = async (index: number): Promise<string[]> =>
      (await table.nth(index).locator("td").allInnerTexts()).map((text) => text.replaceAll(/\s+/g, " ").trim());
    expect(await cellsOf(0)).toEqual(rowOf(result.segmenter!.gated!));
    expect(await cellsOf(1)).toEqual(rowOf(result.segmenter!.plain));
    const level = (await table.nth(2).locator("th").innerText()).split(" ")[2]!.replace(",", "");
    expect((await cellsOf(2))[2]).toBe(percent(result.pseudoMasks![level]!.mIoU));
    const classRows = page.locator("#classes tbody tr");
    expect(await classRows.count()).toBe(4);
    for (const [index, iou] of result.segmenter!.gated!.iou.entries()) {
      const shown = await classRows.nth(index).locator("td").first().innerText();
      expect(shown.trim().split("\n")[0]).toBe(percent(iou));
    }
    const whole = await table.first().locator("td span").first().getAttribute("title");
    expect(Number(whole)).toBe(result.segmenter!.gated!.accuracy);
    const titles = await page.locator("#training svg circle title").allTextContents();
    expect(titles).toContainEqual(expect.stringMatching(/^mean of an epoch: [\d.]+ \(epoch 1\)$/));
    expect(titles).toContainEqual(expect.stringMatching(/^learning rate: [\d.e-]+ \(step 1\)$/));
    expect(await page.locator("#confusion td[title]").count()).toBe(16);
    await expectSound(page);
  });

  test("names that would be markup stay names", async () => {
    const page = await open(await renamed("hostile", hostile), 390);
    expect(await page.locator("h1").textContent()).toContain(hostile[0]);
    expect(await page.locator("script").count()).toBe(0);
    const named = await page.locator("#classes tbody th").allTextContents();
    expect(named.map((text) => text.trim())).toEqual([...hostile.slice(0, 2), "\ufffdbell", hostile[3]!]);
    expect(await page.locator("#classes svg circle title").allTextContents()).toContainEqual(
      expect.stringContaining(hostile[0]!),
    );
    expect(await page.locator("#patients tbody tr").count()).toBe(3);
    await expectSound(page);
  });

  test("254 classes are listed, and the lowest plotted", async () => {
    const names = Array.from({ length: 254 }, (_, index) => `tissue ${index}`);
    const page = await open(await renamed("many", names), 800);
    expect(await page.locator("#classes tbody tr").count()).toBe(254);
    expect(await page.locator("#classes svg circle").count()).toBe(30);
    expect(await page.locator("#confusion tbody tr").count()).toBeLessThanOrEqual(30);
    await page.locator("#classes summary").click();
    await expectSound(page);
    expect((await stat(path.join(folder, "many", "report.html"))).size).toBeLessThan(6e6);
  });

  test.each(["cut", "empty", "old", "poor", "bare"])("%s: what is missing is told by a sound page", async (name) => {
    const page = await open(path.join(folder, name), 800);
    await page.locator("section.missing li").first().waitFor();
    await expectSound(page);
  });
});
