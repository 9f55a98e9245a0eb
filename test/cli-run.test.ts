/** The command line with networks: the tiny demo end to end, going on, refusing, stopping, and running out of disk. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rename as renameFile, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { inspectWeights } from "../dist/index.js";
import { openEvaluation } from "../dist/run/saved-evaluation.js";
import { command, type CommandResult, digestsOf, freshFolder, lastJson, startCommand } from "./support/command-line.js";

let folder: string;
/** Run folder of the tiny demo. */
let demo: string;
let first: CommandResult;

beforeAll(async () => {
  folder = await freshFolder();
  demo = path.join(folder, "demo");
  first = await command("demo", "--tiny", "--seed", "3", "--out", demo, "--json");
});

const share = (value: unknown): void => {
  expect(typeof value).toBe("number");
  expect(value).toBeGreaterThanOrEqual(0);
  expect(value).toBeLessThanOrEqual(1);
};

interface Scores {
  readonly accuracy: number;
  readonly mIoU: number;
  readonly fwIoU: number;
  readonly iou: readonly (number | null)[];
}

interface Result {
  readonly classifier: { readonly exactMatch: number };
  readonly pseudoMasks?: Readonly<Record<string, Scores>>;
  readonly segmenter: { readonly plain: Scores; readonly gated?: Scores };
  readonly elapsedMs: number;
}

function expectScores({ accuracy, mIoU, fwIoU, iou }: Scores): void {
  for (const value of [accuracy, mIoU, fwIoU]) share(value);
  expect(iou).toHaveLength(4);
  for (const value of iou) if (value !== null) share(value);
}

describe("names as other systems leave them", () => {
  const long = "q".repeat(247);

  test("a run reads them, and a picture that can't be named costs neither the others nor the result", async () => {
    const data = path.join(folder, "named");
    await cp(path.join(demo, "data"), data, { recursive: true });
    const rename = async (part: string, from: string, to: string): Promise<void> => {
      await renameFile(path.join(data, part, from), path.join(data, part, to));
    };
    for (const name of await readdir(path.join(data, "train"))) {
      const to = name.replace(/\[.*\]/, (label) => label.replaceAll(" ", ", "));
      await rename("train", name, to);
      if (existsSync(path.join(data, "train_mask", name))) await rename("train_mask", name, to);
    }
    const [first = "", second = ""] = (await readdir(path.join(data, "test/img"))).sort();
    for (const part of ["test/img", "test/mask"]) {
      await rename(part, first, `${long}.png`);
      await rename(part, second, "line\nbreak.png");
    }
    const [ofVal = ""] = await readdir(path.join(data, "val/img"));
    await rename("val/img", ofVal, "K\u00f6ln.png");
    await rename("val/mask", ofVal, "Ko\u0308ln.png");
    const out = path.join(folder, "named-run");
    const words = ["--width", "1/16", "--epochs", "1", "--batch-size", "4", "--pictures", "99", "--json"];
    const result = await command("run", "--data", data, "--out", out, ...words);
    expect(result.stderr).not.toContain("wsss-tissue:");
    expect(result.code).toBe(0);
    expect(Object.keys(lastJson(result))).toContain("segmenter");
    const picture = `test-${long}.png`;
    expect(result.stderr).toContain(
      `warning: no picture ${picture}: the name is too long for the file system (256 bytes`,
    );
    const drawn = await readdir(path.join(out, "pictures"));
    expect(drawn).toEqual(expect.arrayContaining(["test.png", "train.png", "test-line\nbreak.png"]));
    expect(drawn.filter((name) => name.startsWith("."))).toEqual([]);
    const marker = JSON.parse(await readFile(path.join(out, "stages/pictures.json"), "utf8")) as {
      result: { pictures: string[]; unnamed: string[] };
    };
    expect(marker.result.unnamed).toEqual([`pictures/${picture}`]);
    expect(marker.result.pictures.map((name) => path.basename(name)).sort()).toEqual(drawn.sort());
    expect((await readdir(out)).filter((name) => name.startsWith("."))).toEqual([]);
    // The gap is no reason to do the stage again.
    expect((await command("run", "--out", out)).stderr).toContain("pictures: already done, skipped");
  });
});

