// Whole slides segmented: whole against resumed, tile sizes, the gate, what is written, and the command for many slides.
import { execFile } from "node:child_process";
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import {
  Classifier,
  openSlide,
  saveBundle,
  Segmenter,
  type SegmentSlideOptions,
  type SlideMap,
  type SlideProgress,
} from "../dist/index.js";
import { parseShard, shardOfScheduler } from "../dist/slide-maps/shard.js";
import { command, lastJson, startCommand } from "./support/command-line.js";
import { drawn, slideFolder } from "./support/slides.js";
import { tinyWidth } from "./support/tiny-models.js";

const folder = await slideFolder();
afterAll(async () => await rm(folder, { recursive: true, force: true }));
const place = (...names: string[]): string => path.join(folder, ...names);

const classes = [
  { name: "gland", colour: [200, 0, 0] },
  { name: "stroma", colour: [0, 160, 0] },
  { name: "necrosis", colour: [0, 0, 220] },
] as const;
const background = { name: "glass", colour: [255, 255, 255] } as const;

/** 800 x 620 px at 0.5 um: two pieces of tissue on glass, with texture. */
const scene = drawn(800, 620, (x, y) => {
  const isTissue =
    (x - 260) ** 2 / 210 ** 2 + (y - 280) ** 2 / 240 ** 2 < 1 || (x > 560 && x < 780 && y > 380 && y < 600);
  if (!isTissue) return [246, 245, 247];
  const wave = Math.sin(x / 17) * Math.cos(y / 23);
  return [190 + 40 * wave, 110 + 50 * Math.sin((x + y) / 31), 170 + 30 * wave].map((value) => Math.round(value));
});

let segmenter: Segmenter;
let classifier: Classifier;
const slideFile = place("case-1.png");
const weights = place("segmenter.safetensors");

beforeAll(async () => {
  await sharp(scene.rgb, { raw: { width: 800, height: 620, channels: 3 } })
    .png()
    .toFile(slideFile);
  const start = { classes, background, width: tinyWidth, device: "cpu", seed: 3, threads: 1 } as const;
  segmenter = await Segmenter.create(start);
  classifier = await Classifier.create(start);
  await segmenter.save(weights);
  await classifier.save(place("classifier.safetensors"));
});
afterAll(async () => {
  await segmenter.dispose();
  await classifier.dispose();
});

const usual = { micronsPerPixel: 0.5, tilePx: 64, overlapPx: 16, batchSize: 3, threads: 2 } as const;

async function segment(
  output: string,
  more: Partial<SegmentSlideOptions> = {},
  file = slideFile,
): Promise<{ map: SlideMap; progress: SlideProgress[] }> {
  await using slide = await openSlide(file, { micronsPerPixel: 0.5 });
  const work = segmenter.segmentSlide(slide, { ...usual, output: place(output), ...more });
  const progress: SlideProgress[] = [];
  let next = await work.next();
  while (next.done !== true) {
    progress.push(next.value);
    next = await work.next();
  }
  return { map: next.value, progress };
}

/** Colours of the pixels of a map, in one number each. */
async function pixelsOf(output: string, name = "classes.ome.tif"): Promise<Uint32Array> {
  const { data, info } = await sharp(place(output, name)).raw().toBuffer({ resolveWithObject: true });
  return Uint32Array.from({ length: info.width * info.height }, (_, i) =>
    data.subarray(i * info.channels, (i + 1) * info.channels).reduce((sum, value) => sum * 256 + value, 0),
  );
}

const bytesOf = async (output: string): Promise<Record<string, string>> => {
  const names = (await readdir(place(output))).filter((name) => name !== "result.json").sort();
  return Object.fromEntries(
    await Promise.all(
      names.map(async (name) => [name, (await readFile(place(output, name))).toString("base64")] as const),
    ),
  );
};

