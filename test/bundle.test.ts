// Bundles: saved, loaded with their gate, replaced, refused when damaged, made on the command line.
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Classifier, type Dataset, saveBundle, Segmenter } from "../dist/index.js";
import { command } from "./support/command-line.js";
import { patchPng, pixels } from "./support/dataset-folder.js";
import { tinyClassifier, tinyDataset, tinySegmenter, tinySide } from "./support/tiny-models.js";

const patch = { rgb: pixels(tinySide, tinySide, 3), height: tinySide, width: tinySide };
let folder: string;
let data: Dataset;
let classifier: Classifier;
let segmenter: Segmenter;
const at = (name: string): string => path.join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "wsss-bundle-"));
  data = await tinyDataset();
  classifier = await tinyClassifier(data);
  segmenter = await tinySegmenter(data);
});
afterAll(async () => {
  await classifier.dispose();
  await segmenter.dispose();
  await rm(folder, { recursive: true, force: true });
});

describe("a bundle", () => {
  test("is all that inference needs: its gate is used unless told otherwise", async () => {
    const manifest = await saveBundle(at("colon"), {
      classifier,
      segmenter,
      gateThreshold: 0.5,
      scores: { mIoU: 0.5 },
    });
    expect(manifest).toMatchObject({ name: "colon", gate: { gateThreshold: 0.5, gateRule: "exclude" } });
    expect((await readdir(at("colon"))).sort()).toEqual([
      "MODEL_CARD.md",
      "bundle.json",
      "classifier.safetensors",
      "segmenter.safetensors",
    ]);
    const card = await readFile(path.join(at("colon"), "MODEL_CARD.md"), "utf8");
    expect(card).toContain("| 0 | gland | rgb(200, 0, 0) |");
    expect(card).toContain("| mIoU | 0.5 | - |");
    expect(card).toContain("Nothing was told of it.");

    const loaded = await Segmenter.load(at("colon"), { device: "cpu" });
    expect(loaded.bundledClassifier?.classes).toEqual(data.classes);
    const gated = await segmenter.predict(patch, { gate: classifier, gateThreshold: 0.5 });
    const plain = await segmenter.predict(patch);
    expect(await loaded.predict(patch)).toEqual(gated);
    expect(await loaded.predict(patch, { gate: null })).toEqual(plain);
    const all = await segmenter.predict(patch, { gate: classifier, gateThreshold: 0 });
    expect(await loaded.predict(patch, { gateThreshold: 0 })).toEqual(all);
    const inner = loaded.bundledClassifier;
    await loaded.dispose();
    expect(inner?.disposed).toBe(true);
  });

  test("has networks for other engines, the run's report and a full card where they are asked for", async () => {
    const scores = { mIoU: 0.5, accuracy: null };
    const intervals = { mIoU: [0.41234567, 0.6] } as const;
    const texts = {
      intendedUse: "Counting crypts.",
      trainingData: "Twelve slides.",
      notes: "Not for frozen sections.",
    };
    await writeFile(at("run.html"), "<!doctype html>");
    const all = { scores, intervals, ...texts, onnx: true, report: at("run.html") };
    const manifest = await saveBundle(at("full"), { classifier, segmenter, ...all });
    expect(Object.keys(manifest.files)).toEqual([
      "classifier.safetensors",
      "segmenter.safetensors",
      "classifier.onnx",
      "segmenter.onnx",
    ]);
    expect(await readdir(at("full"))).toEqual(expect.arrayContaining(["report.html", "segmenter.onnx"]));
    const card = await readFile(path.join(at("full"), "MODEL_CARD.md"), "utf8");
    for (const text of Object.values(texts)) expect(card).toContain(text);
    expect(card).toContain("| mIoU | 0.5 | 0.4123 to 0.6 |");
    expect(card).toContain("| accuracy | - | - |");
    expect(card).toContain("It learned from patches of a scale that was not told.");
    await (await Segmenter.load(at("full"), { device: "cpu" })).dispose();
    const wrong = saveBundle(at("wrong"), { classifier, segmenter, scores, intervals: { dice: [0, 1] } });
    await expect(wrong).rejects.toThrow("by the names of the scores");
    const lost = saveBundle(at("lost"), { classifier, segmenter, report: at("nowhere.html") });
    await expect(lost).rejects.toMatchObject({ code: "WSSS_ERR_IO" });
    expect(await readdir(folder)).not.toContain("lost");
  });

  test("replaces an older bundle, and nothing else", async () => {
    await saveBundle(at("again"), { classifier, segmenter });
    await saveBundle(at("again"), { classifier, segmenter, name: "second" });
    expect(JSON.parse(await readFile(path.join(at("again"), "bundle.json"), "utf8"))).toMatchObject({ name: "second" });
    await mkdir(at("precious"));
    await writeFile(path.join(at("precious"), "thesis.tex"), "years of work");
    await expect(saveBundle(at("precious"), { classifier, segmenter })).rejects.toMatchObject({ code: "WSSS_ERR_IO" });
    expect(await readdir(at("precious"))).toEqual(["thesis.tex"]);
    expect((await readdir(folder)).filter((name) => name.includes("part"))).toEqual([]);
  });

  test("that is damaged, incomplete or none is refused", async () => {
    await saveBundle(at("hurt"), { classifier, segmenter });
    await appendFile(path.join(at("hurt"), "classifier.safetensors"), "x");
    await expect(Segmenter.load(at("hurt"))).rejects.toThrow("classifier.safetensors is not as it was written");
    await rm(path.join(at("hurt"), "segmenter.safetensors"));
    await expect(Segmenter.load(at("hurt"))).rejects.toMatchObject({ code: "WSSS_ERR_WEIGHTS" });
    await writeFile(path.join(at("hurt"), "bundle.json"), "{}");
    await expect(Segmenter.load(at("hurt"))).rejects.toThrow("wrong or of another version (at format)");
    await expect(Segmenter.load(folder)).rejects.toThrow("it has no bundle.json");
  });

  test("of networks of other classes, or without one, is refused", async () => {
    await using other = await tinySegmenter({ ...data, classes: data.classes.slice(0, 1) });
    await expect(saveBundle(at("mixed"), { classifier, segmenter: other })).rejects.toMatchObject({
      code: "WSSS_ERR_SHAPE",
    });
    const nothing = undefined as unknown as Classifier;
    await expect(saveBundle(at("half"), { classifier: nothing, segmenter })).rejects.toMatchObject({
      code: "WSSS_ERR_OPTION",
    });
  });

  test("is made of a run and used from the command line", async () => {
    const run = at("run");
    await mkdir(run);
    await classifier.save(path.join(run, "classifier.safetensors"));
    await segmenter.save(path.join(run, "segmenter.safetensors"));
    const made = await command("bundle", "--run", run, "--out", at("from-run"), "--name", "mine", "--json");
    expect(made.code).toBe(0);
    expect(JSON.parse(made.stdout)).toMatchObject({ name: "mine", folder: at("from-run") });
    await writeFile(at("patch.png"), await patchPng(tinySide, tinySide, 3));
    const words = ["predict", "--bundle", at("from-run"), "--out", at("predictions"), at("patch.png"), "--json"];
    expect(JSON.parse((await command(...words)).stdout)).toMatchObject({ gated: true });
    expect(JSON.parse((await command(...words, "--no-gate")).stdout)).toMatchObject({ gated: false });
  });
});
