// Whole slides: opened by OpenSlide or libvips, read at any scale, their tissue found; bad files end in typed errors.
import { createHash } from "node:crypto";
import { copyFile, readFile, rm, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import sharp, { type Sharp } from "sharp";
import { isWsssError, openSlide, type RgbPixels, type Slide } from "../dist/index.js";
import { command, lastJson } from "./support/command-line.js";
import {
  drawn,
  hasOpenSlide,
  hasRealSlides,
  type Pixels,
  realSlides,
  slideFolder,
  texture,
  writePyramid,
} from "./support/slides.js";

const openSlideIsThere = await hasOpenSlide();
const withOpenSlide = openSlideIsThere ? describe : describe.skip;
if (!hasRealSlides) console.warn(`SKIPPED: real slides, since there are none at ${realSlides}`);
const withRealSlides = openSlideIsThere && hasRealSlides ? describe : describe.skip;

const folder = await slideFolder();
afterAll(async () => await rm(folder, { recursive: true, force: true }));
const place = (name: string): string => path.join(folder, name);
const picture = texture(700, 450);

test("a scale for slides that do not say it leaves the others theirs", async () => {
  const { rgb, width, height } = picture;
  await sharp(rgb, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(place("silent.png"));
  await using silent = await openSlide(place("silent.png"), { defaultMicronsPerPixel: 0.7 });
  expect([silent.mpp, silent.mppSource]).toEqual([{ x: 0.7, y: 0.7 }, "given"]);
  if (!openSlideIsThere) return;
  await writePyramid(place("says.tif"), picture);
  await using says = await openSlide(place("says.tif"), { defaultMicronsPerPixel: 0.7 });
  expect([says.mpp?.x.toFixed(3), says.mppSource]).toEqual(["0.250", "resolution"]);
  await using told = await openSlide(place("says.tif"), { micronsPerPixel: 0.7 });
  expect(told.mpp?.x).toBe(0.7);
});

const failureOf = async (work: Promise<unknown>): Promise<{ code: string; message: string; details: object }> => {
  try {
    await work;
  } catch (error) {
    if (isWsssError(error)) return error;
    throw error;
  }
  throw new Error("it was not refused");
};

/** What a region should hold: Catmull-Rom over all its source pixels at once, in float64; white beyond the picture. */
function expectedRegion(
  source: Pixels,
  x: number,
  y: number,
  factor: number,
  width: number,
  height: number,
): Uint8Array {
  const cubic = (distance: number): number => {
    const d = Math.abs(distance);
    if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
    return d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
  };
  const stretch = Math.max(factor, 1);
  const taps = (start: number, at: number): [number, number][] => {
    const centre = start + (at + 0.5) * factor;
    const found: [number, number][] = [];
    for (let k = Math.floor(centre - 2 * stretch); k <= centre + 2 * stretch; k++) {
      const weight = cubic((k + 0.5 - centre) / stretch);
      if (weight !== 0) found.push([k, weight]);
    }
    const sum = found.reduce((total, [, weight]) => total + weight, 0);
    return found.map(([k, weight]) => [k, weight / sum]);
  };
  const result = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      for (let c = 0; c < 3; c++) {
        let value = 0;
        for (const [sy, wy] of taps(y, row)) {
          for (const [sx, wx] of taps(x, column)) {
            const isInside = sx >= 0 && sy >= 0 && sx < source.width && sy < source.height;
            value += wx * wy * (isInside ? source.rgb[(sy * source.width + sx) * 3 + c]! : 255);
          }
        }
        result[(row * width + column) * 3 + c] = Math.max(0, Math.min(255, Math.floor(value + 0.5)));
      }
    }
  }
  return result;
}

const largestDifference = (a: Uint8Array, b: Uint8Array): number => {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
};

const sha256 = ({ rgb }: RgbPixels): string => createHash("sha256").update(rgb).digest("hex");

