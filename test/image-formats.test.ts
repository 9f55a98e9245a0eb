// Patches in PNG, JPEG, TIFF and WebP of many kinds: decoded exactly, or refused with a way out.
import { writeFile } from "node:fs/promises";
import path from "node:path";

import { describe, expect, test } from "@jest/globals";
import sharp, { type Sharp } from "sharp";

import { openDatasetWith } from "../dist/dataset/open-dataset.js";
import { decodePatch } from "../dist/image/decode-patch.js";
import {
  animatedPng,
  datasetFolder,
  fakeStores,
  indexPattern,
  maskPng,
  patchPng,
  pixels,
  pngChunk,
  smallDataset,
  twoClasses,
  withChunks,
  writeTree,
} from "./support/dataset-folder.js";
import { rawTiff } from "./support/tiff.js";

const [height, width] = [40, 36];
const rgb = pixels(height, width, 3);
const raw = { height, width, channels: 3 } as const;
const image = (): Sharp => sharp(rgb, { raw });

/** Smooth colours, which lossy formats hardly change. */
const smooth = Buffer.from(
  Uint8Array.from({ length: height * width * 3 }, (_, at) => 90 + Math.floor(at / 3 / width) + 30 * (at % 3)),
);

/** One 16-bit value for each 8-bit one. */
const deep = (): Sharp =>
  sharp(
    Uint16Array.from(rgb, (value) => value * 257),
    { raw },
  ).toColourspace("rgb16");

async function decode(bytes: Uint8Array, name: string) {
  const file = path.join(await datasetFolder(), name);
  await writeFile(file, bytes);
  return await decodePatch(file);
}

describe("lossless files decode to exactly the stored pixels, whatever profile they carry", () => {
  test.each<readonly [string, string, () => Sharp]>([
    ["PNG", "p.png", () => image().png()],
    ["interlaced PNG", "p.png", () => image().png({ progressive: true })],
    ["TIFF without compression", "p.tif", () => image().tiff({ compression: "none" })],
    ["TIFF, LZW with predictor", "p.tiff", () => image().tiff({ compression: "lzw", predictor: "horizontal" })],
    ["TIFF, deflate, in tiles", "p.tif", () => image().tiff({ compression: "deflate", tile: true })],
    ["BigTIFF", "p.tif", () => image().tiff({ compression: "lzw", bigtiff: true })],
    ["WebP", "p.webp", () => image().webp({ lossless: true })],
    ["opaque RGBA WebP", "p.webp", () => image().ensureAlpha(1).webp({ lossless: true })],
    ["opaque RGBA PNG", "p.png", () => image().ensureAlpha(1).png()],
    ["an ending in capitals", "P.TIF", () => image().tiff({ compression: "lzw" })],
    ["an ending that is not the format", "p.jpg", () => image().png()],
  ])("%s", async (_, name, make) => {
    const patch = await decode(await make().toBuffer(), name);
    expect([patch.height, patch.width]).toEqual([height, width]);
    expect(patch.data.equals(rgb)).toBe(true);
  });

  test.each<readonly [string, (picture: Sharp) => Sharp]>([
    ["p.png", (picture) => picture.png()],
    ["p.tif", (picture) => picture.tiff({ compression: "lzw" })],
    ["p.webp", (picture) => picture.webp({ lossless: true })],
    ["p.jpg", (picture) => picture.jpeg({ quality: 100, chromaSubsampling: "4:4:4" })],
  ])("colour profile in %s: pixels as stored, though a colour-managed reader sees others", async (name, encode) => {
    const bytes = await encode(image().withIccProfile("p3")).toBuffer();
    expect((await sharp(bytes).metadata()).icc).toBeDefined();
    const stored = await sharp(bytes, { ignoreIcc: true }).raw().toBuffer();
    expect((await decode(bytes, name)).data.equals(stored)).toBe(true);
    expect((await sharp(bytes).raw().toBuffer()).equals(stored)).toBe(false);
  });
});

describe("lossy patches are fine", () => {
  test.each<readonly [string, (picture: Sharp) => Sharp]>([
    ["baseline.jpg", (picture) => picture.jpeg({ quality: 95 })],
    ["progressive.jpeg", (picture) => picture.jpeg({ quality: 95, progressive: true })],
    ["full-chroma.jpg", (picture) => picture.jpeg({ quality: 95, chromaSubsampling: "4:4:4" })],
    ["lossy.webp", (picture) => picture.webp({ quality: 95 })],
    ["jpeg-inside.tif", (picture) => picture.tiff({ compression: "jpeg", quality: 95 })],
  ])("%s", async (name, encode) => {
    const { data } = await decode(await encode(sharp(smooth, { raw })).toBuffer(), name);
    expect(data.length).toBe(smooth.length);
    expect(Math.max(...data.map((value, at) => Math.abs(value - smooth[at]!)))).toBeLessThan(8);
  });
});

