/** Names of files as archives, other systems and long habits leave them: read right, or refused with the way out. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import path from "node:path";

import { describe, expect, test } from "@jest/globals";

import { nearestRootFolder } from "../dist/dataset/look-alikes.js";
import { openDatasetWith } from "../dist/dataset/open-dataset.js";
import { examineDatasetWith } from "../dist/doctor/examine-dataset.js";
import { encodingThatSays, escapeBytes, guessEncoding } from "../dist/files/foreign-name.js";
import { writeBytesAtomic } from "../dist/files/file-access.js";
import { readFolder } from "../dist/files/read-folder.js";
import { assertNameable, maskFilesOf } from "../dist/pseudo-masks/pseudo-mask-files.js";
import { replaceWhole } from "../dist/files/replace-whole.js";
import { Classifier, type WsssError } from "../dist/index.js";
import { measureOutput } from "../dist/run/stage-marker.js";
import { printable } from "../dist/text/printable.js";
import { cleanFiles, folderOf } from "./support/clean-dataset.js";
import { command } from "./support/command-line.js";
import { datasetFolder, fakeStores, smallDataset, twoClasses, writeTree } from "./support/dataset-folder.js";
import { goodManifest, manifestFolder, namedFiles } from "./support/manifest-folder.js";
import { tinyWidth } from "./support/tiny-models.js";

const open = async (folder: string) => await openDatasetWith(async () => fakeStores, folder);

const composed = "K\u00f6ln-\u00e9";
const decomposed = composed.normalize("NFD");

/** Renames a file of a folder to a name of any bytes. */
async function rawRename(folder: string, from: string, name: Buffer): Promise<void> {
  await rename(path.join(folder, from), Buffer.concat([Buffer.from(`${folder}/`), name]));
}

async function errorOf(work: Promise<unknown>): Promise<WsssError> {
  const error: unknown = await work.then(
    () => new Error("nothing was thrown"),
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ name: "WsssError" });
  return error as WsssError;
}

/** Everything in a folder: names as bytes, and contents. */
async function contentsOf(folder: string | Buffer): Promise<string[]> {
  const parts = await Promise.all(
    (await readFolder(folder)).map(async ({ rawPath, isFolder }) => {
      if (isFolder) return await contentsOf(rawPath);
      return [
        `${rawPath.toString("latin1")} ${createHash("sha256")
          .update(await readFile(rawPath))
          .digest("hex")}`,
      ];
    }),
  );
  return parts.flat().sort();
}

