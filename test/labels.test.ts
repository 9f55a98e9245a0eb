// Labels in file names: the published grammar against golden rows, the strict one, and writing them.
import { beforeAll, describe, expect, test } from "@jest/globals";

import { parseLabels, patchFileName } from "../dist/dataset/labels.js";
import { presets } from "../dist/dataset/presets.js";
import { goldenCase } from "./support/dataset-folder.js";

type Row = readonly [dataset: "luad" | "bcss", file: string, expected: readonly number[] | string];

const four = presets["luad-histoseg"].classes;
const three = four.slice(0, 3);

/** Code and details of what a call throws. */
function failureOf(call: () => unknown): { code: unknown; failure: unknown; message: string } {
  try {
    call();
  } catch (error) {
    const { code, details, message } = error as { code: unknown; details: { failure: unknown }; message: string };
    return { code, failure: details.failure, message };
  }
  throw new Error("nothing was thrown");
}

describe("the published grammar (golden case K1_labels)", () => {
  let rows: readonly Row[] = [];
  beforeAll(async () => {
    const { facts } = await goldenCase("K1_labels");
    rows = facts["rows"] as Row[];
  });

  test("every row gives the published labels or the published kind of error", () => {
    expect(rows.length).toBeGreaterThan(20);
    const failures = { "error:IndexError": "length", "error:ValueError": "not-a-digit" } as Record<string, string>;
    for (const [dataset, file, expected] of rows) {
      const rule = { rule: dataset === "luad" ? "separated" : "characters", grammar: "published" } as const;
      const read = (): number[] => parseLabels(file, rule, four);
      if (typeof expected === "string") {
        expect({ file, ...failureOf(read) }).toMatchObject({ code: "WSSS_ERR_DATASET", failure: failures[expected] });
      } else {
        expect([file, read()]).toEqual([file, expected]);
      }
    }
  });

  test("positions follow the number of classes", () => {
    expect(parseLabels("a[1 0 1].png", { rule: "separated", grammar: "published" }, three)).toEqual([1, 0, 1]);
    expect(parseLabels("a[011].png", { rule: "characters", grammar: "published" }, three)).toEqual([0, 1, 1]);
    expect(parseLabels("1011.png", { rule: "characters", grammar: "published" }, four)).toEqual([1, 0, 1, 1]);
  });
});

