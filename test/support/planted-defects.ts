// Defects planted into a clean dataset, each with the findings that the doctor must report.
import { execFile } from "node:child_process";
import { mkdir, open, rename, rm, symlink } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

import sharp from "sharp";

import { bands, cleanColours, cleanHeight, cleanWidth, maskFor, paletteMask, patchImage } from "./clean-dataset.js";
import { animatedPng, packRows, patchPng, rawPng, twoClasses, writeTree } from "./dataset-folder.js";
import { rawTiff } from "./tiff.js";

/** Something wrong, planted into a clean dataset, and all that must be found. */
export interface PlantedDefect {
  readonly name: string;
  readonly plant: (folder: string) => Promise<void>;
  /** `check severity split: file, file`, in the order of the report. */
  readonly found: readonly string[];
}

type Bytes = Buffer | string | Promise<Buffer>;

/** Writes or replaces files. */
function put(files: Readonly<Record<string, Bytes | (() => Bytes)>>): PlantedDefect["plant"] {
  return async (folder) => {
    for (const [name, bytes] of Object.entries(files)) {
      await writeTree(folder, { [name]: await (typeof bytes === "function" ? bytes() : bytes) });
    }
  };
}

/** Renames files or folders. */
function move(names: Readonly<Record<string, string>>): PlantedDefect["plant"] {
  return async (folder) => {
    for (const [from, to] of Object.entries(names)) await rename(path.join(folder, from), path.join(folder, to));
  };
}

/** Renames a file or folder to a name of any bytes. */
function rawMove(from: string, name: Buffer): PlantedDefect["plant"] {
  return async (folder) => {
    const parent = path.dirname(path.join(folder, from));
    await rename(path.join(folder, from), Buffer.concat([Buffer.from(`${parent}/`), name]));
  };
}

function remove(...names: readonly string[]): PlantedDefect["plant"] {
  return async (folder) => {
    for (const name of names) await rm(path.join(folder, name), { recursive: true });
  };
}

function all(...plants: readonly PlantedDefect["plant"][]): PlantedDefect["plant"] {
  return async (folder) => {
    for (const plant of plants) await plant(folder);
  };
}

/** A link at `name` that leads to `target`, as seen from there. */
function link(name: string, target: string): PlantedDefect["plant"] {
  return async (folder) => {
    await rm(path.join(folder, name), { recursive: true, force: true });
    await symlink(target, path.join(folder, name));
  };
}

function pipe(name: string): PlantedDefect["plant"] {
  return async (folder) => {
    await promisify(execFile)("mkfifo", [path.join(folder, name)]);
  };
}

const makeFolder =
  (name: string): PlantedDefect["plant"] =>
  async (folder) => {
    await mkdir(path.join(folder, name), { recursive: true });
  };

const describedAs = (description: unknown): PlantedDefect["plant"] =>
  put({ "wsss-dataset.json": JSON.stringify(description) });

/** Train patch `a[1 0]` replaced. */
const patchA = (bytes: () => Bytes): PlantedDefect["plant"] => put({ "train/a[1 0].png": bytes });
/** The mask of val patch `x` replaced. */
const maskX = (bytes: Bytes): PlantedDefect["plant"] => put({ "val/mask/x.png": bytes });

/** Train patch `a[1 0]` under another name, its mask with it. */
const renamedA = (name: string): PlantedDefect["plant"] =>
  move({ "train/a[1 0].png": `train/${name}.png`, "train_mask/a[1 0].png": `train_mask/${name}.png` });

/** A patch more in train, with a mask that fits its label. */
const oneMore = (name: string, label: readonly number[], bytes: () => Bytes): PlantedDefect["plant"] =>
  put({ [`train/${name}`]: bytes, [`train_mask/${path.parse(name).name}.png`]: maskFor(label) });

/** A PNG file that is nothing but a header, for so many pixels. */
const headerOnly = (side: number): Buffer => {
  const bytes = rawPng({ height: 1, width: 1, bitDepth: 8, colourType: 3, rows: new Uint8Array(1) });
  bytes.writeUInt32BE(side, 16);
  bytes.writeUInt32BE(side, 20);
  return bytes;
};

/** A picture of one colour. */
const plain = (value: number): (() => Promise<Buffer>) => {
  const background = { r: value, g: value, b: value };
  return async () =>
    await sharp({ create: { width: cleanWidth, height: cleanHeight, channels: 3, background } })
      .png()
      .toBuffer();
};

/** A form of PNG with these channels, all zero. */
const zeros = (colourType: number, bitDepth: number, bytesPerPixel: number): Buffer =>
  rawPng({
    height: cleanHeight,
    width: cleanWidth,
    bitDepth,
    colourType,
    rows: new Uint8Array(cleanHeight * cleanWidth * bytesPerPixel),
  });