describe("a segmented slide", () => {
  test("is mirrored beyond its edge: what is beside it is segmented as if it went on", async () => {
    // Tiles of 64 px: of the last column and row all but 8 px lie beyond the slide.
    const [width, height] = [5 * 64 + 8, 4 * 64 + 8];
    const mirror = (at: number, side: number): number => (at < side ? at : 2 * side - 1 - at);
    const writeScene = async (name: string, w: number, h: number): Promise<string> => {
      const { rgb } = drawn(w, h, (x, y) => {
        const [sx, sy] = [mirror(x, width), mirror(y, height)];
        return [190 + 40 * Math.sin(sx / 9), 110 + 50 * Math.cos(sy / 7), 170].map((value) => Math.round(value));
      });
      await sharp(rgb, { raw: { width: w, height: h, channels: 3 } })
        .png()
        .toFile(place(name));
      return place(name);
    };
    const plain = { overlapPx: 0, geojsonMpp: 0, overlayPx: 0, gate: null } as const;
    await segment("edge", plain, await writeScene("edge.png", width, height));
    await segment("beyond", plain, await writeScene("beyond.png", 6 * 64, 5 * 64));
    const [cutOff, goesOn] = [await pixelsOf("edge"), await pixelsOf("beyond")];
    let different = 0;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) if (cutOff[y * width + x] !== goesOn[y * 384 + x]) different++;
    }
    expect(different).toBe(0);
    expect(new Set(cutOff).size).toBeGreaterThan(1);
  });

  test("shows the probability of a class over the tissue", async () => {
    const { map: before } = await segment("heat", { geojsonMpp: 0 });
    const largest = before.classes.reduce((one, other) => (other.areaMm2 > one.areaMm2 ? other : one));
    const winner = largest.colour.reduce((sum, value) => sum * 256 + value, 0);
    const { map } = await segment("heat", {
      heatmap: largest.name,
      probabilities: true,
      overlayPx: 4096,
      geojsonMpp: 0,
    });
    expect(map.files).toEqual(["classes.ome.tif", "probability.ome.tif", "overlay.png", "heatmap.png"]);
    const heat = await sharp(place("heat", "heatmap.png")).removeAlpha().raw().toBuffer();
    const { data: confidence } = await sharp(place("heat", "probability.ome.tif"))
      .toColourspace("b-w")
      .raw()
      .toBuffer({ resolveWithObject: true });
    const pixels = await pixelsOf("heat");
    const ramp = [
      [38, 12, 81],
      [120, 28, 109],
      [203, 65, 75],
      [243, 140, 36],
      [250, 232, 102],
    ] as const;
    const colourOf = (probability: number): number[] => {
      const step = Math.min(Math.floor((probability * 4) / 255), 3);
      const part = probability * 4 - step * 255;
      return ramp[step]!.map((from, c) => from + Math.trunc(((ramp[step + 1]![c]! - from) * part) / 255));
    };
    let [winning, wrong] = [0, 0];
    for (let i = 0; i < pixels.length; i++) {
      const shown = [...heat.subarray(3 * i, 3 * i + 3)];
      const below = [...scene.rgb.subarray(3 * i, 3 * i + 3)];
      if (pixels[i] === 0xffffff) {
        if (shown.join() !== below.join()) wrong++;
      } else if (pixels[i] === winner) {
        winning++;
        const expected = below.map((value, c) => Math.floor((value + 2 * colourOf(confidence[i]!)[c]!) / 3));
        if (shown.join() !== expected.join()) wrong++;
      }
    }
    expect(wrong).toBe(0);
    expect(winning).toBeGreaterThan(10_000);
    await using slide = await openSlide(slideFile, { micronsPerPixel: 0.5 });
    const unknown = (): unknown => segmenter.segmentSlide(slide, { ...usual, output: place("no"), heatmap: "fat" });
    expect(unknown).toThrow(/heatmap must be a class of the segmenter: gland, stroma, necrosis, received "fat"/);
    // Without it the next call leaves none behind.
    const { map: plain } = await segment("heat", { geojsonMpp: 0 });
    expect(plain.files).toEqual(["classes.ome.tif", "overlay.png"]);
    expect(await readdir(place("heat"))).not.toContain("heatmap.png");
  });

  test("is a map, polygons, a picture and areas; glass is background", async () => {
    const { map, progress } = await segment("whole", { probabilities: true, geojsonMpp: 1 });
    expect(map).toMatchObject({
      slide: "case-1.png",
      width: 800,
      height: 620,
      mpp: { x: 0.5, y: 0.5 },
      damagedRegions: 0,
    });
    expect(map.classes.map(({ name }) => name)).toEqual(["gland", "stroma", "necrosis"]);
    await using slide = await openSlide(slideFile, { micronsPerPixel: 0.5 });
    const tissue = await slide.findTissue();
    expect(map.tissueMm2).toBeCloseTo(tissue.areaMm2!, 3);
    expect(tissue.share).toBeGreaterThan(0.35);
    expect(map.classes.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
    expect((await readdir(place("whole"))).sort()).toEqual([
      "classes.geojson",
      "classes.ome.tif",
      "overlay.png",
      "probability.ome.tif",
      "result.json",
    ]);
    expect(JSON.parse(await readFile(place("whole", "result.json"), "utf8"))).toEqual(map);
    const shares = progress.map(({ done, total }) => done / total);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(progress.at(-1)).toMatchObject({ stage: "write" });
    const pixels = await pixelsOf("whole");
    expect(pixels[0]).toBe(0xffffff);
    const counted = classes.map(
      ({ colour: [r, g, b] }) => pixels.filter((one) => one === (r * 256 + g) * 256 + b).length,
    );
    expect(counted).toEqual(map.classes.map(({ areaMm2 }) => Math.round(areaMm2 / 0.25e-6)));
    const { features } = JSON.parse(await readFile(place("whole", "classes.geojson"), "utf8")) as {
      features: unknown[];
    };
    expect(features.length).toBe(map.polygons);
    expect(await sharp(place("whole", "overlay.png")).metadata()).toMatchObject({ width: 800, height: 620 });
    const probability = await pixelsOf("whole", "probability.ome.tif");
    const certain = probability.map((grey) => grey % 256).filter((_, i) => pixels[i] !== 0xffffff);
    // One of three wins with at least a third.
    const [least, most] = [certain.reduce((a, b) => Math.min(a, b)), certain.reduce((a, b) => Math.max(a, b))];
    expect(least).toBeGreaterThanOrEqual(85);
    expect(most).toBeLessThanOrEqual(255);
    expect(probability[0]! % 256).toBe(0);
  });

  /** Pixels of tissue in a tile of the map that are not what the segmenter predicts of that tile. */
  async function differingPixels(output: string, views: "one" | "flips"): Promise<number> {
    await using slide = await openSlide(slideFile, { micronsPerPixel: 0.5 });
    const tile = await slide.read({ x: 192, y: 256, width: 64, height: 64 });
    const { classMap } = await segmenter.predict(tile, { gate: null, views });
    const pixels = await pixelsOf(output);
    const wanted = [...classMap].map((value) =>
      classes[value]!.colour.reduce((sum: number, one) => sum * 256 + one, 0),
    );
    const found = Array.from({ length: 64 * 64 }, (_, i) => pixels[(256 + (i >> 6)) * 800 + 192 + (i & 63)]!);
    return found.filter((value, i) => value !== wanted[i] && value !== 0xffffff).length;
  }

  test("shows what Segmenter.predict says of a tile, where no other overlaps it", async () => {
    await segment("no overlap", { overlapPx: 0, gate: null });
    // Batches of other sizes round otherwise: no more than a pixel in a thousand.
    expect(await differingPixels("no overlap", "one")).toBeLessThan(5);
  });

  test("shows the mean of the ways to lay a tile where it is asked for, and says so", async () => {
    const { map } = await segment("views", { overlapPx: 0, gate: null, views: "flips" });
    expect(map.madeWith).toMatchObject({ views: "flips" });
    expect(await differingPixels("views", "flips")).toBeLessThan(5);
    expect(await differingPixels("views", "one")).toBeGreaterThan(50);
  });

  test("is the same, byte for byte, when it was killed and went on", async () => {
    await segment("undisturbed");
    const script = fileURLToPath(new URL("support/killed-segmentation.mjs", import.meta.url));
    for (const batches of ["1", "9", "14", "write"]) {
      await promisify(execFile)(process.execPath, [script, weights, slideFile, place("killed"), batches]).then(
        () => {
          throw new Error("it was not killed");
        },
        (error: unknown) => expect(error).toMatchObject({ signal: "SIGKILL" }),
      );
    }
    const { progress } = await segment("killed");
    expect(progress[0]!.stage).toBe("write"); // all rows were there
    expect(await bytesOf("killed")).toEqual(await bytesOf("undisturbed"));
  });

  test("goes on after it was cancelled, and a finished one is not made again", async () => {
    const controller = new AbortController();
    await using slide = await openSlide(slideFile, { micronsPerPixel: 0.5 });
    const cancelled = async (): Promise<void> => {
      const options = { ...usual, output: place("cancelled"), signal: controller.signal };
      for await (const { done } of segmenter.segmentSlide(slide, options)) if (done > 30) controller.abort();
    };
    await expect(cancelled()).rejects.toMatchObject({ code: "WSSS_ERR_CANCELLED" });
    expect(await readdir(place("cancelled"))).toEqual(["rows.part"]);
    const { progress } = await segment("cancelled");
    expect(progress[0]!.done).toBeGreaterThan(3);
    expect(await bytesOf("cancelled")).toEqual(await bytesOf("undisturbed"));
    const before = await stat(place("cancelled", "classes.ome.tif"));
    const again = await segment("cancelled");
    expect(again.progress).toEqual([]);
    expect((await stat(place("cancelled", "classes.ome.tif"))).mtimeMs).toBe(before.mtimeMs);
    const other = await segment("cancelled", { minAreaUm2: 50 });
    expect(other.progress.length).toBeGreaterThan(1);
  });

  test("ends when its loop is left, and goes on; files of other options do not stay", async () => {
    await using slide = await openSlide(slideFile, { micronsPerPixel: 0.5 });
    for await (const { stage } of segmenter.segmentSlide(slide, { ...usual, output: place("left") })) {
      expect(stage).toBe("segment");
      break;
    }
    // The native work has ended: the rows are no longer held.
    await promisify(execFile)("flock", ["-n", place("left", "rows.part"), "true"]);
    await segment("left", { gzip: true, probabilities: true });
    expect(await readdir(place("left"))).toEqual(expect.arrayContaining(["classes.geojson.gz", "probability.ome.tif"]));
    await segment("left");
    expect(await bytesOf("left")).toEqual(await bytesOf("undisturbed"));
  });

  test("has a gate that does not depend on the tiles, and closes what the classifier does not see", async () => {
    const threshold = { gate: classifier, gatePatchPx: 96, gateThreshold: 0.5 } as const;
    const gated = await segment("gated", threshold);
    const plain = await segment("plain", { gate: null });
    const shares = (map: SlideMap): number[] => map.classes.map(({ share }) => share);
    const everything = await segment("open", { ...threshold, gateThreshold: 0 });
    expect(shares(everything.map)).toEqual(shares(plain.map));
    await using slide = await openSlide(slideFile, { micronsPerPixel: 0.5 });
    const patch = await slide.read({ x: 192, y: 192, width: 96, height: 96 });
    const { probabilities } = await classifier.predict(patch);
    const closed = [...probabilities].map((one) => one <= 0.5);
    if (closed.every(Boolean) || !closed.some(Boolean)) throw new Error("the test's classifier says nothing");
    // At the middle of the patch its own word stands.
    const pixels = await pixelsOf("gated");
    const middle = pixels[(192 + 48) * 800 + 192 + 48]!;
    const shown = classes.findIndex(({ colour: [r, g, b] }) => (r * 256 + g) * 256 + b === middle);
    expect(closed[shown]).toBe(false);
    expect(gated.map.madeWith["gate"]).toEqual({ threshold: 0.5, rule: "exclude", patchPx: 96 });
  });
});

