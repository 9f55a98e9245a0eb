// Descriptions of datasets: defaults, presets, numberings of masks, and wrong entries refused by name.
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

describe("how masks are numbered", () => {
  const indicesOf = (more: object) => checkDescription({ ...twoClasses, ...more }).maskIndices;

  test("the background may have any index, and the classes take the others in their order", () => {
    expect(indicesOf({ background: 0 })).toEqual({ 0: "background", 1: "gland", 2: "stroma" });
    expect(indicesOf({ background: 1 })).toEqual({ 0: "gland", 1: "background", 2: "stroma" });
    expect(indicesOf({ background: 255 })).toEqual({ 0: "gland", 1: "stroma", 255: "background" });
    expect(indicesOf({ background: { index: 0 } })).toEqual({ 0: "background", 1: "gland", 2: "stroma" });
    const glass = { name: "glass", colour: [9, 9, 9] } as const;
    expect(checkDescription({ ...twoClasses, background: { ...glass, index: 0 } })).toMatchObject({
      background: glass,
      maskIndices: { 0: "glass", 1: "gland", 2: "stroma" },
    });
  });

  test("the usual numbering says nothing", () => {
    expect(checkDescription({ ...twoClasses, background: 2 })).toEqual(checkDescription(twoClasses));
    expect("maskIndices" in checkDescription(twoClasses)).toBe(false);
  });

  test("several values may stand for one class, others be ignored, and the background may be missing", () => {
    const maskIndices = { 1: "gland", 2: "stroma", 5: "stroma", 6: "ignored" };
    expect(indicesOf({ maskIndices })).toEqual(maskIndices);
    expect(indicesOf({ maskIndices: { ...maskIndices, 255: "ignored" }, ignoreIndex: 255 })).toBeDefined();
  });

  test("what was understood is written and read back", async () => {
    const file = await writeDatasetDescription(await datasetFolder(), { ...twoClasses, background: 0 });
    expect(await readDatasetDescription(file)).toEqual(checkDescription({ ...twoClasses, background: 0 }));
  });

  const whole = { 0: "background", 1: "gland", 2: "stroma" };
  const cases: readonly [object, RegExp][] = [
    [{ background: -1 }, /background\.index must be a whole number from 0 to 255, received -1/],
    [{ background: 256 }, /background\.index must be a whole number from 0 to 255, received 256/],
    [{ background: 0.5 }, /background\.index must be a whole number from 0 to 255, received 0\.5/],
    [{ background: { index: "0" } }, /background\.index must be a whole number from 0 to 255, received "0"/],
    [{ background: "0" }, /background must be an object, or the index that the background has in masks, received "0"/],
    [{ background: { index: 0, value: 1 } }, /background\.value is not known here/],
    [{ background: 255, ignoreIndex: 255 }, /background has the index 255, which ignoreIndex says is ignored/],
    [{ background: 0, maskIndices: whole }, /maskIndices and the index of background \(0\) exclude each other/],
    [{ maskIndices: {} }, /maskIndices leaves out "gland", "stroma"; every class needs a value in the masks/],
    [{ maskIndices: { 0: "background", 1: "gland" } }, /maskIndices leaves out "stroma"/],
    [
      { maskIndices: { ...whole, 3: "Stroma" } },
      /maskIndices calls 3 "Stroma", which is none of "gland", "stroma", "background", "ignored"/,
    ],
    [
      { maskIndices: { ...whole, 256: "gland" } },
      /maskIndices has the entry "256"; its keys are the values .* 0 to 255/,
    ],
    [{ maskIndices: { ...whole, "01": "gland" } }, /maskIndices has the entry "01"/],
    [{ maskIndices: { ...whole, "-1": "gland" } }, /maskIndices has the entry "-1"/],
    [{ maskIndices: { ...whole, gland: "1" } }, /maskIndices has the entry "gland"/],
    [{ maskIndices: { ...whole, 1: 1 } }, /maskIndices\.1 must be a text, received 1/],
    [{ maskIndices: ["gland"] }, /maskIndices must be an object/],
    [
      { maskIndices: { ...whole, 255: "gland" }, ignoreIndex: 255 },
      /calls 255 "gland", which ignoreIndex says is ignored/,
    ],
  ];
  test.each(cases)("%j is refused", (more, pattern) => {
    const value = { ...twoClasses, ...more };
    expect(() => checkDescription(value)).toThrow(pattern);
    expect(() => checkDescription(value)).toThrow(expect.objectContaining({ code: "WSSS_ERR_OPTION" }));
    expect(() => checkDescription(value, "d.json")).toThrow(expect.objectContaining({ code: "WSSS_ERR_DATASET" }));
  });
});

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
