// The classes of enlarged logits, found without enlarging them, against LibTorch's enlargement and maximum.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { describeInstructionSets } from "./support/instruction-sets.js";
import { makeWorkspace } from "./support/test-addon.js";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const workspace = await makeWorkspace(root);

const bytesOf = (name: string): Uint8Array => new Uint8Array(workspace.get(name).data);

/** Logits that change from pixel to pixel, the same on every run. */
function logits(n: number, classes: number, height: number, width: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: n * classes * height * width }, (_, i) => Math.sin(i * 12.9898) * 3);
}

function classesOf(
  { n, classes, height, width }: { n: number; classes: number; height: number; width: number },
  size: { height: number; width: number },
  {
    values = logits(n, classes, height, width),
    open,
  }: { values?: Float32Array<ArrayBuffer>; open?: readonly number[] } = {},
): { found: Uint8Array; exact: Uint8Array } {
  workspace.clear();
  workspace.set("coarse", { dtype: "float32", shape: [n, classes, height, width], data: values.buffer });
  if (open) workspace.set("open", { dtype: "uint8", shape: [n, classes], data: Uint8Array.from(open).buffer });
  workspace.run("enlarged_classes", { ...size, gated: open !== undefined });
  expect([...bytesOf("takes")]).toEqual([1]);
  return { found: bytesOf("classes"), exact: bytesOf("exact") };
}

/** How many pixels differ: where two classes are level up to rounding either may win. */
const differing = ({ found, exact }: { found: Uint8Array; exact: Uint8Array }): number => {
  expect(found).toHaveLength(exact.length);
  return found.filter((one, i) => one !== exact[i]).length;
};

describeInstructionSets(workspace, () => {
  test.each([
    ["four times", { n: 2, classes: 4, height: 14, width: 17 }, { height: 56, width: 68 }],
    ["sides that are no whole multiple", { n: 1, classes: 3, height: 9, width: 11 }, { height: 37, width: 61 }],
    ["just enough", { n: 1, classes: 5, height: 8, width: 21 }, { height: 15, width: 41 }],
    ["one class", { n: 1, classes: 1, height: 5, width: 5 }, { height: 20, width: 20 }],
    ["many classes", { n: 1, classes: 200, height: 6, width: 6 }, { height: 24, width: 24 }],
    ["a single coarse pixel", { n: 1, classes: 4, height: 1, width: 1 }, { height: 3, width: 2 }],
    ["narrower than a register", { n: 2, classes: 3, height: 7, width: 2 }, { height: 28, width: 3 }],
  ] as const)("enlarged %s", (_, coarse, size) => {
    const classes = classesOf(coarse, size);
    expect(differing(classes)).toBeLessThanOrEqual(classes.exact.length / 2000);
    expect(new Set(classes.exact).size).toBe(Math.min(coarse.classes, new Set(classes.found).size));
  });

  test("classes that are closed never win, and a patch whose classes are all closed is not gated", () => {
    const coarse = { n: 3, classes: 4, height: 8, width: 8 };
    const open = [1, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 0];
    const classes = classesOf(coarse, { height: 32, width: 32 }, { open });
    expect(differing(classes)).toBeLessThanOrEqual(1);
    const second = classes.found.slice(32 * 32, 2 * 32 * 32);
    expect([...new Set(second)].sort()).toEqual([1, 3]);
    expect(new Set(classes.found.slice(2 * 32 * 32)).size).toBe(4);
  });

  test("the first class wins where all are level", () => {
    const coarse = { n: 1, classes: 3, height: 6, width: 6 };
    const { found } = classesOf(coarse, { height: 24, width: 24 }, { values: new Float32Array(3 * 36).fill(-2.5) });
    expect([...new Set(found)]).toEqual([0]);
  });
});

describe.each(["mobilenet", "efficientnet-lite0"])("class maps of %s", (backbone) => {
  // Bfloat16 has eight bits, and these networks, which were never trained, tell classes apart by little.
  test.each([
    ["float32", 0.999],
    ["bfloat16", 0.97],
  ])("are those of the layers one by one in float64: in %s %d of the pixels", (precision, share) => {
    workspace.clear();
    workspace.run("class_maps", { backbone, size: 224, precision });
    const number = (name: string): number => new Float64Array(workspace.get(name).data)[0]!;
    expect(number("classes")).toBeGreaterThan(1);
    expect(number("equal")).toBeGreaterThan(share);
  });
});

describe("maps that are hardly enlarged", () => {
  test("go LibTorch's way", () => {
    workspace.clear();
    workspace.set("coarse", { dtype: "float32", shape: [1, 2, 8, 8], data: logits(1, 2, 8, 8).buffer });
    workspace.run("enlarged_classes", { height: 14, width: 14, gated: false });
    expect([...bytesOf("takes")]).toEqual([0]);
  });
});