describe("the tiny demo", () => {
  test("ends stdout with one line of JSON of the documented shape, exit 0", () => {
    expect(first.stderr).not.toContain("wsss-tissue:");
    expect(first.code).toBe(0);
    expect(first.stdout.trimEnd().split("\n")).toHaveLength(1);
    const result = lastJson(first) as unknown as Result;
    expect(Object.keys(result)).toEqual(["classifier", "pseudoMasks", "segmenter", "elapsedMs"]);
    share(result.classifier.exactMatch);
    expect(Object.keys(result.pseudoMasks ?? {})).toEqual(["bn7", "b5_2", "b4_5"]);
    for (const scores of Object.values(result.pseudoMasks ?? {})) expectScores(scores);
    expectScores(result.segmenter.plain);
    expectScores(result.segmenter.gated!);
    expect(result.elapsedMs).toBeGreaterThan(0);
  });

  test("leaves options, versions, metrics, weights, masks and pictures", async () => {
    const record = JSON.parse(await readFile(path.join(demo, "run.json"), "utf8")) as Record<string, unknown>;
    expect(record["versions"]).toMatchObject({ libtorch: "2.13.0", node: process.versions.node });
    expect(record["plan"]).toMatchObject({ classifier: { seed: 3, training: { epochs: 1 } } });
    for (const name of ["classifier", "segmenter"]) {
      const { metadata } = await inspectWeights(path.join(demo, `${name}.safetensors`));
      expect(metadata["role"]).toBe(name);
      const steps = (await readFile(path.join(demo, "metrics", `${name}-steps.csv`), "utf8")).trimEnd().split("\n");
      expect(steps[0]).toMatch(/^epoch,step,loss,learningRate,patches,elapsedMs/);
      expect(steps).toHaveLength(4);
      const epochs = (await readFile(path.join(demo, "metrics", `${name}-epochs.csv`), "utf8")).trimEnd().split("\n");
      expect(epochs).toHaveLength(2);
    }
    for (const level of ["bn7", "b5_2", "b4_5"]) {
      expect(await readdir(path.join(demo, "train_PM", `PM_${level}`))).toHaveLength(24);
    }
    const pictures = await readdir(path.join(demo, "pictures"));
    expect(pictures).toEqual(expect.arrayContaining(["train.png", "test.png"]));
    // Two of each split and one with all of them; and two best, median and worst ones.
    expect(pictures).toHaveLength(2 * (2 + 1) + 3 * 2);
    expect(await readFile(path.join(demo, "report.html"), "utf8")).toContain("Finished: every stage is done.");
    expect(JSON.parse(await readFile(path.join(demo, "result.json"), "utf8"))).toEqual(lastJson(first));
    for (const name of ["plain", "gated"]) {
      const saved = await openEvaluation(path.join(demo, "evaluation", `${name}.json`));
      const { segmenter } = lastJson(first) as { segmenter: Record<string, { mIoU: number; intervals: object }> };
      expect(saved?.evaluation.mIoU).toBe(segmenter[name]?.mIoU);
      expect(segmenter[name]?.intervals).toMatchObject({ by: "patch", units: 8, level: 0.95 });
      const table = (await readFile(path.join(demo, "evaluation", `${name}-patches.csv`), "utf8")).trimEnd();
      expect(table.split("\n")).toHaveLength(9);
    }
    expect(existsSync(path.join(demo, "run.lock"))).toBe(false);
  });

  test("says plain lines on stderr, one for each epoch", () => {
    expect(first.stderr).toMatch(/train-classifier: epoch 1\/1 {2}loss \d/);
    expect(first.stderr).toMatch(/train-segmenter: epoch 1\/1 {2}loss \d/);
    expect(first.stderr).not.toContain("\u001b");
  });

  test("a second time skips every stage and gives the same figures", async () => {
    const before = await digestsOf(demo);
    const again = await command("run", "--out", demo, "--json");
    expect(again.code).toBe(0);
    expect(again.stderr.match(/already done, skipped/g)).toHaveLength(5);
    expect({ ...lastJson(again), elapsedMs: 0 }).toEqual({ ...lastJson(first), elapsedMs: 0 });
    // Only run.json is written again, with the time of this command.
    const after = await digestsOf(demo);
    expect({ ...after, "run.json": "" }).toEqual({ ...before, "run.json": "" });
  });

  test("without --json prints the table, with --quiet nothing else", async () => {
    const { code, stdout, stderr } = await command("run", "--out", demo, "--quiet");
    expect(code).toBe(0);
    expect(stderr).toBe("");
    expect(stdout).toContain("Classifier, test patches (per cent)");
    expect(stdout).toMatch(/pseudo masks b4_5 \(train\) +\d/);
    expect(stdout).toMatch(/segmenter, gated \(test\) +\d/);
  });
});

