// Index masks as PNG: read in every form, refused when bad, written, large ones on a thread.
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";

import { describe, expect, test } from "@jest/globals";
import sharp from "sharp";

import { decodeIndexPng, encodeIndexPng, readIndexPng, writeIndexPng } from "../dist/image/index-png.js";
import { decodeMask, encodeMask } from "../dist/image/index-png-codec.js";
import { presets } from "../dist/dataset/presets.js";
import { paletteOf } from "../dist/dataset/tissue-class.js";
import {
  animatedPng,
  datasetFolder,
  goldenCase,
  indexPattern,
  mainThreadCost,
  maskPng,
  packRows,
  pixels,
  pngChunk,
  rawPng,
  withChunks,
} from "./support/dataset-folder.js";

const luad = paletteOf(presets["luad-histoseg"].classes, presets["luad-histoseg"].background);
const bcss = paletteOf(presets["bcss-wsss"].classes, presets["bcss-wsss"].background);
const flat = Uint8Array.from(luad.flat());

describe("reading", () => {
  test("golden case K2_palettes: indices of both files, and our palettes", async () => {
    const { folder, facts } = await goldenCase("K2_palettes");
    expect(facts["palettes"]).toEqual({ luad, bcss });
    for (const file of facts["files"] as string[]) {
      const mask = await readIndexPng(path.join(folder, file), { palette: file.includes("luad") ? luad : bcss });
      expect([mask.height, mask.width]).toEqual([5, 7]);
      expect(mask.indices).toEqual(indexPattern(5, 7, 5));
    }
  });

  test.each([1, 2, 4, 8])(
    "palette and grey PNG with %d bits an index, at widths that do and do not fill bytes",
    async (bitDepth) => {
      const classes = Math.min(5, 2 ** bitDepth);
      for (const width of [1, 7, 8, 13, 16]) {
        const indices = indexPattern(6, width, classes);
        const rows = packRows(indices, 6, width, bitDepth);
        for (const colourType of [0, 3]) {
          const size = { height: 6, width, bitDepth, colourType, rows };
          const bytes = rawPng(colourType === 3 ? { ...size, palette: flat.subarray(0, 3 * classes) } : size);
          const mask = await decodeIndexPng(bytes, "m.png", { palette: luad });
          expect(mask.indices).toEqual(indices);
          expect([...mask.counts].reduce((sum, count) => sum + count)).toBe(6 * width);
        }
      }
    },
  );

  test("filtered and 8-bit interlaced files, as other programs write them", async () => {
    const indices = indexPattern(21, 19, 5);
    const rgb = Buffer.from([...indices].flatMap((index) => luad[index]!));
    const image = sharp(rgb, { raw: { height: 21, width: 19, channels: 3 } });
    for (const progressive of [false, true]) {
      const bytes = await image.clone().png({ progressive, adaptiveFiltering: true }).toBuffer();
      expect((await decodeIndexPng(bytes, "m.png", { palette: luad })).indices).toEqual(indices);
    }
  });

  test("RGB and opaque RGBA in the dataset's colours", async () => {
    const indices = indexPattern(9, 5, 5);
    const rgb = Uint8Array.from([...indices].flatMap((index) => luad[index]!));
    const rgba = Uint8Array.from([...indices].flatMap((index) => [...luad[index]!, 255]));
    const size = { height: 9, width: 5, bitDepth: 8 };
    for (const bytes of [
      rawPng({ ...size, colourType: 2, rows: rgb }),
      rawPng({ ...size, colourType: 6, rows: rgba }),
    ]) {
      expect((await decodeIndexPng(bytes, "m.png", { palette: luad })).indices).toEqual(indices);
    }
  });

  test("255 is ignored, not out of range", async () => {
    const indices = Uint8Array.of(0, 4, 255, 255);
    const mask = await decodeIndexPng(maskPng(indices, 2, 2), "m.png", { palette: luad });
    expect(mask.indices).toEqual(indices);
  });
});