/** A TIFF file of five channels of 8 bits, written by hand, since sharp writes four at most. */
function fiveChannels(): Buffer {
  const channels = 5;
  const size = cleanHeight * cleanWidth * channels;
  // Tag, type (3 = 16 bits, 4 = 32 bits), count, value or place of the values.
  const bitsAt = 8 + size;
  const entries = [
    [256, 3, 1, cleanWidth],
    [257, 3, 1, cleanHeight],
    [258, 3, channels, bitsAt],
    [259, 3, 1, 1],
    [262, 3, 1, 2],
    [273, 4, 1, 8],
    [277, 3, 1, channels],
    [278, 3, 1, cleanHeight],
    [279, 4, 1, size],
    [338, 3, 2, 0],
  ] as const;
  const directoryAt = bitsAt + 2 * channels;
  const bytes = Buffer.alloc(directoryAt + 2 + 12 * entries.length + 4, 60);
  bytes.write("II*\0", 0, "latin1");
  bytes.writeUInt32LE(directoryAt, 4);
  for (let channel = 0; channel < channels; channel++) bytes.writeUInt16LE(8, bitsAt + 2 * channel);
  bytes.writeUInt16LE(entries.length, directoryAt);
  for (const [index, [tag, type, count, value]] of entries.entries()) {
    const at = directoryAt + 2 + 12 * index;
    bytes.writeUInt16LE(tag, at);
    bytes.writeUInt16LE(type, at + 2);
    bytes.writeUInt32LE(count, at + 4);
    bytes.writeUInt32LE(value, at + 8);
  }
  bytes.writeUInt32LE(0, bytes.length - 4);
  return bytes;
}

/** The colours of indices, or those of `colours`, as an RGB PNG. */
const rgbMask = (indices: Uint8Array, colours = cleanColours): Buffer => {
  const rows = Uint8Array.from([...indices].flatMap((index) => [...(colours[index] ?? [0, 0, 0])]));
  return rawPng({ height: cleanHeight, width: cleanWidth, bitDepth: 8, colourType: 2, rows });
};

const changedByte = (bytes: Buffer, at: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 0x55;
  return copy;
};

const glandAndRest = bands([0, 1, 2]);
const [glandColour, stromaColour, white] = [cleanColours[0]!, cleanColours[1]!, cleanColours[2]!];

