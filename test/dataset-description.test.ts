import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";

import { describe, expect, test } from "@jest/globals";

import { checkDescription, readDatasetDescription, writeDatasetDescription } from "../dist/dataset/description.js";
import { presets } from "../dist/dataset/presets.js";
import { datasetFolder, twoClasses } from "./support/dataset-folder.js";

test("defaults: white background, strict labels, no glass", () => {
  expect(checkDescription(twoClasses)).toEqual({
    ...twoClasses,
    background: { name: "background", colour: [255, 255, 255] },
    labels: { rule: "separated", grammar: "strict", allowEmpty: false, minClassShare: 0 },
    glass: null,
  });
  expect(checkDescription({ ...twoClasses, glass: {} }).glass).toEqual({ greyAbove: 200, minAreaPx: 50 });
});

test("presets are valid descriptions as they are", () => {
  for (const preset of Object.values(presets)) expect(checkDescription(preset)).toEqual(preset);
});

test("what is written reads back complete", async () => {
  const folder = await datasetFolder();
  const file = await writeDatasetDescription(folder, { ...twoClasses, glass: { minAreaPx: 7 } });
  expect(file).toBe(path.join(folder, "wsss-dataset.json"));
  expect(await readDatasetDescription(file)).toEqual(checkDescription({ ...twoClasses, glass: { minAreaPx: 7 } }));
  expect(await readFile(file, "utf8")).toMatch(/"greyAbove": 200/);
  await expect(writeDatasetDescription(path.join(folder, "gone"), twoClasses)).rejects.toMatchObject({
    code: "WSSS_ERR_IO",
  });
});

test("a manifest, a draw of patients and an ignored index are kept, with their defaults", async () => {
  const input = {
    ...twoClasses,
    ignoreIndex: 255,
    labels: { rule: "manifest", file: "lists/patches.json" },
    split: { by: "patient", val: 0.1 },
  } as const;
  const file = await writeDatasetDescription(await datasetFolder(), input);
  expect(await readDatasetDescription(file)).toMatchObject({
    ignoreIndex: 255,
    labels: { rule: "manifest", file: "lists/patches.json", allowEmpty: false, minClassShare: 0 },
    split: { by: "patient", val: 0.1, test: 0.2, seed: 0 },
  });
});

const [gland, stroma] = twoClasses.classes;

describe("wrong entries are named, with bound and value", () => {
  const cases: readonly [unknown, RegExp][] = [
    [[], /it must be an object, received \[\]/],
    [{ ...twoClasses, name: "" }, /name must be at least 1 characters long, received ""/],
    [{ ...twoClasses, classes: [] }, /classes must be at least 2 entries long/],
    [{ ...twoClasses, classes: undefined }, /classes is missing; it must be a list/],
    [{ ...twoClasses, labels: undefined }, /labels is missing/],
    [
      { ...twoClasses, labels: { rule: "digits" } },
      /labels\.rule must be "separated" or "characters" or "manifest", received "digits"/,
    ],
    [
      { ...twoClasses, labels: { rule: "separated", minClassShare: 2 } },
      /labels\.minClassShare must be at most 1, received 2/,
    ],
    [{ ...twoClasses, labels: { rule: "separated", strict: true } }, /labels\.strict is not known here/],
    [{ ...twoClasses, colors: [] }, /colors is not known here/],
    [
      { ...twoClasses, classes: [gland, { name: "x", colour: [0, 0, 300] }] },
      /classes\[1\]\.colour\[2\] must be at most 255, received 300/,
    ],
    [
      { ...twoClasses, classes: [gland, { name: "x", colour: [0, 0, 0.5] }] },
      /classes\[1\]\.colour\[2\] must be a whole number, received 0\.5/,
    ],
    [
      { ...twoClasses, classes: [gland, { name: "x", colour: "red" }] },
      /classes\[1\]\.colour must be a list, received "red"/,
    ],
    [{ ...twoClasses, classes: [gland, { ...stroma, name: "gland" }] }, /classes\[1\]\.name repeats the name "gland"/],
    [
      { ...twoClasses, classes: [gland, { ...gland, name: "x" }] },
      /classes\[1\]\.colour repeats the colour \(200,0,0\)/,
    ],
    [{ ...twoClasses, background: { name: "b", colour: [200, 0, 0] } }, /background\.colour repeats the colour/],
    [{ ...twoClasses, glass: { greyAbove: 256 } }, /glass\.greyAbove must be at most 255, received 256/],
    [{ ...twoClasses, glass: { minAreaPx: -1 } }, /glass\.minAreaPx must be at least 0, received -1/],
    [{ ...twoClasses, glass: { greyAbove: Number.NaN } }, /glass\.greyAbove must be a finite number, received NaN/],
  ];
  test.each(cases)("%j", (value, pattern) => {
    expect(() => checkDescription(value)).toThrow(pattern);
    expect(() => checkDescription(value)).toThrow(expect.objectContaining({ code: "WSSS_ERR_OPTION" }));
    expect(() => checkDescription(value, "d.json")).toThrow(expect.objectContaining({ code: "WSSS_ERR_DATASET" }));
  });
});

test("files that are no description are named", async () => {
  const file = path.join(await datasetFolder(), "wsss-dataset.json");
  await expect(readDatasetDescription(file)).rejects.toMatchObject({ code: "WSSS_ERR_IO" });
  await writeFile(file, "{ name: 1 }");
  await expect(readDatasetDescription(file)).rejects.toMatchObject({
    code: "WSSS_ERR_DATASET",
    message: expect.stringMatching(/wsss-dataset\.json is not valid JSON/),
  });
  await writeFile(file, "{}");
  await expect(readDatasetDescription(file)).rejects.toMatchObject({
    code: "WSSS_ERR_DATASET",
    message: expect.stringMatching(/wsss-dataset\.json does not describe a dataset: name is missing/),
  });
});
