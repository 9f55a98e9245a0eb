// Decoding single patches to the stored pixels, refusals, and work on several items at a time.
import { writeFile } from "node:fs/promises";
import path from "node:path";

import { describe, expect, test } from "@jest/globals";
import sharp from "sharp";

import { decodePatch } from "../dist/image/decode-patch.js";
import { mapConcurrently } from "../dist/async/map-concurrently.js";
import { datasetFolder, packRows, patchPng, pixels, rawPng } from "./support/dataset-folder.js";

const [height, width] = [33, 41];
const rgb = pixels(height, width, 5);
const image = sharp(rgb, { raw: { height, width, channels: 3 } });

async function decode(bytes: Uint8Array, name = "p.png") {
  const file = path.join(await datasetFolder(), name);
  await writeFile(file, bytes);
  return await decodePatch(file);
}

describe("decodes to exactly the stored pixels", () => {
  test.each([
    ["PNG", async () => await image.clone().png().toBuffer()],
    ["interlaced PNG", async () => await image.clone().png({ progressive: true }).toBuffer()],
    ["TIFF", async () => await image.clone().tiff({ compression: "lzw" }).toBuffer()],
    ["lossless WebP", async () => await image.clone().webp({ lossless: true }).toBuffer()],
    ["RGBA without transparency", async () => await image.clone().ensureAlpha(1).png().toBuffer()],
    ["RGBA TIFF", async () => await image.clone().ensureAlpha(1).tiff({ compression: "lzw" }).toBuffer()],
  ])("%s", async (_, make) => {
    const patch = await decode(await make());
    expect([patch.height, patch.width]).toEqual([height, width]);
    expect(patch.data.equals(rgb)).toBe(true);
  });

  test("JPEG, as libjpeg decodes it", async () => {
    const smooth = Buffer.from(Uint8Array.from({ length: height * width * 3 }, (_, at) => 60 + (at % (3 * width)) / 2));
    const bytes = await sharp(smooth, { raw: { height, width, channels: 3 } })
      .jpeg({ quality: 95 })
      .toBuffer();
    const { data } = await decode(bytes, "p.jpg");
    expect(Math.max(...data.map((value, at) => Math.abs(value - smooth[at]!)))).toBeLessThan(12);
  });

  test("palette PNG of 4 bits: the colours of the palette", async () => {
    const palette = Uint8Array.of(10, 20, 30, 200, 100, 50, 7, 8, 9);
    const indices = Uint8Array.from({ length: 40 * 33 }, (_, at) => at % 3);
    const rows = packRows(indices, 40, 33, 4);
    const patch = await decode(rawPng({ height: 40, width: 33, bitDepth: 4, colourType: 3, rows, palette }));
    expect([...patch.data.subarray(0, 9)]).toEqual([...palette]);
    expect(patch.data.length).toBe(40 * 33 * 3);
  });

  test("a colour profile changes nothing, as in the published code", async () => {
    const bytes = await image.clone().withIccProfile("p3").png().toBuffer();
    const stored = await sharp(bytes, { ignoreIcc: true }).raw().toBuffer();
    expect((await sharp(bytes).metadata()).icc).toBeDefined();
    expect((await decode(bytes)).data.equals(stored)).toBe(true);
    expect((await sharp(bytes).raw().toBuffer()).equals(stored)).toBe(false);
  });
});