test("without --out the demo goes into a folder of its seed", async () => {
  const cwd = await freshFolder();
  const { code } = await startCommand(["demo", "--tiny", "--seed", "8", "--quiet"], { cwd }).ended;
  expect(code).toBe(0);
  expect(existsSync(path.join(cwd, "wsss-demo", "tiny-seed-8", "result.json"))).toBe(true);
});

describe("going on in a folder", () => {
  test("other options are refused with what differs, and nothing is touched", async () => {
    const before = await digestsOf(demo);
    const { code, stderr } = await command("run", "--out", demo, "--segmenter-lr", "0.5");
    expect(code).toBe(2);
    expect(stderr).toContain("segmenter.training.learningRate was 0.02 and is now 0.5");
    expect(stderr).toContain("--force");
    expect(await digestsOf(demo)).toEqual(before);
  });

  test("another seed of the demo is refused in the same folder", async () => {
    const { code, stderr } = await command("demo", "--tiny", "--seed", "4", "--out", demo);
    expect(code).toBe(2);
    expect(stderr).toContain("seed was 3 and is now 4");
  });

  test("--force does again what the options change, and what builds on it", async () => {
    const copy = path.join(folder, "forced");
    await cp(demo, copy, { recursive: true });
    const { code, stderr } = await command("run", "--out", copy, "--segmenter-lr", "0.005", "--force");
    expect(code).toBe(0);
    expect(stderr).toContain("train-classifier: already done");
    expect(stderr).toContain("pseudo-masks: already done");
    expect(stderr).toMatch(/train-segmenter: train .*options or inputs have changed/);
    expect(stderr).toContain("mosaics: none (patches labelled with one class alone: ");
    expect(stderr).toMatch(/evaluate: .*options or inputs have changed/);
    expect(stderr).toMatch(/pictures: .*options or inputs have changed/);
  });

  test("a file that was cut makes its stage and those after it be done again", async () => {
    const copy = path.join(folder, "cut");
    await cp(demo, copy, { recursive: true });
    await truncate(path.join(copy, "segmenter.safetensors"), 1000);
    const { code, stderr } = await command("run", "--out", copy);
    expect(code).toBe(0);
    expect(stderr).toContain("pseudo-masks: already done");
    expect(stderr).toContain("segmenter.safetensors is not as it was written");
    expect(stderr).toMatch(/evaluate: score|evaluate: evaluate/);
  });

  test("a folder that another living process uses is refused", async () => {
    await writeFile(path.join(demo, "run.lock"), `${process.pid}\n`);
    const { code, stderr } = await command("run", "--out", demo);
    expect(code).toBe(3);
    expect(stderr).toContain(`process ${process.pid} is at work in ${demo}`);
    await writeFile(path.join(demo, "run.lock"), "999999999\n");
    expect((await command("run", "--out", demo)).code).toBe(0);
  });
});

