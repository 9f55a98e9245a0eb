/** The examination of a dataset: every planted defect is found, as what it is and where it is, and nothing else. */
import { existsSync } from "node:fs";
import { chmod, readdir, readFile } from "node:fs/promises";
import path from "node:path";

import { beforeAll, describe, expect, test } from "@jest/globals";
import sharp from "sharp";

import { examineDatasetWith, type ExamineDatasetOptions } from "../dist/doctor/examine-dataset.js";
import { checkCodes, type Finding, groupFindings, sortFindings } from "../dist/doctor/finding.js";
import { writeDemoDataset } from "../dist/demo/write-dataset.js";
import { examineDataset } from "../dist/index.js";
import { fewestPieces } from "../dist/segmenter/mosaic-share.js";
import { bands, cleanFiles, folderOf, maskFor, paletteMask, patchImage } from "./support/clean-dataset.js";
import { command } from "./support/command-line.js";
import { datasetFolder, patchPng, twoClasses } from "./support/dataset-folder.js";
import { plantedDefects } from "./support/planted-defects.js";

const plenty = (): number => 2 ** 40;

/** Examines without asking this machine for its memory. */
const examine = async (folder: string, options: ExamineDatasetOptions = {}) =>
  await examineDatasetWith(plenty, folder, options);

const inShort = ({ check, severity, split, files }: Finding): string =>
  `${check} ${severity} ${split ?? "all"}: ${files.join(", ")}`;

let clean: Awaited<ReturnType<typeof cleanFiles>>;

beforeAll(async () => {
  clean = await cleanFiles();
});

describe.each(Object.entries(plantedDefects))("planted in the %s", (_, defects) => {
  test.each(defects)("$name", async ({ plant, found }) => {
    const folder = await folderOf(clean);
    await plant(folder);
    const { findings, errors, warnings, groups } = await examine(folder);
    expect(findings.map(inShort)).toEqual(found);
    expect(errors + warnings).toBe(found.length);
    expect(errors).toBe(found.filter((one) => one.includes(" error ")).length);
    for (const { problem, remedy } of findings) {
      expect(problem).toMatch(/^\S.{6,}\S$/);
      expect(remedy).toMatch(/^\S.{5,}[^.\s]$/);
    }
    expect(groups.reduce((sum, { count }) => sum + count, 0)).toBe(findings.length);
  });
});

test("at least sixty defects are planted, and they are of every kind but memory, which is planted below", () => {
  const planted = Object.values(plantedDefects).flat();
  expect(planted.length).toBeGreaterThanOrEqual(60);
  const kinds = new Set(planted.flatMap(({ found }) => found.map((one) => one.split(" ")[0])));
  expect(checkCodes.filter((code) => !kinds.has(code))).toEqual(["memory"]);
});

test("docs/command-line.md names every check", async () => {
  const page = await readFile("docs/command-line.md", "utf8");
  expect(checkCodes.filter((code) => !page.includes(`\`${code}\``))).toEqual([]);
});

