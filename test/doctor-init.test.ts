// `doctor --init` drafts a description from names, masks and pixels, which then passes the examination.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { draftDescription } from "../dist/doctor/draft-description.js";
import { openDataset } from "../dist/index.js";
import { bands, cleanColours, cleanFiles, cleanHeight, cleanWidth, paletteMask } from "./support/clean-dataset.js";
import { command } from "./support/command-line.js";
import { datasetFolder, writeTree } from "./support/dataset-folder.js";

/** The clean dataset without its description. */
async function undescribed(change: (files: Record<string, Buffer | string>) => void | Promise<void> = () => undefined) {
  const files = await cleanFiles();
  delete files["wsss-dataset.json"];
  await change(files);
  const folder = await datasetFolder();
  await writeTree(folder, files);
  return folder;
}

/** A patch that is white under one value of its mask and pink elsewhere. */
async function patchOver(mask: Uint8Array, white: number): Promise<Buffer> {
  const data = Buffer.from([...mask].flatMap((value) => (value === white ? [250, 250, 250] : [200, 90, 140])));
  return await sharp(data, { raw: { height: cleanHeight, width: cleanWidth, channels: 3 } })
    .png()
    .toBuffer();
}

describe("draftDescription", () => {
  test("takes classes from labels and colours from the masks' palette", async () => {
    const folder = await undescribed();
    const { description, seen } = await draftDescription(folder);
    expect(description).toMatchObject({
      name: path.basename(folder),
      classes: [
        { name: "class 1", colour: cleanColours[0] },
        { name: "class 2", colour: cleanColours[1] },
      ],
      labels: { rule: "separated" },
      glass: null,
    });
    expect(description.background).toBeUndefined();
    expect(seen.join("\n")).toMatch(/6 train patches have a label of 2 entries, separated/);
  });

  test("knows labels without spaces, and a background that is 0", async () => {
    const mask = bands([0, 1, 2]);
    const files: Record<string, Buffer | string> = {};
    for (const name of Object.keys(await cleanFiles())) {
      if (!name.endsWith(".png")) continue;
      const isMask = name.includes("mask");
      const colours = [
        [255, 255, 255],
        [1, 2, 3],
        [4, 5, 6],
      ] as const;
      files[name.replace(/\[(\d) (\d)\]/, "[$1$2]")] = isMask ? paletteMask(mask, colours) : await patchOver(mask, 0);
    }
    const folder = await datasetFolder();
    await writeTree(folder, files);
    const { description } = await draftDescription(folder);
    expect(description).toMatchObject({
      classes: [{ colour: [1, 2, 3] }, { colour: [4, 5, 6] }],
      background: 0,
      labels: { rule: "characters" },
      glass: {},
    });
  });

  test("takes the names of classes from a manifest", async () => {
    const folder = await undescribed((files) => {
      const rows = ["val/img/x.png,stroma;gland,val", "val/img/y.png,gland,val"];
      files["patches.csv"] = `image,labels,split\n${rows.join("\n")}\n`;
    });
    const { description } = await draftDescription(folder);
    expect(description.labels).toEqual({ rule: "manifest", file: "patches.csv" });
    expect(description.classes.map(({ name }) => name)).toEqual(["gland", "stroma"]);
  });

  test("takes the names of classes from a manifest's columns", async () => {
    const folder = await undescribed((files) => {
      files["patches.csv"] = "image,split,gland,stroma\nval/img/x.png,val,1,0\nval/img/y.png,val,0,1\n";
    });
    const { description } = await draftDescription(folder);
    expect(description.classes.map(({ name }) => name)).toEqual(["gland", "stroma"]);
  });

  test("refuses a folder that shows no classes", async () => {
    const folder = await datasetFolder();
    await writeTree(folder, { "train/a.png": "" });
    await expect(draftDescription(folder)).rejects.toMatchObject({ code: "WSSS_ERR_DATASET" });
    await expect(draftDescription(folder)).rejects.toThrow(/write wsss-dataset\.json by hand/);
  });
});

/** A dataset whose masks hold these values in bands, white under one of them; labels of the given length. */
async function numbered(values: readonly number[], white: number, labels: number): Promise<string> {
  const mask = bands(values);
  const colours = Array.from({ length: 256 }, (_, value) => [value, 255 - value, 7] as const);
  const folder = await datasetFolder();
  const label = `[${Array.from({ length: labels }, () => 1).join(" ")}]`;
  const patch = await patchOver(mask, white);
  await writeTree(folder, {
    [`train/a${label}.png`]: patch,
    [`train_mask/a${label}.png`]: paletteMask(mask, colours),
    "val/img/x.png": patch,
    "val/mask/x.png": paletteMask(mask, colours),
  });
  return folder;
}

describe("masks that are numbered in other ways", () => {
  test("a white tissue is none of the background where the classes need every value", async () => {
    const { description } = await draftDescription(await numbered([0, 1, 2, 3], 2, 4));
    expect(description.background).toBeUndefined();
    expect(description.classes.map(({ colour }) => colour[0])).toEqual([0, 1, 2, 3]);
  });

  test("values with gaps are named one by one", async () => {
    const { description } = await draftDescription(await numbered([0, 50, 100, 150], 0, 3));
    expect(description.maskIndices).toEqual({ "0": "background", "50": "class 1", "100": "class 2", "150": "class 3" });
  });

  test("a folder that is not there is said to be so", async () => {
    await expect(draftDescription("/no/such/folder")).rejects.toThrow("no such folder");
  });
});

describe("wsss-tissue doctor --init", () => {
  test("leaves classes that can be renamed, a background of 0 included", async () => {
    const folder = await numbered([0, 1, 2], 0, 2);
    expect(await command("doctor", folder, "--init")).toMatchObject({ code: 0 });
    const file = path.join(folder, "wsss-dataset.json");
    await writeFile(file, (await readFile(file, "utf8")).replace("class 1", "tumour").replace("class 2", "stroma"));
    expect((await openDataset(folder)).classes.map(({ name }) => name)).toEqual(["tumour", "stroma"]);
  });

  test("refuses a description or a preset beside it", async () => {
    const folder = await undescribed();
    expect(await command("doctor", folder, "--init", "--preset", "luad-histoseg")).toMatchObject({ code: 2 });
  });

  test("writes a description with which the dataset opens, and says what to edit", async () => {
    const folder = await undescribed();
    const done = await command("doctor", folder, "--init");
    expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining("give the classes their names") });
    expect((await openDataset(folder)).classes.map(({ name }) => name)).toEqual(["class 1", "class 2"]);
    expect(await command("doctor", folder)).toMatchObject({ code: 0 });
  });

  test("never touches one that is there", async () => {
    const folder = await undescribed();
    const file = path.join(folder, "wsss-dataset.json");
    await writeFile(file, "mine");
    const refused = await command("doctor", folder, "--init");
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("is there already") });
    expect(await readFile(file, "utf8")).toBe("mine");
  });
});