describe("the parts", () => {
  const small = ["--width", "1/16", "--epochs", "1", "--batch-size", "8", "--lr", "0.01"];
  const part = async (name: string, out: string, ...words: string[]): Promise<CommandResult> =>
    await command(name, "--data", path.join(demo, "data"), "--out", path.join(folder, out), "--json", ...words);

  test("one after the other give what run gives", async () => {
    const trained = await part("train-classifier", "parts", ...small, "--train-limit", "16");
    expect(trained).toMatchObject({ code: 0 });
    expect(lastJson(trained)).toMatchObject({ stage: "train-classifier", skipped: false, epochs: 1, steps: 2 });
    const masks = await part("pseudo-masks", "parts", "--levels", "bn7,b4_5");
    expect(Object.keys(lastJson(masks)["pseudoMasks"] as object)).toEqual(["bn7", "b4_5"]);
    const segmenter = await part("train-segmenter", "parts", ...small);
    expect(lastJson(segmenter)).toMatchObject({ stage: "train-segmenter", steps: 2 });
    const evaluated = lastJson(await part("evaluate", "parts", "--no-gate")) as unknown as Result;
    expectScores(evaluated.segmenter.plain);
    expect(evaluated.segmenter.gated).toBeUndefined();
  });

  test("a part without the part before it says what is missing, exit 3", async () => {
    const { code, stderr } = await part("pseudo-masks", "alone");
    expect(code).toBe(3);
    expect(stderr).toContain("run train-classifier for this folder first, or name another with --classifier");
  });

  test("full supervision", async () => {
    const { code } = await part("train-segmenter", "supervised", ...small, "--masks", "ground-truth");
    expect(code).toBe(0);
    const evaluated = await part("evaluate", "supervised", "--classifier", path.join(demo, "classifier.safetensors"));
    expectScores((lastJson(evaluated) as unknown as Result).segmenter.gated!);
  });

  test("run --masks ground-truth leaves pseudo masks out", async () => {
    const result = await part("run", "run-supervised", ...small, "--masks", "ground-truth", "--pictures", "1");
    expect(result.code).toBe(0);
    expect(Object.keys(lastJson(result))).toEqual(["classifier", "segmenter", "elapsedMs"]);
    expect(existsSync(path.join(folder, "run-supervised", "train_PM"))).toBe(false);
  });

  test("predict writes an index mask and an overlay for each picture", async () => {
    const out = path.join(folder, "predictions");
    const pictures = path.join(demo, "data", "test", "img");
    const result = await command("predict", "--run", demo, "--out", out, "--json", pictures);
    expect(result.code).toBe(0);
    expect(lastJson(result)).toMatchObject({ gated: true });
    const names = await readdir(out);
    expect(names).toHaveLength(16);
    expect(names).toEqual(expect.arrayContaining(["test-00001.png", "test-00001-overlay.png"]));
    await cp(out, path.join(folder, "predictions-whole"), { recursive: true });
    const one = path.join(pictures, "test-00002.png");
    const plain = await command("predict", "--run", demo, "--no-gate", "--out", path.join(out, "plain"), one);
    expect(plain).toMatchObject({ code: 0, stdout: `${path.join(out, "plain", "test-00002.png")}\n` });
  });

  test("predict takes a part of the pictures, which together are all", async () => {
    const out = path.join(folder, "predicted-in-parts");
    const pictures = path.join(demo, "data", "test", "img");
    for (const [shard, count] of [
      ["1/3", 3],
      ["2/3", 3],
      ["3/3", 2],
    ] as const) {
      const result = await command("predict", "--run", demo, "--out", out, "--json", "--shard", shard, pictures);
      expect(result.code).toBe(0);
      expect(lastJson(result)["predictions"]).toHaveLength(count);
    }
    expect(await digestsOf(out)).toEqual(await digestsOf(path.join(folder, "predictions-whole")));
    const { code, stderr } = await command("predict", "--run", demo, "--out", out, "--shard", "4/3", pictures);
    expect(code).toBe(2);
    expect(stderr).toContain("It must be i/n, such as 2/8 for the second of eight.");
  });

  test("predict goes on behind a picture that is none, and says which it is", async () => {
    const [out, source] = [path.join(folder, "before-broken"), path.join(folder, "one-broken")];
    await cp(path.join(demo, "data", "test", "img"), source, { recursive: true });
    await writeFile(path.join(source, "test-00004.png"), "this is text");
    const { code, stderr } = await command("predict", "--run", demo, "--out", out, source);
    expect(code).toBe(3);
    expect(stderr).toMatch(/1 of 8 pictures could not be predicted: .*test-00004\.png/);
    const masks = (await readdir(out)).filter((name) => !name.includes("overlay"));
    expect(masks.sort()).toEqual((await readdir(source)).filter((name) => name !== "test-00004.png"));
  });

  test("predict refuses to write over the pictures: exit 2, and they stay", async () => {
    const source = path.join(folder, "own-pictures");
    await cp(path.join(demo, "data", "test", "img"), source, { recursive: true });
    const before = await readFile(path.join(source, "test-00001.png"));
    const { code, stderr } = await command("predict", "--run", demo, "--out", source, source);
    expect(code).toBe(2);
    expect(stderr).toContain("would be written over the picture");
    expect(await readdir(source)).toHaveLength(8);
    expect(await readFile(path.join(source, "test-00001.png"))).toEqual(before);
  });

  test("a classifier in place of a segmenter: exit 4", async () => {
    const weights = path.join(demo, "classifier.safetensors");
    const picture = path.join(demo, "data", "test", "img", "test-00002.png");
    const { code, stderr } = await command("predict", "--segmenter", weights, "--out", folder, picture);
    expect(code).toBe(4);
    expect(stderr).toContain("holds a classifier, not a segmenter");
  });

  test("a GPU that is not there: exit 5", async () => {
    const { code, stderr } = await part(
      "evaluate",
      "gpu",
      "--device",
      "cuda:99",
      "--segmenter",
      path.join(demo, "segmenter.safetensors"),
      "--classifier",
      path.join(demo, "classifier.safetensors"),
    );
    expect(stderr).toContain("cuda:99");
    expect(code).toBe(5);
  });
});

