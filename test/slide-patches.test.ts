// Patches of slides: where they are cut, what annotations make of them, datasets of places, and everything that can be wrong.
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import {
  Classifier,
  examineDataset,
  extractPatches,
  type ExtractPatchesOptions,
  isWsssError,
  openDataset,
  openSlide,
  saveBundle,
  Segmenter,
} from "../dist/index.js";
import { fingerprintDataset } from "../dist/dataset/dataset-fingerprint.js";
import { examineWithPlaces } from "../dist/doctor/examine-dataset.js";
import { readIndexPng } from "../dist/image/index-png.js";
import { loadAddon } from "../dist/native/load.js";
import { runJob } from "../dist/native/job.js";
import { doctorPage } from "../dist/report/doctor-page.js";
import { evenShares } from "../dist/slide-patches/draw-patches.js";
import { command, digestsOf, lastJson } from "./support/command-line.js";
import { drawn, hasOpenSlide, hasRealSlides, realSlides, slideFolder } from "./support/slides.js";
import { tinyWidth } from "./support/tiny-models.js";

const folder = await slideFolder();
afterAll(async () => await rm(folder, { recursive: true, force: true }));
const place = (...names: string[]): string => path.join(folder, ...names);

const size = { width: 512, height: 384 } as const;
/** At 0.5 um a pixel: tissue from x = 64 to 448, glass at both sides. */
const scene = drawn(size.width, size.height, (x, y) => {
  if (x < 64 || x >= 448) return [246, 245, 247];
  const wave = Math.sin(x / 17) * Math.cos(y / 23);
  return [190 + 40 * wave, 110 + 50 * Math.sin((x + y) / 31), 170 + 30 * wave].map((value) => Math.round(value));
});
const slides = ["a.png", "b.png", "c.png"] as const;

type Shape = readonly (readonly [number, number])[];
const box = (left: number, top: number, right: number, bottom: number): Shape => [
  [left, top],
  [right, top],
  [right, bottom],
  [left, bottom],
  [left, top],
];
const feature = (name: string | null, rings: readonly Shape[], more: object = {}): object => ({
  type: "Feature",
  geometry: { type: "Polygon", coordinates: rings },
  properties: {
    objectType: "annotation",
    ...(name !== null && { classification: { name, color: [10, 20, 30] } }),
    ...more,
  },
});
const collection = (...features: object[]): string => JSON.stringify({ type: "FeatureCollection", features });
const halves = collection(
  feature("gland", [box(0, 0, 256, 384)]),
  feature("stroma", [box(256, 0, 512, 384)], { classification: { name: "stroma", colorRGB: -65536 } }),
);