describe("what would need a decision is refused, with the way out", () => {
  const turned = (picture: Sharp): Sharp => picture.withMetadata({ orientation: 6 });
  const pages = async (): Promise<Sharp> =>
    sharp([await patchPng(height, width, 1), await patchPng(height, width, 2)], { join: { animated: true } });
  const grey = (): Sharp => image().toColourspace("b-w");
  const clear = (): Sharp => image().ensureAlpha(0.5);
  const rotation = /carries the rotation tag 6, .*rotate the pixels and drop the tag, so that patch and mask agree/;
  test.each<readonly [string, string, () => Sharp | Promise<Sharp>, RegExp]>([
    ["EXIF rotation in a JPEG", "p.jpg", () => turned(image()).jpeg(), rotation],
    ["EXIF rotation in a TIFF", "p.tif", () => turned(image()).tiff(), rotation],
    ["EXIF rotation in a WebP", "p.webp", () => turned(image()).webp(), rotation],
    ["EXIF rotation in a PNG", "p.png", () => turned(image()).png(), rotation],
    ["16-bit PNG", "p.png", () => deep().png(), /has 16 bits a channel; convert it to RGB, 8 bits a channel/],
    ["16-bit TIFF", "p.tif", () => deep().tiff({ compression: "lzw" }), /has 16 bits a channel/],
    ["CMYK JPEG", "p.jpg", () => image().toColourspace("cmyk").jpeg(), /is in CMYK colours; convert it to RGB/],
    ["CMYK TIFF", "p.tif", () => image().toColourspace("cmyk").tiff(), /is in CMYK colours/],
    [
      "Lab TIFF",
      "p.tif",
      () => image().toColourspace("lab").tiff({ compression: "lzw" }),
      /p\.tif (has .* a channel|.*colour space lab)/,
    ],
    ["grey TIFF", "p.tif", () => grey().tiff(), /is a grey picture; stained tissue is RGB/],
    ["grey PNG", "p.png", () => grey().png(), /is a grey picture/],
    ["grey JPEG", "p.jpg", () => grey().jpeg(), /is a grey picture/],
    ["TIFF of two pages", "p.tif", async () => (await pages()).tiff(), /holds 2 pages; save the page that is meant/],
    ["WebP of two frames", "p.webp", async () => (await pages()).webp(), /holds 2 pages/],
    [
      "TIFF pyramid",
      "p.tif",
      () =>
        sharp(Buffer.alloc(1024 * 1024 * 3), { raw: { height: 1024, width: 1024, channels: 3 } }).tiff({
          pyramid: true,
          tile: true,
        }),
      /holds \d pages/,
    ],
    ["transparent WebP", "p.webp", () => clear().webp(), /has pixels that are not opaque/],
    ["transparent TIFF", "p.tif", () => clear().tiff({ compression: "lzw" }), /has pixels that are not opaque/],
    ["AVIF", "p.webp", () => image().avif({ effort: 0 }), /is a heif file; patches are PNG, JPEG, TIFF or WebP/],
  ])("%s", async (_, name, make, pattern) => {
    const bytes = await (await make()).toBuffer();
    await expect(decode(bytes, name)).rejects.toMatchObject({
      code: "WSSS_ERR_DATASET",
      message: expect.stringMatching(pattern),
    });
  });
});

describe("PNG files that other programs have changed", () => {
  test("a comment or profile with nonsense or a wrong checksum changes nothing", async () => {
    const plain = await image().png().toBuffer();
    for (const broken of [false, true]) {
      for (const [type, content] of [
        ["tEXt", "Software\0an editor"],
        ["iCCP", "a profile\0\0no zlib stream"],
        ["gAMA", "x"],
      ] as const) {
        const bytes = withChunks(plain, pngChunk(type, Buffer.from(content), broken));
        expect((await decode(bytes, "p.png")).data.equals(rgb)).toBe(true);
      }
    }
  });

  test("animated PNG is refused; one of a single frame is a picture", async () => {
    const plain = await image().png().toBuffer();
    await expect(decode(animatedPng(plain), "p.png")).rejects.toMatchObject({
      code: "WSSS_ERR_DATASET",
      message: expect.stringMatching(
        /p\.png is an animated PNG of 2 frames; save the frame that is meant as a file of its/,
      ),
      details: { failure: "pages" },
    });
    await expect(decode(animatedPng(plain, { frames: 4 }), "p.png")).rejects.toThrow("PNG of 4 frames");
    expect((await decode(animatedPng(plain, { frames: 1 }), "p.png")).data.equals(rgb)).toBe(true);
  });
});