describe("what can't be segmented", () => {
  test("a slide without a scale, without tissue, smaller than a tile, in coarse pixels", async () => {
    await using unknown = await openSlide(slideFile);
    const started = segmenter.segmentSlide(unknown, { ...usual, output: place("unknown") });
    await expect(started.next()).rejects.toMatchObject({ code: "WSSS_ERR_DATASET", details: { failure: "mpp" } });
    const blank = drawn(300, 200, () => [250, 250, 250]);
    await sharp(blank.rgb, { raw: { width: 300, height: 200, channels: 3 } })
      .png()
      .toFile(place("blank.png"));
    const { map } = await segment("blank", {}, place("blank.png"));
    expect(map).toMatchObject({ tissueMm2: 0, polygons: 0 });
    expect(map.classes.map(({ share }) => share)).toEqual([0, 0, 0]);
    const small = drawn(40, 30, (x, y) => [200, 100 + x, 150 + y]);
    await sharp(small.rgb, { raw: { width: 40, height: 30, channels: 3 } })
      .png()
      .toFile(place("small.png"));
    await using coarse = await openSlide(place("small.png"), { micronsPerPixel: 8 });
    const work = segmenter.segmentSlide(coarse, { ...usual, micronsPerPixel: 8, output: place("small") });
    while ((await work.next()).done !== true) continue;
    const tiny = JSON.parse(await readFile(place("small", "result.json"), "utf8")) as SlideMap;
    expect([tiny.width, tiny.height]).toEqual([40, 30]);
    expect(tiny.tissueMm2).toBeCloseTo(40 * 30 * 64e-6, 9);
  });

  test("options are checked at once", async () => {
    await using slide = await openSlide(slideFile, { micronsPerPixel: 0.5 });
    const refused = (more: object): unknown => {
      try {
        segmenter.segmentSlide(slide, { ...usual, output: place("never"), ...more });
      } catch (error) {
        return error;
      }
      throw new Error("it was not refused");
    };
    for (const more of [
      { micronsPerPixel: 0 },
      { tilePx: 16 },
      { overlapPx: 40 },
      { gateThreshold: 2 },
      { output: "" },
      { tilesPx: 64 },
      { batchSize: 0.5 },
    ]) {
      expect(refused(more)).toMatchObject({ code: "WSSS_ERR_OPTION" });
    }
    expect(() => segmenter.segmentSlide("slide.svs" as never, { ...usual, output: "x" })).toThrow(/openSlide/);
  });

  test("a folder that another process writes is refused, and what can't be written said", async () => {
    await mkdir(place("busy"), { recursive: true });
    const holder = execFile("flock", [place("busy", "rows.part"), "cat"]);
    try {
      // The lock is there as soon as it can't be had.
      const tried = async (): Promise<boolean> =>
        await promisify(execFile)("flock", ["-n", place("busy", "rows.part"), "true"]).then(
          () => false,
          () => true,
        );
      while (!(await tried())) continue;
      await expect(segment("busy")).rejects.toMatchObject({
        code: "WSSS_ERR_BUSY",
        details: { path: place("busy", "rows.part") },
      });
    } finally {
      holder.stdin?.end();
    }
    await writeFile(place("a file"), "");
    await expect(segment(path.join("a file", "x"))).rejects.toMatchObject({ code: "WSSS_ERR_IO" });
  });
});