const layout: readonly PlantedDefect[] = [
  { name: "no train", plant: remove("train"), found: ["missing-split error train: train"] },
  { name: "train in capitals", plant: move({ train: "Train" }), found: ["missing-split error train: train"] },
  {
    name: "val under another name",
    plant: move({ val: "validation" }),
    found: ["misnamed-folder warning val: validation"],
  },
  {
    name: "masks of train under another name",
    plant: move({ train_mask: "train_masks" }),
    found: ["misnamed-folder warning train: train_masks"],
  },
  { name: "val without masks", plant: remove("val/mask"), found: ["half-split error val: val"] },
  { name: "val without patches", plant: remove("val/img"), found: ["half-split error val: val"] },
  {
    name: "img under another name",
    plant: move({ "test/img": "test/images" }),
    found: ["half-split error test: test"],
  },
  {
    name: "val is an empty folder",
    plant: all(remove("val"), makeFolder("val")),
    found: ["half-split error val: val"],
  },
  {
    name: "an empty split",
    plant: all(remove("test"), makeFolder("test/img"), makeFolder("test/mask")),
    found: ["empty-split error test: test/img"],
  },
  {
    name: "train is a file",
    plant: all(remove("train"), put({ train: "" })),
    found: ["not-a-folder error train: train"],
  },
  {
    name: "a second folder of val with a number before it",
    plant: put({ "2.validation/img/q.png": () => patchPng(cleanHeight, cleanWidth, 91) }),
    found: ["unread-folder warning all: 2.validation"],
  },
  {
    name: "a numbered folder in the place of val",
    plant: move({ val: "validation2" }),
    found: ["unread-folder warning all: validation2"],
  },
  {
    name: "train in capitals beside train",
    plant: put({ "Train/q[1 0].png": () => patchPng(cleanHeight, cleanWidth, 91) }),
    found: ["unread-folder warning all: Train"],
  },
  {
    name: "a folder of pictures beside img",
    plant: put({ "val/images/q.jpg": "" }),
    found: ["unread-folder warning val: val/images"],
  },
  {
    name: "a folder whose name is not UTF-8 with pictures",
    plant: all(put({ "extra/q.png": "" }), rawMove("extra", Buffer.from([0xd1, 0xb5, 0xc1, 0xb7]))),
    found: ["unread-folder warning all: \\xd1\\xb5\\xc1\\xb7"],
  },
  {
    name: "pictures directly in val and in the dataset's folder",
    plant: put({ "val/q.png": "", "val/r.png": "", "s.png": "" }),
    found: ["unread-picture warning val: val/q.png", "unread-picture warning all: s.png"],
  },
  { name: "a nested folder", plant: makeFolder("train/more"), found: ["nested-folder error train: train/more"] },
  {
    name: "a file that is no patch",
    plant: put({ "train/notes.txt": "" }),
    found: ["stray-file warning train: train/notes.txt"],
  },
  {
    name: "a file that is no mask",
    plant: put({ "val/mask/Thumbs.db": "" }),
    found: ["stray-file warning val: val/mask/Thumbs.db"],
  },
  {
    name: "a hidden file",
    plant: put({ "train/.DS_Store": "" }),
    found: ["hidden-file warning train: train/.DS_Store"],
  },
  {
    name: "two endings for one stem",
    plant: put({ "train/a[1 0].jpg": () => patchImage(90).jpeg().toBuffer() }),
    found: ["same-stem error train: train/a[1 0].jpg, train/a[1 0].png"],
  },
  {
    name: "names that differ in capitals only",
    plant: oneMore("A[1 0].png", [1, 0], () => patchPng(cleanHeight, cleanWidth, 90)),
    found: [
      "same-name-but-case warning train: train/A[1 0].png, train/a[1 0].png",
      "same-name-but-case warning train: train_mask/A[1 0].png, train_mask/a[1 0].png",
    ],
  },
  {
    name: "names that differ only in how accents are stored",
    plant: all(
      oneMore("\u00e9[1 0].png", [1, 0], () => patchPng(cleanHeight, cleanWidth, 90)),
      oneMore("e\u0301[1 0].png", [1, 0], () => patchPng(cleanHeight, cleanWidth, 91)),
    ),
    found: [
      "same-name-but-accents warning train: train/e\u0301[1 0].png, train/\u00e9[1 0].png",
      "same-name-but-accents warning train: train_mask/e\u0301[1 0].png, train_mask/\u00e9[1 0].png",
    ],
  },
  {
    name: "a mask that is its patch's but for how accents are stored",
    plant: move({ "val/img/x.png": "val/img/\u00e9.png", "val/mask/x.png": "val/mask/e\u0301.png" }),
    found: ["accents-differ warning val: val/img/\u00e9.png, val/mask/e\u0301.png"],
  },
  {
    name: "two patches that could have one mask but for how accents are stored",
    plant: all(
      move({ "val/img/x.png": "val/img/\u1ec7.png", "val/mask/x.png": "val/mask/e\u0323\u0302.png" }),
      move({ "val/img/y.png": "val/img/\u1eb9\u0302.png" }),
    ),
    found: [
      "same-name-but-accents error val: val/img/\u1eb9\u0302.png, val/mask/e\u0323\u0302.png",
      "same-name-but-accents error val: val/img/\u1ec7.png, val/mask/e\u0323\u0302.png",
      "mask-without-patch error val: val/mask/y.png",
      "same-name-but-accents warning val: val/img/\u1eb9\u0302.png, val/img/\u1ec7.png",
    ],
  },
  {
    name: "names that are not UTF-8",
    plant: all(
      rawMove("test/img/x.png", Buffer.from("\u00fc.png", "latin1")),
      rawMove("test/mask/x.png", Buffer.from("\u00fc.png", "latin1")),
    ),
    found: ["name-not-utf8 error test: test/img/\\xfc.png", "name-not-utf8 error test: test/mask/\\xfc.png"],
  },
  {
    name: "a line break and a tab in names",
    plant: move({
      "test/img/x.png": "test/img/x\n.png",
      "test/mask/x.png": "test/mask/x\n.png",
      "train/a[1 0].png": "train/a\t[1 0].png",
      "train_mask/a[1 0].png": "train_mask/a\t[1 0].png",
    }),
    found: [
      "name-control-character warning train: train/a\t[1 0].png",
      "name-control-character warning train: train_mask/a\t[1 0].png",
      "name-control-character warning test: test/img/x\n.png",
      "name-control-character warning test: test/mask/x\n.png",
    ],
  },
  {
    name: "names after which a picture or an overlay can't be named, in bytes",
    plant: all(
      renamedA(`${"\u80ba".repeat(80)}m[1 0]`),
      move({ "val/img/x.png": `val/img/${"v".repeat(244)}.png`, "val/mask/x.png": `val/mask/${"v".repeat(244)}.png` }),
      move({ "test/img/x.png": `test/img/${"t".repeat(243)}.png` }),
      move({ "test/mask/x.png": `test/mask/${"t".repeat(243)}.png` }),
    ),
    found: [
      `name-too-long warning train: train/${"\u80ba".repeat(80)}m[1 0].png`,
      `name-too-long warning val: val/img/${"v".repeat(244)}.png`,
    ],
  },
  {
    name: "an ending in capitals",
    plant: move({ "train/a[1 0].png": "train/a[1 0].PNG" }),
    found: ["ending-case warning train: train/a[1 0].PNG"],
  },
];

const access: readonly PlantedDefect[] = [
  {
    name: "a link that leads nowhere",
    plant: link("train/a[1 0].png", "gone.png"),
    found: ["unreadable error train: train/a[1 0].png"],
  },
  {
    name: "a link to itself",
    plant: link("val/img/x.png", "x.png"),
    found: ["unreadable error val: val/img/x.png"],
  },
  {
    name: "a mask that is a link to itself",
    plant: link("val/mask/x.png", "x.png"),
    found: ["unreadable error val: val/mask/x.png"],
  },
  {
    name: "a folder that is a link to itself",
    plant: link("train_mask", "train_mask"),
    found: ["unreadable error train: train_mask"],
  },
  {
    name: "a link back to the dataset",
    plant: link("train/again", ".."),
    found: ["nested-folder error train: train/again"],
  },
  {
    name: "a link to a folder under the name of a patch",
    plant: link("train/a[1 0].png", "../val"),
    found: ["nested-folder error train: train/a[1 0].png", "mask-without-patch error train: train_mask/a[1 0].png"],
  },
  {
    name: "a pipe under the name of a patch",
    plant: all(remove("test/img/x.png"), pipe("test/img/x.png")),
    found: ["not-a-file error test: test/img/x.png"],
  },
  {
    name: "a pipe under the name of the description",
    plant: all(remove("wsss-dataset.json"), pipe("wsss-dataset.json")),
    found: ["not-a-file error all: wsss-dataset.json"],
  },
  {
    name: "a pipe under the name of the table of patches",
    plant: pipe("patches.csv"),
    found: ["not-a-file error all: patches.csv"],
  },
  {
    name: "a patch that claims 60000 x 60000 px",
    plant: patchA(() => headerOnly(60_000)),
    found: ["too-large error train: train/a[1 0].png"],
  },
  {
    name: "a mask that claims 16000 x 16000 px",
    plant: maskX(headerOnly(16_000)),
    found: ["too-large error val: val/mask/x.png"],
  },
  {
    name: "a patch of 300 MiB",
    plant: async (folder) => {
      const file = await open(path.join(folder, "train/a[1 0].png"), "r+");
      await file.truncate(300 * 2 ** 20);
      await file.close();
    },
    found: ["too-large error train: train/a[1 0].png"],
  },
];