describe("names that are not UTF-8", () => {
  const gbk = Buffer.from([0xb7, 0xce, 0xb0, 0xa9]);

  test.each([
    ["gbk", Buffer.concat([gbk, Buffer.from("01[1 0].png")]), "\u80ba\u764c01[1 0].png"],
    ["latin1", Buffer.from("Gewebe-\u00fc1.png", "latin1"), "Gewebe-\u00fc1.png"],
    ["latin1", Buffer.from("Gr\u00f6\u00dfe.png", "latin1"), "Gr\u00f6\u00dfe.png"],
    ["cp850", Buffer.from([0x47, 0x72, 0x94, 0xe1, 0x65]), "Gr\u00f6\u00dfe"],
    ["utf-16le", Buffer.from("\ufeffa,b", "utf16le"), "a,b"],
  ] as const)("are taken for %s where they look like it", (encoding, bytes, text) => {
    expect(guessEncoding(bytes)).toEqual({ encoding, text });
  });

  test("are found by what they say in another encoding, and shown byte by byte", () => {
    expect(encodingThatSays(Buffer.from([0x94, 0x78, 0x31]), "\u80ba1")).toBe("shift_jis");
    expect(encodingThatSays(gbk, "\u80ba\u764c1")).toBeUndefined();
    expect(escapeBytes(Buffer.concat([gbk, Buffer.from("1.png")]))).toBe("\\xb7\\xce\\xb0\\xa91.png");
  });

  test.each([
    [
      "train",
      "a[1 0].png",
      Buffer.concat([gbk, Buffer.from("[1 0].png")]),
      /\\xb7\\xce\\xb0\\xa9\[1 0\]\.png: .*not UTF-8.*GBK.*"\u80ba\u764c\[1 0\]\.png"/,
      "gbk",
    ],
    ["val/img", "x.png", Buffer.from("\u00fc.png", "latin1"), /\\xfc\.png: .*LATIN1.*"\u00fc\.png"/, "latin1"],
    ["val/mask", "x.png", Buffer.from("\u00fc.png", "latin1"), /\\xfc\.png: /, "latin1"],
    ["train_mask", "a[1 0].png", Buffer.from("\u00fc.png", "latin1"), /\\xfc\.png: /, "latin1"],
  ] as const)(
    "in %s are refused with bytes, meaning and command; nothing is changed",
    async (part, from, name, shown, encoding) => {
      const folder = await smallDataset();
      const inside = path.join(folder, part);
      await rawRename(inside, from, name);
      const before = await contentsOf(folder);
      const error = await errorOf(open(folder));
      expect(error).toMatchObject({ code: "WSSS_ERR_DATASET", details: { path: inside, count: 1 } });
      expect(error.message).toMatch(shown);
      expect(error.message).toContain(`convmv -r -f ${encoding} -t utf-8 --notest ${inside}`);
      expect(await contentsOf(folder)).toEqual(before);
    },
  );

  test("in a folder to predict end the command before anything is loaded or written", async () => {
    const folder = await datasetFolder();
    const pictures = path.join(folder, "pictures");
    await writeTree(folder, { "pictures/a.png": "", "pictures/b.png": "" });
    await rawRename(pictures, "b.png", Buffer.concat([gbk, Buffer.from(".png")]));
    const out = path.join(folder, "out");
    const words = ["predict", "--no-gate", "--segmenter", "none.safetensors", "--out", out, pictures];
    const { code, stderr, stdout } = await command(...words);
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toMatch(
      /^wsss-tissue: 1 of 2 files has a name in .* that is not UTF-8:\n {2}\\xb7\\xce\\xb0\\xa9\.png: /,
    );
    expect(existsSync(out)).toBe(false);
  });

  test("that a manifest means are told with the encoding in which they fit", async () => {
    const files = Object.fromEntries(Object.entries(namedFiles).filter(([name]) => name !== "a/one.png"));
    const folder = await manifestFolder(goodManifest.replace("a/one", "a/\u80ba1"), { files });
    await writeTree(folder, { "a/one.png": "" });
    await rawRename(path.join(folder, "a"), "one.png", Buffer.from([0x94, 0x78, 0x31, 0x2e, 0x70, 0x6e, 0x67]));
    const error = await errorOf(open(folder));
    expect(error).toMatchObject({ code: "WSSS_ERR_DATASET", details: { kinds: { image: 1 } } });
    expect(error.message).toMatch(
      /line 2: image a\/\u80ba1\.png is there under a name in SHIFT_JIS, not UTF-8 \(\\x94x1\.png\)/,
    );
    expect(error.message).toContain(`convmv -r -f shift_jis -t utf-8 --notest ${path.join(folder, "a")}`);
  });

  test.each([
    [
      "GBK",
      Buffer.concat([Buffer.from(`${goodManifest}\na/`), gbk, Buffer.from(".png,,train,p1,gland\n")]),
      /patches\.csv is not UTF-8, first in line 6, which in GBK would be "a\/\u80ba\u764c\.png,.*iconv -f gbk -t utf-8/,
    ],
    ["UTF-16", Buffer.from(`\ufeff${goodManifest}`, "utf16le"), /is UTF-16, not UTF-8; .*iconv -f utf-16 -t utf-8/],
  ] as const)("a manifest in %s is refused with the line and the command", async (_, bytes, pattern) => {
    const folder = await manifestFolder(goodManifest);
    await writeFile(path.join(folder, "patches.csv"), bytes);
    const error = await errorOf(open(folder));
    expect(error.code).toBe("WSSS_ERR_DATASET");
    expect(error.message).toMatch(pattern);
    expect((await examineDatasetWith(() => 2 ** 40, folder)).findings.map(({ check }) => check)).toEqual([
      "manifest-invalid",
    ]);
  });

  test("a description in Latin-1 is refused, and found by the doctor", async () => {
    const folder = await smallDataset();
    const text = JSON.stringify({ ...twoClasses, name: "Gewebe-\u00fc" });
    await writeFile(path.join(folder, "wsss-dataset.json"), Buffer.from(text, "latin1"));
    const error = await errorOf(open(folder));
    expect(error).toMatchObject({ code: "WSSS_ERR_DATASET", details: { failure: "encoding" } });
    expect(error.message).toMatch(/wsss-dataset\.json is not UTF-8, first in line 1.*Gewebe-\u00fc/);
    const { findings } = await examineDatasetWith(() => 2 ** 40, folder);
    expect(findings.map(({ check }) => check)).toContain("description-syntax");
  });

  test("of the dataset itself are told where Node has lost their bytes", async () => {
    const error = await errorOf(open("/data/\ufffd\ufffd"));
    expect(error.code).toBe("WSSS_ERR_DATASET");
    expect(error.message).toMatch(/a name in this path is not UTF-8/);
  });
});