describe("the command", () => {
  test("segments several slides, goes on after one that fails, and makes a table", async () => {
    await cp(slideFile, place("case-2.png"));
    await writeFile(place("broken.png"), "no picture");
    const bundle = place("bundle");
    await saveBundle(bundle, { classifier, segmenter });
    const slides = [place("broken.png"), slideFile, place("case-2.png")];
    const flags = [
      "--bundle",
      bundle,
      "--mpp",
      "0.5",
      "--slide-mpp",
      "0.5",
      "--tile-px",
      "64",
      "--device",
      "cpu",
      "--threads",
      "1",
      "--gzip",
    ];
    const out = place("maps");
    const result = await command("segment", ...slides, ...flags, "--out", out, "--json");
    expect(result.code).toBe(3);
    expect(result.stderr).toMatch(/1 of 3 slides could not be segmented: .*broken\.png/);
    const answer = lastJson(result) as { slides: SlideMap[]; failed: { slide: string }[]; table: string };
    expect(answer.slides.map(({ slide }) => slide)).toEqual(["case-1.png", "case-2.png"]);
    expect(answer.failed).toMatchObject([{ slide: place("broken.png"), code: "WSSS_ERR_DATASET" }]);
    expect((await readdir(path.join(out, "case-2"))).sort()).toEqual([
      "classes.geojson.gz",
      "classes.ome.tif",
      "overlay.png",
      "result.json",
    ]);
    const table = (await readFile(path.join(out, "areas.csv"), "utf8")).trim().split("\n");
    expect(table[0]).toBe(
      "name,slide,tissue_mm2,gland mm2,stroma mm2,necrosis mm2,gland share,stroma share,necrosis share",
    );
    expect(table).toHaveLength(3);
    expect(result.stdout + table.join("")).not.toContain(`"${folder}/case`);

    // The same in two parts, which Slurm gives out, and joined.
    const parts = place("parts");
    for (const task of ["5", "6"]) {
      const env = { ...process.env, SLURM_ARRAY_TASK_ID: task, SLURM_ARRAY_TASK_MIN: "5", SLURM_ARRAY_TASK_COUNT: "2" };
      const part = await startCommand(["segment", slideFile, place("case-2.png"), ...flags, "--out", parts], { env })
        .ended;
      expect(part.code).toBe(0);
    }
    expect(await readdir(parts)).toEqual(["case-1", "case-2"]);
    expect((await command("merge", parts)).code).toBe(0);
    expect(await readFile(path.join(parts, "areas.csv"), "utf8")).toBe(
      await readFile(path.join(out, "areas.csv"), "utf8"),
    );
    expect(await readFile(path.join(parts, "case-1", "classes.ome.tif"))).toEqual(
      await readFile(path.join(out, "case-1", "classes.ome.tif")),
    );
  });

  test("refuses two slides of one name, no networks, no scale, a wrong part; merges nothing of nothing", async () => {
    const twins = await command(
      "segment",
      "a/x.svs",
      "b/x.svs",
      "--segmenter",
      weights,
      "--mpp",
      "0.5",
      "--out",
      place("twins"),
    );
    expect([twins.code, twins.stderr]).toEqual([2, expect.stringMatching(/would both be written into a folder x/)]);
    const none = await command("segment", slideFile, "--mpp", "0.5", "--out", place("none"));
    expect([none.code, none.stderr]).toEqual([2, expect.stringMatching(/nothing to segment with/)]);
    expect((await command("segment", slideFile, "--segmenter", weights, "--out", place("none"))).code).toBe(2);
    const part = await command(
      "segment",
      slideFile,
      "--segmenter",
      weights,
      "--mpp",
      "1",
      "--out",
      "x",
      "--shard",
      "3/2",
    );
    expect([part.code, part.stderr]).toEqual([2, expect.stringMatching(/2\/8 for the second of eight/)]);
    await mkdir(place("empty"), { recursive: true });
    const merged = await command("merge", place("empty"));
    expect([merged.code, merged.stderr]).toEqual([3, expect.stringMatching(/holds no segmented slide/)]);
  });
});

