// Small datasets, patches and PNG files made by hand, and measures of the main thread.
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { deflateSync } from "node:zlib";

import { afterAll } from "@jest/globals";
import sharp from "sharp";

import type { StoreFactories } from "../../dist/dataset/loaded-split.js";

const made: string[] = [];

afterAll(async () => {
  for (const folder of made) await rm(folder, { recursive: true, force: true });
});

/** A fresh folder under the system's temporary one, removed when the tests of the file are over. */
export async function datasetFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "wsss-dataset-"));
  made.push(folder);
  return folder;
}

/** Writes files, given as path inside the folder -> bytes. */
export async function writeTree(folder: string, files: Readonly<Record<string, Uint8Array | string>>): Promise<void> {
  for (const [name, bytes] of Object.entries(files)) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, bytes);
  }
}

/** RGB bytes [height, width, 3] that differ from seed to seed. */
export function pixels(height: number, width: number, seed: number): Buffer {
  return Buffer.from(
    Uint8Array.from({ length: height * width * 3 }, (_, at) => (at * 37 + seed * 101 + (at >> 5)) % 251),
  );
}

/** A patch as a PNG file. */
export async function patchPng(height: number, width: number, seed: number): Promise<Buffer> {
  return await sharp(pixels(height, width, seed), { raw: { height, width, channels: 3 } })
    .png()
    .toBuffer();
}

/** An index mask, index = (row * 7 + column + seed) mod classes. */
export function indexPattern(height: number, width: number, classes: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length: height * width }, (_, at) => {
    const row = Math.floor(at / width);
    return (row * 7 + (at % width) + seed) % classes;
  });
}

/** How {@link rawPng} writes. */
export interface RawPng {
  readonly height: number;
  readonly width: number;
  readonly bitDepth: number;
  /** 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA. */
  readonly colourType: number;
  /** Rows as they are stored, without filter bytes. */
  readonly rows: Uint8Array;
  /** Palette, three bytes a colour. */
  readonly palette?: Uint8Array;
  /** Said in the header only; the rows are written plainly. */
  readonly interlaced?: boolean;
}

/** A PNG file of any form, written by hand so that tests do not trust the library under test. */
export function rawPng({ height, width, bitDepth, colourType, rows, palette, interlaced }: RawPng): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([bitDepth, colourType, 0, 0, interlaced === true ? 1 : 0], 8);
  const rowBytes = rows.length / height;
  const filtered = Array.from({ length: height }, (_, row) => [
    Buffer.from([0]),
    rows.subarray(row * rowBytes, (row + 1) * rowBytes),
  ]).flat();
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    pngChunk("IHDR", header),
    ...(palette === undefined ? [] : [pngChunk("PLTE", palette)]),
    pngChunk("IDAT", deflateSync(Buffer.concat(filtered))),
    pngChunk("IEND", Buffer.alloc(0)),
  ]);
}

/** Indices packed into rows of 1, 2, 4 or 8 bits each. */
export function packRows(indices: Uint8Array, height: number, width: number, bitDepth: number): Uint8Array {
  const rowBytes = Math.ceil((width * bitDepth) / 8);
  const rows = new Uint8Array(rowBytes * height);
  for (const [at, index] of indices.entries()) {
    const bit = (at % width) * bitDepth;
    const byte = Math.floor(at / width) * rowBytes + Math.floor(bit / 8);
    rows[byte] = (rows[byte] ?? 0) | (index << (8 - bitDepth - (bit % 8)));
  }
  return rows;
}

/** An 8-bit palette PNG with these indices. */
export function maskPng(indices: Uint8Array, height: number, width: number): Buffer {
  const palette = Uint8Array.from({ length: 768 }, (_, at) => at % 256);
  return rawPng({ height, width, bitDepth: 8, colourType: 3, rows: indices, palette });
}

/** Two classes and a background, labels like `[0 1]`. */
export const twoClasses = {
  name: "two classes",
  classes: [
    { name: "gland", colour: [200, 0, 0] },
    { name: "stroma", colour: [0, 0, 200] },
  ],
  labels: { rule: "separated" },
} as const;

/** A small valid dataset: 3 train patches with true masks, 2 val and 2 test patches, 40 px high and 36 px wide. */
export async function smallDataset(): Promise<string> {
  const folder = await datasetFolder();
  const [height, width] = [40, 36];
  const files: Record<string, Buffer | string> = { "wsss-dataset.json": JSON.stringify(twoClasses) };
  for (const [seed, name] of ["b[0 1]", "a[1 0]", "c[1 1]"].entries()) {
    files[`train/${name}.png`] = await patchPng(height, width, seed);
    files[`train_mask/${name}.png`] = maskPng(indexPattern(height, width, 3, seed), height, width);
  }
  for (const [seed, split] of ["val", "test"].entries()) {
    for (const name of ["x", "y"]) {
      files[`${split}/img/${name}.png`] = await patchPng(height, width, 10 * seed + name.charCodeAt(0));
      files[`${split}/mask/${name}.png`] = maskPng(indexPattern(height, width, 3, seed), height, width);
    }
  }
  await writeTree(folder, files);
  return folder;
}

