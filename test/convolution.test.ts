// The fast ways of a 3x3 convolution against the direct sum in float64, through the test-only addon, by each instruction set.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { describeInstructionSets } from "./support/instruction-sets.js";
import { makeWorkspace } from "./support/test-addon.js";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const workspace = await makeWorkspace(root);

const errors = (name: string): number[] => [...new Float64Array(workspace.get(name).data)];

/** Relative to the largest value: of float32 sums of some thousand products, and of the transforms on top. */
const tolerance = 1e-4;

/** L2 distance in units of the exact result: bfloat16 rounds by 0.3 per cent, the transforms of Winograd's filtering make 1.4 of it. */
const roundedByWinograd = 0.03;

describeInstructionSets(workspace, () => {
  describe.each([
    ["whole tiles", { n: 2, in: 64, out: 96, height: 28, width: 28, dilation: 1 }],
    ["cut tiles, height not width", { n: 1, in: 16, out: 32, height: 23, width: 9, dilation: 1 }],
    ["one pixel", { n: 1, in: 16, out: 16, height: 1, width: 1, dilation: 1 }],
    ["dilation of b5", { n: 3, in: 96, out: 64, height: 28, width: 28, dilation: 2 }],
    ["dilation that does not divide the side", { n: 2, in: 64, out: 64, height: 30, width: 19, dilation: 4 }],
    ["more tiles than fit the cache at once", { n: 2, in: 64, out: 64, height: 96, width: 100, dilation: 1 }],
    ["most taps in the padding", { n: 2, in: 32, out: 16, height: 14, width: 14, dilation: 12 }],
    ["all taps but one in the padding", { n: 2, in: 32, out: 16, height: 14, width: 11, dilation: 18 }],
  ])("%s", (_, fields) => {
    beforeAll(() => {
      workspace.clear();
      workspace.run("same_convolution", fields);
    });

    test("Winograd's filtering: output, gradient of the input, gradient of the weight", () => {
      for (const error of errors("winograd")) expect(error).toBeLessThan(tolerance);
    });

    test("the gradient of the weight summed by taps", () => {
      expect(errors("taps")[0]).toBeLessThan(tolerance);
    });

    test("the module, whichever way it goes", () => {
      for (const error of errors("by_module")) expect(error).toBeLessThan(tolerance);
    });

    test("Winograd's filtering in bfloat16", () => {
      for (const error of errors("winograd_bfloat16")) expect(error).toBeLessThan(roundedByWinograd);
    });

    test("the module in bfloat16, whose maps are stored in it and whose weights are not", () => {
      for (const error of errors("bfloat16")) expect(error).toBeLessThan(roundedByWinograd);
      expect(new Uint8Array(workspace.get("stored").data)[0]).toBe(1);
    });
  });

  test("Winograd's filtering is taken where it saves work, and only there", () => {
    const shape = { n: 4, in: 64, out: 64, height: 28, width: 28 };
    const pays = (fields: object): boolean => {
      workspace.clear();
      workspace.run("same_convolution", { ...shape, ...fields });
      return new Uint8Array(workspace.get("pays").data)[0] === 1;
    };
    expect(pays({ dilation: 1 })).toBe(true);
    expect(pays({ dilation: 4 })).toBe(true);
    expect(pays({ dilation: 1, in: 32 })).toBe(false);
    expect(pays({ dilation: 6, height: 14, width: 14 })).toBe(false);
  });

  describe.each(["inference", "frozen", "training"])("a convolution and what follows it, %s", (mode) => {
    const activations = [
      ["no activation", 0],
      ["ReLU", 1],
      ["ReLU6", 2],
    ] as const;
    const shapes = [
      ["by Winograd", { in: 64, out: 80, kernel: 3, stride: 1, size: 56 }],
      ["1x1", { in: 24, out: 72, kernel: 1, stride: 1, size: 13 }],
      ["with stride", { in: 19, out: 33, kernel: 3, stride: 2, size: 15 }],
      ["a map of four positions", { in: 32, out: 16, kernel: 1, stride: 1, size: 2 }],
    ] as const;
    const cases = activations.flatMap(([name, activation]) =>
      shapes.map(([shape, fields]) => [`${shape}, ${name}`, { ...fields, activation }] as const),
    );

    test.each(cases)("%s: output, statistics and gradients", (_, fields) => {
      workspace.clear();
      workspace.run("fused", { ...fields, mode, bfloat16: false });
      const found = errors("errors");
      expect(found).toHaveLength({ inference: 3, frozen: 6, training: 8 }[mode] ?? 0);
      // A value next to a kink of the activation may fall on its other side in float32: of the gradient on a map this large, 2e-3 each.
      for (const error of found) expect(error).toBeLessThan(5e-3);
      const [fast, exact] = errors("updates");
      expect(fast).toBe(exact);
      expect(fast).toBe(mode === "training" ? 2 : 0);
    });

    test.each(cases)("%s, in bfloat16", (_, fields) => {
      workspace.clear();
      workspace.run("fused", { ...fields, mode, bfloat16: true });
      const found = errors("errors");
      expect(found).toHaveLength({ inference: 3, frozen: 6, training: 8 }[mode] ?? 0);
      expect(found[0]).toBeLessThan(roundedByWinograd);
      // A per cent of the values lie on the other side of a kink, which is a tenth of the length of a gradient.
      for (const error of found) expect(error).toBeLessThan(0.3);
    });
  });

  describe.each([
    ["by Winograd", { in: 64, out: 80, kernel: 3, stride: 1, size: 56 }],
    ["a small map", { in: 64, out: 80, kernel: 3, stride: 1, size: 13 }],
    ["1x1", { in: 32, out: 48, kernel: 1, stride: 1, size: 13 }],
    ["with stride", { in: 19, out: 33, kernel: 3, stride: 2, size: 15 }],
  ])("%s: inference keeps weights ready, and sees whatever changes", (_, fields) => {
    beforeAll(() => {
      workspace.clear();
      workspace.run("changed", fields);
    });

    test.each([
      ["float32", tolerance],
      ["bfloat16", roundedByWinograd],
    ])("%s", (precision, bound) => {
      const found = errors(precision);
      expect(found).toHaveLength(11);
      for (const error of found) expect(error).toBeLessThan(bound);
    });
  });
});
