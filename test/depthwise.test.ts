// Convolutions of each channel by itself, and their gradients, against the direct sum in float64, by each instruction set.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";
import { describeInstructionSets } from "./support/instruction-sets.js";
import { makeWorkspace } from "./support/test-addon.js";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const workspace = await makeWorkspace(root);

const numbers = (name: string): number[] => [...new Float64Array(workspace.get(name).data)];
const flag = (name: string): boolean => new Uint8Array(workspace.get(name).data)[0] === 1;

/** Float32 sums, of up to some thousand products in a weight's gradient. */
const tolerance = 5e-6;
/** L2, relative: what is read and what is written is rounded once each, to eight bits. */
const rounded = 0.005;

const usual = { n: 2, channels: 48, height: 20, width: 23, kernel: 3, stride: 1, dilation: 1, padding: 1, threads: 2 };
const cases = [
  ["as most blocks have it", usual],
  ["stride 2", { ...usual, stride: 2 }],
  ["stride 2, even sides", { ...usual, stride: 2, height: 16, width: 24 }],
  ["stride 2, no padding, as after TensorFlow's", { ...usual, stride: 2, padding: 0 }],
  ["kernel of 5", { ...usual, kernel: 5, padding: 2 }],
  ["kernel of 5, stride 2", { ...usual, kernel: 5, padding: 2, stride: 2 }],
  ["dilated", { ...usual, dilation: 2, padding: 2 }],
  ["dilated kernel of 5, no padding", { ...usual, kernel: 5, dilation: 2, padding: 0 }],
  ["most taps in the padding", { ...usual, height: 5, width: 6, dilation: 4, padding: 4 }],
  ["padding beyond what is read", { ...usual, padding: 3 }],
  ["one pixel", { ...usual, height: 1, width: 1 }],
  ["channels that fill no register", { ...usual, channels: 21 }],
  ["fewer channels than a register has", { ...usual, channels: 3 }],
  ["one thread", { ...usual, threads: 1 }],
  ["one image, parts of it for each thread", { ...usual, n: 1, height: 60, width: 41, channels: 64 }],
] as const;

describeInstructionSets(workspace, () => {
  test.each(cases)("%s", (_, fields) => {
    workspace.clear();
    workspace.run("depthwise", fields);
    expect(flag("takes")).toBe(true);
    for (const error of [...numbers("float32"), ...numbers("largest")]) expect(error).toBeLessThan(tolerance);
    for (const distance of numbers("bfloat16")) expect(distance).toBeLessThan(rounded);
    expect(flag("stored")).toBe(true);
  });
});

test("what is stored in bfloat16 differs from float32, so that both were computed", () => {
  workspace.clear();
  workspace.run("depthwise", usual);
  for (const distance of numbers("bfloat16")) expect(distance).toBeGreaterThan(1e-4);
});

test("other kernels go LibTorch's way", () => {
  workspace.clear();
  workspace.run("depthwise", { ...usual, kernel: 7, padding: 3 });
  expect(flag("takes")).toBe(false);
  for (const error of numbers("float32")) expect(error).toBeLessThan(tolerance);
});