withOpenSlide("a pyramid", () => {
  const file = place("a pyramid.tif");
  const opened = async (options = {}): Promise<Slide> => {
    await writePyramid(file, picture);
    return await openSlide(file, options);
  };

  test("says what it is", async () => {
    await using slide = await opened();
    expect(slide).toMatchObject({
      vendor: "generic-tiff",
      width: 700,
      height: 450,
      mppSource: "resolution",
      bounds: null,
    });
    expect(slide.mpp!.x).toBeCloseTo(0.25, 3);
    expect(slide.levels.map(({ width, height, usable }) => [width, height, usable])).toEqual([
      [700, 450, true],
      [350, 225, true],
      [175, 112, true],
      [87, 56, true],
    ]);
  });

  test("gives the pixels of its finest level as they are stored, and white beyond", async () => {
    await using slide = await opened();
    const { rgb, width, height } = await slide.read({ x: 650, y: 400, width: 100, height: 100 });
    expect([width, height]).toEqual([100, 100]);
    for (let y = 0; y < 100; y++) {
      for (let x = 0; x < 100; x++) {
        const at = (y * 100 + x) * 3;
        const isInside = x < 50 && y < 50;
        const from = ((400 + y) * 700 + 650 + x) * 3;
        const wanted = isInside ? [...picture.rgb.subarray(from, from + 3)] : [255, 255, 255];
        if (String([...rgb.subarray(at, at + 3)]) !== String(wanted)) throw new Error(`another colour at ${x}, ${y}`);
      }
    }
  });

  test.each([
    [0.25, 100.5, 60.25],
    [0.31, 3.7, 5.1],
    [0.44, 200, 100],
    [0.2, 10.3, 20.9],
    [0.3, -6.5, 430.2],
  ])("at %f um a pixel is what a filter in float64 makes of it", async (micronsPerPixel, x, y) => {
    await using slide = await opened({ micronsPerPixel: 0.25 });
    const region = await slide.read({ x, y, width: 41, height: 33, micronsPerPixel });
    const wanted = expectedRegion(picture, x, y, micronsPerPixel / 0.25, 41, 33);
    expect(largestDifference(region.rgb, wanted)).toBeLessThanOrEqual(1);
  });

  test("is read from the level above the scale, not from the finest", async () => {
    await using slide = await opened({ micronsPerPixel: 0.25 });
    const half = await sharp(file, { page: 1 }).raw().toBuffer();
    const region = await slide.read({ x: 40, y: 20, width: 60, height: 50, micronsPerPixel: 0.5 });
    const level = { rgb: new Uint8Array(half), width: 350, height: 225 };
    expect(largestDifference(region.rgb, expectedRegion(level, 20, 10, 1, 60, 50))).toBe(0);
    const between = await slide.read({ x: 40.5, y: 20, width: 60, height: 50, micronsPerPixel: 0.7 });
    // OpenSlide takes whole positions of the finest level, so that the fraction of a reduced one is interpolated twice.
    expect(largestDifference(between.rgb, expectedRegion(level, 20.25, 10, 1.4, 60, 50))).toBeLessThanOrEqual(2);
  });

  test("is the same in one piece and in many", async () => {
    await using slide = await opened({ micronsPerPixel: 0.25 });
    const whole = await slide.read({ x: 0, y: 0, width: 400, height: 250, micronsPerPixel: 0.4 });
    for (const [left, top] of [
      [0, 0],
      [128, 64],
      [333, 201],
    ] as const) {
      const part = await slide.read({ x: left * 1.6, y: top * 1.6, width: 40, height: 30, micronsPerPixel: 0.4 });
      const cut = drawn(
        40,
        30,
        (x, y) =>
          whole.rgb.subarray(
            ((top + y) * 400 + left + x) * 3,
            ((top + y) * 400 + left + x) * 3 + 3,
          ) as unknown as number[],
      );
      expect(largestDifference(part.rgb, cut.rgb)).toBeLessThanOrEqual(1);
    }
  });

  test("far coarser than any level is the mean of its pixels", async () => {
    await using slide = await opened({ micronsPerPixel: 0.25 });
    const { rgb } = await slide.read({ x: 0, y: 0, width: 1, height: 1, micronsPerPixel: 0.25 * 8 * 80 });
    const whole = await slide.read({ x: 0, y: 0, width: 640, height: 640 });
    for (let c = 0; c < 3; c++) {
      const values = whole.rgb.filter((_, i) => i % 3 === c);
      // The filter reaches beyond the pixel on all sides, where it is white.
      expect(Math.abs(rgb[c]! - values.reduce((sum, value) => sum + value, 0) / values.length)).toBeLessThan(8);
    }
  });

  test("a damaged tile is an error with its position, or background that is counted", async () => {
    await writePyramid(file, picture);
    const bytes = await readFile(file);
    const damaged = place("damaged.tif");
    // The first tile's stream begins with zlib's header; what comes after is overwritten.
    const start =
      bytes.indexOf(Buffer.from([0x78, 0x9c])) > 0 ? bytes.indexOf(Buffer.from([0x78, 0x9c])) : bytes.indexOf(0x78);
    bytes.fill(0xff, start + 2, start + 2000);
    await writeFile(damaged, bytes);
    await using strict = await openSlide(damaged);
    const error = await failureOf(strict.read({ x: 0, y: 0, width: 200, height: 200 }));
    expect(error).toMatchObject({ code: "WSSS_ERR_DATASET", details: { failure: "damaged", x: 0, y: 0 } });
    expect(error.message).toMatch(/damaged\.tif.* px at \(0, 0\) of level 0/);
    // The handle is made anew: what is whole can still be read.
    const whole = await strict.read({ x: 300, y: 200, width: 50, height: 50 });
    await using lenient = await openSlide(damaged, { damaged: "background" });
    const region = await lenient.read({ x: 0, y: 0, width: 200, height: 200 });
    expect(lenient.damagedRegions).toBeGreaterThan(0);
    expect([...region.rgb.subarray(0, 3)]).toEqual([255, 255, 255]);
    const beside = (150 * 200 + 150) * 3;
    expect([...region.rgb.subarray(beside, beside + 3)]).toEqual([
      ...picture.rgb.subarray((150 * 700 + 150) * 3, (150 * 700 + 150) * 3 + 3),
    ]);
    expect(sha256(whole)).toBe(sha256(await lenient.read({ x: 300, y: 200, width: 50, height: 50 })));
  });

  test("a slide that loses its pixels while it is read ends in an error, not in a crash", async () => {
    await using slide = await opened();
    await truncate(file, 200);
    const error = await failureOf(slide.read({ x: 0, y: 0, width: 700, height: 450 }));
    expect(["WSSS_ERR_DATASET", "WSSS_ERR_IO"]).toContain(error.code);
    await rm(file);
    await expect(slide.read({ x: 0, y: 0, width: 700, height: 450 })).rejects.toMatchObject({
      code: "WSSS_ERR_IO",
      message: expect.stringContaining("can no longer be read") as unknown,
    });
  });

  test("calls at once are worked off; closing stops them, and what comes later is refused", async () => {
    const slide = await opened();
    const regions = await Promise.all(
      [0, 1, 2].map(async (i) => await slide.read({ x: i, y: 0, width: 64, height: 64 })),
    );
    expect(new Set(regions.map(sha256)).size).toBe(3);
    const signal = AbortSignal.abort();
    await expect(slide.read({ x: 0, y: 0, width: 64, height: 64, signal })).rejects.toMatchObject({
      code: "WSSS_ERR_CANCELLED",
    });
    const last = slide.read({ x: 0, y: 0, width: 640, height: 440, micronsPerPixel: 0.1 });
    const closed = slide.close();
    await last.catch((error: unknown) => expect(error).toMatchObject({ code: "WSSS_ERR_CANCELLED" }));
    await closed;
    await slide.close();
    await expect(slide.read({ x: 0, y: 0, width: 64, height: 64 })).rejects.toMatchObject({
      code: "WSSS_ERR_DISPOSED",
    });
  });
});