describe("clean sets give no finding", () => {
  test("the one that the defects are planted in", async () => {
    const { findings, splits, name } = await examine(await folderOf(clean));
    expect({ findings, name }).toEqual({ findings: [], name: "two classes" });
    // Four masks of 20 rows of a class and 20 of background, two of 14, 13 and 13 rows.
    const rows = 6 * 40;
    expect(splits.train).toEqual({
      patches: 6,
      decoded: 6,
      masks: 6,
      size: { height: 40, width: 36 },
      labelled: 6,
      classes: [
        { name: "gland", patches: 4, pixelShare: 68 / rows },
        { name: "stroma", patches: 4, pixelShare: 66 / rows },
      ],
      backgroundShare: 106 / rows,
      ignoredShare: 0,
    });
    expect(splits.val.classes.map(({ patches }) => patches)).toEqual([3, 3]);
  });

  test("procedural tissue as the demo writes it", async () => {
    const folder = path.join(await datasetFolder(), "data");
    await writeDemoDataset(folder, { patchPx: 64, counts: { train: 24, val: 12, test: 12 }, seed: 5 });
    expect((await examine(folder)).findings).toEqual([]);
  });

  test.each([
    ["luad-histoseg", " "],
    ["bcss-wsss", ""],
  ] as const)("a single split in the spelling of %s", async (preset, separator) => {
    const labels = [
      [1, 0, 0, 1],
      [0, 1, 1, 0],
      [1, 1, 0, 0],
      [0, 0, 1, 1],
    ];
    const names = labels.map((label, seed) => `1031280-${seed * 224}-27920-[${label.join(separator)}].png`);
    const patches = await Promise.all(
      names.map(async (name, seed) => [`train/${name}`, await patchPng(224, 224, seed + 1)] as const),
    );
    const { findings, splits, name } = await examine(await folderOf(Object.fromEntries(patches)), { preset });
    expect(findings).toEqual([]);
    expect(name).toBe(preset === "luad-histoseg" ? "LUAD-HistoSeg" : "BCSS-WSSS");
    expect(splits.train.classes.map((one) => one.patches)).toEqual([2, 2, 2, 2]);
    expect([splits.val.patches, splits.test.size]).toEqual([0, null]);
  });

  test("JPEG, TIFF, WebP and opaque RGBA patches, and masks in all forms that are read", async () => {
    const replaced = ["a[1 0]", "b[0 1]", "c[1 1]"].map((name) => `train/${name}.png`);
    const kept = Object.entries(clean).filter(([name]) => !replaced.includes(name));
    const folder = await folderOf({
      ...Object.fromEntries(kept),
      "train/a[1 0].jpg": await patchImage(31).jpeg().toBuffer(),
      "train/b[0 1].tiff": await patchImage(32).tiff().toBuffer(),
      "train/c[1 1].webp": await patchImage(33).webp().toBuffer(),
      "train/d[1 0].png": await patchImage(34).ensureAlpha(1).png().toBuffer(),
      "train_mask/a[1 0].png": maskFor([1, 0], fullPalette()),
    });
    expect((await examine(folder)).findings).toEqual([]);
  });

  test("a mask with some ignored pixels, and a class named that may lie among them", async () => {
    const folder = await folderOf({ ...clean, "train_mask/c[1 1].png": maskWithIgnored() });
    expect((await examine(folder, { description: { ...twoClasses, ignoreIndex: 255 } })).findings).toEqual([]);
  });

  test("a class that is named but lies below the rule's share", async () => {
    const labels = { rule: "separated", minClassShare: 0.1 } as const;
    const mask = paletteMask(bands([0, 2]).fill(1, 0, 40));
    const folder = await folderOf({ ...clean, "train_mask/c[1 1].png": mask, "train_mask/a[1 0].png": mask });
    expect((await examine(folder, { description: { ...twoClasses, labels } })).findings).toEqual([]);
  });

  test.each([
    ["words and a place", "patch_1_2", "patch_7_9", "tile_4_4"],
    ["one image for all", "slide7_x0_y0", "slide7_x9_y9", "slide7_x5_y5"],
    ["one number", "train-00001", "val-00001", "train-00002"],
    ["images that end alike", "1031280-1-2", "1031281-1-2", "1031282-1-2"],
    ["patients of TCGA", "TCGA-A1-A0SK-DX1_x1_y2", "TCGA-A1-A0SL-DX1_x1_y2", "TCGA-A2-A0SK-DX1_x1_y2"],
  ])("names that tell of no image in two splits: %s", async (_, train, val, other) => {
    const [gland, stroma] = [`${train}[1 0]`, `${other}[0 1]`];
    const folder = await folderOf({
      "wsss-dataset.json": JSON.stringify(twoClasses),
      [`train/${gland}.png`]: await patchPng(40, 36, 1),
      [`train/${stroma}.png`]: await patchPng(40, 36, 2),
      [`val/img/${val}.png`]: await patchPng(40, 36, 3),
      [`val/mask/${val}.png`]: maskFor([1, 1]),
    });
    expect((await examine(folder)).findings).toEqual([]);
  });

  const glas4 = path.resolve("..", "shared", "data", "glas4");
  const present = existsSync(glas4);
  if (!present) console.warn(`skipped: no real tissue at ${glas4}`);
  (present ? test : test.skip)("glas4, real H&E patches", async () => {
    const colours = [
      [205, 51, 51],
      [0, 255, 0],
      [65, 105, 225],
      [255, 165, 0],
    ] as const;
    const names = ["healthy gland", "adenomatous gland", "malignant gland", "stroma"];
    const classes = names.map((name, index) => ({ name, colour: colours[index]! }));
    const labels = { rule: "separated", minClassShare: 0.03 } as const;
    const { findings, splits } = await examine(glas4, { description: { name: "glas4", classes, labels } });
    // Other sets of masks lie beside the splits.
    expect(findings.map(inShort)).toEqual(["unread-folder warning all: alt2", "unread-folder warning all: alt3"]);
    expect(splits.train.classes.map(({ patches }) => patches)).toEqual([123, 98, 393, 671]);
    expect(splits.test.classes.map(({ patches }) => patches)).toEqual([147, 85, 125, 354]);
  });
});