describe("only what holds the pixels is looked at", () => {
  const indices = indexPattern(40, 30, 5);
  const good = maskPng(indices, 40, 30);
  const whole: readonly [string, Uint8Array][] = [
    ["tEXt", Buffer.from("Software\0an editor")],
    ["zTXt", Buffer.from("Comment\0\0no zlib stream")],
    ["iTXt", Buffer.from("Comment")],
    ["iCCP", Buffer.from("a profile\0\0no zlib stream")],
    ["pHYs", Buffer.alloc(2)],
    ["gAMA", Buffer.alloc(1)],
    ["tIME", Buffer.from([7, 230, 77, 1, 1, 1, 1])],
    ["eXIf", Buffer.from("xx")],
    ["sBIT", Buffer.from([99])],
    ["tRNS", Buffer.alloc(300)],
    ["prVt", Buffer.from("of a vendor")],
  ];
  test.each(whole)("%s with nonsense in it, and with a checksum that does not agree", async (type, content) => {
    for (const broken of [false, true]) {
      const behindHeader = withChunks(good, pngChunk(type, content, broken));
      expect((await decodeIndexPng(behindHeader, "m.png", { palette: luad })).indices).toEqual(indices);
      const beforeEnd = Buffer.concat([good.subarray(0, -12), pngChunk(type, content, broken), good.subarray(-12)]);
      expect((await decodeIndexPng(beforeEnd, "m.png")).indices).toEqual(indices);
    }
  });

  test("bytes behind the end", async () => {
    const bytes = Buffer.concat([good, Buffer.alloc(64)]);
    expect((await decodeIndexPng(bytes, "m.png", { palette: luad })).indices).toEqual(indices);
  });

  test.each(["IHDR", "PLTE", "IDAT", "IEND"])("but a checksum of %s that does not agree is damage", async (type) => {
    const bytes = Buffer.from(good);
    const at = bytes.indexOf(type) + 4 + bytes.readUInt32BE(bytes.indexOf(type) - 4);
    bytes[at] = bytes[at]! ^ 1;
    await expect(decodeIndexPng(bytes, "m.png")).rejects.toMatchObject({ details: { failure: "damaged" } });
  });
});

describe("animated PNG", () => {
  const indices = indexPattern(40, 30, 5);
  const good = maskPng(indices, 40, 30);

  test.each([
    ["two frames", animatedPng(good), 2],
    ["seven frames", animatedPng(good, { frames: 7 }), 7],
    ["more frames said than there are", animatedPng(good, { frames: 2, said: 5 }), 5],
    ["more frames than are said", animatedPng(good, { frames: 3, said: 1 }), 3],
  ])("of %s is refused", async (_, bytes, frames) => {
    const file = path.join(await datasetFolder(), "m.png");
    await writeFile(file, bytes);
    await expect(readIndexPng(file, { palette: luad })).rejects.toMatchObject({
      code: "WSSS_ERR_DATASET",
      message: `mask ${file} is an animated PNG of ${frames} frames; save the frame that is meant as a file of its own`,
      details: { path: file, failure: "form", frames },
    });
  });

  test("of one frame is a picture, and so is one whose animation is said behind the pixels", async () => {
    const late = Buffer.concat([good.subarray(0, -12), pngChunk("acTL", Buffer.alloc(8, 3)), good.subarray(-12)]);
    for (const bytes of [animatedPng(good, { frames: 1 }), late]) {
      expect((await decodeIndexPng(bytes, "m.png", { palette: luad })).indices).toEqual(indices);
    }
  });
});

describe("masks that are numbered elsewhere", () => {
  const stored = new Map([
    [0, 4],
    [1, 0],
    [2, 1],
    [7, 1],
    [9, 255],
    [255, 3],
  ]);

  test("become indices, small ones and those that are decoded on a thread", async () => {
    for (const [height, width] of [
      [2, 4],
      [600, 600],
    ] as const) {
      const values = Uint8Array.from({ length: height * width }, (_, at) => [0, 1, 2, 7, 9, 255, 0, 0][at % 8]!);
      const mask = await decodeIndexPng(maskPng(values, height, width), "m.png", { palette: luad, stored });
      expect(mask.indices).toEqual(values.map((value) => stored.get(value)!));
      const part = (height * width) / 8;
      expect([4, 0, 1, 255, 3, 2].map((index) => mask.counts[index])).toEqual([3, 1, 2, 1, 1, 0].map((n) => n * part));
      expect([0, 7, 4].map((value) => mask.storedCounts[value])).toEqual([3 * part, part, 0]);
    }
  });

  test("in 2 bits", async () => {
    const values = indexPattern(6, 7, 3);
    const rows = packRows(values, 6, 7, 2);
    const bytes = rawPng({ height: 6, width: 7, bitDepth: 2, colourType: 0, rows });
    const { indices } = await decodeIndexPng(bytes, "m.png", { palette: luad, stored });
    expect(indices).toEqual(values.map((value) => stored.get(value)!));
  });

  test("are refused with a value that stands for nothing", async () => {
    const bytes = maskPng(Uint8Array.of(0, 1, 3, 4), 2, 2);
    await expect(decodeIndexPng(bytes, "m.png", { palette: luad, stored })).rejects.toMatchObject({
      code: "WSSS_ERR_DATASET",
      message:
        "mask m.png has the index 3 at pixel x 0, y 1; by the dataset's description (maskIndices) its masks hold " +
        "0, 1, 2, 7, 9, 255; name this one there too, or correct the mask",
      details: { failure: "index", index: 3, x: 0, y: 1, found: [0, 1, 3, 4] },
    });
  });

  test("but colours stand for themselves", async () => {
    const indices = indexPattern(9, 5, 5);
    const rows = Uint8Array.from([...indices].flatMap((index) => luad[index]!));
    const bytes = rawPng({ height: 9, width: 5, bitDepth: 8, colourType: 2, rows });
    expect((await decodeIndexPng(bytes, "m.png", { palette: luad, stored })).indices).toEqual(indices);
  });
});

