// Class maps as files: polygons that cover exactly the pixels of their regions, OME-TIFF pyramids, areas.
import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { crc32, deflateSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { isWsssError, openSlide, type Slide } from "../dist/index.js";
import type { NativeMapFiles, NativeMapSummary, NativeRowsFile } from "../dist/native/addon.js";
import { runJob } from "../dist/native/job.js";
import { findMapReaders, readMap } from "./support/python-maps.js";
import { drawn, hasOpenSlide, slideFolder } from "./support/slides.js";

const folder = await slideFolder();
afterAll(async () => await rm(folder, { recursive: true, force: true }));
const place = (name: string): string => path.join(folder, name);
const openSlideIsThere = await hasOpenSlide();
const python = await findMapReaders();
if (python === null)
  console.warn("SKIPPED: no Shapely and tifffile to read maps with; WSSS_TEST_FETCH=1 installs them");

const background = 3;
const colours = [
  [200, 0, 0],
  [0, 160, 0],
  [0, 0, 220],
  [255, 255, 255],
] as const;

/** A map of classes 0 to 2 and background 3. */
interface ClassMap {
  readonly width: number;
  readonly height: number;
  readonly values: Uint8Array;
}

const mapOf = (width: number, height: number, valueAt: (x: number, y: number) => number): ClassMap => {
  const values = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) values[y * width + x] = valueAt(x, y);
  return { width, height, values };
};

let state = 7;
const random = (below: number): number => {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return Math.floor(((state >>> 8) / 2 ** 24) * below);
};

/** Writes a map in the form of the rows file: a header, then bands of a zlib stream each. */
async function writeRows(file: string, { width, height, values }: ClassMap, bandRows: number): Promise<NativeRowsFile> {
  const parts: Buffer[] = [Buffer.from(`wsss bands 1\n${width} ${height} ${bandRows} 1\n0123456789abcdef\n`)];
  for (let band = 0; band * bandRows < height; band++) {
    const bytes = values.subarray(band * bandRows * width, Math.min(height, (band + 1) * bandRows) * width);
    const stream = deflateSync(bytes);
    const head = Buffer.alloc(16);
    head.writeBigUInt64LE(BigInt(stream.length), 0);
    head.writeUInt32LE(crc32(stream), 8);
    head.writeUInt32LE(band, 12);
    parts.push(head, stream);
  }
  await writeFile(file, Buffer.concat(parts));
  return { path: file, width, height, bandRows, planes: 1, fingerprint: "0123456789abcdef" };
}

interface Feature {
  readonly type: string;
  readonly id: string;
  readonly geometry: {
    readonly type: string;
    readonly coordinates: readonly (readonly (readonly [number, number])[])[];
  };
  readonly properties: {
    readonly objectType: string;
    readonly name: string;
    readonly classification: { readonly name: string; readonly color: readonly number[] };
    readonly isLocked: boolean;
    readonly measurements: Readonly<Record<string, number>>;
  };
}

let slide: Slide;

beforeAll(async () => {
  const { rgb } = drawn(64, 64, (x, y) => [x, y, 100]);
  await sharp(rgb, { raw: { width: 64, height: 64, channels: 3 } })
    .png()
    .toFile(place("slide.png"));
  slide = await openSlide(place("slide.png"), { micronsPerPixel: 0.5 });
});
afterAll(async () => await slide.close());