/** 256 colours: those of the classes, and filling. */
function fullPalette(): (readonly [number, number, number])[] {
  const filling = Array.from({ length: 253 }, (_, index) => [index, 7, 9] as const);
  return [...twoClasses.classes.map(({ colour }) => colour), [255, 255, 255], ...filling];
}

/** Gland, background, and a stripe of ignored pixels. */
function maskWithIgnored(): Buffer {
  return paletteMask(bands([0, 2, 2]).fill(255, 0, 50), fullPalette());
}

test("white patches are white patches, not copies of each other", async () => {
  const create = { width: 36, height: 40, channels: 3, background: "#f4f2f5" } as const;
  const white = await sharp({ create }).png().toBuffer();
  const folder = await folderOf({
    ...clean,
    "val/img/x.png": white,
    "val/mask/x.png": maskFor([0, 0]),
    "test/img/x.png": white,
    "test/mask/x.png": maskFor([0, 0]),
  });
  expect((await examine(folder)).findings.map(inShort)).toEqual([
    "patch-blank warning val: val/img/x.png",
    "patch-blank warning test: test/img/x.png",
    "mask-background warning val: val/mask/x.png",
    "mask-background warning test: test/mask/x.png",
  ]);
});

describe("many findings", () => {
  test("go on to the last file, and make one row", async () => {
    const broken = Array.from({ length: 40 }, (_, index) => [`train/broken${index + 10}[1 0].png`, "text"] as const);
    const folder = await folderOf({ ...clean, ...Object.fromEntries(broken), "val/mask/x.png": "" });
    const { groups, findings, splits } = await examine(folder);
    expect(groups.map(({ check, split, count }) => `${check} ${split} ${count}`)).toEqual([
      "patch-not-a-picture train 40",
      "mask-missing train 40",
      "mask-empty val 1",
    ]);
    expect(groups[0]?.examples.map(({ files }) => files[0])).toEqual([
      "train/broken10[1 0].png",
      "train/broken11[1 0].png",
      "train/broken12[1 0].png",
    ]);
    expect(findings.length).toBe(81);
    expect(splits.train).toMatchObject({ patches: 46, decoded: 6, labelled: 46 });
  });

  test("5,000 equal ones are one group; errors come first, then the order of the checks and splits", () => {
    const one = { files: ["x"], problem: "is x", remedy: "mend it" } as const;
    const many = Array.from({ length: 5000 }, () => ({
      ...one,
      check: "duplicate",
      severity: "warning",
      split: "val",
    }));
    const others = [
      { ...one, check: "memory", severity: "warning", split: null },
      { ...one, check: "patch-grey", severity: "error", split: "test" },
      { ...one, check: "patch-grey", severity: "error", split: "train" },
    ];
    const groups = groupFindings(sortFindings([...many, ...others] as Finding[]));
    expect(groups.map(({ check, split, count }) => `${check} ${split} ${count}`)).toEqual([
      "patch-grey train 1",
      "patch-grey test 1",
      "duplicate val 5000",
      "memory null 1",
    ]);
    expect(groups[2]?.examples.length).toBe(3);
  });
});

test("memory: the pixels of a run against what is free", async () => {
  const folder = await folderOf(clean);
  const pixels = 40 * 36;
  // RGB of 12 patches, 12 true masks, and three levels of pseudo masks for the 6 of train.
  const pixelBytes = pixels * (12 * 3 + 12 + 6 * 3);
  const enough = await examineDatasetWith(() => pixelBytes, folder);
  expect(enough).toMatchObject({ memory: { pixelBytes, freeBytes: pixelBytes }, findings: [] });
  const short = await examineDatasetWith(() => pixelBytes - 1, folder);
  expect(short.findings.map(inShort)).toEqual(["memory warning all: "]);
});