const description: readonly PlantedDefect[] = [
  {
    name: "no description",
    plant: remove("wsss-dataset.json"),
    found: ["description-missing error all: wsss-dataset.json"],
  },
  {
    name: "a description that is no JSON",
    plant: put({ "wsss-dataset.json": '{"name": "x",' }),
    found: ["description-syntax error all: wsss-dataset.json"],
  },
  {
    name: "a description with a wrong entry",
    plant: describedAs({ ...twoClasses, labels: { rule: "words" } }),
    found: ["description-invalid error all: wsss-dataset.json"],
  },
  {
    name: "a repeated class name",
    plant: describedAs({ ...twoClasses, classes: twoClasses.classes.map((one) => ({ ...one, name: "gland" })) }),
    found: ["description-invalid error all: wsss-dataset.json"],
  },
  {
    name: "a repeated colour",
    plant: describedAs({ ...twoClasses, classes: twoClasses.classes.map((one) => ({ ...one, colour: [9, 9, 9] })) }),
    found: ["description-invalid error all: wsss-dataset.json"],
  },
  {
    name: "a description that can't be read",
    plant: link("wsss-dataset.json", "wsss-dataset.json"),
    found: ["unreadable error all: wsss-dataset.json"],
  },
  {
    name: "a description with a class too many",
    plant: all(
      describedAs({ ...twoClasses, classes: [...twoClasses.classes, { name: "necrosis", colour: [0, 200, 0] }] }),
      remove("train_mask", "val", "test"),
    ),
    found: ["class-count error train: train"],
  },
];

const labels: readonly PlantedDefect[] = [
  { name: "no label", plant: renamedA("a"), found: ["label-missing error train: train/a.png"] },
  { name: "a label too long", plant: renamedA("a[1 0 0]"), found: ["label-length error train: train/a[1 0 0].png"] },
  { name: "a letter", plant: renamedA("a[1 x]"), found: ["label-not-a-digit error train: train/a[1 x].png"] },
  { name: "the other spelling", plant: renamedA("a[10]"), found: ["label-spelling error train: train/a[10].png"] },
  { name: "a digit above 1", plant: renamedA("a[2 0]"), found: ["label-digit error train: train/a[2 0].png"] },
  { name: "a label without a class", plant: renamedA("a[0 0]"), found: ["label-empty error train: train/a[0 0].png"] },
  {
    name: "labels in some names of val",
    plant: move({ "val/img/x.png": "val/img/x[1 1].png", "val/mask/x.png": "val/mask/x[1 1].png" }),
    found: ["label-missing error val: val/img/y.png", "label-missing error val: val/img/z.png"],
  },
  {
    name: "a label that names a class too many",
    plant: renamedA("a[1 1]"),
    found: ["label-not-in-mask error train: train/a[1 1].png, train_mask/a[1 1].png"],
  },
  {
    name: "a label that lacks a class",
    plant: move({ "train/c[1 1].png": "train/c[1 0].png", "train_mask/c[1 1].png": "train_mask/c[1 0].png" }),
    found: ["label-lacks-class error train: train/c[1 0].png, train_mask/c[1 0].png"],
  },
  {
    name: "a label that lacks a class of a few pixels",
    plant: put({ "train_mask/a[1 0].png": paletteMask(bands([0, 2]).fill(1, 0, 9)) }),
    found: ["label-lacks-class warning train: train/a[1 0].png, train_mask/a[1 0].png"],
  },
  {
    name: "a label of val that contradicts its mask",
    plant: all(
      ...["x", "y", "z"].map((one) => {
        const [from, to] = [one, `${one}[${one === "x" ? "0 1" : "1 1"}]`];
        return move({ [`val/img/${from}.png`]: `val/img/${to}.png`, [`val/mask/${from}.png`]: `val/mask/${to}.png` });
      }),
      put({ "val/mask/x[0 1].png": maskFor([1, 0]) }),
    ),
    found: [
      "label-not-in-mask error val: val/img/x[0 1].png, val/mask/x[0 1].png",
      "label-lacks-class error val: val/img/x[0 1].png, val/mask/x[0 1].png",
    ],
  },
];

const a = "train/a[1 0].png";