/** Makes the files of a map; one pixel of the map is one of the slide unless said otherwise. */
async function write(
  map: ClassMap,
  more: Partial<NativeMapFiles> = {},
): Promise<NativeMapSummary & { features: Feature[] }> {
  const rows = await writeRows(place("rows"), map, 7);
  const files: NativeMapFiles = {
    rows,
    names: ["gland", 'str"oma\\', "Ω <&>", "glass"],
    colours: colours.flat(),
    mppX: 0.5,
    mppY: 0.5,
    scaleX: 1,
    scaleY: 1,
    offsetX: 0,
    offsetY: 0,
    slideWidth: map.width,
    slideHeight: map.height,
    tiff: place("map.ome.tif"),
    confidenceTiff: "",
    geojson: place("map.geojson"),
    geojsonFactor: 1,
    minAreaUm2: 0,
    seed: 5,
    ...{ hasHeat: false, pictureFactor: 0 },
    threads: 1,
    ...more,
  };
  const summary = await runJob<NativeMapSummary>((done) => slide.native.writeMap(files, done));
  const { features } = JSON.parse(await readFile(place("map.geojson"), "utf8")) as { features: Feature[] };
  return { ...summary, features };
}

const doubledArea = (ring: readonly (readonly [number, number])[]): number =>
  ring.slice(1).reduce((sum, [x, y], i) => sum + ring[i]![0] * y - x * ring[i]![1], 0);

/** The map that polygons show: even-odd of all rings at the middle of each pixel. No pixel may be covered twice. */
function rasterOf(features: readonly Feature[], width: number, height: number, names: readonly string[]): Uint8Array {
  const values = new Uint8Array(width * height).fill(background);
  for (const { geometry, properties } of features) {
    const inside = new Uint8Array(width * height);
    for (const ring of geometry.coordinates) {
      for (let i = 0; i + 1 < ring.length; i++) {
        const [[x, y0], [x1, y1]] = [ring[i]!, ring[i + 1]!];
        if (x !== x1) continue;
        for (let y = Math.min(y0, y1); y < Math.max(y0, y1); y++) {
          for (let column = x; column < width; column++) inside[y * width + column]! ^= 1;
        }
      }
    }
    for (const [i, isInside] of inside.entries()) {
      if (isInside === 0) continue;
      if (values[i] !== background) throw new Error(`pixel ${i} is covered twice`);
      values[i] = names.indexOf(properties.name);
    }
  }
  return values;
}

/** Regions that hang together by their sides. */
function regionsOf({ width, height, values }: ClassMap): number {
  const seen = new Uint8Array(values.length);
  let count = 0;
  for (let start = 0; start < values.length; start++) {
    if (seen[start] === 1 || values[start] === background) continue;
    count++;
    const open = [start];
    seen[start] = 1;
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const [x, y] = [at % width, Math.floor(at / width)];
      for (const [nx, ny] of [
        [x - 1, y],
        [x + 1, y],
        [x, y - 1],
        [x, y + 1],
      ] as const) {
        if (nx < 0 || ny < 0 || nx >= width || ny >= height) continue;
        const next = ny * width + nx;
        if (seen[next] === 1 || values[next] !== values[at]) continue;
        seen[next] = 1;
        open.push(next);
      }
    }
  }
  return count;
}

const names = ["gland", 'str"oma\\', "Ω <&>"];

async function expectExact(map: ClassMap): Promise<void> {
  const { features, pixels } = await write(map, { tiff: "" });
  expect(Buffer.compare(rasterOf(features, map.width, map.height, names), map.values)).toBe(0);
  expect(features.length).toBe(regionsOf(map));
  expect(pixels).toEqual([0, 1, 2, 3].map((value) => map.values.filter((one) => one === value).length));
  for (const { geometry, properties } of features) {
    const [shell, ...holes] = geometry.coordinates.map(doubledArea);
    if (!(shell! > 0) || holes.some((hole) => hole >= 0)) throw new Error("shells and holes turn the same way");
    const area = (shell! + holes.reduce((sum, hole) => sum + hole, 0)) / 2;
    expect(properties.measurements["Area mm^2"]).toBeCloseTo(area * 0.25e-6, 12);
    for (const ring of geometry.coordinates) {
      expect(ring[0]).toEqual(ring.at(-1));
      if (new Set(ring.slice(1).map(String)).size !== ring.length - 1) throw new Error("a ring meets itself");
    }
  }
}

