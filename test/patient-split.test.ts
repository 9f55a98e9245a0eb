// Patients drawn into splits: the same on every machine, close to the shares, none in two splits.
import { describe, expect, test } from "@jest/globals";

import { openDatasetWith } from "../dist/dataset/open-dataset.js";
import { splitPatients } from "../dist/dataset/patient-split.js";
import { fakeStores } from "./support/dataset-folder.js";
import { manifestFolder } from "./support/manifest-folder.js";

const draw = { by: "patient", val: 0.2, test: 0.2, seed: 0 } as const;

/** Patients p0, p1, ... with these numbers of patches. */
const patients = (...sizes: readonly number[]): Map<string, number> =>
  new Map(sizes.map((size, index) => [`p${index}`, size]));

/** Patches of each split. */
function patchesOf(sizes: ReadonlyMap<string, number>, splitOf: ReadonlyMap<string, string>): Record<string, number> {
  const counts: Record<string, number> = { train: 0, val: 0, test: 0 };
  for (const [patient, split] of splitOf) counts[split]! += sizes.get(patient)!;
  return counts;
}

describe("splitPatients", () => {
  test("is the same on every machine, whatever the order of the patients, and another for another seed", () => {
    const sizes = patients(12, 7, 9, 30, 4, 18, 11, 6);
    const reference = Object.fromEntries(splitPatients(sizes, draw));
    expect(Object.fromEntries(splitPatients(new Map([...sizes].reverse()), draw))).toEqual(reference);
    expect(reference).toEqual({
      ...{ p3: "train", p4: "train", p5: "train", p7: "train" },
      ...{ p0: "val", p6: "val", p1: "test", p2: "test" },
    });
    const seeds = [1, 2, 3, 4, 5].map((seed) => JSON.stringify([...splitPatients(sizes, { ...draw, seed })].sort()));
    expect(new Set([JSON.stringify(Object.entries(reference).sort()), ...seeds]).size).toBeGreaterThan(3);
  });

  test("comes close to the shares, for sizes of every kind", () => {
    let state = 7;
    const random = (below: number): number => (state = (state * 48271) % 2147483647) % below;
    for (let round = 0; round < 60; round++) {
      const sizes = patients(...Array.from({ length: 3 + random(40) }, () => 1 + random(round % 2 === 0 ? 9 : 200)));
      const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
      const splitOf = splitPatients(sizes, { ...draw, seed: round });
      expect([...splitOf.keys()].sort()).toEqual([...sizes.keys()].sort());
      const counts = patchesOf(sizes, splitOf);
      const largest = Math.max(...sizes.values());
      for (const [name, share] of [
        ["train", 0.6],
        ["val", 0.2],
        ["test", 0.2],
      ] as const) {
        expect(counts[name]).toBeGreaterThan(0);
        expect(Math.abs(counts[name]! - share * total)).toBeLessThanOrEqual(largest);
      }
    }
  });

  test("fills every split that is wanted, and no other", () => {
    expect(new Set(splitPatients(patients(100, 1, 1), draw).values())).toEqual(new Set(["train", "val", "test"]));
    expect(new Set(splitPatients(patients(100, 100, 100), draw).values()).size).toBe(3);
    const two = splitPatients(patients(5, 5, 5, 5), { ...draw, val: 0 });
    expect(new Set(two.values())).toEqual(new Set(["train", "test"]));
    expect(new Set(splitPatients(patients(5, 5), { ...draw, val: 0, test: 0 }).values())).toEqual(new Set(["train"]));
  });
});

describe("a manifest without a column split", () => {
  const names = Array.from({ length: 10 }, (_, index) => index);
  const lines = names.map((n) => `p${n}.png,p${n}.png,case ${n % 5},gland;stroma`);
  const manifest = ["image,mask,patient,labels", ...lines].join("\n");
  const files = Object.fromEntries(names.map((n) => [`p${n}.png`, ""]));
  const open = async (text: string, description: object) =>
    await openDatasetWith(
      async () => fakeStores,
      await manifestFolder(text, { files, description: description as never }),
    );

  test("is split by whole patients", async () => {
    const dataset = await open(manifest, { split: draw });
    expect([dataset.train.count, dataset.val.count, dataset.test.count]).toEqual([6, 2, 2]);
    const splits = [dataset.train, dataset.val, dataset.test];
    const ofSplits = splits.map(({ files: list }) => new Set(list.map(({ patient }) => patient)));
    expect(ofSplits.map((set) => set.size)).toEqual([3, 1, 1]);
    expect(new Set(ofSplits.flatMap((set) => [...set])).size).toBe(5);
    expect(dataset.description.split).toEqual(draw);
  });

  test.each<readonly [string, string, RegExp]>([
    ["no patients", manifest.replace("patient", "site"), /wants "split" by patient, but there is no column patient/],
    ["a column split too", manifest.replace("patient", "split"), /a column split, and the description has "split" too/],
    [
      "too few patients",
      "image,mask,patient,labels\np0.png,p0.png,a,gland;stroma\np1.png,p1.png,b,gland;stroma",
      /split: 2 patients are too few for train, val, test; a patient belongs to one split only/,
    ],
    ["a row without patient", manifest.replace("case 3", ""), /line 5: names no patient/],
  ])("%s", async (_, text, pattern) => {
    await expect(open(text, { split: draw })).rejects.toMatchObject({
      code: "WSSS_ERR_DATASET",
      message: expect.stringMatching(pattern),
    });
  });
});