test("a part is read as i/n, or from Slurm and Kubernetes", () => {
  expect(parseShard("2/8")).toEqual({ index: 1, count: 8 });
  for (const wrong of ["0/8", "9/8", "1", "1/0", "-1/2", "1/2/3"]) expect(parseShard(wrong)).toBeNull();
  expect(shardOfScheduler({})).toEqual({ index: 0, count: 1 });
  const slurm = {
    SLURM_ARRAY_TASK_ID: "14",
    SLURM_ARRAY_TASK_MIN: "10",
    SLURM_ARRAY_TASK_STEP: "2",
    SLURM_ARRAY_TASK_COUNT: "4",
  };
  expect(shardOfScheduler(slurm)).toEqual({ index: 2, count: 4 });
  expect(shardOfScheduler({ JOB_COMPLETION_INDEX: "3", WSSS_SHARDS: "5" })).toEqual({ index: 3, count: 5 });
  expect(() => shardOfScheduler({ JOB_COMPLETION_INDEX: "3" })).toThrow(/WSSS_SHARDS/);
  expect(() => shardOfScheduler({ SLURM_ARRAY_TASK_ID: "9", SLURM_ARRAY_TASK_COUNT: "4" })).toThrow(
    /SLURM_ARRAY_TASK_COUNT/,
  );
});