describe("what OpenSlide does not know is read by libvips", () => {
  test.each([
    ["a picture.png", async (file: string) => await image().png().toFile(file)],
    ["strips.tif", async (file: string) => await image().tiff({ compression: "none" }).toFile(file)],
    ["lzw strips.tif", async (file: string) => await image().tiff({ compression: "lzw" }).toFile(file)],
  ])("%s", async (name, write) => {
    if (name.endsWith(".tif") && !openSlideIsThere) return;
    await write(place(name));
    await using slide = await openSlide(place(name));
    const { rgb } = await slide.read({ x: 0, y: 0, width: 700, height: 450 });
    expect(largestDifference(rgb, picture.rgb)).toBe(0);
    const part = await slide.read({ x: -10, y: 440, width: 30, height: 30 });
    expect([...part.rgb.subarray(0, 3)]).toEqual([255, 255, 255]);
    expect([...part.rgb.subarray(30, 33)]).toEqual([...picture.rgb.subarray(440 * 700 * 3, 440 * 700 * 3 + 3)]);
  });

  test("transparent pixels are laid over white", async () => {
    const rgba = Buffer.from(
      new Uint8Array(40 * 40 * 4).map((_, i) => (i % 4 === 3 ? [0, 128, 255][(i >> 2) % 3]! : 100)),
    );
    await sharp(rgba, { raw: { width: 40, height: 40, channels: 4 } })
      .png()
      .toFile(place("alpha.png"));
    await using slide = await openSlide(place("alpha.png"));
    const { rgb } = await slide.read({ x: 0, y: 0, width: 3, height: 1 });
    expect([rgb[0], rgb[3], rgb[6]]).toEqual([255, 177, 100]);
  });

  test("a folder's name may hold brackets, which libvips would read as options", async () => {
    await image().png().toFile(place("slide[1 0].png"));
    await using slide = await openSlide(place("slide[1 0].png"));
    expect([slide.width, slide.height]).toEqual([700, 450]);
  });

  const image = (): Sharp => sharp(picture.rgb, { raw: { width: 700, height: 450, channels: 3 } });
});