test("mosaics: what they would be made of, or what they lack", async () => {
  const { mosaics } = await examine(await folderOf(clean));
  expect(mosaics).toEqual({
    share: 0,
    reason: expect.stringMatching(/^patches labelled with one class alone: .*; \d+ of each class are needed$/),
  });
  const bytes = clean["train/a[1 0].png"]!;
  const many = ["1 0", "0 1"].flatMap((label) =>
    Array.from({ length: fewestPieces }, (_, index) => [`train/more${index}[${label}].png`, bytes] as const),
  );
  const folder = await folderOf({ ...clean, ...Object.fromEntries(many) });
  expect((await examine(folder)).mosaics).toMatchObject({ share: 0.5 });
  expect((await command("doctor", folder)).stdout).toMatch(/^Mosaics: 50 % of a segmenter's patches \(.*: \d+ of /m);
  // A label that can't be read: nothing is known.
  const unread = { "train/c[1 0 1].png": bytes, "train_mask/c[1 0 1].png": clean["train_mask/a[1 0].png"]! };
  expect((await examine(await folderOf({ ...clean, ...unread }))).mosaics).toBeNull();
});

test("a file without permission is a finding", async () => {
  const folder = await folderOf(clean);
  await chmod(folder, 0o755);
  await chmod(path.join(folder, "train", "a[1 0].png"), 0);
  await chmod(path.join(folder, "test", "mask"), 0);
  // The superuser may read everything, so that it has to be somebody else for a while.
  const root = process.geteuid?.() === 0;
  if (root) process.seteuid?.(65_534);
  try {
    const { findings } = await examine(folder);
    expect(findings.map(inShort)).toEqual([
      "unreadable error train: train/a[1 0].png",
      "unreadable error test: test/mask",
    ]);
    expect(findings[0]?.problem).toBe("can't be read: permission denied");
  } finally {
    if (root) process.seteuid?.(0);
    await chmod(path.join(folder, "test", "mask"), 0o755);
  }
});

describe("the call", () => {
  test("reports every patch, writes nothing, and says the same twice", async () => {
    const folder = await folderOf(clean);
    const before = await readdir(folder, { recursive: true });
    const reports: string[] = [];
    const first = await examine(folder, {
      onProgress: ({ stage, done, total }) => reports.push(`${stage} ${done}/${total}`),
    });
    expect(reports).toEqual(Array.from({ length: 12 }, (_, index) => `examine ${index + 1}/12`));
    expect(await examine(folder)).toEqual(first);
    expect(await readdir(folder, { recursive: true })).toEqual(before);
  });

  test("stops on abort, before and in the midst, and when the listener throws", async () => {
    const folder = await folderOf(clean);
    const code = "WSSS_ERR_CANCELLED";
    await expect(examine(folder, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code });
    const controller = new AbortController();
    let last = 0;
    const stopped = examine(folder, {
      signal: controller.signal,
      onProgress: ({ done }) => {
        last = done;
        if (done === 2) controller.abort();
      },
    });
    await expect(stopped).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/^the examination was cancelled/),
    });
    expect(last).toBeLessThan(12);
    const broken = examine(folder, {
      onProgress: () => {
        throw new Error("my listener");
      },
    });
    await expect(broken).rejects.toThrow("my listener");
  });

  test("uses a preset, an object or a file as the description", async () => {
    const { "wsss-dataset.json": text, ...files } = clean;
    const folder = await folderOf(files);
    const elsewhere = path.join(await folderOf({ "mine.json": String(text) }), "mine.json");
    for (const description of [twoClasses, elsewhere]) {
      expect(await examine(folder, { description })).toMatchObject({ name: "two classes", findings: [] });
    }
    const other = await examine(folder, { preset: "luad-histoseg" });
    expect(other.groups[0]).toMatchObject({ check: "class-count", split: "train", examples: [{ files: ["train"] }] });
    const gone = path.join(folder, "..", "gone.json");
    const without = await examine(folder, { description: gone });
    expect(without.findings.map(inShort)).toEqual([`unreadable error all: ${gone}`]);
  });

  test("refuses wrong options and a folder that is not there", async () => {
    const folder = await folderOf(clean);
    const cases: readonly [unknown, unknown, string, RegExp][] = [
      [folder, { preset: "luad" }, "WSSS_ERR_OPTION", /preset must be .*\(examineDataset\)/],
      [folder, { presets: 1 }, "WSSS_ERR_OPTION", /unknown option presets/],
      [folder, { signal: 1 }, "WSSS_ERR_OPTION", /signal must be an AbortSignal/],
      [folder, { preset: "bcss-wsss", description: twoClasses }, "WSSS_ERR_OPTION", /exclude each other/],
      [folder, { description: { name: "x" } }, "WSSS_ERR_OPTION", /^examineDataset: description is wrong/],
      [7, {}, "WSSS_ERR_OPTION", /folder must be the path of a dataset/],
      [path.join(folder, "gone"), {}, "WSSS_ERR_DATASET", /no dataset at .*gone: no such folder/],
      [path.join(folder, "wsss-dataset.json"), {}, "WSSS_ERR_DATASET", /is a file; a dataset is a folder/],
    ];
    for (const [where, options, code, message] of cases) {
      await expect(examineDataset(where as never, options as never)).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    }
  });
});