describe("bad masks are refused, each by name", () => {
  const good = maskPng(indexPattern(40, 30, 5), 40, 30);
  const size = { height: 2, width: 2 };
  const wrongColour = Uint8Array.from([...luad[0]!, ...luad[1]!, 1, 2, 3, ...luad[4]!]);
  const seeThrough = Uint8Array.from([...luad[0]!, 255, ...luad[1]!, 255, ...luad[2]!, 128, ...luad[4]!, 255]);
  const broken = Buffer.from(good);
  broken[60] = broken[60]! ^ 0x55;
  const cases: readonly [string, Uint8Array, RegExp, Readonly<Record<string, unknown>>?][] = [
    ["empty", Buffer.alloc(0), /is empty/],
    ["text", Buffer.from("not a picture, but long enough to be one, they say"), /is not a PNG file/],
    ["cut off after the header", good.subarray(0, 45), /cut off or damaged/],
    ["cut off in the middle", good.subarray(0, good.length - 40), /cut off or damaged/],
    ["one byte changed", broken, /cut off or damaged/],
    [
      "index out of range",
      maskPng(Uint8Array.of(0, 1, 2, 5), 2, 2),
      /index 5 at pixel x 1, y 1.*0 to 3.*4.*255/,
      { index: 5, x: 1, y: 1 },
    ],
    [
      "grey picture",
      rawPng({ ...size, bitDepth: 8, colourType: 0, rows: Uint8Array.of(0, 85, 170, 3) }),
      /index 85 at pixel x 1, y 0/,
    ],
    [
      "foreign colour",
      rawPng({ ...size, bitDepth: 8, colourType: 2, rows: wrongColour }),
      /colour \(1,2,3\) at pixel x 0, y 1/,
      { x: 0, y: 1 },
    ],
    [
      "transparent",
      rawPng({ ...size, bitDepth: 8, colourType: 6, rows: seeThrough }),
      /colour \(65,105,225,128\) at pixel x 0, y 1/,
    ],
    ["16 bits", rawPng({ ...size, bitDepth: 16, colourType: 0, rows: new Uint8Array(8) }), /16 bits/],
    ["grey and alpha", rawPng({ ...size, bitDepth: 8, colourType: 4, rows: new Uint8Array(8) }), /grey with an alpha/],
    [
      "interlaced 4 bits",
      rawPng({ ...size, bitDepth: 4, colourType: 3, rows: new Uint8Array(2), palette: flat, interlaced: true }),
      /interlaced with 4 bits/,
    ],
    [
      "more pixels than the header says",
      // Zeros enough for a compressed file that is larger than what is decoded unseen.
      rawPng({ ...size, bitDepth: 8, colourType: 0, rows: new Uint8Array(2 ** 27) }),
      /far more pixels than its header says/,
    ],
    [
      "huge header",
      rawPng({ height: 1, width: 1 << 30, bitDepth: 8, colourType: 3, rows: new Uint8Array(1), palette: flat }),
      /header says/,
    ],
  ];

  test.each(cases)("%s", async (_, bytes, message, details = {}) => {
    const folder = await datasetFolder();
    const file = path.join(folder, "some mask.png");
    await writeFile(file, bytes);
    await expect(readIndexPng(file, { palette: luad })).rejects.toMatchObject({
      code: "WSSS_ERR_DATASET",
      message: expect.stringMatching(message),
      details: { path: file, ...details },
    });
  });

  test("a missing file is WSSS_ERR_IO", async () => {
    await expect(readIndexPng("/no/such/mask.png")).rejects.toMatchObject({
      code: "WSSS_ERR_IO",
      message: expect.stringContaining("/no/such/mask.png: no such file or folder"),
    });
  });

  test("RGB masks need the dataset's colours", async () => {
    const bytes = rawPng({ ...size, bitDepth: 8, colourType: 2, rows: wrongColour });
    await expect(decodeIndexPng(bytes, "m.png")).rejects.toThrow(/stores colours, not indices/);
  });
});

