// Procedural whole slides with their truth, the demo on them, and maps scored against annotations.
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import {
  isWsssError,
  openDataset,
  openSlide,
  scoreSlideMap,
  Segmenter,
  type Slide,
  type SlideMap,
} from "../dist/index.js";
import { writeDemoSlides } from "../dist/demo/write-slides.js";
import { readIndexPng } from "../dist/image/index-png.js";
import { loadAddon } from "../dist/native/load.js";
import { runJob } from "../dist/native/job.js";
import { readAnnotationFile } from "../dist/slide-patches/annotation-file.js";
import { placePolygons } from "../dist/slide-patches/slide-annotations.js";
import { command, digestsOf, lastJson } from "./support/command-line.js";
import { drawn, hasOpenSlide, slideFolder } from "./support/slides.js";
import { tinyWidth } from "./support/tiny-models.js";

const folder = await slideFolder();
afterAll(async () => await rm(folder, { recursive: true, force: true }));
const place = (...names: string[]): string => path.join(folder, ...names);
const names = ["tumour epithelium", "stroma", "lymphocytes", "necrosis"];
const size = { width: 1500, height: 700 } as const;
const settings = { seed: 3, ...size, slides: { train: 1, val: 0, test: 1 } } as const;

const openSlideIsThere = await hasOpenSlide();
const withOpenSlide = openSlideIsThere ? describe : describe.skip;

withOpenSlide("procedural slides", () => {
  beforeAll(async () => {
    expect(await writeDemoSlides(place("slides"), settings)).toEqual([
      { split: "train", name: "train-1" },
      { split: "test", name: "test-1" },
    ]);
  });

  test("one seed gives the same slides, another other ones", async () => {
    await writeDemoSlides(place("same"), settings);
    const first = await digestsOf(place("slides"));
    expect(await digestsOf(place("same"))).toEqual(first);
    await writeDemoSlides(place("other"), { ...settings, seed: 4, slides: { train: 1, val: 0, test: 0 } });
    expect((await digestsOf(place("other")))["masks/train-1.png"]).not.toBe(first["masks/train-1.png"]);
    expect(first["masks/train-1.png"]).not.toBe(first["masks/test-1.png"]);
  });

  test("are pyramids with a scale; their annotations are their mask", async () => {
    await using slide = await openSlide(place("slides", "test-1.tif"));
    expect([slide.vendor, slide.width, slide.height, slide.mpp, slide.levels.length > 1]).toEqual([
      "generic-tiff",
      1500,
      700,
      { x: 1, y: 1 },
      true,
    ]);
    const { indices } = await readIndexPng(place("slides", "masks", "test-1.png"));
    const file = await readAnnotationFile(place("slides", "annotations", "test-1.geojson"));
    const polygons = placePolygons(
      file,
      file.polygons.map(({ className }) => names.indexOf(className)),
      slide,
    );
    const addon = await loadAddon();
    // A square that holds all of the slide; what lies beyond is not annotated.
    const patches = { x: Float64Array.of(0), y: Float64Array.of(0), scaleX: 1, scaleY: 1, patchPx: 1500 };
    const filled = new Uint8Array(
      await runJob<ArrayBuffer>((done) => addon.drawAnnotated({ polygons, patches }, done)),
    );
    let different = 0;
    for (let i = 0; i < indices.length; i++) {
      if (filled[i] !== (indices[i] === 4 ? 255 : indices[i])) different++;
    }
    expect(different).toBe(0);
    expect(new Set(indices)).toEqual(new Set([0, 1, 2, 3, 4]));
  });

  test("their tissue is found, and pens and dust are not", async () => {
    await using slide = await openSlide(place("slides", "train-1.tif"));
    const { indices } = await readIndexPng(place("slides", "masks", "train-1.png"));
    const share = indices.filter((value) => value < 4).length / indices.length;
    const found = await slide.findTissue();
    expect(share).toBeGreaterThan(0.3);
    expect(Math.abs(found.share - share)).toBeLessThan(0.03);
  });

  test.each([
    [{ width: 100, height: 700 }, /width of a synthetic slide must be 256 to 8192 pixels, received 100/],
    [{ width: 700, height: 9000 }, /height of a synthetic slide must be 256 to 8192 pixels, received 9000/],
  ])("a size out of bounds is refused: %j", async (wrong, message) => {
    await expect(writeDemoSlides(place("wrong"), { ...settings, ...wrong })).rejects.toThrow(message);
  });

  test("the demo goes from slides to a slide that is segmented and scored", async () => {
    const out = place("demo");
    const first = await command("demo", "--slide", "--tiny", "--out", out, "--json");
    expect([first.code, first.stderr.includes("Error")]).toEqual([0, false]);
    const { slide, segmenter } = lastJson(first) as {
      slide: {
        slide: string;
        folder: string;
        map: SlideMap;
        scores: { mIoU: number; annotatedMm2: number; classes: string[] };
      };
      segmenter: object;
    };
    expect(segmenter).toBeDefined();
    expect(slide.scores.classes).toEqual([...names].sort());
    expect(slide.scores.annotatedMm2).toBeGreaterThan(0.05);
    expect(slide.map.madeWith).toMatchObject({ micronsPerPixel: 1, tilePx: 48, gate: { patchPx: 48 } });
    for (const file of slide.map.files) expect((await stat(path.join(slide.folder, file))).size).toBeGreaterThan(0);
    const { train, val, test: scored } = await openDataset(path.join(out, "data"));
    expect([train.count > 10, val.count > 10, scored.count > 10]).toEqual([true, true, true]);
    // Nothing is done twice.
    const again = await command("demo", "--slide", "--tiny", "--out", out);
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(/which no network has seen\n {2}on \d\.\d+ mm2 annotated: mIoU/);
    expect(again.stderr).toMatch(/skip|done/i);
  });
});