describe("what is no slide", () => {
  const refused = async (
    name: string,
    bytes: Buffer | string,
  ): Promise<{ code: string; message: string; details: object }> => {
    await writeFile(place(name), bytes);
    return await failureOf(openSlide(place(name)));
  };
  const tiff = async (): Promise<Buffer> =>
    await sharp(picture.rgb, { raw: { width: 700, height: 450, channels: 3 } })
      .tiff({ compression: "none" })
      .toBuffer();
  const png = async (): Promise<Buffer> =>
    await sharp(picture.rgb, { raw: { width: 700, height: 450, channels: 3 } })
      .png()
      .toBuffer();

  test("a folder, and no file at all", async () => {
    expect(await failureOf(openSlide(folder))).toMatchObject({
      code: "WSSS_ERR_DATASET",
      details: { failure: "folder" },
    });
    expect(await failureOf(openSlide(place("nothing.svs")))).toMatchObject({ code: "WSSS_ERR_IO" });
    expect(await failureOf(openSlide(""))).toMatchObject({ code: "WSSS_ERR_OPTION" });
  });

  test("a grey picture, one of 16 bits, CMYK: refused by name", async () => {
    const raw = { raw: { width: 700, height: 450, channels: 3 } } as const;
    expect(
      await refused("grey.png", await sharp(picture.rgb, raw).toColourspace("b-w").png().toBuffer()),
    ).toMatchObject({
      details: { failure: "grey" },
    });
    expect(
      await refused("deep.png", await sharp(picture.rgb, raw).toColourspace("rgb16").png().toBuffer()),
    ).toMatchObject({ code: "WSSS_ERR_DATASET" });
    expect(
      await refused("print.jpg", await sharp(picture.rgb, raw).toColourspace("cmyk").jpeg().toBuffer()),
    ).toMatchObject({ details: { failure: "channels" } });
  });

  test("a picture that ends early: refused when it is opened or where it ends", async () => {
    const bytes = await png();
    await writeFile(place("half.png"), bytes.subarray(0, bytes.length / 2));
    const whole = async (): Promise<void> => {
      await using slide = await openSlide(place("half.png"));
      await slide.read({ x: 0, y: 0, width: 700, height: 450 });
    };
    expect(await failureOf(whole())).toMatchObject({ code: "WSSS_ERR_DATASET" });
  });

  withOpenSlide("by OpenSlide neither", () => {
    test("nothing, text, a renamed file, half a TIFF", async () => {
      expect(await refused("empty.svs", "")).toMatchObject({ code: "WSSS_ERR_DATASET", details: { failure: "empty" } });
      expect(await refused("notes.svs", "no slide at all")).toMatchObject({ details: { failure: "not-a-slide" } });
      expect((await refused("zip.ndpi", Buffer.from("PK\u0003\u0004 and so on"))).code).toBe("WSSS_ERR_DATASET");
      const bytes = await tiff();
      await writeFile(place("half.tif"), bytes.subarray(0, bytes.length / 2));
      const whole = async (): Promise<void> => {
        await using slide = await openSlide(place("half.tif"));
        await slide.read({ x: 0, y: 0, width: 700, height: 450 });
      };
      expect(await failureOf(whole())).toMatchObject({ code: "WSSS_ERR_DATASET" });
    });
  });
});