describe("writing", () => {
  test("what is written reads back, here and in sharp", async () => {
    for (const [height, width] of [
      [1, 1],
      [5, 7],
      [224, 224],
    ] as const) {
      const indices = indexPattern(height, width, 5);
      const bytes = await encodeIndexPng({ indices, height, width }, luad);
      expect((await decodeIndexPng(bytes, "m.png", { palette: luad })).indices).toEqual(indices);
      const rgb = await sharp(bytes).removeAlpha().raw().toBuffer();
      expect(rgb.equals(Buffer.from([...indices].flatMap((index) => luad[index]!)))).toBe(true);
    }
  });

  test("ignored pixels survive", async () => {
    const indices = Uint8Array.of(0, 4, 255, 1);
    const bytes = await encodeIndexPng({ indices, height: 2, width: 2 }, luad);
    expect((await decodeIndexPng(bytes, "m.png", { palette: luad })).indices).toEqual(indices);
    expect((await sharp(bytes).metadata()).isPalette).toBe(true);
  });

  test("wrong sizes and indices are refused", async () => {
    const indices = new Uint8Array(5);
    await expect(encodeIndexPng({ indices, height: 2, width: 2 }, luad)).rejects.toMatchObject({
      code: "WSSS_ERR_SHAPE",
    });
    const wrong = Uint8Array.of(0, 0, 0, 7);
    await expect(encodeIndexPng({ indices: wrong, height: 2, width: 2 }, luad)).rejects.toMatchObject({
      code: "WSSS_ERR_DATASET",
      details: { index: 7, x: 1, y: 1 },
    });
  });

  test("a failed write leaves the old file and nothing else", async () => {
    const folder = await datasetFolder();
    const mask = { indices: indexPattern(8, 8, 5), height: 8, width: 8 };
    await writeIndexPng(path.join(folder, "a.png"), mask, luad);
    const before = await readFile(path.join(folder, "a.png"));
    await expect(writeIndexPng(path.join(folder, "gone", "a.png"), mask, luad)).rejects.toMatchObject({
      code: "WSSS_ERR_IO",
      details: { reason: "ENOENT" },
    });
    await mkdir(path.join(folder, "b.png"));
    await expect(writeIndexPng(path.join(folder, "b.png"), mask, luad)).rejects.toMatchObject({ code: "WSSS_ERR_IO" });
    expect((await readdir(folder)).sort()).toEqual(["a.png", "b.png"]);
    expect((await readFile(path.join(folder, "a.png"))).equals(before)).toBe(true);
    if (process.getuid?.() !== 0) {
      await chmod(folder, 0o500);
      await expect(writeIndexPng(path.join(folder, "a.png"), mask, luad)).rejects.toMatchObject({
        code: "WSSS_ERR_IO",
      });
      await chmod(folder, 0o700);
    }
  });
});

describe("large masks", () => {
  const [height, width] = [2000, 2000];

  test("2000x2000 px round-trip on a thread beside the main one", async () => {
    const indices = indexPattern(height, width, 5);
    let read: Uint8Array | undefined;
    const beside = await mainThreadCost(async () => {
      const bytes = await encodeIndexPng({ indices, height, width }, luad);
      read = (await decodeIndexPng(bytes, "large.png", { palette: luad })).indices;
    });
    expect(Buffer.from(read!).equals(Buffer.from(indices))).toBe(true);
    const alone = await mainThreadCost(async () => {
      decodeMask(encodeMask({ indices, height, width }, luad, [0, 0, 0]) as Uint8Array, luad);
      await Promise.resolve();
    });
    console.info(`processor time of the main thread: ${(beside / alone).toFixed(3)} of what it needs without a thread`);
    expect(beside).toBeLessThan(alone / 2);
  });

  test("errors come back from the thread, several at once", async () => {
    const rows = pixels(600, 600, 1);
    const bytes = rawPng({ height: 600, width: 600, bitDepth: 8, colourType: 2, rows });
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, async () => await decodeIndexPng(bytes, "m.png", { palette: luad })),
    );
    for (const result of results)
      expect(result).toMatchObject({ status: "rejected", reason: { code: "WSSS_ERR_DATASET" } });
    const cut = maskPng(new Uint8Array(600 * 600), 600, 600).subarray(0, 300);
    await expect(decodeIndexPng(cut, "m.png", { palette: luad })).rejects.toThrow(/cut off or damaged/);
  });
});
