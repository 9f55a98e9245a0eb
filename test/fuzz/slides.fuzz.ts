/**
 * Slide files that were mutated: opening and reading them ends in pixels or in a typed error, within time and memory.
 *
 *   npm run test:fuzz                             some hundred files
 *   WSSS_FUZZ_SLIDES=20000 npm run test:fuzz      as many as that of each kind
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import sharp, { type Sharp } from "sharp";
import { hasOpenSlide, realSlides, slideFolder, texture, writePyramid } from "../support/slides.js";

const count = Number(process.env["WSSS_FUZZ_SLIDES"] ?? "40");
const atOnce = 200;
const folder = await slideFolder();
afterAll(async () => await rm(folder, { recursive: true, force: true }));
const openSlideIsThere = await hasOpenSlide();
const script = fileURLToPath(new URL("../support/open-slides.mjs", import.meta.url));

let state = 20_261_129;
const random = (below: number): number => {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return Math.floor(((state >>> 8) / 2 ** 24) * below);
};

/** Flips, overwrites, cuts and repeats bytes, mostly where headers and directories lie. */
function mutated(original: Buffer): Buffer {
  let bytes = Buffer.from(original);
  for (let change = 0; change <= random(6); change++) {
    if (bytes.length < 8) return bytes;
    const ends = Math.min(4096, bytes.length);
    const at = [random(bytes.length), random(ends), bytes.length - 1 - random(ends)][random(3)]!;
    switch (random(6)) {
      case 0:
        bytes[at] = random(256);
        break;
      case 1:
        bytes[at]! ^= 1 << random(8);
        break;
      case 2:
        bytes.fill([0, 255, 127][random(3)]!, at, Math.min(bytes.length, at + 1 + random(16)));
        break;
      case 3:
        bytes.writeUInt32LE(random(2 ** 24) * 251, Math.min(at, bytes.length - 4));
        break;
      case 4:
        bytes.copy(bytes, random(bytes.length), at, at + random(256));
        break;
      default:
        if (random(4) === 0 && at > 64) bytes = bytes.subarray(0, at);
    }
  }
  return bytes;
}

const seeds = new Map<string, Buffer>();

beforeAll(async () => {
  const small = texture(300, 220);
  const raw = { raw: { width: 300, height: 220, channels: 3 } } as const;
  const file = path.join(folder, "pyramid.tif");
  await writePyramid(file, small);
  seeds.set("pyramid.tif", await readFile(file));
  const picture = (): Sharp => sharp(small.rgb, raw);
  seeds.set("strips.tif", await picture().tiff({ compression: "lzw" }).toBuffer());
  seeds.set("big.tif", await picture().tiff({ compression: "deflate", bigtiff: true }).toBuffer());
  seeds.set("jpeg.tif", await picture().tiff({ compression: "jpeg", tile: true }).toBuffer());
  seeds.set("plain.png", await picture().png().toBuffer());
  seeds.set("plain.jpg", await picture().jpeg().toBuffer());
  for (const name of [
    "boxes.tiff",
    "boxes_0.dcm",
    "highdicom_sm_image.dcm",
    "qupath_cells.ome.tif",
    "unreadable.svs",
  ]) {
    const real = path.join(realSlides, "more", name);
    if (existsSync(real)) seeds.set(name, await readFile(real));
  }
});

(openSlideIsThere ? test : test.skip)(
  "mutated slides end in pixels or in a typed error",
  async () => {
    let files = 0;
    let read = 0;
    for (let begin = 0; begin < count; begin += atOnce) {
      for (const [name, original] of seeds) {
        const place = path.join(folder, `${name} ${begin}`);
        await mkdir(place);
        const batch = Math.min(atOnce, count - begin);
        for (let i = 0; i < batch; i++) await writeFile(path.join(place, `${i} ${name}`), mutated(original));
        // Data and stacks of no more than 6 GiB, of which LibTorch takes some; and no hang.
        const limited = ["-c", 'ulimit -d 6291456; exec "$0" "$@"', process.execPath, script, place];
        const { stdout } = await promisify(execFile)("bash", limited, { timeout: 900_000, maxBuffer: 1e8 });
        const results = stdout
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line) as { name: string; code: string });
        expect(results).toHaveLength(batch);
        for (const { name: file, code } of results) {
          if (code === "read") read++;
          else if (!["WSSS_ERR_DATASET", "WSSS_ERR_IO", "WSSS_ERR_OUT_OF_MEMORY"].includes(code))
            throw new Error(`${file}: ${code}`);
        }
        files += batch;
        await rm(place, { recursive: true });
      }
    }
    expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThan(files);
  },
  6 * 3_600_000,
);