describe("a map against annotations", () => {
  const classes = [
    { name: "gland", colour: [200, 0, 0] },
    { name: "stroma", colour: [0, 160, 0] },
    { name: "necrosis", colour: [0, 0, 220] },
  ] as const;
  let slide: Slide;
  let map: SlideMap;
  const file = place("case.png");

  beforeAll(async () => {
    const scene = drawn(800, 620, (x, y) => {
      if ((x - 400) ** 2 / 300 ** 2 + (y - 310) ** 2 / 240 ** 2 > 1) return [246, 245, 247];
      const wave = Math.sin(x / 17) * Math.cos(y / 23);
      const stripe = 50 * Math.sin((x + y) / 31);
      // Two tissues, so that a network that has learned nothing has two answers.
      const colour =
        x < 400 ? [190 + 40 * wave, 110 + stripe, 170 + 30 * wave] : [120 + 60 * wave, 60 + stripe, 150 + 60 * wave];
      return colour.map((value) => Math.round(value));
    });
    await sharp(scene.rgb, { raw: { width: 800, height: 620, channels: 3 } })
      .png()
      .toFile(file);
    slide = await openSlide(file, { micronsPerPixel: 0.5 });
    await using segmenter = await Segmenter.create({ classes, width: tinyWidth, device: "cpu", seed: 2, threads: 1 });
    await segmenter.save(place("segmenter.safetensors"));
    const work = segmenter.segmentSlide(slide, {
      output: place("map"),
      micronsPerPixel: 0.62,
      tilePx: 64,
      geojsonMpp: 0.62,
    });
    let next = await work.next();
    while (next.done !== true) next = await work.next();
    map = next.value;
  });
  afterAll(async () => await slide.close());

  test("a map agrees with its own polygons to the last pixel", async () => {
    const scores = await scoreSlideMap(slide, { map: place("map"), annotations: place("map", "classes.geojson") });
    const found = map.classes.filter(({ areaMm2 }) => areaMm2 > 0).length;
    expect(found).toBeGreaterThan(1);
    expect([scores.mIoU, scores.pixelAccuracy]).toEqual([1, 1]);
    expect(scores.annotatedMm2).toBeCloseTo(map.tissueMm2, 9);
    expect(scores.confusion.flatMap((row, index) => row.filter((_, column) => column !== index))).toEqual(
      Array(9).fill(0),
    );
    expect(scores.warnings).toEqual([]);
  });

  test("scores are those of the pixels", async () => {
    const half = place("half.geojson");
    const box = (left: number, top: number, right: number, bottom: number): number[][] => [
      [left, top],
      [right, top],
      [right, bottom],
      [left, bottom],
      [left, top],
    ];
    const feature = (name: string, ring: number[][]): object => ({
      type: "Feature",
      geometry: { type: "Polygon", coordinates: [ring] },
      properties: { classification: { name } },
    });
    const features = [
      feature("gland", box(0, 0, 400, 620)),
      feature("stroma", box(400, 0, 800, 620)),
      feature("folds", box(300, 200, 400, 300)),
    ];
    await writeFile(half, JSON.stringify({ type: "FeatureCollection", features }));
    const scores = await scoreSlideMap(slide, { map: place("map"), annotations: half, skipClasses: ["folds"] });
    const stored = await sharp(place("map", "classes.ome.tif"), { page: 0 }).removeAlpha().raw().toBuffer();
    const confusion = classes.map(() => classes.map(() => 0).concat(0));
    for (let y = 0; y < map.height; y++) {
      for (let x = 0; x < map.width; x++) {
        const [px, py] = [(x + 0.5) * 1.24, (y + 0.5) * 1.24];
        if (px >= 800 || py >= 620 || (px >= 300 && px < 400 && py >= 200 && py < 300)) continue;
        const colour = [...stored.subarray(3 * (y * map.width + x), 3 * (y * map.width + x) + 3)].join();
        const index = classes.findIndex((one) => one.colour.join() === colour);
        confusion[px < 400 ? 0 : 1]![index < 0 ? 3 : index]! += 1;
      }
    }
    expect(scores.confusion).toEqual(confusion);
    const iou = (index: number): number => {
      const row = confusion[index]!.reduce((sum, count) => sum + count, 0);
      const column = confusion.reduce((sum, of) => sum + of[index]!, 0);
      return confusion[index]![index]! / (row + column - confusion[index]![index]!);
    };
    expect(scores.iou[0]).toBeCloseTo(iou(0), 3);
    expect(scores.iou[1]).toBeCloseTo(iou(1), 3);
  });

  test("the annotations of one slide are not those of two", async () => {
    const words = ["--segmenter", place("segmenter.safetensors"), "--mpp", "0.62", "--out", place("two")];
    const both = ["segment", file, place("other.png"), ...words, "--annotations", place("half.geojson")];
    const { code, stderr } = await command(...both);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/are those of one slide, and there are 2/)]);
  });

  test("a class that the networks do not know is told before the slide is segmented", async () => {
    const wrong = place("wrong.geojson");
    await writeFile(
      wrong,
      (await readFile(place("map", "classes.geojson"), "utf8")).replaceAll('"stroma"', '"stromas"'),
    );
    const error = await scoreSlideMap(slide, { map: place("map"), annotations: wrong }).catch((one: unknown) => one);
    expect(isWsssError(error) && error.message).toMatch(/is of the class "stromas" \(did you mean "stroma"\?\)/);
    const words = [
      "--segmenter",
      place("segmenter.safetensors"),
      "--mpp",
      "0.62",
      "--slide-mpp",
      "0.5",
      "--out",
      place("late"),
    ];
    const refused = await command("segment", file, ...words, "--annotations", wrong);
    expect(refused.code).toBe(3);
    await expect(stat(place("late", "case"))).rejects.toThrow();
    const scored = await command(
      "segment",
      file,
      ...words,
      "--tile-px",
      "64",
      "--annotations",
      place("half.geojson"),
      "--skip-class",
      "folds",
    );
    expect(scored.stdout).toMatch(/\n {2}on 0\.\d+ mm2 annotated: mIoU \d+\.\d, accuracy \d+\.\d; IoU gland/);
    const folder = place("late", "case");
    const own = await scoreSlideMap(slide, { map: folder, annotations: place("half.geojson"), skipClasses: ["folds"] });
    const written: unknown = JSON.parse(await readFile(path.join(folder, "scores.json"), "utf8"));
    expect(written).toEqual({ annotations: "half.geojson", skipClasses: ["folds"], ...own });
    // Scores of a map that is not there any more would be taken for those of the next.
    const again = await command("segment", file, ...words, "--tile-px", "96");
    expect(again.code).toBe(0);
    await expect(stat(path.join(folder, "scores.json"))).rejects.toThrow();
  });
});
