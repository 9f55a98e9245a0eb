// Our own operations (cpp/wsss/kernels) on the CPU against LibTorch's, through the test-only addon. The CUDA plugin is the
// same arithmetic compiled by nvcc.
import { readdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { makeWorkspace } from "./support/test-addon.js";
import { freshFolder } from "./support/tiny-models.js";
import type { Workspace } from "./support/test-addon.js";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
let workspace: Workspace;

beforeAll(async () => {
  workspace = await makeWorkspace(root);
});

/** Relative errors against LibTorch's own operations. */
function errorsOf(operation: string, fields: Readonly<Record<string, unknown>>): number[] {
  workspace.clear();
  workspace.run(operation, { device: "cpu", ...fields });
  return [...new Float64Array(workspace.get("errors").data)];
}

describe("the loss of all mask levels in one pass, and its gradient gathered", () => {
  const shape = { n: 2, classes: 3, h: 4, w: 5, H: 13, W: 17, levels: 3 };
  const cases = [
    ["enlarged four times", {}],
    ["as large as the masks", { h: 13, w: 17 }],
    ["reduced", { h: 16, w: 9, H: 7, W: 5 }],
    ["from one pixel", { h: 1, w: 1, H: 6, W: 4 }],
    ["to one pixel", { h: 3, w: 4, H: 1, W: 1 }],
    ["one class, one level", { classes: 1, levels: 1 }],
    ["many classes", { classes: 11, levels: 4 }],
  ] as const;
  test.each(cases.flatMap(([name, sizes]) => ["ignore", "fifth-logit"].map((rule) => [name, rule, sizes] as const)))(
    "%s, background %s",
    (_, background, sizes) => {
      const exact = errorsOf("pixel_loss", { ...shape, ...sizes, background, dtype: "float64" });
      expect(exact).toHaveLength(3);
      expect(exact[0]).toBeLessThan(1e-12);
      expect(exact[1]).toBeLessThan(1e-12);
      expect(exact[2]).toBeLessThan(1e-6); // central differences
      for (const error of errorsOf("pixel_loss", { ...shape, ...sizes, background, dtype: "float32" })) {
        expect(error).toBeLessThan(1e-5);
      }
    },
  );

  test("224 px", () => {
    const sizes = { n: 2, classes: 4, h: 56, w: 56, H: 224, W: 224, levels: 3, background: "ignore", dtype: "float32" };
    for (const error of errorsOf("pixel_loss", sizes)) expect(error).toBeLessThan(1e-5);
  });
});

describe("progressive dropout attention", () => {
  test.each([0, 0.65, 0.9, 1])("gamma %d", (gamma) => {
    const shape = { n: 3, classes: 4, h: 7, w: 5, gamma };
    for (const error of errorsOf("pda_attention", { ...shape, dtype: "float64" })) expect(error).toBeLessThan(1e-12);
    for (const error of errorsOf("pda_attention", { ...shape, dtype: "float32" })) expect(error).toBeLessThan(1e-5);
  });
});

describe("frozen batch norm, shortcut and activation", () => {
  const kinds = ["none", "relu", "relu6"].flatMap((activation) =>
    [true, false].map((shortcut) => ({ activation, shortcut })),
  );
  test.each(kinds)("%j", (kind) => {
    const shape = { n: 2, channels: 12, h: 5, w: 3, ...kind };
    for (const error of errorsOf("affine_kernel", { ...shape, dtype: "float32" })) expect(error).toBeLessThan(1e-6);
    for (const error of errorsOf("affine_kernel", { ...shape, dtype: "bfloat16" })) expect(error).toBeLessThan(2e-2);
  });
});

test.each([
  { h: 4, w: 5, H: 13, W: 17 },
  { h: 16, w: 9, H: 7, W: 5 },
  { h: 1, w: 1, H: 6, W: 4 },
  { h: 3, w: 4, H: 1, W: 1 },
  { h: 14, w: 14, H: 56, W: 56 },
])("the gradient of enlarged maps, gathered: %j", (size) => {
  const shape = { n: 2, channels: 3, ...size };
  expect(errorsOf("enlargement_gradient", { ...shape, dtype: "float32" })[0]).toBeLessThan(1e-5);
  // One rounding, of the result.
  expect(errorsOf("enlargement_gradient", { ...shape, dtype: "bfloat16" })[0]).toBeLessThan(2 ** -8);
});

test.each([
  { n: 5, height: 9, width: 14 },
  { n: 3, height: 1, width: 3 },
])("a set gathered where it lies: flips, blur, masks, bit for bit (%j)", (shape) => {
  workspace.clear();
  workspace.run("gathered", { device: "cpu", ...shape });
  expect([...new Uint8Array(workspace.get("same").data)]).toEqual([1]);
});

test("dropout whose masks are drawn before a step is dropout", () => {
  workspace.clear();
  workspace.run("held_masks", {});
  expect([...new Uint8Array(workspace.get("same").data)]).toEqual([1, 1, 1]);
});

test.each([
  ["float32", 0.5],
  ["float32", 0.9],
  ["bfloat16", 0.5],
])("dropout in %s keeps a share of %d, each element by itself, on any number of threads", (dtype, kept) => {
  workspace.clear();
  workspace.run("dropout_masks", { kept, dtype });
  const [own, both, alike] = [...new Float64Array(workspace.get("shares").data)];
  // Of 241,203 elements: five deviations are 0.005.
  expect(Math.abs(own! - kept)).toBeLessThan(0.006);
  expect(Math.abs(both! - kept * kept)).toBeLessThan(0.006);
  expect(Math.abs(alike! - (kept * kept + (1 - kept) ** 2))).toBeLessThan(0.006);
  expect([...new Uint8Array(workspace.get("same").data)]).toEqual([1, 1, 1]);
});

describe("losses that are read every few steps", () => {
  const run = (fields: Readonly<Record<string, unknown>>): Record<"losses" | "epochs" | "diverged", number[]> => {
    workspace.clear();
    workspace.run("loss_interval", { device: "cpu", lr: 0.01, folder: "", stopAfter: 0, resumeFrom: "", ...fields });
    const read = (name: string): number[] => [...new Float64Array(workspace.get(name).data)];
    return { losses: read("losses"), epochs: read("epochs"), diverged: read("diverged") };
  };

  test("are those of every step, all of an epoch before its end", () => {
    const each = run({ interval: 1 });
    expect(each).toMatchObject({ epochs: [5, 10], diverged: [0] });
    expect(new Set(each.losses).size).toBe(10);
    expect(run({ interval: 3 })).toEqual(each);
    expect(run({ interval: 100 })).toEqual(each);
  });

  test.each([1, 4, 7])(
    "are neither lost nor told twice when the training is cancelled at report %d and resumed",
    async (stopAfter) => {
      const undisturbed = run({ interval: 3 });
      const folder = await freshFolder();
      const begun = run({ interval: 3, folder, stopAfter });
      expect(begun.losses.length).toBeGreaterThanOrEqual(stopAfter);
      expect(begun.losses.length).toBeLessThan(10);
      expect(begun.losses).toEqual(undisturbed.losses.slice(0, begun.losses.length));
      const newest = (await readdir(folder))
        .filter((name) => name.startsWith("checkpoint-"))
        .sort()
        .at(-1)!;
      expect(run({ interval: 3, folder, resumeFrom: path.join(folder, newest) })).toEqual(undisturbed);
    },
  );

  test("stop the training at the first that is not finite, after those before it", () => {
    const each = run({ interval: 1, lr: 1e12 });
    expect(each.diverged[0]).toBeGreaterThan(1);
    expect(run({ interval: 4, lr: 1e12 })).toEqual(each);
  });
});