describe("accents stored in two ways", () => {
  test("a patch and its mask are paired, in train with or without label", async () => {
    const folder = await smallDataset();
    await writeTree(folder, {
      [`val/img/${composed}.png`]: "",
      [`val/mask/${decomposed}.png`]: "",
      [`train/${decomposed}[1 0].png`]: "",
      [`train_mask/${composed}.png`]: "",
    });
    const { val, train } = await open(folder);
    const maskOf = (files: typeof val.files, stem: string) => files.find((file) => file.stem === stem)?.maskPath;
    expect(maskOf(val.files, composed)).toBe(path.join(folder, "val", "mask", `${decomposed}.png`));
    expect(maskOf(train.files, `${decomposed}[1 0]`)).toBe(path.join(folder, "train_mask", `${composed}.png`));
  });

  test("names that are exactly alike come first, and a mask is never used twice", async () => {
    const folder = await smallDataset();
    await writeTree(folder, {
      [`val/img/${composed}.png`]: "",
      [`val/mask/${composed}.png`]: "",
      [`val/img/${decomposed}.png`]: "",
    });
    const error = await errorOf(open(folder));
    expect(error).toMatchObject({ code: "WSSS_ERR_DATASET", details: { patchesWithoutMask: 1, masksWithoutPatch: 0 } });
    expect(error.message).toContain("whose accents are stored in another way, is the mask of another patch");
    await writeTree(folder, { [`val/mask/${decomposed}.png`]: "" });
    const { val } = await open(folder);
    for (const { stem, maskPath } of val.files) expect(path.basename(maskPath!)).toBe(`${stem}.png`);
  });

  test("where two would match, both are named with their forms", async () => {
    const folder = await smallDataset();
    await writeTree(folder, {
      "val/img/\u1ec7.png": "",
      "val/mask/e\u0323\u0302.png": "",
      "val/mask/\u1eb9\u0302.png": "",
    });
    const error = await errorOf(open(folder));
    expect(error).toMatchObject({ code: "WSSS_ERR_DATASET", details: { ambiguous: 1 } });
    expect(error.message).toMatch(/could have the mask .* \(decomposed, NFD\) or .* \(both composed and decomposed\)/);
    expect(error.message).toContain(`convmv -r -f utf-8 -t utf-8 --nfc --notest ${path.join(folder, "val", "mask")}`);
  });

  test("rows of a manifest find their files, in folders of such names too", async () => {
    const manifest = goodManifest.replace("a/one", `${composed}/${composed}`).replace("m/three", `m/${composed}`);
    const files = { ...namedFiles, [`${decomposed}/${decomposed}.png`]: "", [`m/${decomposed}.png`]: "" };
    const folder = await manifestFolder(manifest, { files });
    const { train, val } = await open(folder);
    expect(train.files.map(({ imagePath }) => imagePath)).toContain(path.join(folder, decomposed, `${decomposed}.png`));
    expect(val.files[0]?.maskPath).toBe(path.join(folder, "m", `${decomposed}.png`));
  });

  test("rows that could mean two files, or name one twice, are refused", async () => {
    const ambiguous = await manifestFolder(goodManifest.replace("a/one", "a/\u1ec7"), {
      files: { ...namedFiles, "a/e\u0323\u0302.png": "", "a/\u1eb9\u0302.png": "" },
    });
    const first = await errorOf(open(ambiguous));
    expect(first.details).toMatchObject({ kinds: { image: 1 } });
    expect(first.message).toMatch(
      /line 2: image a\/.* could be .*\(decomposed, NFD\).* differ only in how accents are stored/,
    );
    const twice = `${goodManifest}\na/${composed}.png,,train,p1,gland\na/${decomposed}.png,,train,p1,gland`;
    const second = await errorOf(
      open(await manifestFolder(twice, { files: { ...namedFiles, [`a/${composed}.png`]: "" } })),
    );
    expect(second.details).toMatchObject({ kinds: { repeated: 1 } });
    expect(second.message).toContain("line 7");
  });

  test("classes, columns and patients are the same in both forms", async () => {
    const classes = [{ ...twoClasses.classes[0], name: composed }, twoClasses.classes[1]];
    const byName = goodManifest.replaceAll("gland", decomposed).replace("p3", composed).replace("p4", decomposed);
    const leak = await errorOf(open(await manifestFolder(byName, { description: { classes } })));
    expect(leak.details).toMatchObject({ count: 1, kinds: { patient: 1 } });
    const columns = `image,split,${decomposed},stroma\na/one.png,train,1,0\na/two.jpg,train,1,1`;
    const { train } = await open(await manifestFolder(columns, { description: { classes } }));
    expect(train.files.map(({ labels }) => labels)).toEqual([
      [1, 0],
      [1, 1],
    ]);
  });

  test("pseudo masks of another machine are found; two that would do are refused", async () => {
    const folder = await datasetFolder();
    await writeTree(folder, { [`PM_bn7/${decomposed}.png`]: "", "PM_bn7/b.png": "" });
    expect(await maskFilesOf(folder, ["bn7"], [composed, "b"])).toEqual([
      [path.join(folder, "PM_bn7", `${decomposed}.png`), path.join(folder, "PM_bn7", "b.png")],
    ]);
    await writeTree(folder, { "PM_bn7/e\u0323\u0302.png": "", "PM_bn7/\u1eb9\u0302.png": "" });
    const error = await errorOf(maskFilesOf(folder, ["bn7"], ["\u1ec7"]));
    expect(error.code).toBe("WSSS_ERR_DATASET");
    expect(error.message).toMatch(/can't be told which pseudo mask .* \(decomposed, NFD\)/);
    await rawRename(path.join(folder, "PM_bn7"), "b.png", Buffer.from("\u00fc.png", "latin1"));
    // The folder is measured all the same: it is there.
    expect(await measureOutput(folder, "PM_bn7")).toMatchObject({ kind: "folder", files: 4 });
    const foreign = await errorOf(maskFilesOf(folder, ["bn7"], ["\u00fc"]));
    expect(foreign.message).toMatch(/lacks 1 of 1 pseudo masks.*not UTF-8 \(\\xfc\.png\).*convmv -r -f latin1/);
  });
});

describe("folders", () => {
  test.each([
    ["2.validation", "val"],
    ["validation2", "val"],
    ["valid", "val"],
    ["val2", "val"],
    ["Train", "train"],
    ["1-training", "train"],
    ["validaton", "val"],
    ["my_test_set", "test"],
    ["\u9a8c\u8bc1\u96c6", "val"],
    ["TRAIN_MASKS", "train_mask"],
    ["slides", null],
    ["LUAD", null],
  ] as const)("%s is nearest to %s", (name, expected) => {
    expect(nearestRootFolder(name)).toBe(expected);
  });

  test("a link to a folder inside of train is refused as a folder is", async () => {
    const folder = await smallDataset();
    await writeTree(folder, { "more/z[1 0].png": "" });
    await symlink("../more", path.join(folder, "train", "more"));
    const error = await errorOf(open(folder));
    expect(error).toMatchObject({ code: "WSSS_ERR_DATASET", details: { path: path.join(folder, "train", "more") } });
    expect(error.message).toContain("is a folder among the files");
  });

  test("the doctor says what a folder was meant to be, and what to do where that is there", async () => {
    const folder = await folderOf(await cleanFiles());
    await writeTree(folder, { "validation2/img/q.png": "" });
    const { findings } = await examineDatasetWith(() => 2 ** 40, folder);
    expect(findings).toHaveLength(1);
    expect(findings[0]?.problem).toContain("validation2/img/q.png");
    expect(findings[0]?.remedy).toContain("if they are of val, move patches into val/img/ and masks into val/mask/");
    await rename(path.join(folder, "test"), path.join(folder, "3.testing"));
    const renamed = (await examineDatasetWith(() => 2 ** 40, folder)).findings.find(
      ({ files }) => files[0] === "3.testing",
    );
    expect(renamed).toMatchObject({ check: "unread-folder", remedy: "rename it to test, if that is what it is" });
  });

  test("that links of the layout lead to are read, and pseudo masks may lie beside", async () => {
    const folder = await folderOf(await cleanFiles());
    await rename(path.join(folder, "train"), path.join(folder, "elsewhere"));
    await symlink("elsewhere", path.join(folder, "train"));
    await mkdir(path.join(folder, "originals"));
    await rename(path.join(folder, "val/img/x.png"), path.join(folder, "originals/x.png"));
    await symlink("../../originals/x.png", path.join(folder, "val/img/x.png"));
    await writeTree(folder, { "train_PM/PM_bn7/a[1 0].png": "" });
    expect((await examineDatasetWith(() => 2 ** 40, folder)).findings).toEqual([]);
  });
});

describe("line breaks, tabs and the like", () => {
  test("are escaped where a line shows a name", async () => {
    expect(printable("a\nb\tc\u001b[31m\u202e.png")).toBe("a\\nb\\tc\\x1b[31m\\u202e.png");
    const folder = await smallDataset();
    await writeTree(folder, { "val/img/a\nb.png": "" });
    expect((await errorOf(open(folder))).message).toContain("\n  a\\nb.png: no mask a\\nb.png");
    await writeTree(folder, { "val/mask/a\nb.png": "", "train/c\td/x.png": "" });
    expect((await errorOf(open(folder))).message).toMatch(/train\/c\\td is a folder among the files/);
  });

  test("break no line of the doctor's report", async () => {
    const folder = await folderOf(await cleanFiles());
    await rename(path.join(folder, "val/img/x.png"), path.join(folder, "val/img/x\ny.png"));
    const { code, stdout } = await command("doctor", folder);
    expect(code).toBe(3);
    expect(stdout).toContain("val/img/x\\ny.png");
    expect(stdout).not.toContain("x\ny");
  });
});

describe("names as long as the file system takes", () => {
  const longest = `${"\u80ba".repeat(83)}a`;

  test("are written whole, by a short name of their own", async () => {
    const folder = await datasetFolder();
    expect(Buffer.byteLength(`${longest}.json`)).toBe(255);
    await writeBytesAtomic(path.join(folder, `${longest}.json`), "1");
    await replaceWhole(path.join(folder, `${longest}.html`), async (temporary) => {
      expect(path.extname(temporary)).toBe(".html");
      await writeFile(temporary, "2");
    });
    for (const text of ["3", "4"]) {
      await replaceWhole(path.join(folder, `${longest}abcde`), async (temporary) => {
        await mkdir(temporary);
        await writeFile(path.join(temporary, "x"), text);
      });
    }
    expect((await readdir(folder)).sort()).toEqual([`${longest}.html`, `${longest}.json`, `${longest}abcde`]);
    expect(await readFile(path.join(folder, `${longest}abcde`, "x"), "utf8")).toBe("4");
  });

  test("weights are saved under one, and one that is too long is refused before the work", async () => {
    const folder = await datasetFolder();
    const classifier = await Classifier.create({ classes: twoClasses.classes, width: tinyWidth });
    try {
      const name = `${"w".repeat(243)}.safetensors`;
      await classifier.save(path.join(folder, name));
      const error = await errorOf(classifier.save(path.join(folder, `w${name}`)));
      expect(error).toMatchObject({ code: "WSSS_ERR_IO", details: { reason: "ENAMETOOLONG" } });
      expect(error.message).toMatch(/the name is too long; choose a shorter name$/);
      expect(await readdir(folder)).toEqual([name]);
    } finally {
      await classifier.dispose();
    }
  });

  test("pseudo masks that could not be named are refused before anything is trained", async () => {
    const folder = await datasetFolder();
    await assertNameable(folder, path.join(folder, "train_PM"), ["a", "n".repeat(251)]);
    const error = await errorOf(assertNameable(folder, path.join(folder, "train_PM"), ["a", "n".repeat(252)]));
    expect(error).toMatchObject({ code: "WSSS_ERR_IO", details: { reason: "ENAMETOOLONG" } });
    const deep = path.join(folder, ...Array.from({ length: 15 }, () => "d".repeat(255)));
    const tooDeep = await errorOf(assertNameable(folder, deep, ["n".repeat(251)]));
    expect(tooDeep).toMatchObject({ code: "WSSS_ERR_IO", details: { reason: "ENAMETOOLONG" } });
  });
});
