// Inverted residuals that inference takes in one go, against the same layers one by one in float64.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { describeInstructionSets } from "./support/instruction-sets.js";
import { makeWorkspace } from "./support/test-addon.js";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const workspace = await makeWorkspace(root);

const paddings = { "before the expansion": 0, "at the depthwise convolution": 1, "as TensorFlow's same": 2 } as const;
/**
 * The largest error by the largest value, and the relative L2 distance. Float32: sums of up to a few hundred products,
 * three times over. Bfloat16: 1 % of each of the two blocks; a pixel that is another's is off by far more than the largest.
 */
const tolerances = {
  float32: { error: 5e-6, distance: 5e-6 },
  bfloat16: { error: 0.03, distance: 0.01 },
} as const;

const usual = { n: 2, in: 16, out: 24, kernel: 3, stride: 1, dilation: 1, expansion: 6, threads: 1 };
const cases = [
  ["a block of MobileNetV2, stride 2", { ...usual, height: 56, width: 56, stride: 2 }],
  ["kernel of 5, an odd map, stride 2", { ...usual, height: 27, width: 13, kernel: 5, stride: 2 }],
  ["dilated", { ...usual, height: 14, width: 14, in: 32, out: 32, dilation: 2 }],
  ["kernel of 5, dilated", { ...usual, height: 15, width: 11, in: 48, out: 48, kernel: 5, dilation: 2 }],
  ["no expansion", { ...usual, height: 19, width: 18, in: 32, out: 16, expansion: 1 }],
  ["channels that fill no vector", { ...usual, height: 9, width: 14, in: 20, out: 7, expansion: 3 }],
  ["one pixel", { ...usual, height: 1, width: 1, kernel: 5, stride: 2 }],
  ["fewer pixels than are multiplied at once", { ...usual, height: 2, width: 3 }],
  ["one image, all threads on it", { ...usual, n: 1, height: 12, width: 20, in: 48, out: 40, threads: 2 }],
  ["one image, threads on rows of it", { ...usual, n: 1, height: 43, width: 20, threads: 2 }],
  ["images that threads do not divide", { ...usual, n: 3, height: 10, width: 12, threads: 2 }],
  ["one thread", { ...usual, n: 3, height: 10, width: 12 }],
  ["bands, since the whole does not fit the cache", { ...usual, height: 120, width: 77, stride: 2 }],
  ["bands of a kernel of 5, dilated", { ...usual, n: 1, height: 95, width: 64, kernel: 5, dilation: 2 }],
] as const;

const states = ["as made", "changed weights", "changed statistics", "after a step with gradients"] as const;

describeInstructionSets(
  workspace,
  () => {
    describe.each(Object.entries(tolerances))("in %s", (precision, tolerance) => {
      describe.each(Object.entries(paddings))("padded %s", (_, padding) => {
        test.each(cases)("%s", (_name, fields) => {
          workspace.clear();
          workspace.run("fused_block", { ...fields, padding, precision });
          const numbers = (name: string): number[] => [...new Float64Array(workspace.get(name).data)];
          const distances = numbers("distances");
          const seen = numbers("errors").map((error, i) => ({ state: states[i], error, distance: distances[i]! }));
          expect(seen).toHaveLength(states.length);
          const near = ({ error, distance }: (typeof seen)[0]): boolean =>
            error < tolerance.error && distance < tolerance.distance;
          expect(seen.filter((one) => !near(one))).toEqual([]);
          expect([...new Uint8Array(workspace.get("kept").data)]).toEqual([1]);
        });
      });
    });
  },
  { multiplyBfloat16: true },
);