describe("polygons cover exactly the pixels of their regions", () => {
  test("of noise, with any number of classes", async () => {
    for (let i = 0; i < 60; i++) {
      const kinds = 2 + random(3);
      await expectExact(
        mapOf(1 + random(14), 1 + random(14), () => (kinds === 2 ? [0, 3][random(2)]! : random(kinds))),
      );
    }
    await expectExact(mapOf(60, 45, () => random(4)));
  });

  test("of rings in rings, of one region and of background in it", async () => {
    const ringAt = (x: number, y: number): number => Math.floor(Math.hypot(x - 30, y - 30) / 4);
    await expectExact(mapOf(61, 61, (x, y) => ringAt(x, y) % 3));
    await expectExact(mapOf(61, 61, (x, y) => (ringAt(x, y) % 2 === 0 ? 0 : 3)));
  });

  test("where corners pinch: pixels that touch by a corner are two regions, and holes may touch", async () => {
    await expectExact(mapOf(8, 8, (x, y) => ((x + y) % 2 === 0 ? 1 : 3)));
    const rows = ["11111", "13111", "11311", "11131", "11111"];
    await expectExact(mapOf(5, 5, (x, y) => Number(rows[y]![x])));
    const loop = ["1113", "1311", "1131", "3111"];
    await expectExact(mapOf(4, 4, (x, y) => Number(loop[y]![x])));
  });

  test("at the borders, of one pixel, of all and of nothing", async () => {
    for (const value of [0, 3]) await expectExact(mapOf(5, 9, () => value));
    await expectExact(mapOf(1, 1, () => 2));
    await expectExact(mapOf(6, 6, (x, y) => (x === 0 || y === 0 || x === 5 || y === 5 ? 1 : 0)));
  });
});

describe("GeoJSON", () => {
  const map = mapOf(40, 30, (x, y) => (x < 20 ? 0 : y < 10 ? 1 : x > 37 && y > 27 ? 2 : 3));

  test("has the form that QuPath reads", async () => {
    const { features, polygons } = await write(map);
    expect(polygons).toBe(3);
    expect(features[0]).toMatchObject({
      type: "Feature",
      geometry: { type: "Polygon" },
      properties: { objectType: "annotation", isLocked: true },
    });
    const byName = new Map(features.map((feature) => [feature.properties.name, feature]));
    expect([...byName.keys()].sort()).toEqual([...names].sort());
    expect(byName.get(names[1]!)!.properties.classification).toEqual({ name: names[1], color: colours[1] });
    for (const { id } of features)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(new Set(features.map(({ id }) => id)).size).toBe(3);
    const again = await write(map);
    expect(again.features).toEqual(features);
  });

  test("counts from the slide's bounds, in its pixels, and ends where the slide does", async () => {
    const { features } = await write(map, {
      scaleX: 2.5,
      scaleY: 2,
      offsetX: 10,
      offsetY: 4,
      slideWidth: 99,
      slideHeight: 59,
    });
    const all = features.flatMap(({ geometry }) => geometry.coordinates.flat());
    expect([Math.min(...all.map(([x]) => x)), Math.min(...all.map(([, y]) => y))]).toEqual([-10, -4]);
    expect([Math.max(...all.map(([x]) => x)), Math.max(...all.map(([, y]) => y))]).toEqual([89, 55]);
  });

  test("is coarser by a factor, each block of the class that most of it has; small polygons are left out", async () => {
    const { features } = await write(map, { geojsonFactor: 10 });
    const coarse = mapOf(4, 3, (x, y) => (x < 2 ? 0 : y < 1 ? 1 : 3));
    const pixels = features.map((feature) => ({
      ...feature,
      geometry: {
        ...feature.geometry,
        coordinates: feature.geometry.coordinates.map((ring) => ring.map(([x, y]) => [x / 10, y / 10] as const)),
      },
    }));
    expect([...rasterOf(pixels, 4, 3, names)]).toEqual([...coarse.values]);
    const large = await write(map, { minAreaUm2: 2 });
    expect(large.features.map(({ properties }) => properties.name).sort()).toEqual([names[0], names[1]].sort());
  });
});