describe("TIFF files that are not decoded say how they are stored, and how to save them", () => {
  const wayOut = "save it as TIFF with LZW or deflate compression, or as PNG, in RGB with 8 bits a channel";
  const orders = [false, true].flatMap((bigEndian) => [false, true].map((big) => ({ bigEndian, big })));
  const form = { height, width, strip: rgb } as const;

  test("the file that the cases differ from is sound in both orders of bytes, as TIFF and BigTIFF", async () => {
    for (const order of orders)
      expect((await decode(rawTiff({ ...form, ...order }), "p.tif")).data.equals(rgb)).toBe(true);
  });

  test.each([
    [34712, "JPEG 2000 (scheme 34712)"],
    [33003, "JPEG 2000 (scheme 33003)"],
    [33005, "JPEG 2000 (scheme 33005)"],
    [50000, "ZSTD (scheme 50000)"],
    [34926, "ZSTD (scheme 34926)"],
    [34887, "LERC (scheme 34887)"],
    [50002, "JPEG XL (scheme 50002)"],
    [52546, "JPEG XL (scheme 52546)"],
    [34925, "LZMA (scheme 34925)"],
    [22610, "JPEG XR (scheme 22610)"],
    [64321, "scheme 64321"],
  ])("compression %d", async (compression, scheme) => {
    for (const order of orders) {
      const bytes = rawTiff({ ...form, ...order, compression });
      await expect(decode(bytes, "p.tif")).rejects.toMatchObject({
        code: "WSSS_ERR_DATASET",
        message: expect.stringContaining(
          `p.tif is a TIFF file compressed by ${scheme}, which is not decoded here; ${wayOut}`,
        ),
        details: { failure: "encoding", advice: wayOut },
      });
    }
  });

  test.each([
    [8, "CIE Lab colours"],
    [9, "ICC Lab colours"],
    [32845, "LogLuv colours"],
  ])("photometric interpretation %d", async (photometric, colours) => {
    for (const order of orders) {
      const outcome = decode(rawTiff({ ...form, ...order, photometric }), "p.tif");
      await expect(outcome).rejects.toMatchObject({
        message: expect.stringContaining(`p.tif is a TIFF file in ${colours}, which are not decoded here; ${wayOut}`),
        details: { failure: "encoding" },
      });
    }
  });

  test("bits that are no bytes", async () => {
    const bytes = rawTiff({ ...form, bits: 12 });
    await expect(decode(bytes, "p.tif")).rejects.toThrow(/TIFF file with 12 bits a channel, which is not decoded here/);
  });

  test.each<readonly [string, () => Promise<Buffer>]>([
    [
      "LZW, cut off in its pixels",
      async () => (await image().tiff({ compression: "lzw" }).toBuffer()).subarray(0, 400),
    ],
    [
      "deflate, with wrong bytes in its pixels",
      async () => {
        const bytes = await image().tiff({ compression: "deflate" }).toBuffer();
        return bytes.fill(0xa5, 20, 400);
      },
    ],
    ["ZSTD, cut off in its pixels", async () => rawTiff({ ...form, compression: 50000 }).subarray(0, 900)],
    ["ZSTD, whose pixels end behind the file", async () => rawTiff({ ...form, compression: 50000, claimedBytes: 1e6 })],
    [
      "BigTIFF, cut off in its directory",
      async () => rawTiff({ ...form, compression: 50000, big: true }).subarray(0, 90),
    ],
    ["nothing but the first bytes", async () => Buffer.from("II*\0\x08\0\0\0", "latin1")],
    [
      "a directory that lies nowhere",
      async () => Buffer.from("MM\0+\0\x08\0\0\xff\xff\xff\xff\xff\xff\xff\xff", "latin1"),
    ],
  ])("but damage is damage: %s", async (_, make) => {
    await expect(decode(await make(), "p.tif")).rejects.toMatchObject({
      message: expect.stringMatching(
        /p\.tif is cut off or damaged \(.*\); copy it again from its source, or remove it/,
      ),
      details: { failure: "damaged" },
    });
  });
});

describe("in a dataset", () => {
  test("one split may hold all formats side by side", async () => {
    const folder = await datasetFolder();
    await writeTree(folder, {
      "train/a[1 0].png": await image().png().toBuffer(),
      "train/b[0 1].TIFF": await image().tiff({ compression: "lzw" }).toBuffer(),
      "train/c[1 1].webp": await image().webp({ lossless: true }).toBuffer(),
      "train/d[1 1].jpeg": await image().jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer(),
    });
    const { train } = await openDatasetWith(async () => fakeStores, folder, { description: twoClasses });
    const { patches, count } = await train.load();
    expect(count).toBe(4);
    for (const index of [0, 1, 2]) expect(Buffer.from(patches.patch(index)).equals(rgb)).toBe(true);
  });

  test("a mask as .jpg is named as the reason, and so is a JPEG that calls itself .png", async () => {
    const folder = await smallDataset();
    const jpeg = await image().jpeg().toBuffer();
    await writeFile(path.join(folder, "val/mask/y.png"), jpeg);
    const { val } = await openDatasetWith(async () => fakeStores, folder);
    await expect(val.load()).rejects.toThrow(
      /y\.png is not a PNG file; masks are palette PNG files; lossy formats change/,
    );
    const other = await datasetFolder();
    await writeTree(other, {
      "wsss-dataset.json": JSON.stringify(twoClasses),
      "train/a[1 1].png": await patchPng(height, width, 1),
      "val/img/x.png": await patchPng(height, width, 2),
      "val/img/y.png": await patchPng(height, width, 2),
      "val/mask/x.png": maskPng(indexPattern(height, width, 3), height, width),
      "val/mask/y.jpg": jpeg,
    });
    await expect(openDatasetWith(async () => fakeStores, other)).rejects.toThrow(
      /y\.png: no mask y\.png, but y\.jpg: masks are index PNGs, as lossy formats change classes/,
    );
  });
});