describe("stopping with Ctrl-C", () => {
  test.each([
    ["train-classifier", "--classifier-epochs"],
    ["train-segmenter", "--segmenter-epochs"],
  ])("in %s: exit 130, what was saved stays, and the same folder goes on", async (stage, epochs) => {
    const out = path.join(folder, `stopped-${stage}`);
    const words = ["run", "--data", path.join(demo, "data"), "--out", out, "--width", "1/16", "--batch-size", "8"];
    const brief = ["--classifier-epochs", "1", "--segmenter-epochs", "1"];
    const running = startCommand([...words, ...brief, epochs, "100000"]);
    await running.saw(`${stage}: epoch 2/100000`);
    running.child.kill("SIGINT");
    const { code, stderr, stdout } = await running.ended;
    expect(stderr).toContain("stopping at the next safe point");
    expect(stdout).toBe("");
    expect(code).toBe(130);
    expect(existsSync(path.join(out, "run.lock"))).toBe(false);
    expect(existsSync(path.join(out, "stages", `${stage}.json`))).toBe(false);
    const name = stage.slice("train-".length);
    await inspectWeights(path.join(out, "checkpoints", name, "last.safetensors"));
    const lines = (await readFile(path.join(out, "metrics", `${name}-epochs.csv`), "utf8")).split("\n");
    expect(lines.at(-1)).toBe("");
    expect(lines.length).toBeGreaterThanOrEqual(4);
    if (stage === "train-segmenter") await inspectWeights(path.join(out, "classifier.safetensors"));
    const again = await command("run", "--out", out, epochs, "1", "--pictures", "1", "--force");
    expect(again.code).toBe(0);
  });
});

describe("places that can't be written: exit 3 and a sentence", () => {
  test("below a file", async () => {
    const file = path.join(folder, "a-file");
    await writeFile(file, "");
    const { code, stderr } = await command("demo", "--tiny", "--out", path.join(file, "out"));
    expect(code).toBe(3);
    expect(stderr).toContain("a part of the path is a file");
  });

  test("below /proc, where making a folder never ends for Node itself", async () => {
    const { code, stderr } = await command("demo", "--tiny", "--out", "/proc/wsss-tissue/out");
    expect(code).toBe(3);
    expect(stderr).toContain("cannot create /proc/wsss-tissue");
  });
});

describe("a full disk", () => {
  /** A file system of so many KiB, or null where this user may not mount one. */
  function mountSmall(at: string, kib: number): string | null {
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${kib}k`, "tmpfs", at], { stdio: "ignore" });
      return at;
    } catch {
      console.warn("NOT TESTED: the full disk, since no small tmpfs can be mounted here");
      return null;
    }
  }

  // Each is too small for one thing more: the dataset, the classifier's checkpoints, the classifier, the segmenter's checkpoints.
  test.each([
    [400, 0],
    [1_200, 1],
    [6_000, 1],
    [11_000, 3],
  ])("of %d KiB: exit 3, a sentence, %d stages kept whole, and on it goes with more room", async (kib, kept) => {
    const place = path.join(folder, `disk-${kib}`);
    await mkdir(place);
    const disk = mountSmall(place, kib);
    if (disk === null) return;
    try {
      const out = path.join(disk, "demo");
      const { code, stderr } = await command("demo", "--tiny", "--out", out);
      expect(stderr).toMatch(/wsss-tissue: cannot write .*: no space left on (the )?device/i);
      expect(code).toBe(3);
      const markers = await readdir(path.join(out, "stages")).catch(() => []);
      expect(markers).toHaveLength(kept);
      const left = await readdir(out, { recursive: true });
      for (const name of left) {
        if (name.endsWith(".safetensors")) await inspectWeights(path.join(out, name));
      }
      execFileSync("mount", ["-o", "remount,size=64m", disk]);
      const again = await command("demo", "--tiny", "--out", out);
      expect(again.code).toBe(0);
      expect(again.stderr.match(/already done, skipped/g) ?? []).toHaveLength(kept);
    } finally {
      execFileSync("umount", ["-l", disk]);
    }
  });
});
