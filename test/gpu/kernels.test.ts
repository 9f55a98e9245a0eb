// The CUDA plugin's kernels on a device, through the test-only addon, against LibTorch's own operations on the CPU. Skipped, aloud, where
// there is no device.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { loadAddon } from "../../dist/native/load.js";
import { makeWorkspace, type Workspace } from "../support/test-addon.js";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..");
const { cuda } = (await loadAddon()).deviceReport();
const hasDevice = cuda.deviceCount > 0;
if (!hasDevice) console.warn(`SKIPPED: no CUDA device (${cuda.reason})`);

let workspace: Workspace;

beforeAll(async () => {
  workspace = await makeWorkspace(root);
});

function read(name: string): number[] {
  return [...new Float64Array(workspace.get(name).data)];
}

/** Relative errors against LibTorch's own operations on the CPU. */
function errorsOf(operation: string, fields: Readonly<Record<string, unknown>>): number[] {
  workspace.clear();
  workspace.run(operation, { device: "cuda", ...fields });
  return read("errors");
}

(hasDevice ? describe : describe.skip)("kernels", () => {
  test.each([
    { h: 4, w: 5, H: 13, W: 17 },
    { h: 16, w: 9, H: 7, W: 5 },
    { h: 1, w: 1, H: 6, W: 4 },
    { h: 56, w: 56, H: 224, W: 224 },
  ])("loss of all mask levels and its gradient, %j", (size) => {
    for (const background of ["ignore", "fifth-logit"]) {
      for (const [dtype, bound] of [["float64", 1e-12] as const, ["float32", 1e-5] as const]) {
        const fields = { n: 2, classes: 4, levels: 3, ...size, background, dtype };
        for (const error of errorsOf("pixel_loss", fields)) expect(error).toBeLessThan(bound);
      }
    }
  });

  test.each([0, 0.65, 1])("progressive dropout attention, gamma %d", (gamma) => {
    for (const error of errorsOf("pda_attention", { n: 3, classes: 4, h: 28, w: 28, gamma, dtype: "float64" })) {
      expect(error).toBeLessThan(1e-12);
    }
  });

  test.each(["none", "relu", "relu6"])("frozen batch norm and shortcut, %s", (activation) => {
    for (const shortcut of [true, false]) {
      for (const channels of [12, 512]) {
        const shape = { n: 2, channels, h: 15, w: 13, shortcut, activation };
        for (const error of errorsOf("affine_kernel", { ...shape, dtype: "float32" })) expect(error).toBeLessThan(1e-6);
        for (const error of errorsOf("affine_kernel", { ...shape, dtype: "bfloat16" })) {
          expect(error).toBeLessThan(2e-2);
        }
      }
    }
  });

  test.each([
    { h: 4, w: 5, H: 13, W: 17 },
    { h: 14, w: 14, H: 56, W: 56 },
  ])("the gradient of enlarged maps, %j", (size) => {
    const shape = { n: 2, channels: 48, ...size };
    expect(errorsOf("enlargement_gradient", { ...shape, dtype: "float32" })[0]).toBeLessThan(1e-5);
    expect(errorsOf("enlargement_gradient", { ...shape, dtype: "bfloat16" })[0]).toBeLessThan(2 ** -8);
  });

  test("a set gathered where it lies: flips, blur, masks, bit for bit", () => {
    workspace.clear();
    workspace.run("gathered", { device: "cuda", n: 5, height: 9, width: 14 });
    expect([...new Uint8Array(workspace.get("same").data)]).toEqual([1]);
  });
});