const pictures: readonly PlantedDefect[] = [
  { name: "a grey PNG", plant: patchA(() => zeros(0, 8, 1)), found: [`patch-grey error train: ${a}`] },
  {
    name: "real transparency",
    plant: patchA(() => patchImage(1).ensureAlpha(0.5).png().toBuffer()),
    found: [`patch-transparent error train: ${a}`],
  },
  { name: "16 bits", plant: patchA(() => zeros(2, 16, 6)), found: [`patch-depth error train: ${a}`] },
  {
    name: "a palette",
    plant: patchA(() => patchImage(1).png({ palette: true }).toBuffer()),
    found: [`patch-palette warning train: ${a}`],
  },
  {
    name: "a CMYK JPEG",
    plant: all(remove(a), put({ "train/a[1 0].jpg": () => patchImage(1).toColourspace("cmyk").jpeg().toBuffer() })),
    found: ["patch-cmyk error train: train/a[1 0].jpg"],
  },
  {
    name: "five channels",
    plant: all(remove(a), put({ "train/a[1 0].tif": fiveChannels })),
    found: ["patch-channels error train: train/a[1 0].tif"],
  },
  {
    name: "a rotation tag",
    plant: all(
      remove(a),
      put({ "train/a[1 0].jpg": () => patchImage(1).withMetadata({ orientation: 6 }).jpeg().toBuffer() }),
    ),
    found: ["patch-rotated error train: train/a[1 0].jpg"],
  },
  {
    name: "several pages",
    plant: all(
      remove(a),
      put({
        "train/a[1 0].webp": async () => {
          const pages = [await patchPng(32, 32, 1), await patchPng(32, 32, 2)];
          return await sharp(pages, { join: { animated: true } })
            .webp()
            .toBuffer();
        },
      }),
    ),
    found: ["patch-pages error train: train/a[1 0].webp"],
  },
  {
    name: "an animated PNG",
    plant: patchA(async () => animatedPng(await patchPng(cleanHeight, cleanWidth, 1))),
    found: [`patch-pages error train: ${a}`],
  },
  {
    name: "a TIFF in a compression that is not decoded",
    plant: all(
      remove(a),
      put({
        "train/a[1 0].tif": rawTiff({
          height: cleanHeight,
          width: cleanWidth,
          strip: Buffer.alloc(cleanHeight * cleanWidth * 3, 60),
          compression: 34712,
        }),
      }),
    ),
    found: ["patch-encoding error train: train/a[1 0].tif"],
  },
  {
    name: "a grey scan saved in colour",
    plant: patchA(() => patchImage(1).greyscale().toColourspace("srgb").png().toBuffer()),
    found: [`patch-colourless warning train: ${a}`],
  },
  {
    name: "a cut-off PNG",
    plant: patchA(async () => (await patchPng(cleanHeight, cleanWidth, 1)).subarray(0, 300)),
    found: [`patch-damaged error train: ${a}`],
  },
  {
    name: "a broken checksum",
    plant: patchA(async () => changedByte(await patchPng(cleanHeight, cleanWidth, 1), 300)),
    found: [`patch-damaged error train: ${a}`],
  },
  {
    name: "a cut-off JPEG",
    plant: all(
      remove(a),
      put({ "train/a[1 0].jpg": async () => (await patchImage(1).jpeg().toBuffer()).subarray(0, -40) }),
    ),
    found: ["patch-damaged error train: train/a[1 0].jpg"],
  },
  { name: "zero bytes", plant: patchA(() => ""), found: [`patch-empty error train: ${a}`] },
  { name: "a text called .png", plant: patchA(() => "some notes"), found: [`patch-not-a-picture error train: ${a}`] },
  {
    name: "a GIF called .png",
    plant: patchA(() => patchImage(1).gif().toBuffer()),
    found: [`patch-not-a-picture error train: ${a}`],
  },
  {
    name: "a JPEG called .png",
    plant: patchA(() => patchImage(1).jpeg().toBuffer()),
    found: [`ending-content warning train: ${a}`],
  },
  { name: "white, labelled", plant: patchA(plain(244)), found: [`patch-blank error train: ${a}`] },
  { name: "black, labelled", plant: patchA(plain(0)), found: [`patch-blank error train: ${a}`] },
  {
    name: "white, without label",
    plant: put({ "val/img/x.png": plain(244), "val/mask/x.png": maskFor([0, 0]) }),
    found: ["patch-blank warning val: val/img/x.png", "mask-background warning val: val/mask/x.png"],
  },
  {
    name: "a patch of another size",
    plant: put({
      [a]: () => patchPng(48, 48, 1),
      "train_mask/a[1 0].png": paletteMask(bands([0, 2], 48, 48), cleanColours, [48, 48]),
    }),
    found: [`patch-size error train: ${a}`],
  },
  {
    name: "a patch below 32 px",
    plant: put({
      [a]: () => patchPng(20, 36, 1),
      "train_mask/a[1 0].png": paletteMask(bands([0, 2], 20, 36), cleanColours, [20, 36]),
    }),
    found: [`patch-small error train: ${a}`, `patch-size error train: ${a}`],
  },
  {
    name: "a split of another size",
    plant: put(
      Object.fromEntries(
        ["x", "y", "z"].flatMap((one, seed): [string, () => Bytes][] => [
          [`val/img/${one}.png`, () => patchPng(48, 48, 70 + seed)],
          [`val/mask/${one}.png`, () => paletteMask(bands([0, 1], 48, 48), cleanColours, [48, 48])],
        ]),
      ),
    ),
    found: ["split-size warning val: "],
  },
];