describe("options", () => {
  test.each([
    [{ micronsPerPixel: 0.01 }, "micronsPerPixel must be at least 0.05"],
    [{ micronsPerPixel: 352.8 }, "at most 20"],
    [{ damaged: "ignore" }, "damaged"],
    [{ mpp: 0.5 }, "unknown option mpp"],
  ])("openSlide refuses %j", async (options, words) => {
    const error = await failureOf(openSlide("slide.svs", options as never));
    expect(error).toMatchObject({ code: "WSSS_ERR_OPTION" });
    expect(error.message).toContain(words);
  });

  test("a region has bounds, and a scale needs the size of pixels", async () => {
    await sharp(picture.rgb, { raw: { width: 700, height: 450, channels: 3 } })
      .png()
      .toFile(place("no mpp.png"));
    await using slide = await openSlide(place("no mpp.png"));
    expect([slide.mpp, slide.mppSource]).toEqual([null, null]);
    const at = { x: 0, y: 0, width: 32, height: 32 };
    expect(await failureOf(slide.read({ ...at, micronsPerPixel: 0.5 }))).toMatchObject({
      code: "WSSS_ERR_DATASET",
      details: { failure: "mpp" },
      message: expect.stringMatching(/no mpp\.png .*--slide-mpp/) as unknown,
    });
    expect(await failureOf(slide.read({ ...at, width: 0 }))).toMatchObject({ code: "WSSS_ERR_OPTION" });
    expect(await failureOf(slide.read({ ...at, x: Number.NaN }))).toMatchObject({ code: "WSSS_ERR_OPTION" });
    expect(await failureOf(slide.read({ ...at, width: 2 ** 20, height: 2 ** 20 }))).toMatchObject({
      code: "WSSS_ERR_OPTION",
    });
    await using told = await openSlide(place("no mpp.png"), { micronsPerPixel: 0.5 });
    expect([told.mpp, told.mppSource]).toEqual([{ x: 0.5, y: 0.5 }, "given"]);
  });
});