describe("refuses what it would have to guess, or what is broken", () => {
  const png = async (): Promise<Buffer> => await patchPng(64, 64, 1);
  const jpeg = async (): Promise<Buffer> => await image.clone().jpeg().toBuffer();
  const grey = (colourType: number, bitDepth: number, rowBytes: number): Buffer =>
    rawPng({ height: 32, width: 32, bitDepth, colourType, rows: new Uint8Array(32 * rowBytes) });
  const cases: readonly [string, () => Buffer | Promise<Buffer>, RegExp][] = [
    ["grey PNG", () => grey(0, 8, 32), /is a grey picture; stained tissue is RGB/],
    ["grey PNG of 1 bit", () => grey(0, 1, 4), /is a grey picture/],
    ["grey PNG of 16 bits", () => grey(0, 16, 64), /is a grey picture/],
    ["grey PNG with alpha", () => grey(4, 8, 64), /is a grey picture/],
    ["grey JPEG", async () => await image.clone().toColourspace("b-w").jpeg().toBuffer(), /is a grey picture/],
    ["RGB PNG of 16 bits", () => grey(2, 16, 192), /16 bits a channel; convert it to RGB, 8 bits/],
    ["RGBA with transparency", async () => await image.clone().ensureAlpha(0.5).png().toBuffer(), /not opaque/],
    ["CMYK JPEG", async () => await image.clone().toColourspace("cmyk").jpeg().toBuffer(), /CMYK/],
    [
      "rotation tag",
      async () => await image.clone().withMetadata({ orientation: 6 }).jpeg().toBuffer(),
      /rotation tag 6/,
    ],
    ["GIF", async () => await image.clone().gif().toBuffer(), /is a gif file/],
    ["SVG", () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"/>'), /is a svg file/],
    ["text", () => Buffer.from("no picture at all"), /is not a picture that can be decoded/],
    ["empty file", () => Buffer.alloc(0), /is empty/],
    ["cut-off PNG", async () => (await png()).subarray(0, 400), /is cut off or damaged .*copy it again/],
    ["PNG cut off in its header", async () => (await png()).subarray(0, 20), /is cut off or damaged/],
    [
      "PNG without its last bytes",
      async () => (await png()).subarray(0, -12),
      /is cut off or damaged \(its end marker/,
    ],
    ["PNG with a changed byte", async () => Buffer.from(await png()).fill(0x55, 500, 501), /is cut off or damaged/],
    ["cut-off JPEG", async () => (await jpeg()).subarray(0, -30), /is cut off or damaged/],
    ["cut-off WebP", async () => (await image.clone().webp().toBuffer()).subarray(0, -40), /is cut off or damaged/],
    ["cut-off TIFF", async () => (await image.clone().tiff().toBuffer()).subarray(0, 200), /is cut off or damaged/],
  ];
  test.each(cases)("%s", async (_, make, pattern) => {
    const file = path.join(await datasetFolder(), "some patch.png");
    await writeFile(file, await make());
    await expect(decodePatch(file)).rejects.toMatchObject({
      code: "WSSS_ERR_DATASET",
      message: expect.stringMatching(pattern),
      details: { path: file },
    });
  });

  test("several pages", async () => {
    const pages = [await patchPng(32, 32, 1), await patchPng(32, 32, 2)];
    const bytes = await sharp(pages, { join: { animated: true } })
      .webp()
      .toBuffer();
    await expect(decode(bytes, "p.webp")).rejects.toThrow(/holds 2 pages/);
  });

  test("a missing file and a folder are WSSS_ERR_IO", async () => {
    const folder = await datasetFolder();
    await expect(decodePatch(path.join(folder, "gone.png"))).rejects.toMatchObject({
      code: "WSSS_ERR_IO",
      details: { reason: "ENOENT" },
    });
    await expect(decodePatch(folder)).rejects.toMatchObject({ code: "WSSS_ERR_IO", details: { reason: "EISDIR" } });
  });
});

describe("mapConcurrently", () => {
  /** So many turns of the event loop. */
  const pause = async (turns: number): Promise<void> => {
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
  };

  test("keeps the order and the limit, and reports each item", async () => {
    let atWork = 0;
    let most = 0;
    const reports: number[] = [];
    const results = await mapConcurrently(
      [5, 1, 3, 2, 4],
      async (turns, index) => {
        most = Math.max(most, ++atWork);
        await pause(turns);
        atWork--;
        return turns * 10 + index;
      },
      { limit: 2, onProgress: ({ done, total }) => reports.push(done / total) },
    );
    expect(results).toEqual([50, 11, 32, 23, 44]);
    expect(most).toBe(2);
    expect(reports).toEqual([0.2, 0.4, 0.6, 0.8, 1]);
    expect(await mapConcurrently([], async () => 1)).toEqual([]);
  });

  test("throws the error of the first item in the list, not of the fastest, and begins no more", async () => {
    const begun: number[] = [];
    const work = mapConcurrently(
      [30, 1, 1, 1],
      async (turns, index) => {
        begun.push(index);
        await pause(turns);
        throw new Error(`item ${index}`);
      },
      { limit: 2 },
    );
    await expect(work).rejects.toThrow("item 0");
    expect(begun).toEqual([0, 1]);
  });

  test("stops when its signal is aborted", async () => {
    const controller = new AbortController();
    const done: number[] = [];
    const work = mapConcurrently(
      [1, 2, 3, 4, 5, 6],
      async (_, index) => {
        await pause(1);
        done.push(index);
        if (index === 1) controller.abort();
      },
      { limit: 2, signal: controller.signal, what: "the counting" },
    );
    await expect(work).rejects.toMatchObject({
      code: "WSSS_ERR_CANCELLED",
      message: expect.stringMatching(/^the counting was cancelled after \d of 6$/),
    });
    expect(done.length).toBeLessThan(5);
  });
});