const x = "val/mask/x.png";

const tableHeader = "image,mask,split,patient,labels";
const tableRow = (folder: string, masks: string, name: string, split: string, labels: string): string =>
  `${folder}/${name}.png,${masks}/${name}.png,${split},${split}-${name},${labels}`;
/** The clean dataset as a manifest, by patch. */
const tableRows: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    Object.entries({ a: "gland", b: "stroma", c: "gland;stroma", d: "gland", e: "stroma", f: "gland;stroma" }).map(
      ([name, labels]) => {
        const digits = ["gland", "stroma"].map((one) => (labels.includes(one) ? 1 : 0)).join(" ");
        return [name, tableRow("train", "train_mask", `${name}[${digits}]`, "train", labels)];
      },
    ),
  ),
  ...Object.fromEntries(
    ["val", "test"].flatMap((split) =>
      ["x", "y", "z"].map((name) => [
        `${split} ${name}`,
        tableRow(`${split}/img`, `${split}/mask`, name, split, "gland;stroma"),
      ]),
    ),
  ),
};
/** The clean dataset named by a manifest, some of whose rows are others, or are left out. */
const manifest = (rows: Readonly<Record<string, string | null>>, header = tableHeader): PlantedDefect["plant"] =>
  put({
    "wsss-dataset.json": JSON.stringify({ ...twoClasses, labels: { rule: "manifest", file: "patches.csv" } }),
    "patches.csv": [header, ...Object.values({ ...tableRows, ...rows }).filter((row) => row !== null)].join("\n"),
  });
const inTable = (kind: string): string => `manifest-${kind} error all: patches.csv`;

const manifests: readonly PlantedDefect[] = [
  {
    name: "no such file",
    plant: all(manifest({}), remove("patches.csv")),
    found: ["unreadable error all: patches.csv"],
  },
  {
    name: "no column of images",
    plant: manifest({}, "picture,mask,split,patient,labels"),
    found: [inTable("invalid")],
  },
  { name: "a row that is too short", plant: manifest({ d: "train/d[1 0].png" }), found: [inTable("row")] },
  { name: "an image that is not there", plant: all(manifest({}), remove("val/img/x.png")), found: [inTable("image")] },
  {
    name: "an image outside of the dataset",
    plant: manifest({ d: "../d.png,train_mask/d[1 0].png,train,p,gland" }),
    found: [inTable("image")],
  },
  {
    name: "a mask that is not there",
    plant: all(manifest({}), remove("test/mask/z.png")),
    found: [inTable("mask")],
  },
  {
    name: "a val patch without mask",
    plant: manifest({ "val x": "val/img/x.png,,val,p,gland" }),
    found: [inTable("mask")],
  },
  {
    name: "a slide that is not there",
    plant: put({
      "wsss-dataset.json": JSON.stringify({
        ...{ ...twoClasses, micronsPerPixel: 0.5, patchPx: 64 },
        labels: { rule: "manifest", file: "patches.csv" },
      }),
      "patches.csv": "slide,x,y,split,labels\nnowhere.svs,0,0,train,gland",
    }),
    found: [inTable("slide")],
  },
  { name: "an image named twice", plant: manifest({ again: tableRows["a"] ?? "" }), found: [inTable("repeated")] },
  {
    name: "two images of one stem",
    plant: all(
      manifest({ twin: "more/x.png,val/mask/x.png,val,p,gland;stroma" }),
      put({ "more/x.png": () => patchPng(cleanHeight, cleanWidth, 99) }),
    ),
    found: [inTable("stem")],
  },
  {
    name: "a class that is none",
    plant: manifest({ d: tableRow("train", "train_mask", "d[1 0]", "train", "gland;fat") }),
    found: [inTable("label")],
  },
  {
    name: "a class that no train patch has",
    plant: manifest({ b: null, c: null, e: null, f: null }),
    found: [inTable("class"), "class-missing error train: "],
  },
  {
    name: "a split that is none",
    plant: manifest({ d: tableRow("train", "train_mask", "d[1 0]", "training", "gland") }),
    found: [inTable("split")],
  },
  {
    name: "a patient in two splits",
    plant: manifest({ "val x": "val/img/x.png,val/mask/x.png,val,train-a[1 0],gland;stroma" }),
    found: [inTable("patient")],
  },
  {
    name: "no train patches",
    plant: manifest({ a: null, b: null, c: null, d: null, e: null, f: null }),
    found: [
      "missing-split error train: patches.csv",
      "unread-folder warning all: train",
      "unread-folder warning all: train_mask",
    ],
  },
  {
    name: "a label that contradicts the mask",
    plant: manifest({ "val x": tableRow("val/img", "val/mask", "x", "val", "gland") }),
    found: ["label-lacks-class error val: val/img/x.png, val/mask/x.png"],
  },
];