describe("tissue", () => {
  const glass = [244, 243, 245];
  const inside = (x: number, y: number, cx: number, cy: number, rx: number, ry: number): boolean =>
    ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1;
  /** 4 mm by 3 mm at 4 um a pixel. */
  const scene = drawn(1000, 750, (x, y) => {
    if (inside(x, y, 300, 300, 30, 30)) return glass; // a large hole
    if (inside(x, y, 360, 250, 3, 3)) return glass; // a lumen
    if (inside(x, y, 300, 300, 200, 150)) return (x + y) % 3 === 0 ? [150, 90, 170] : [225, 160, 200];
    if (inside(x, y, 750, 550, 120, 90)) return [214, 196, 214]; // pale
    if (inside(x, y, 800, 100, 6, 6)) return [170, 100, 160]; // a crumb
    if (x > 560 && x < 900 && y > 180 && y < 200) return [40, 160, 90]; // green pen
    if (x > 560 && x < 900 && y > 220 && y < 240) return [60, 110, 220]; // blue pen
    if (x > 560 && x < 900 && y > 260 && y < 280) return [30, 30, 34]; // black pen
    if (inside(x, y, 100, 650, 60, 40)) return [190, 190, 190]; // grey dirt
    return glass;
  });
  const ellipse = (rx: number, ry: number): number => Math.PI * rx * ry;

  test("is what has colour: no glass, pen, dirt or crumbs; holes stay and lumina are filled", async () => {
    const file = place("scene.png");
    await sharp(scene.rgb, { raw: { width: 1000, height: 750, channels: 3 } })
      .png()
      .toFile(file);
    await using slide = await openSlide(file, { micronsPerPixel: 4 });
    const tissue = await slide.findTissue({ picturePx: 500 });
    const wanted = (ellipse(200, 150) - ellipse(30, 30) + ellipse(120, 90)) * 16e-6;
    expect(tissue.areaMm2! / wanted).toBeGreaterThan(0.97);
    expect(tissue.areaMm2! / wanted).toBeLessThan(1.03);
    expect([tissue.width, tissue.height, tissue.downsampleX]).toEqual([500, 375, 2]);
    const at = (x: number, y: number): number => tissue.mask[Math.floor(y / 2) * tissue.width + Math.floor(x / 2)]!;
    expect([at(300, 200), at(750, 550), at(360, 250)]).toEqual([1, 1, 1]);
    expect([at(300, 300), at(800, 100), at(700, 190), at(700, 230), at(700, 270), at(100, 650), at(10, 10)]).toEqual(
      Array(7).fill(0),
    );
    expect(tissue.picture).toMatchObject({ width: 500, height: 375 });
    const blue = tissue.picture!.rgb.reduce(
      (sum, _, i, all) => sum + (i % 3 === 0 && all[i] === 0 && all[i + 2] === 220 ? 1 : 0),
      0,
    );
    expect(blue).toBeGreaterThan(500);
  });

  test("of a blank slide is none, of one without glass all", async () => {
    const blank = drawn(300, 200, (x) => glass.map((value) => value - (x % 3)));
    const full = drawn(300, 200, (x, y) => ((x * y) % 5 === 0 ? [140, 80, 160] : [220, 150, 190]));
    for (const [name, { rgb }, share] of [
      ["blank.png", blank, 0],
      ["full.png", full, 1],
    ] as const) {
      await sharp(rgb, { raw: { width: 300, height: 200, channels: 3 } })
        .png()
        .toFile(place(name));
      await using slide = await openSlide(place(name));
      expect(await slide.findTissue()).toMatchObject({ share, areaMm2: null, picture: null });
    }
  });
});