beforeAll(async () => {
  const { width, height } = size;
  for (const name of slides) {
    await sharp(scene.rgb, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(place(name));
  }
  await mkdir(place("drawn"));
  for (const name of slides) await writeFile(place("drawn", name.replace(".png", ".geojson")), halves);
  await writeFile(place("halves.geojson"), halves);
});

/** Patches of 64 px at the slide's own scale. */
const usual = { micronsPerPixel: 0.5, slideMpp: 0.5, patchPx: 64 } as const;
let count = 0;
const cut = async (
  more: Partial<ExtractPatchesOptions> = {},
  of: readonly string[] = ["a.png"],
): Promise<{ output: string } & Awaited<ReturnType<typeof extractPatches>>> => {
  const output = more.output ?? place(`dataset-${++count}`);
  const made = await extractPatches(
    of.map((name) => place(name)),
    { ...usual, annotations: place("halves.geojson"), ...more, output },
  );
  return { ...made, output };
};

const refusal = async (work: Promise<unknown>): Promise<{ code: string; message: string }> => {
  try {
    await work;
  } catch (error) {
    if (isWsssError(error)) return error;
    throw error;
  }
  throw new Error("it was not refused");
};

describe("where patches are", () => {
  test("on one grid from the slide's corner, where there is tissue", async () => {
    const { patches, output, slides: cutSlides, patchesByClass, warnings } = await cut();
    // 6 of 8 columns hold tissue, 6 rows.
    expect(patches).toBe(36);
    expect(cutSlides).toEqual([
      { slide: place("a.png"), withTissue: 36, notAnnotated: 0, withoutClass: 0, patches: 36 },
    ]);
    expect(patchesByClass).toEqual({ gland: 18, stroma: 18 });
    expect(warnings).toEqual([]);
    const { train } = await openDataset(output);
    expect(train.micronsPerPixel).toBe(0.5);
    const corners = train.files.map(({ place: at }) => [at?.x ?? -1, at?.y ?? -1]);
    expect(corners.every(([x, y]) => x! % 64 === 0 && y! % 64 === 0 && x! >= 64 && x! < 448)).toBe(true);
    expect(new Set(corners.map(String)).size).toBe(36);
  });

  test("their pixels are those of the slide at the patches' scale", async () => {
    const { output } = await cut({ micronsPerPixel: 0.8, patchPx: 40 });
    const { train } = await openDataset(output);
    const { patches, height, width } = await train.load();
    expect([height, width]).toEqual([40, 40]);
    await using slide = await openSlide(place("a.png"), { micronsPerPixel: 0.5 });
    for (const [index, { place: at }] of train.files.entries()) {
      const { rgb } = await slide.read({ x: at!.x, y: at!.y, width: 40, height: 40, micronsPerPixel: 0.8 });
      expect(Buffer.from(patches.patch(index)).equals(Buffer.from(rgb))).toBe(true);
    }
  });

  test("a stride makes them overlap, and a share of tissue decides", async () => {
    expect((await cut({ stridePx: 32 })).patches).toBeGreaterThan(4 * 30);
    const all = await cut({ minTissue: 0, minAnnotated: 0 });
    expect(all.patches).toBe(8 * 6);
  });

  test("a limit draws the same each time, evenly from all slides", async () => {
    const draw = async (seed: number): Promise<string> => {
      const { output, slides: of } = await cut({ limit: 20, seed, annotations: place("drawn") }, slides);
      expect(of.map(({ patches }) => patches)).toEqual([6, 7, 7]);
      return await readFile(path.join(output, "patches.csv"), "utf8");
    };
    const first = await draw(3);
    expect(await draw(3)).toBe(first);
    expect(await draw(4)).not.toBe(first);
  });

  test("who has little gives all of it, and the others more", () => {
    expect(evenShares([100, 2, 50], 30)).toEqual([14, 2, 14]);
    expect(evenShares([3, 3, 3], 100)).toEqual([3, 3, 3]);
    expect(evenShares([5, 0], 4)).toEqual([4, 0]);
  });

  test("as PNG files they need no slide any more", async () => {
    const { output } = await cut({ writeImages: true });
    const lazily = await cut();
    const [written, read] = [await openDataset(output), await openDataset(lazily.output)];
    expect(written.train.files.map(({ stem }) => stem)).toEqual(read.train.files.map(({ stem }) => stem));
    expect(
      written.train.files.every(({ place: at, imagePath }) => at === undefined && imagePath.endsWith(".png")),
    ).toBe(true);
    const [one, other] = [await written.train.load(), await read.train.load()];
    for (let i = 0; i < one.count; i++) {
      expect(Buffer.from(one.patches.patch(i)).equals(Buffer.from(other.patches.patch(i)))).toBe(true);
    }
  });
});

describe("annotations", () => {
  test("become masks, labels, classes and colours", async () => {
    const { output } = await cut({ minAnnotated: 0.01 });
    const { train, classes, description } = await openDataset(output);
    expect(classes).toEqual([
      { name: "gland", colour: [10, 20, 30] },
      { name: "stroma", colour: [255, 0, 0] },
    ]);
    expect(description.labels.minClassShare).toBe(0.05);
    for (const { place: at, labels, maskPath } of train.files) {
      expect(labels).toEqual(at!.x < 256 ? [1, 0] : [0, 1]);
      const { indices } = await readIndexPng(maskPath!);
      expect(new Set(indices)).toEqual(new Set([at!.x < 256 ? 0 : 1]));
    }
    // Labels that contradict masks would be refused here.
    await train.loadTruth();
  });

  test("what is drawn inside of something lies over it; holes, background, ignored and bare pixels are what they are", async () => {
    const file = place("nested.geojson");
    await writeFile(
      file,
      collection(
        feature("stroma", [box(100, 100, 120, 120)]),
        feature("gland", [box(64, 64, 128, 128), box(70, 70, 80, 80)]),
        feature("Background", [box(64, 64, 68, 128)]),
        feature("Ignore*", [box(120, 64, 128, 128)]),
        feature("folds", [box(64, 120, 128, 128)]),
      ),
    );
    const { output } = await cut({ annotations: file, skipClasses: ["folds"], minTissue: 0.2 });
    const { train } = await openDataset(output);
    const patch = train.files.find(({ stem }) => stem === "a_x64_y64");
    const { indices } = await readIndexPng(patch!.maskPath!);
    const at = (x: number, y: number): number => indices[(y - 64) * 64 + (x - 64)] ?? -1;
    expect([at(69, 69), at(75, 75), at(110, 110), at(65, 75), at(124, 75), at(90, 124)]).toEqual([
      0, 255, 1, 2, 255, 255,
    ]);
  });

  test("polygons are filled as a slow reference fills them", async () => {
    const addon = await loadAddon();
    let state = 7;
    const random = (): number => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32;
    const shapes = Array.from({ length: 12 }, (_, value) => {
      const rings = Array.from({ length: 1 + (value % 3) }, () =>
        Array.from({ length: 3 + Math.floor(random() * 9) }, () => [random() * 120 - 10, random() * 120 - 10] as const),
      );
      return { value, rings };
    });
    const polygons = {
      points: Float64Array.from(shapes.flatMap(({ rings }) => rings.flat(2))),
      rings: Float64Array.from(shapes.flatMap(({ rings }) => rings.map((ring) => ring.length))),
      polygons: Float64Array.from(shapes, ({ rings }) => rings.length),
      values: Float64Array.from(shapes, ({ value }) => value),
    };
    const patches = { x: Float64Array.of(-7, 31), y: Float64Array.of(5, 40), scaleX: 1.3, scaleY: 0.9, patchPx: 50 };
    const drawnMasks = new Uint8Array(
      await runJob<ArrayBuffer>((done) => addon.drawAnnotated({ polygons, patches }, done)),
    );
    const winding = (ring: readonly (readonly [number, number])[], px: number, py: number): number => {
      let turns = 0;
      for (const [i, [x1, y1]] of ring.entries()) {
        const [x2, y2] = ring[(i + 1) % ring.length]!;
        if (y1 <= py === y2 <= py) continue;
        if (x1 + ((py - y1) / (y2 - y1)) * (x2 - x1) <= px) turns += y2 > y1 ? 1 : -1;
      }
      return turns;
    };
    const area = (ring: readonly (readonly [number, number])[]): number =>
      Math.abs(
        ring.reduce(
          (sum, [x, y], i) => sum + x * ring[(i + 1) % ring.length]![1] - ring[(i + 1) % ring.length]![0] * y,
          0,
        ),
      ) / 2;
    const net = ({ rings: [shell, ...holes] }: (typeof shapes)[number]): number =>
      area(shell!) - holes.reduce((sum, hole) => sum + area(hole), 0);
    const order = [...shapes].sort((one, other) => net(other) - net(one));
    const expected = new Uint8Array(2 * 2500);
    for (let n = 0; n < 2; n++) {
      for (let i = 0; i < 2500; i++) {
        const [px, py] = [patches.x[n]! + ((i % 50) + 0.5) * 1.3, patches.y[n]! + (Math.floor(i / 50) + 0.5) * 0.9];
        const over = order.filter(
          ({ rings: [shell, ...holes] }) =>
            winding(shell!, px, py) !== 0 && holes.every((hole) => winding(hole, px, py) === 0),
        );
        expected[n * 2500 + i] = over.at(-1)?.value ?? 255;
      }
    }
    expect(Buffer.compare(Buffer.from(drawnMasks), Buffer.from(expected))).toBe(0);
    expect(new Set(expected).size).toBeGreaterThan(5);
    const request = { polygons, patches, classCount: 11 };
    const counts = new Float64Array(await runJob<ArrayBuffer>((done) => addon.countAnnotated(request, done)));
    const wanted = Array.from(
      { length: 24 },
      (_, i) =>
        expected
          .subarray(Math.floor(i / 12) * 2500, (Math.floor(i / 12) + 1) * 2500)
          .filter((value) => value === i % 12).length,
    );
    expect([...counts]).toEqual(wanted);
  });

  test("patches of which too little is annotated are left out, and counted", async () => {
    const file = place("part.geojson");
    await writeFile(
      file,
      collection(feature("gland", [box(64, 0, 200, 384)]), feature("stroma", [box(200, 0, 256, 130)])),
    );
    const { slides: of, patches } = await cut({ annotations: file });
    expect(of[0]?.notAnnotated).toBeGreaterThan(0);
    expect(patches + of[0]!.notAnnotated + of[0]!.withoutClass).toBe(36);
  });

  test("a packed file, a single feature, a list and a collection of geometries are read", async () => {
    const packed = place("packed.geojson.gz");
    await writeFile(packed, gzipSync(halves));
    expect((await cut({ annotations: packed })).patches).toBe(36);
    const list = place("list.json");
    const { features } = JSON.parse(halves) as { features: { geometry: object }[] };
    const nested = { type: "GeometryCollection", geometries: [features[0]!.geometry] };
    await writeFile(list, JSON.stringify([{ ...features[0], geometry: nested }, features[1]]));
    expect((await cut({ annotations: list })).patches).toBe(36);
  });

  test("QuPath's derived classes, TMA cores, values that JSON does not know, and accents of a Mac are understood", async () => {
    const file = place("derived.geojson");
    const derived = { classification: { names: ["Tumor", "Positive"], color: [1, 2, 3] }, measurements: { Area: 0 } };
    const text = collection(
      feature(null, [box(0, 0, 256, 384)], derived),
      feature("stroma", [box(256, 0, 512, 384)]),
      feature("gland", [box(0, 0, 512, 384)], { objectType: "tmaCore" }),
      feature("n\u00e9crose", [box(0, 0, 9, 9)]),
    );
    await writeFile(file, text.replace('"Area":0', '"Area": NaN, "x": -Infinity'));
    const { classes } = await cut({ annotations: file, skipClasses: ["ne\u0301crose"] });
    expect(classes).toEqual(["Tumor: Positive", "stroma"]);
  });

  test("many crossings are told in a few lines", async () => {
    const file = place("tangled.geojson");
    const bows = Array.from({ length: 3000 }, (_, i) => {
      const [x, y] = [64 + (i % 60) * 6, Math.floor(i / 60) * 7];
      const bow: Shape = [
        [x, y],
        [x + 5, y + 5],
        [x + 5, y],
        [x, y + 5],
        [x, y],
      ];
      return feature("gland", [bow]);
    });
    await writeFile(file, collection(feature("stroma", [box(0, 0, 512, 384)]), ...bows));
    const { warnings } = await cut({ annotations: file });
    expect(warnings.filter((warning) => warning.includes("crosses itself"))).toHaveLength(5);
    expect(warnings.join("\n")).toMatch(/the lines of 2995 more cross themselves/);
  });

  test("a line that crosses itself is told with its place, and encloses what it goes round", async () => {
    const file = place("crossed.geojson");
    const bow: Shape = [
      [64, 64],
      [256, 192],
      [256, 64],
      [64, 192],
      [64, 64],
    ];
    await writeFile(
      file,
      collection(
        feature("gland", [bow], { name: "bow" }),
        feature("stroma", [box(256, 0, 512, 384)]),
        feature(null, [box(0, 0, 9, 9)]),
      ),
    );
    const { warnings } = await cut({ annotations: file, minAnnotated: 0.1 });
    expect(warnings.join("\n")).toMatch(/the line of annotation 1 \("bow"\) crosses itself at \(160, 128\)/);
    expect(warnings.join("\n")).toMatch(/left out, since they have no class: 1/);
  });
});

describe("a dataset that grows", () => {
  test("gets the patches of other slides, once", async () => {
    const { output } = await cut();
    const more = { output, annotations: place("drawn"), split: "test" } as const;
    await cut(more, ["b.png"]);
    const { train, test: scored } = await openDataset(output);
    expect([train.count, scored.count]).toEqual([36, 36]);
    const before = await readFile(path.join(output, "patches.csv"), "utf8");
    expect((await refusal(cut(more, ["c.png", "b.png"]))).message).toMatch(/holds patches of slide .*b\.png already/);
    const other = await refusal(cut({ ...more, patchPx: 96 }, ["c.png"]));
    expect(other.code).toBe("WSSS_ERR_OPTION");
    expect(other.message).toMatch(/do not fit the dataset .*patchPx 64 there, 96 here/);
    expect(await readFile(path.join(output, "patches.csv"), "utf8")).toBe(before);
  });

  test("a slide of the same name, or the same one by another path, is refused before a file is touched", async () => {
    const { output } = await cut();
    await mkdir(place("elsewhere"), { recursive: true });
    await writeFile(place("elsewhere", "a.png"), await readFile(place("b.png")));
    await symlink(place("a.png"), place("elsewhere", "link.png"));
    const before = await digestsOf(output);
    const more = { output, annotations: place("halves.geojson"), split: "test" } as const;
    const named = await refusal(cut(more, ["elsewhere/a.png"]));
    expect(named.message).toMatch(/holds patches of another slide of that name, \.\.\/a\.png; rename/);
    expect((await refusal(cut(more, ["elsewhere/link.png"]))).message).toMatch(
      /holds patches of slide .*link\.png already/,
    );
    expect(await digestsOf(output)).toEqual(before);
  });

  test("two processes at once: one of them is told", async () => {
    const output = place("both");
    const results = await Promise.allSettled([
      cut({ output, annotations: place("drawn") }, ["a.png"]),
      cut({ output, annotations: place("drawn") }, ["b.png", "c.png"]),
    ]);
    const failed = results.flatMap((one) => (one.status === "rejected" ? [one.reason as { code: string }] : []));
    expect(failed.map(({ code }) => code)).toEqual(["WSSS_ERR_BUSY"]);
    const { train } = await openDataset(output);
    expect([36, 72]).toContain(train.count);
  });

  test("slides or patients are drawn into splits when it is opened", async () => {
    const bySlide = await cut({ annotations: place("drawn"), splitBy: "slide" }, slides);
    const dataset = await openDataset(bySlide.output);
    expect([dataset.train.count, dataset.val.count, dataset.test.count]).toEqual([36, 36, 36]);
    expect(new Set(dataset.train.files.map(({ patient }) => patient)).size).toBe(1);
    const table = place("slides.csv");
    await writeFile(table, "wsi,mpp,patient\na.png,0.5,p1\nb.png,0.5,p2\nc.png,0.5,p3\n");
    const options = {
      annotations: place("drawn"),
      splitBy: "patient",
      slidesTable: table,
      slideMpp: undefined,
    } as const;
    const byPatient = await cut(options, []);
    expect((await openDataset(byPatient.output)).description.split).toMatchObject({ by: "patient" });
    const refused = await refusal(cut({ ...options, splitBy: "slide" }, []));
    expect(refused.message).toMatch(/names patients, and one in two splits/);
  });

  test("rows of the table are found by path, then by name, and a split of it is not drawn over", async () => {
    for (const where of ["one", "two"]) {
      await mkdir(place(where), { recursive: true });
      await writeFile(place(where, "x.png"), await readFile(place("a.png")));
    }
    const table = place("twins.csv");
    await writeFile(table, "wsi,mpp,split\none/x.png,0.5,train\ntwo/x.png,0.5,test\n");
    const options = { slidesTable: table, slideMpp: undefined } as const;
    const { output } = await cut(options, ["two/x.png"]);
    expect((await openDataset(output, { require: [] })).test.count).toBe(36);
    await writeFile(place("x.png"), await readFile(place("a.png")));
    expect((await refusal(cut(options, ["x.png"]))).message).toMatch(
      /has 2 rows that could be of .*x\.png; write its path/,
    );
    expect((await refusal(cut(options, ["a.png"]))).message).toMatch(/the table of slides has no row of .*a\.png/);
    const drawnOver = await refusal(cut({ ...options, splitBy: "slide" }, ["one/x.png"]));
    expect(drawnOver.message).toMatch(/puts .*x\.png into train/);
  });

  test("the table says split and scale of each slide", async () => {
    const table = place("splits.csv");
    await writeFile(table, "wsi,mpp,split\na.png,0.5,train\nb.png,1,test\n");
    const { output } = await cut({ annotations: place("drawn"), slidesTable: table, slideMpp: undefined }, []);
    const { train, test: scored } = await openDataset(output);
    expect(train.files[0]?.place?.slideMpp).toBe(0.5);
    expect(scored.files[0]?.place?.slideMpp).toBe(1);
    expect(scored.count).toBeGreaterThan(train.count);
  });

  test("without annotations labels are left to a person", async () => {
    const { output, patches } = await cut({ annotations: undefined, classes: ["gland", "stroma"] });
    expect(patches).toBe(36);
    expect((await refusal(openDataset(output))).message).toMatch(/has no label/);
    const manifest = path.join(output, "patches.csv");
    const rows = (await readFile(manifest, "utf8")).trimEnd().split("\n");
    const [head, ...body] = rows;
    await writeFile(manifest, [head, ...body.map((row, i) => `${row}${i % 2 === 0 ? "gland" : "stroma"}`)].join("\n"));
    expect((await openDataset(output)).train.count).toBe(36);
  });
});

describe("a dataset of places", () => {
  test("is examined, and its fingerprint holds the places", async () => {
    const { output } = await cut();
    expect((await examineDataset(output)).findings).toEqual([]);
    const before = JSON.stringify(await fingerprintDataset(await openDataset(output)));
    const manifest = path.join(output, "patches.csv");
    const text = await readFile(manifest, "utf8");
    await writeFile(manifest, text.replace(",64,64,", ",65,64,"));
    expect(JSON.stringify(await fingerprintDataset(await openDataset(output)))).not.toBe(before);
    await writeFile(place("gone.png"), await readFile(place("a.png")));
    const other = await cut({ annotations: place("halves.geojson") }, ["gone.png"]);
    await writeFile(place("gone.png"), "no slide any more");
    const { findings } = await examineDataset(other.output);
    expect(new Set(findings.map(({ check }) => check))).toEqual(new Set(["patch-damaged"]));
    expect(findings[0]?.files[0]).toMatch(/gone\.png at \(\d+, \d+\)$/);
  });

  test("has pictures of what is wrong on the doctor's page", async () => {
    await writeFile(place("twin.png"), await readFile(place("a.png")));
    await mkdir(place("twins"));
    for (const name of ["a", "twin"]) {
      await writeFile(place("twins", `${name}.geojson`), await readFile(place("halves.geojson")));
    }
    const { output } = await cut({ annotations: place("twins") }, ["a.png", "twin.png"]);
    const examined = await examineWithPlaces(output);
    const [twins] = examined.examination.groups;
    expect(twins).toMatchObject({ check: "duplicate", split: "train" });
    const { text } = await doctorPage(examined);
    expect(text.match(/<img src="data:image\/webp/g)).toHaveLength(2 * twins!.examples.length);
    expect(text).toMatch(/<code>[^<]*twin\.png at \(\d+, \d+\)<\/code>/);
    // A slide that can't be opened any more has none.
    await writeFile(place("twin.png"), "no slide any more");
    const damaged = (await doctorPage(await examineWithPlaces(output))).text;
    expect(damaged).toContain("patch-damaged");
    expect(damaged).not.toContain("<img");
  });

  test("rows that can't be used are told with their lines", async () => {
    const { output } = await cut();
    const manifest = path.join(output, "patches.csv");
    const rows = (await readFile(manifest, "utf8")).trimEnd().split("\n");
    const [head = "", first = "", ...others] = rows;
    const changed = [
      first.replace(/^[^,]*/, ""),
      first.replace(/^([^,]*),\d+/, "$1,1.5"),
      first.replace(/^([^,]*),\d+,\d+,[^,]*/, "$1,1,2,800"),
    ];
    await writeFile(manifest, [head, ...changed, ...others].join("\n"));
    const { message } = await refusal(openDataset(output));
    expect(message).toMatch(/line 2: has nothing as slide; it must be the path of a slide/);
    expect(message).toMatch(/line 3: has "1\.5" as x; it must be a whole number/);
    expect(message).toMatch(/line 4: has "800" as mpp; it must be 0\.05 to 20/);
    await writeFile(manifest, [head, first.replace(/^[^,]*/, "../none.png"), ...others].join("\n"));
    expect((await refusal(openDataset(output))).message).toMatch(/line 2: slide \.\.\/none\.png is not there/);
  });

  test("the form of its patches must be said", async () => {
    const { output } = await cut();
    const file = path.join(output, "wsss-dataset.json");
    const { patchPx, micronsPerPixel, ...rest } = JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
    await writeFile(file, JSON.stringify(rest));
    expect((await refusal(openDataset(output))).message).toMatch(
      /does not say how large patches are; add "patchPx".*"micronsPerPixel"/,
    );
    await writeFile(file, JSON.stringify({ ...rest, patchPx }));
    expect((await refusal(openDataset(output))).message).toMatch(/patchPx needs micronsPerPixel/);
    expect(micronsPerPixel).toBe(0.5);
  });

  test("networks keep the scale that they learned at: weights, bundles and slides know it", async () => {
    const { output } = await cut({ limit: 8 });
    const { train, classes } = await openDataset(output);
    const start = { classes, width: tinyWidth, device: "cpu", seed: 3, threads: 1 } as const;
    await using segmenter = await Segmenter.create(start);
    await using classifier = await Classifier.create(start);
    expect([segmenter.micronsPerPixel, segmenter.patchPx]).toEqual([null, null]);
    await using slide = await openSlide(place("a.png"), { micronsPerPixel: 0.5 });
    const unsaid = (): unknown => segmenter.segmentSlide(slide, { output: place("map") });
    expect(unsaid).toThrow(/micronsPerPixel is missing: it must be a scale .* the weights do not tell/);
    const brief = { epochs: 1, batchSize: 4 } as const;
    for await (const { kind } of segmenter.train(train, { ...brief, masks: "ground-truth" })) expect(kind).not.toBe("");
    for await (const { kind } of classifier.train(train, brief)) expect(kind).not.toBe("");
    expect([segmenter.micronsPerPixel, segmenter.patchPx]).toEqual([0.5, 64]);
    const manifest = await saveBundle(place("bundle"), { classifier, segmenter });
    expect(manifest).toMatchObject({ micronsPerPixel: 0.5, patchPx: 64 });
    expect(await readFile(place("bundle", "MODEL_CARD.md"), "utf8")).toMatch(
      /patches of 64 px at 0\.5 micrometres a pixel/,
    );
    await using loaded = await Segmenter.load(place("bundle"), { device: "cpu" });
    const work = loaded.segmentSlide(slide, { output: place("map") });
    let next = await work.next();
    while (next.done !== true) next = await work.next();
    expect(next.value.madeWith).toMatchObject({ micronsPerPixel: 0.5, tilePx: 64, gate: { patchPx: 64 } });
  });
});

describe("bad input", () => {
  const bad = async (
    text: string,
    more: Partial<ExtractPatchesOptions> = {},
  ): Promise<{ code: string; message: string }> => {
    const file = place("bad.geojson");
    await writeFile(file, text);
    return await refusal(cut({ annotations: file, ...more }));
  };
  const polygon = (coordinates: unknown): string =>
    JSON.stringify({
      type: "Feature",
      geometry: { type: "Polygon", coordinates },
      properties: { classification: { name: "gland" } },
    });

  test.each([
    ["no JSON", "{", /bad\.geojson: is not valid JSON/],
    ["no GeoJSON", '{"type":"Topology"}', /is no GeoJSON: a FeatureCollection/],
    ["no feature", '[{"type":"Polygon"}]', /annotation 1 is no GeoJSON Feature/],
    ["no geometry", '[{"type":"Feature","properties":{}}]', /annotation 1 has no geometry/],
    ["a geometry of another kind", '[{"type":"Feature","geometry":{"type":"Circle"}}]', /can't be read \("Circle"\)/],
    [
      "two points",
      polygon([
        [
          [1, 1],
          [2, 2],
          [1, 1],
        ],
      ]),
      /annotation 1 is no polygon: its line has 2 different points/,
    ],
    [
      "a text for a number",
      polygon([
        [
          [1, 1],
          [2, "x"],
          [1, 2],
        ],
      ]),
      /has a point that is no pair of numbers/,
    ],
    ["no line", polygon([]), /is a polygon without a line/],
    [
      "collections without end",
      `[{"type":"Feature","geometry":${'{"type":"GeometryCollection","geometries":['.repeat(200)}${"]}".repeat(200)}}]`,
      /annotation 1 has collections of geometries within one another, more than 16/,
    ],
    [
      "a line break in a class",
      collection(feature("gla\nnd", [box(0, 0, 9, 9)])),
      /class name with control characters \(gla\\nnd\)/,
    ],
    [
      "a class name of 70 letters",
      collection(feature("g".repeat(70), [box(0, 0, 99, 99)]), feature("b", [box(0, 0, 9, 9)])),
      /description is wrong: classes\[1\]\.name/,
    ],
    [
      "300 classes of one colour",
      collection(...Array.from({ length: 300 }, (_, i) => feature(`c${i}`, [box(0, 0, 99, 99)]))),
      /description is wrong: classes must be at most 254 entries/,
    ],
    [
      "one class only",
      polygon([box(0, 0, 500, 300)]),
      /classes is missing: it must be a list of at least two, .* these name only "gland"/,
    ],
    [
      "another slide",
      collection(feature("gland", [box(9000, 9000, 9100, 9100)]), feature("stroma", [box(0, 0, 9, 9)])),
      /annotation 1 begins at \(9000, 9000\), beyond slide .*a\.png of 512 x 384 px/,
    ],
    [
      "far too little drawn",
      collection(feature("gland", [box(0, 0, 9, 9)]), feature("stroma", [box(9, 0, 12, 9)])),
      /36 patches have enough tissue, but 36 are annotated by less than 50 %/,
    ],
  ])("%s", async (_, text, message) => {
    const error = await bad(text);
    expect(error.message).toMatch(message);
    expect(["WSSS_ERR_DATASET", "WSSS_ERR_OPTION"]).toContain(error.code);
  });

  test("a class that is none of the dataset's, with the one that was meant", async () => {
    const error = await bad(halves, { classes: ["glands", "stroma"] });
    expect(error.message).toMatch(/annotation 1 is of the class "gland" \(did you mean "glands"\?\)/);
    const packed = place("torn.geojson.gz");
    await writeFile(packed, gzipSync(halves).subarray(0, 40));
    expect((await refusal(cut({ annotations: packed }))).message).toMatch(/can't be unpacked/);
  });

  test.each<[string, Partial<ExtractPatchesOptions>, readonly string[], RegExp]>([
    ["no scale anywhere", { slideMpp: undefined }, ["a.png"], /does not say how large its pixels are; say it/],
    [
      "a slide smaller than a patch",
      { patchPx: 1024 },
      ["a.png"],
      /is smaller than a patch, which takes 1024 x 1024 px/,
    ],
    [
      "no tissue",
      { annotations: undefined, classes: ["a", "b"] },
      ["white.png"],
      /no patch of 64 px .* has 50 % of tissue/,
    ],
    ["no classes", { annotations: undefined }, ["a.png"], /classes is missing: .* without annotations nothing names/],
    ["no slides", {}, [], /slides must name at least one slide/],
    [
      "two slides of one name",
      { annotations: place("drawn") },
      ["a.png", "more/a.png"],
      /have one name, and so would their patches/,
    ],
    ["one file for two slides", {}, ["a.png", "b.png"], /are those of one slide, and there are 2/],
    [
      "no annotations of a slide",
      { annotations: place("drawn") },
      ["white.png"],
      /there are no annotations of slide .*white\.png/,
    ],
    ["split and splitBy", { split: "val", splitBy: "slide" }, ["a.png"], /split and splitBy exclude each other/],
    ["a scale out of bounds", { micronsPerPixel: 352.8 }, ["a.png"], /micronsPerPixel must be at most 20/],
    ["a misspelled option", { patchpx: 9 } as object, ["a.png"], /unknown option patchpx; did you mean patchPx/],
    ["a slide that is not there", {}, ["none.png"], /cannot read .*none\.png/],
  ])("%s", async (_, more, of, message) => {
    const { width, height } = size;
    await sharp(Buffer.alloc(width * height * 3, 250), { raw: { width, height, channels: 3 } })
      .png()
      .toFile(place("white.png"));
    const output = place("refused");
    expect((await refusal(cut({ ...more, output }, of))).message).toMatch(message);
    await expect(stat(output)).rejects.toThrow();
  });

  test.each([
    ["no column wsi", "slide\na.png", /there is no column wsi/],
    ["a column that was meant", "wsi,patiant\na.png,p", /"patiant" is not known; did you mean "patient"/],
    ["nonsense for a scale", "wsi,mpp\na.png,352.8", /line 2 has the mpp "352\.8"; it must be 0\.05 to 20/],
    ["another split", "wsi,split\na.png,dev", /line 2 has the split "dev"/],
    ["some patients", "wsi,patient\na.png,p\nb.png,", /names the patient of 1 of 2 slides, but not of .*b\.png/],
  ])("a table of slides with %s", async (_, text, message) => {
    const table = place("bad.csv");
    await writeFile(table, text);
    const work = cut({ slidesTable: table, annotations: place("drawn") }, []);
    expect((await refusal(work)).message).toMatch(message);
  });

  test("a folder that holds something else is left alone", async () => {
    const output = place("full");
    await mkdir(output);
    await writeFile(path.join(output, "thesis.txt"), "years of work");
    expect((await refusal(cut({ output }))).message).toMatch(/is not empty and holds no dataset of patches/);
    await writeFile(
      path.join(output, "wsss-dataset.json"),
      await readFile(path.join((await cut({ limit: 4 })).output, "wsss-dataset.json")),
    );
    await rm(path.join(output, "thesis.txt"));
    expect((await refusal(cut({ output }))).code).toBe("WSSS_ERR_IO");
    expect(await readdir(output)).toEqual(["wsss-dataset.json"]);
  });

  test("a stride that is a slip is refused", async () => {
    const rgb = new Uint8Array(1400 * 1200 * 3).fill(150).map((value, at) => (at % 3 === 1 ? 80 : value));
    await sharp(rgb, { raw: { width: 1400, height: 1200, channels: 3 } })
      .png()
      .toFile(place("large.png"));
    const slip = { stridePx: 1, annotations: undefined, classes: ["a", "b"], limit: 5 };
    const { message } = await refusal(cut(slip, ["large.png"]));
    expect(message).toMatch(/large\.png has 1\d{6} patches with a stride of 1 px, and at most 1000000 are looked at/);
  });

  test("work that is aborted while it writes removes what it has written", async () => {
    const { output } = await cut();
    const before = await digestsOf(output);
    const controller = new AbortController();
    const onProgress = ({ stage }: { stage: string }): void => {
      if (stage === "write") controller.abort();
    };
    const more = { output, annotations: place("drawn"), signal: controller.signal, onProgress };
    expect((await refusal(cut(more, ["b.png", "c.png"]))).code).toBe("WSSS_ERR_CANCELLED");
    expect(await digestsOf(output)).toEqual(before);
  });

  test("work that is aborted leaves no dataset", async () => {
    const output = place("aborted");
    const controller = new AbortController();
    const onProgress = (): void => controller.abort();
    const error = await refusal(
      cut({ output, signal: controller.signal, onProgress, annotations: place("drawn") }, slides),
    );
    expect(error.code).toBe("WSSS_ERR_CANCELLED");
    await expect(stat(path.join(output, "patches.csv"))).rejects.toThrow();
  });
});

const isReal = hasRealSlides && (await hasOpenSlide());
if (!isReal) console.warn("SKIPPED: from a real slide to its map, since there is none or no OpenSlide");
(isReal ? describe : describe.skip)("the command line", () => {
  test("from a real slide with annotations to a dataset, a bundle and the slide's map", async () => {
    const slide = path.join(realSlides, "cmu-1-small-region.svs");
    const file = place("cmu-1-small-region.geojson");
    await writeFile(
      file,
      collection(
        feature("upper", [box(0, 0, 2220, 1300)]),
        feature("lower", [box(0, 1300, 2220, 2967), box(200, 2600, 400, 2800)]),
      ),
    );
    const data = place("cmu");
    const patches = ["patches", slide, "--annotations", file, "--out", data, "--mpp", "1", "--patch-px", "64"];
    const cutOnce = await command(...patches, "--limit", "24", "--json");
    expect(cutOnce.code).toBe(0);
    expect(lastJson(cutOnce)).toMatchObject({ patches: 24, classes: ["lower", "upper"] });
    const again = await command(
      "patches",
      path.join(realSlides, "cmu-1-small-region_pyramid_jpeg.tif"),
      "--slide-mpp",
      "0.499",
      "--annotations",
      file,
      "--out",
      data,
      "--split",
      "test",
      "--limit",
      "8",
    );
    expect(again.stderr).toBe("");
    const run = place("run");
    const small = ["--width", "1/16", "--epochs", "1", "--batch-size", "8", "--lr", "0.01", "--pictures", "2"];
    const trained = await command("run", "--data", data, "--out", run, ...small);
    expect(trained.stderr + String(trained.code)).toMatch(/0$/);
    expect(await readdir(path.join(run, "pictures"))).toContain("test.png");
    const bundle = place("cmu-bundle");
    expect((await command("bundle", "--run", run, "--out", bundle)).code).toBe(0);
    const out = place("cmu-maps");
    const segmented = await command("segment", slide, "--bundle", bundle, "--out", out, "--json");
    expect(segmented.code).toBe(0);
    const { slides: maps } = lastJson(segmented) as {
      slides: { mpp: { x: number }; tissueMm2: number; madeWith: object }[];
    };
    expect(maps[0]?.mpp.x).toBe(1);
    expect(maps[0]?.madeWith).toMatchObject({ tilePx: 64 });
    expect(maps[0]?.tissueMm2).toBeGreaterThan(0.3);
  });

  test("its refusals have codes, and its answer reads", async () => {
    const wrong = await command(
      "patches",
      place("none.svs"),
      "--out",
      place("never"),
      "--annotations",
      place("halves.geojson"),
    );
    expect([wrong.code, wrong.stderr.includes("none.svs")]).toEqual([3, true]);
    const plain = await command(
      "patches",
      place("a.png"),
      "--slide-mpp",
      "0.5",
      "--mpp",
      "0.5",
      "--patch-px",
      "64",
      "--annotations",
      place("halves.geojson"),
      "--out",
      place("plain"),
    );
    expect(plain.stdout).toMatch(
      /a\.png: 36 of 36 patches with tissue\npatches that name a class: gland 18, stroma 18\n.*plain: 36 patches added/,
    );
  });
});