const masks: readonly PlantedDefect[] = [
  { name: "an RGB mask", plant: maskX(rgbMask(glandAndRest)), found: [`mask-rgb warning val: ${x}`] },
  {
    name: "an RGB mask in other colours",
    plant: maskX(rgbMask(glandAndRest, [glandColour, [1, 2, 3], white])),
    found: [`mask-colour error val: ${x}`],
  },
  {
    name: "an index above K",
    plant: maskX(paletteMask(bands([0, 1, 7]), [...cleanColours, ...Array<typeof white>(5).fill([0, 0, 0])])),
    found: [`mask-index error val: ${x}`],
  },
  {
    name: "a value that stands for no class, without a word in the description",
    plant: maskX(
      rawPng({ height: cleanHeight, width: cleanWidth, bitDepth: 8, colourType: 0, rows: bands([0, 255, 255]) }),
    ),
    found: [`mask-index error val: ${x}`],
  },
  {
    name: "a mask that is mostly ignored",
    plant: all(
      describedAs({ ...twoClasses, ignoreIndex: 255 }),
      maskX(rawPng({ height: cleanHeight, width: cleanWidth, bitDepth: 8, colourType: 0, rows: bands([0, 255, 255]) })),
    ),
    found: [`mask-ignored warning val: ${x}`],
  },
  {
    name: "other palette colours",
    plant: maskX(paletteMask(glandAndRest, [glandColour, [1, 2, 3], white])),
    found: [`mask-palette warning val: ${x}`],
  },
  {
    name: "palette colours in another order",
    plant: maskX(paletteMask(glandAndRest, [stromaColour, glandColour, white])),
    found: [`mask-palette-order error val: ${x}`],
  },
  {
    name: "a palette with colours for more classes",
    plant: maskX(paletteMask(glandAndRest, [...cleanColours, [1, 1, 1], [2, 2, 2], [3, 3, 3]])),
    found: [`mask-palette-entries warning val: ${x}`],
  },
  {
    name: "a palette with too few colours",
    plant: maskX(paletteMask(glandAndRest, [glandColour, stromaColour])),
    found: [`mask-palette-entries warning val: ${x}`],
  },
  { name: "a mask of 16 bits", plant: maskX(zeros(0, 16, 2)), found: [`mask-form error val: ${x}`] },
  { name: "a mask with alpha", plant: maskX(zeros(4, 8, 2)), found: [`mask-form error val: ${x}`] },
  {
    name: "an interlaced mask of 4 bits",
    plant: maskX(
      rawPng({
        height: cleanHeight,
        width: cleanWidth,
        bitDepth: 4,
        colourType: 3,
        rows: packRows(glandAndRest, cleanHeight, cleanWidth, 4),
        palette: Uint8Array.from(cleanColours.flat()),
        interlaced: true,
      }),
    ),
    found: [`mask-form error val: ${x}`],
  },
  { name: "an animated mask", plant: maskX(animatedPng(maskFor([1, 1]))), found: [`mask-form error val: ${x}`] },
  {
    name: "masks in which 0 is the background",
    plant: async (folder) => {
      for (const [tone, name] of ["x", "y", "z"].entries()) {
        const indices = bands([0, 1, 2]);
        const rgb = Uint8Array.from(
          [...indices].flatMap((index) => (index === 0 ? [240, 240, 240 + tone] : [200, 90, 150])),
        );
        const rows = { height: cleanHeight, width: cleanWidth, bitDepth: 8 };
        await writeTree(folder, {
          [`val/img/${name}.png`]: rawPng({ ...rows, colourType: 2, rows: rgb }),
          [`val/mask/${name}.png`]: rawPng({ ...rows, colourType: 0, rows: indices }),
        });
      }
    },
    found: ["mask-white-class warning val: "],
  },
  { name: "a cut-off mask", plant: maskX(maskFor([1, 1]).subarray(0, -20)), found: [`mask-damaged error val: ${x}`] },
  {
    name: "a mask with a broken checksum",
    plant: maskX(changedByte(maskFor([1, 1]), 70)),
    found: [`mask-damaged error val: ${x}`],
  },
  {
    name: "a mask that inflates to far more than its header says",
    // Zeros enough for a compressed file that is larger than what is decoded unseen.
    plant: put({
      [x]: () => {
        const rows = new Uint8Array(cleanHeight * 2 ** 21);
        return rawPng({ height: cleanHeight, width: cleanWidth, bitDepth: 8, colourType: 0, rows });
      },
    }),
    found: [`mask-damaged error val: ${x}`],
  },
  { name: "a mask of zero bytes", plant: maskX(""), found: [`mask-empty error val: ${x}`] },
  {
    name: "a JPEG called .png as mask",
    plant: put({ [x]: () => patchImage(1).jpeg().toBuffer() }),
    found: [`mask-not-png error val: ${x}`],
  },
  {
    name: "a mask of another size",
    plant: maskX(paletteMask(bands([0, 1], 48, 48), cleanColours, [48, 48])),
    found: [`mask-size error val: ${x}, val/img/x.png`],
  },
  { name: "a mask that is background", plant: maskX(maskFor([0, 0])), found: [`mask-background warning val: ${x}`] },
  { name: "a patch without mask", plant: remove(x), found: ["mask-missing error val: val/img/x.png"] },
  {
    name: "a train patch without mask, others with",
    plant: remove("train_mask/a[1 0].png"),
    found: [`mask-missing error train: ${a}`],
  },
  {
    name: "a mask without patch",
    plant: put({ "test/mask/extra.png": maskFor([1, 1]) }),
    found: ["mask-without-patch error test: test/mask/extra.png"],
  },
];