describe("OME-TIFF", () => {
  const map = mapOf(1300, 900, (x, y) => (Math.floor(x / 37) + Math.floor(y / 29)) % 4);

  test("is a pyramid in the classes' colours, by majority", async () => {
    await write(map);
    const { pages, width, height } = await sharp(place("map.ome.tif")).metadata();
    expect([width, height, pages]).toEqual([1300, 900, 3]);
    const level = await sharp(place("map.ome.tif"), { page: 1 }).raw().toBuffer({ resolveWithObject: true });
    expect([level.info.width, level.info.height]).toEqual([650, 450]);
    for (const [x, y] of [
      [0, 0],
      [649, 449],
      [100, 300],
    ] as const) {
      const block = [0, 1, 2, 3].map((i) => map.values[(2 * y + (i >> 1)) * 1300 + 2 * x + (i & 1)]!);
      const most = block.reduce((best, value) => {
        const times = (one: number): number => block.filter((other) => other === one).length;
        return times(value) > times(best) ? value : best;
      }, block[0]!);
      const at = (y * 650 + x) * level.info.channels;
      expect([...level.data.subarray(at, at + 3)]).toEqual([...colours[most]!]);
    }
  });

  (openSlideIsThere ? test : test.skip)("is opened by OpenSlide with its scale and levels", async () => {
    await write(map);
    await using tiff = await openSlide(place("map.ome.tif"));
    expect(tiff.vendor).toBe("generic-tiff");
    expect(tiff.mpp!.x).toBeCloseTo(0.5, 6);
    expect(tiff.levels.map(({ width, height }) => [width, height])).toEqual([
      [1300, 900],
      [650, 450],
      [325, 225],
    ]);
    const { rgb } = await tiff.read({ x: 740, y: 580, width: 1, height: 1 });
    expect([...rgb]).toEqual([...colours[map.values[580 * 1300 + 740]!]!]);
  });

  test("rows that are not whole are refused, and no finished file is left", async () => {
    const rows = await writeRows(place("cut"), map, 7);
    const bytes = await readFile(place("cut"));
    await writeFile(place("cut"), bytes.subarray(0, bytes.length - 10));
    const error: unknown = await write(map, { rows }).catch((reason: unknown) => reason);
    expect(isWsssError(error, "WSSS_ERR_IO")).toBe(true);
    const full: unknown = await write(map, { tiff: "/dev/full" }).catch((reason: unknown) => reason);
    expect(full).toMatchObject({ code: "WSSS_ERR_IO", message: expect.stringContaining("No space left") as unknown });
  });

  (python === null ? test.skip : test)(
    "and GeoJSON are valid to tifffile and Shapely, areas and pixels agree",
    async () => {
      const noise = mapOf(90, 70, () => random(4));
      for (const one of [noise, mapOf(1300, 900, (x, y) => (Math.hypot(x - 600, y - 400) % 90 < 40 ? x % 3 : 3))]) {
        await write(one);
        const read = await readMap(python!, place("map.geojson"), place("map.ome.tif"));
        expect(read.invalid).toEqual([]);
        expect(read.overlap).toBeCloseTo(0, 6);
        const tissue = one.values.filter((value) => value !== background).length;
        expect(read.areas.reduce((sum, area) => sum + area, 0)).toBe(tissue);
        expect(Buffer.compare(Uint8Array.from(read.values), one.values)).toBe(0);
        expect(read).toMatchObject({ ome: true, big: true });
        expect(read.umPerPixel[0]).toBeCloseTo(0.5, 6);
        expect(read.levels[0]).toEqual([one.height, one.width]);
      }
    },
  );
});