withRealSlides("real slides", () => {
  const more = path.join(realSlides, "more");
  const size = (width: number, height: number, mpp: number | null, vendor: string, levels: number): object => ({
    width,
    height,
    mpp: mpp === null ? null : { x: mpp, y: mpp },
    vendor,
    levelCount: levels,
  });
  const dicom = "dicom_cmu1_small_region/1.2.826.0.1.3680043.8.498.14511243798837833490213582855752423291.dcm";

  test.each([
    ["cmu-1-small-region.svs", size(2220, 2967, 0.499, "aperio", 1)],
    ["tcga-cr-7395-01a-01-ts1.svs", size(4443, 3567, null, "aperio", 2)],
    ["cmu-1-small-region_pyramid_jpeg.tif", size(2220, 2967, 0.499, "generic-tiff", 4)],
    ["small_tiled_deflate.tif", size(640, 600, 0.499, "generic-tiff", 2)],
    ["small_tiled_lzw.tif", size(640, 600, 0.499, "generic-tiff", 2)],
    ["small_strips_raw.tif", size(320, 320, null, "tiff", 1)],
    ["cmu-1-small-region_x700_y1100_512.png", size(512, 512, null, "png", 1)],
    ["more/boxes.tiff", size(300, 250, null, "generic-tiff", 4)],
    ["more/boxes_0.dcm", size(16, 16, 0.499, "dicom", 1)],
    ["more/highdicom_sm_image.dcm", size(50, 50, 0.499, "dicom", 1)],
    ["more/histolab_kidney-48-5.tif", size(1493, 901, null, "tiff", 1)],
    ["more/qupath_cells.ome.tif", size(93, 131, 0.25, "tiff", 1)],
    ["more/synthetic.ndpi", size(2048, 2048, 0.499, "hamamatsu", 6)],
    ["more/synthetic.scn", size(4096, 4096, 0.499, "leica", 2)],
    ["more/synthetic mirax.mrxs", size(2048, 2048, 0.499, "mirax", 3)],
    [`more/${dicom}`, size(2220, 2967, 0.499, "dicom", 5)],
  ])("%s opens", async (name, wanted) => {
    await using slide = await openSlide(path.join(realSlides, name));
    const { width, height, vendor } = slide;
    const mpp = slide.mpp && { x: Number(slide.mpp.x.toFixed(3)), y: Number(slide.mpp.y.toFixed(3)) };
    expect({ width, height, vendor, mpp, levelCount: slide.levels.length }).toEqual(wanted);
    const { rgb } = await slide.read({ x: 0, y: 0, width: 16, height: 16 });
    expect(rgb.length).toBe(768);
    await slide.findTissue();
  });

  test.each([
    ["unopenable.tiff", "unusable"],
    ["highdicom_sm_image_grayscale.dcm", "unusable"],
    ["highdicom_sm_image_jpegls.dcm", "unusable"],
    ["pathml_small_dicom.dcm", "unusable"],
    ["pathml_smalltif.tif", "grey"],
    ["viv_multi-channel.ome.tif", "grey"],
  ])("%s is refused", async (name, failure) => {
    const error = await failureOf(openSlide(path.join(more, name)));
    expect(error).toMatchObject({ code: "WSSS_ERR_DATASET", details: { failure } });
    expect(error.message).toContain(name);
    const ended = await command("slide", path.join(more, name));
    expect([ended.code, ended.stdout]).toEqual([3, ""]);
  });

  test("unreadable.svs opens and fails where it is read, with the position", async () => {
    await using slide = await openSlide(path.join(more, "unreadable.svs"));
    expect(await failureOf(slide.read({ x: 0, y: 0, width: 16, height: 16 }))).toMatchObject({
      details: { failure: "damaged", x: 0, y: 0, width: 16, height: 16 },
    });
  });

  test("their pixels are OpenSlide's, by SHA-256", async () => {
    const info = JSON.parse(await readFile(path.join(realSlides, "info.json"), "utf8")) as Record<
      string,
      { check_region: { x: number; y: number; w: number; h: number; sha256_rgb_openslide: string } }
    >;
    for (const [name, { check_region: region }] of Object.entries(info)) {
      await using slide = await openSlide(path.join(realSlides, `${name}.svs`));
      const found = await slide.read({ x: region.x, y: region.y, width: region.w, height: region.h });
      expect(sha256(found)).toBe(region.sha256_rgb_openslide);
    }
  });

  test("reduced levels in wrong colours, or that can't be read, are left alone", async () => {
    await using slide = await openSlide(path.join(more, dicom));
    expect(slide.levels.at(-1)!.usable).toBe(false);
    await using original = await openSlide(path.join(realSlides, "cmu-1-small-region.svs"));
    const [ours, theirs] = [await slide.findTissue(), await original.findTissue()];
    expect(Math.abs(ours.share - theirs.share)).toBeLessThan(0.005);
  });

  test("the scanned part of a slide is told, and a slide may lie in a folder with a space", async () => {
    await using slide = await openSlide(path.join(more, "synthetic.scn"));
    expect(slide.bounds).toEqual({ x: 500, y: 500, width: 2048, height: 2048 });
  });

  test("the command says it all, and draws the tissue", async () => {
    const file = path.join(realSlides, "cmu-1-small-region.svs");
    const png = place("tissue.png");
    const result = await command("slide", file, "--json", "--picture", png, "--picture-px", "600");
    expect(result).toMatchObject({ code: 0 });
    expect(lastJson(result)).toMatchObject({
      vendor: "aperio",
      width: 2220,
      height: 2967,
      levels: [{ width: 2220, height: 2967, downsample: 1, usable: true }],
      mpp: { x: 0.499, y: 0.499 },
      mppSource: "slide",
      tissue: { share: expect.closeTo(0.395, 2) as unknown, areaMm2: expect.closeTo(0.648, 2) as unknown },
    });
    expect(await sharp(png).metadata()).toMatchObject({ width: 449, height: 600, channels: 3 });
    const text = await command("slide", file);
    expect(text.stdout).toMatch(/2220 x 2967 px, aperio\n.*0\.499 x 0\.499 um.*\n.*\ntissue: 39\.\d %, 0\.\d\d mm2/);
    expect(text.stdout).not.toContain("CMU");
  });

  test("a slide under another name is known by its content", async () => {
    await copyFile(path.join(realSlides, "cmu-1-small-region.svs"), place("renamed.png"));
    await using slide = await openSlide(place("renamed.png"));
    expect(slide.vendor).toBe("aperio");
  });
});