/** Stores that keep their bytes in JavaScript, so that loading can be tested without the addon. */
export const fakeStores: StoreFactories = {
  PatchStore: class {
    readonly #patches: Uint8Array[] = [];
    readonly #labels: Uint8Array[];
    readonly address = null;
    constructor(
      readonly count: number,
      readonly height: number,
      readonly width: number,
      readonly classCount: number,
    ) {
      this.#labels = Array.from({ length: count }, () => new Uint8Array(classCount));
    }
    setPatch(index: number, rgb: Uint8Array): void {
      if (rgb.length !== this.height * this.width * 3) throw new Error("wrong number of bytes");
      this.#patches[index] = rgb.slice();
    }
    setLabels(index: number, labels: Uint8Array): void {
      if (labels.length !== this.classCount) throw new Error("wrong number of labels");
      this.#labels[index] = labels.slice();
    }
    patch(index: number): ArrayBuffer {
      return Uint8Array.from(this.#patches[index] ?? []).buffer;
    }
    labels(index: number): ArrayBuffer {
      return Uint8Array.from(this.#labels[index] ?? []).buffer;
    }
  },
  MaskStore: class {
    readonly #masks = new Map<string, Uint8Array>();
    readonly address = null;
    constructor(
      readonly count: number,
      readonly height: number,
      readonly width: number,
      readonly levelCount: number,
    ) {}
    setMask(level: number, index: number, indices: Uint8Array): void {
      if (indices.length !== this.height * this.width) throw new Error("wrong number of indices");
      this.#masks.set(`${level} ${index}`, indices.slice());
    }
    mask(level: number, index: number): ArrayBuffer {
      return Uint8Array.from(this.#masks.get(`${level} ${index}`) ?? []).buffer;
    }
  },
};

/** A golden case's facts, from the fixtures of this repository or the folder beside it. */
export async function goldenCase(id: string): Promise<{ folder: string; facts: Readonly<Record<string, unknown>> }> {
  const beside = path.resolve("..", "shared", "golden", "dev");
  const candidates = [process.env["WSSS_GOLDEN_DIR"], path.resolve("test", "fixtures", "golden"), beside];
  for (const folder of candidates) {
    if (folder === undefined || !existsSync(path.join(folder, "manifest.json"))) continue;
    const manifest = JSON.parse(await readFile(path.join(folder, "manifest.json"), "utf8")) as {
      cases: Record<string, unknown>[];
    };
    const facts = manifest.cases.find((one) => one["id"] === id);
    if (facts !== undefined) return { folder, facts };
  }
  throw new Error(`no golden case ${id} in ${candidates.join(", ")}`);
}

/** How often the event loop came round while `work` ran. */
export async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let working = true;
  const turn = (): void => {
    turns += 1;
    if (working) setImmediate(turn);
  };
  setImmediate(turn);
  try {
    await work();
  } finally {
    working = false;
  }
  return turns;
}

/** Time that the main thread has computed so far, in nanoseconds: no other process adds to it. */
function mainThreadNs(): number {
  // Reading synchronously, this thread reads of itself.
  return Number(readFileSync("/proc/thread-self/schedstat", "utf8").split(" ")[0]);
}

/** What `work` costs the main thread, in nanoseconds of its processor. */
export async function mainThreadCost(work: () => Promise<unknown>): Promise<number> {
  const before = mainThreadNs();
  await work();
  return mainThreadNs() - before;
}

/** Which share of all that this process computed while `work` ran was computed by the main thread, 0 to 1. */
export async function mainThreadShare(work: () => Promise<unknown>): Promise<number> {
  const [own, all] = [mainThreadNs(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(all);
  return (mainThreadNs() - own) / (1000 * (user + system));
}

/** Bytes of a PNG file before its first chunk behind the header. */
const afterHeader = 33;

/** A PNG file with chunks more behind its header. */
export function withChunks(png: Uint8Array, ...chunks: readonly Uint8Array[]): Buffer {
  return Buffer.concat([png.subarray(0, afterHeader), ...chunks, png.subarray(afterHeader)]);
}

/** A PNG file that is animated: its picture is the first of so many frames, which are all the same. */
export function animatedPng(
  png: Uint8Array,
  { frames = 2, said = frames }: { readonly frames?: number; readonly said?: number } = {},
): Buffer {
  const [count, control] = [Buffer.alloc(8), Buffer.alloc(26)];
  count.writeUInt32BE(said);
  png.subarray(16, 24).forEach((byte, at) => (control[4 + at] = byte));
  const more = Array.from({ length: frames - 1 }, () => [
    pngChunk("fcTL", control),
    pngChunk("fdAT", Buffer.alloc(12)),
  ]).flat();
  const whole = withChunks(png, pngChunk("acTL", count), pngChunk("fcTL", control));
  return Buffer.concat([whole.subarray(0, -12), ...more, whole.subarray(-12)]);
}

/** A chunk of a PNG file; with a wrong checksum where `broken` says so. */
export function pngChunk(type: string, content: Uint8Array, broken = false): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), content]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  check.writeUInt32BE((crc32(body) ^ (broken ? 1 : 0)) >>> 0);
  return Buffer.concat([length, body, check]);
}

/** The checksum of PNG chunks; `zlib.crc32` is missing in the first releases of Node 20. */
function crc32(bytes: Uint8Array): number {
  let rest = 0xffffffff;
  for (const byte of bytes) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit++) rest = (rest >>> 1) ^ (rest & 1 ? 0xedb88320 : 0);
  }
  return (rest ^ 0xffffffff) >>> 0;
}