/** The pixels of train patch `a[1 0]`. */
const pixelsOfA = (): Promise<Buffer> => patchPng(cleanHeight, cleanWidth, 1);

/** Names of train and val in a custom way, and all masks of train gone. */
const renamedBoth = (train: string, val: string): PlantedDefect["plant"] =>
  all(
    move({ [a]: `train/${train}[1 0].png`, "val/img/x.png": `val/img/${val}.png`, [x]: `val/mask/${val}.png` }),
    remove("train_mask"),
  );

const duplicates: readonly PlantedDefect[] = [
  {
    name: "the same patch twice",
    plant: oneMore("copy[1 0].png", [1, 0], pixelsOfA),
    found: [`duplicate warning train: ${a}, train/copy[1 0].png`],
  },
  {
    name: "the same pixels in another format",
    plant: oneMore("copy[1 0].tif", [1, 0], () => patchImage(1).tiff({ compression: "lzw" }).toBuffer()),
    found: [`duplicate warning train: ${a}, train/copy[1 0].tif`],
  },
  {
    name: "the same pixels with other labels",
    plant: oneMore("copy[0 1].png", [0, 1], pixelsOfA),
    found: [`duplicate-labels error train: ${a}, train/copy[0 1].png`],
  },
  {
    name: "the same pixels with other masks",
    plant: all(async (folder) => {
      await rm(path.join(folder, "val/img/y.png"));
      await put({ "val/img/y.png": patchPng(cleanHeight, cleanWidth, 7), [x]: maskFor([1, 0]) })(folder);
    }),
    found: ["duplicate-masks error val: val/img/x.png, val/img/y.png"],
  },
  {
    name: "the same patch in train and test",
    plant: put({ "test/img/x.png": pixelsOfA }),
    found: [`leak error all: ${a}, test/img/x.png`],
  },
  {
    name: "a patient in two splits, by patches.csv",
    plant: put({ "patches.csv": 'split,patch,patient\ntrain,"a",P1\nval,x,P1\nval,y,P2\ntest,x,P3\n' }),
    found: [`patient-in-two-splits error all: ${a}, val/img/x.png`],
  },
  {
    name: "an image in two splits, by patches.csv",
    plant: put({ "patches.csv": "patch,source_image\r\na,slide 1\r\nb,slide 2\r\nx,slide 1\r\n" }),
    found: [`source-in-two-splits error all: ${a}, val/img/x.png, test/img/x.png`],
  },
  {
    name: "a patient in two splits, by names of TCGA",
    plant: all(
      renamedBoth("TCGA-A1-A0SK-DX1_x1_y2", "TCGA-A1-A0SK-DX2_x7_y9"),
      move({ "train/b[0 1].png": "train/TCGA-A2-A0SK-DX1_x1_y2[0 1].png" }),
    ),
    found: [
      "patient-in-two-splits warning all: train/TCGA-A1-A0SK-DX1_x1_y2[1 0].png, val/img/TCGA-A1-A0SK-DX2_x7_y9.png",
    ],
  },
  {
    name: "an image in two splits, by names",
    plant: all(
      renamedBoth("1031280-2300-27920-", "1031280-4600-1200"),
      move({ "train/b[0 1].png": "train/1031281-0-0-[0 1].png" }),
    ),
    found: ["source-in-two-splits warning all: train/1031280-2300-27920-[1 0].png, val/img/1031280-4600-1200.png"],
  },
];

/** Train patches of their own, numbered, so many with each label. */
const manyTrain = (counts: Readonly<Record<string, number>>): PlantedDefect["plant"] =>
  all(
    remove("train", "train_mask"),
    put(
      Object.fromEntries(
        Object.entries(counts).flatMap(([label, count], kind) =>
          Array.from({ length: count }, (_, index): [string, () => Bytes] => [
            `train/p${kind}_${index}[${label}].png`,
            () => patchPng(cleanHeight, cleanWidth, 100 + 60 * kind + index),
          ]),
        ),
      ),
    ),
  );

const balance: readonly PlantedDefect[] = [
  {
    name: "a class that train never shows",
    plant: manyTrain({ "1 0": 3 }),
    found: ["class-missing error train: "],
  },
  {
    name: "a class that val never shows",
    plant: put(Object.fromEntries(["x", "y", "z"].map((one) => [`val/mask/${one}.png`, maskFor([0, 1])]))),
    found: ["class-missing warning val: "],
  },
  {
    name: "a rare class",
    plant: manyTrain({ "1 0": 40, "0 1": 2 }),
    found: ["class-imbalance warning train: "],
  },
  {
    name: "a class that is everywhere",
    plant: manyTrain({ "1 0": 14, "1 1": 10 }),
    found: ["class-everywhere warning train: "],
  },
];

/** All defects, by the part of the dataset that they are in. */
export const plantedDefects = {
  manifest: manifests,
  layout,
  access,
  description,
  labels,
  pictures,
  masks,
  duplicates,
  balance,
} as const;