describe("the strict grammar", () => {
  test("reads both spellings", () => {
    expect(parseLabels("1031280+19+[1 0 0 1].png", { rule: "separated" }, four)).toEqual([1, 0, 0, 1]);
    expect(parseLabels("x[1,1,0,1].png", { rule: "separated" }, four)).toEqual([1, 1, 0, 1]);
    expect(parseLabels("x[1, 1, 0, 1].png", { rule: "separated" }, four)).toEqual([1, 1, 0, 1]);
    expect(parseLabels("x[1, 1,0,1].png", { rule: "separated" }, four)).toEqual([1, 1, 0, 1]);
    expect(parseLabels("x[d=1][1, 0, 0, 1].png", { rule: "separated" }, four)).toEqual([1, 0, 0, 1]);
    expect(parseLabels("TCGA-A1-A0SK-DX1_MPP-0.2500+0[1011].png", { rule: "characters" }, four)).toEqual([1, 0, 1, 1]);
    expect(parseLabels("a.b[1 0 0].jpeg", { rule: "separated" }, three)).toEqual([1, 0, 0]);
    expect(parseLabels("a[1].png", { rule: "separated" }, four.slice(0, 1))).toEqual([1]);
  });

  test.each([
    ["nolabel.png", "separated", "missing"],
    ["1 0 0 1.png", "separated", "missing"],
    ["p1010.png", "characters", "missing"],
    ["1010.png", "characters", "missing"],
    ["m[1 0 0 1]extra.png", "separated", "missing"],
    ["w[[0 1 1 0]].png", "separated", "missing"],
    ["n[1 0 1].png", "separated", "length"],
    ["n[1 0 1 0 0].png", "separated", "length"],
    ["p[10011].png", "characters", "length"],
    ["p[1].png", "characters", "length"],
    ["x[1001].png", "separated", "not-a-digit"],
    ["p[1 0 0 1].png", "characters", "not-a-digit"],
    ["q[0-0-0-1].png", "separated", "not-a-digit"],
    ["q[1 0,0 1].png", "separated", "not-a-digit"],
    ["q[1,  0,  0,  1].png", "separated", "not-a-digit"],
    ["q[1, 0, 0, 1].png", "characters", "not-a-digit"],
    ["q[1  0 0 1].png", "separated", "not-a-digit"],
    ["TCGA[ 1 0 0 1].png", "separated", "not-a-digit"],
    ["p[1a00].png", "characters", "not-a-digit"],
    ["p[].png", "characters", "length"],
    ["m[1 0 2 1].png", "separated", "digit"],
    ["p[2010].png", "characters", "digit"],
    ["q[0 0 0 0].png", "separated", "empty"],
    ["p[0000].png", "characters", "empty"],
  ] as const)("refuses %s (%s): %s", (file, rule, failure) => {
    const thrown = failureOf(() => parseLabels(file, { rule }, four));
    expect(thrown).toMatchObject({ code: "WSSS_ERR_DATASET", failure });
    expect(thrown.message).toContain(file);
  });

  test("the message says what would be right, and which rule fits", () => {
    const { message } = failureOf(() => parseLabels("x[1001].png", { rule: "separated" }, four));
    expect(message).toContain('rule "characters"');
    expect(message).toContain("NAME[1 0 0 0].png");
    expect(message).toContain("tumour epithelium, necrosis, lymphocyte, tumour-associated stroma");
  });

  test.each([
    ["a[1.1.0]", 'entries are separated by "."; one space or a comma must be between them'],
    ["a[1;1;0]", 'entries are separated by ";"'],
    ["a[1-1-0]", 'entries are separated by "-"'],
    ["a[1_1_0]", 'entries are separated by "_"'],
    ["a[1\u00a01\u00a00]", 'entries are separated by "U+00a0"'],
    ["a[1\uff0c1\uff0c0]", 'entries are separated by "\uff0c"'],
    ["a[1 0,0]", 'separated in several ways, " " and ","'],
    ["a[ 1 0 0]", 'has " " around its entries'],
    ["a[1.0 1.0 0.0]", "decimal points"],
    ["a[1. 1. 0.]", "decimal points"],
    ["a[0.9, 0.1, 0]", "decimal points"],
    ["a[True, False, True]", "True and False; write 1 and 0"],
    ["a[-1 0 1]", '"-1" is no entry'],
    ["a[gland, stroma]", '"gland" is no entry'],
    ["a[\uff11 \uff11 \uff10]", '"\uff11" is no entry'],
    ["s [d=1,x=12,y=34,w=48,h=48]", "a place in a slide, as QuPath writes it"],
    ["a[]", "it is empty"],
    ["a[1 1 0]_aug1", 'has "_aug1" behind its label [1 1 0]; the label must end the name'],
    ["a[1 1 0] (1)", 'has " (1)" behind its label [1 1 0], as of a copy of a file'],
    ["a[1 1 0] - Copy", "as of a copy of a file"],
    ["a[1 1 0].png", 'has ".png" behind its label'],
    ["a[1 1 0] ", 'has " " behind its label'],
    ["a(110)", 'in other brackets, "(110)"; it must be in [ and ]'],
    ["a{1, 1, 0}", "in other brackets"],
    ["a\u30101 1 0\u3011", "in other brackets"],
    ["a_1_1_0", '"1_1_0" there may be one without brackets'],
    ["a[1 0 0", "begins with [ but is not ended by ]"],
    ["a1 0 0]", "a ] without a [ before it"],
    ["a", "has no label in brackets at its end"],
  ])("%j is told what is wrong with it", (stem, problem) => {
    const { code, message } = failureOf(() => parseLabels(`${stem}.png`, { rule: "separated" }, three));
    expect(code).toBe("WSSS_ERR_DATASET");
    expect(message).toContain(problem);
    expect(message).toContain("expected a name like NAME[1 0 0].png");
  });

  test("labels without a class are an option", () => {
    expect(parseLabels("q[0 0 0].png", { rule: "separated", allowEmpty: true }, three)).toEqual([0, 0, 0]);
  });
});

describe("patchFileName", () => {
  test("writes what parseLabels reads, for any number of classes", () => {
    for (const rule of ["separated", "characters"] as const) {
      for (const count of [1, 2, 4, 11]) {
        const classes = Array.from({ length: count }, (_, index) => ({
          name: `class ${index}`,
          colour: [index, 0, 0] as const,
        }));
        const labels = classes.map((_, index) => (index % 3 === 0 ? 1 : 0));
        expect(parseLabels(patchFileName("p_1", labels, { rule }), { rule }, classes)).toEqual(labels);
      }
    }
    expect(patchFileName("a", Uint8Array.of(1, 0), { rule: "separated" })).toBe("a[1 0].png");
    expect(patchFileName("a", [1, 0], { rule: "characters" }, ".jpg")).toBe("a[10].jpg");
  });

  test.each([
    ["a[1]", [1]],
    ["a/b", [1]],
    ["", [1]],
    [".a", [1]],
    ["a", [2]],
    ["a", []],
  ] as const)("refuses %j %j", (stem, labels) => {
    expect(failureOf(() => patchFileName(stem, labels, { rule: "separated" }))).toMatchObject({
      code: "WSSS_ERR_OPTION",
    });
  });
});
