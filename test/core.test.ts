// Shapes, gradients and the rules of our own in the C++ core, through the test-only addon.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { type GoldenTensor, values } from "./support/safetensors.js";
import { makeWorkspace } from "./support/test-addon.js";
import type { Workspace } from "./support/test-addon.js";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
let workspace: Workspace;

beforeAll(async () => {
  workspace = await makeWorkspace(root);
});
beforeEach(() => {
  workspace.clear();
});

const doubles = (shape: readonly number[], data: ArrayLike<number>): GoldenTensor => ({
  dtype: "float64",
  shape,
  data: Float64Array.from(data).buffer,
});
const bytes = (shape: readonly number[], data: ArrayLike<number>): GoldenTensor => ({
  dtype: "uint8",
  shape,
  data: Uint8Array.from(data).buffer,
});
const found = (name: string): Float64Array => new Float64Array(workspace.get(name).data);

/** Numbers in [-1, 1) that are the same every time. */
function noise(count: number, seed: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** The gradient of `loss` by central differences, and the largest gap to the one that the core computed. */
function gradientGap(
  input: string,
  shape: readonly number[],
  at: readonly number[],
  gradient: string,
  loss: () => number,
): number {
  loss();
  const computed = found(gradient);
  const step = 1e-6;
  let gap = 0;
  for (const index of at.keys()) {
    const shifted = (by: number): number => {
      workspace.set(
        input,
        doubles(
          shape,
          at.map((value, i) => (i === index ? value + by : value)),
        ),
      );
      return loss();
    };
    const numeric = (shifted(step) - shifted(-step)) / (2 * step);
    gap = Math.max(gap, Math.abs(numeric - (computed[index] as number)));
  }
  return gap;
}

describe("gradients agree with central differences in double precision", () => {
  test("progressive dropout attention", () => {
    const shape = [1, 3, 2, 3];
    const x = noise(18, 5).map((value) => value + 0.5);
    workspace.set("fc", doubles([2, 3, 1, 1], noise(6, 9)));
    workspace.set("G", doubles(shape, noise(18, 3)));
    workspace.set("x", doubles(shape, x));
    const upstream = found("G");
    const gap = gradientGap("x", shape, x, "g0.8.grad_x", () => {
      workspace.run("pda", { gammas: [0.8], divisor: 2 });
      return found("g0.8.out").reduce((sum, value, i) => sum + value * (upstream[i] as number), 0);
    });
    expect(gap).toBeLessThan(1e-6);
  });

  test.each(["cross-entropy", "focal"])("multi-layer loss, %s", (kind) => {
    const shape = [2, 3, 2, 2];
    const logits = noise(24, 11).map((value) => 3 * value);
    workspace.set("logits", doubles(shape, logits));
    workspace.set("target_main", bytes([2, 2, 2], [0, 1, 2, 3, 1, 1, 255, 0]));
    workspace.set("target_a", bytes([2, 2, 2], [0, 1, 2, 3, 1, 0, 2, 0]));
    workspace.set("target_b", bytes([2, 2, 2], [0, 2, 2, 1, 1, 1, 1, 3]));
    const gap = gradientGap("logits", shape, logits, "grad", () => {
      workspace.run("multi_layer", { kind, background: "ignore" });
      return found("loss")[0] as number;
    });
    expect(gap).toBeLessThan(1e-7);
  });

  test("multi-label soft margin", () => {
    const x = noise(8, 2).map((value) => 4 * value);
    workspace.set("x", doubles([2, 4], x));
    workspace.set("y", doubles([2, 4], [1, 0, 0, 1, 0, 1, 0, 0]));
    const gap = gradientGap("x", [2, 4], x, "grad", () => {
      workspace.run("label_loss", {});
      return found("loss")[0] as number;
    });
    expect(gap).toBeLessThan(1e-7);
  });
});

describe("the multi-layer loss with a true ignore index", () => {
  test("gives background no gradient and leaves it out of the mean", () => {
    workspace.set("logits", doubles([1, 2, 1, 2], [0, 5, 0, -5]));
    for (const name of ["main", "a", "b"]) workspace.set(`target_${name}`, bytes([1, 1, 2], [0, 2]));
    workspace.run("multi_layer", { kind: "cross-entropy", background: "ignore" });
    expect(found("loss")[0]).toBeCloseTo(Math.log(2), 12); // 0.6 + 0.2 + 0.2 times ln 2, one pixel
    expect(found("grad")[1]).toBe(0);
    expect(found("grad")[3]).toBe(0);
  });

  test("is 0 where nothing counts, never NaN", () => {
    workspace.set("logits", doubles([1, 2, 1, 1], [1, 2]));
    for (const name of ["main", "a", "b"]) workspace.set(`target_${name}`, bytes([1, 1, 1], [2]));
    workspace.run("multi_layer", { kind: "cross-entropy", background: "ignore" });
    expect(found("loss")[0]).toBe(0);
    expect([...found("grad")]).toEqual([0, 0]);
  });
});

describe("the class gate with exclusion", () => {
  const gate = (probabilities: readonly number[]): number[] => {
    workspace.set("logits", doubles([1, 3, 1, 1], [-1, -2, -3]));
    workspace.set("y", { dtype: "float32", shape: [1, 3], data: Float32Array.from(probabilities).buffer });
    workspace.run("gate", { threshold: 0.1, rule: "exclude" });
    return [...found("gated")];
  };

  test("closed classes can't win, even against negative logits", () => {
    expect(gate([0.05, 0.9, 0.9])).toEqual([-Infinity, -2, -3]);
  });

  test("exactly the threshold is closed", () => {
    expect(gate([Math.fround(0.1), 0.9, 0.9])[0]).toBe(-Infinity);
  });

  test("a patch whose classes are all closed is not gated", () => {
    expect(gate([0.01, 0.02, 0.03])).toEqual([-1, -2, -3]);
  });
});

describe("masks from the raw maps of the present classes", () => {
  test("never hold an absent class, where the published scaling does", () => {
    // Class 1 is present and holds the joint minimum at pixel 0; class 0 is absent.
    const raw = Float32Array.from([0, 0, 0, 0, -5, 1, 1, 1]);
    workspace.set("raw", { dtype: "float32", shape: [2, 2, 2], data: raw.buffer });
    workspace.set("image", bytes([2, 2, 3], new Array<number>(12).fill(100)));
    workspace.run("masks", { labels: ["01"], glass: false, scaling: "published" });
    expect([...new Uint8Array(workspace.get("mask.01").data)]).toEqual([0, 1, 1, 1]);
    workspace.run("masks", { labels: ["01"], glass: false, scaling: "present" });
    expect([...new Uint8Array(workspace.get("mask.01").data)]).toEqual([1, 1, 1, 1]);
  });
});

describe("gamma", () => {
  test("of the paper starts with PDA and stops at its floor", () => {
    const paper = { initial: 1, decay: 0.985, floor: 0.65, startEpoch: 3, decaysBeforeStart: false, epochs: 60 };
    workspace.run("gamma_table", paper);
    const table = found("table");
    const gamma = (epoch: number): number => table[2 * epoch + 1] as number;
    expect([0, 1, 2, 3].map(gamma)).toEqual([1, 1, 1, 1]);
    expect(gamma(4)).toBe(0.985);
    expect(gamma(59)).toBe(0.65);
    expect(table[4]).toBe(0);
    expect(table[6]).toBe(1);
  });
});

describe("a narrower network", () => {
  test.each([
    ["classifier", "resnet38", 229],
    ["classifier", "mobilenet", 313],
    ["segmenter", "resnet101", 680],
    ["segmenter", "xception", 848],
    ["segmenter", "drn", 398],
    // The published list names the 306 tensors of the backbone twice.
    ["segmenter", "mobilenet", 668],
  ])("of a %s, %s, has the keys of the full one, in multiples of 16 channels", (role, backbone, entries) => {
    const lines = (width: number): string[] => {
      workspace.run("inventory", { role, backbone, classCount: 4, outputStride: 16, width });
      return new TextDecoder().decode(workspace.get("inventory").data).trimEnd().split("\n");
    };
    const name = (line: string): string => line.split(":")[0] as string;
    const full = lines(1).map(name);
    expect(full).toHaveLength(entries);
    for (const width of [1 / 64, 1 / 16, 1 / 8, 0.3, 0.5]) {
      const narrow = lines(width);
      expect(narrow.map(name)).toEqual(full);
      for (const line of narrow.filter((text) => text.includes("running_mean"))) {
        expect(Number(line.split(":")[1]) % 16).toBe(0);
      }
    }
  });
});

describe("folded batch norms", () => {
  test.each(["mobilenet", "resnet101", "xception"])(
    "of %s get statistics back without changing the network",
    (backbone) => {
      workspace.run("unfolding", { backbone, size: 64 });
      expect(Array.from(values(workspace.get("folded")))).toEqual([0, 1, 0]);
      const [before, after, training] = ["before", "after", "training"].map((name) =>
        Array.from(values(workspace.get(name))),
      );
      const scale = Math.max(...before!.map(Math.abs));
      expect(scale).toBeGreaterThan(0);
      before!.forEach((value, i) => expect(Math.abs(value - after![i]!)).toBeLessThan(1e-9 * scale));
      before!.forEach((value, i) => expect(Math.abs(value - training![i]!)).toBeLessThan(1e-2 * scale));
    },
  );
});

test("memory of freed tensors serves the next ones, whole and in parts, and no two at once", () => {
  workspace.run("memory_reuse", {});
  expect(Array.from(values(workspace.get("seen")))).toEqual([1, 1, 1, 1]);
  expect(Array.from(values(workspace.get("sum")))[0]).toBe(3 * 2 ** 20);
  // It grows by 64 MiB, so that up to as much has never been touched.
  const [kept, peak] = ["kept", "peak"].map((name) => Array.from(values(workspace.get(name)))[0]!);
  expect(peak).toBeGreaterThan(200);
  expect(kept).toBeLessThan(1.25 * peak! + 64);
});

describe("numbers as text", () => {
  test("read back as the same double", () => {
    const special = [
      0,
      0.1,
      1 / 3,
      -2.5,
      1e-7,
      5e-324,
      2.2250738585072014e-308,
      1.7976931348623157e308,
      Infinity,
      -Infinity,
    ];
    const numbers = [...special, ...noise(1000, 11).map((value, i) => value * 10 ** ((i % 600) - 300))];
    workspace.set("x", doubles([numbers.length], numbers));
    workspace.run("number_text", {});
    expect([...found("out")]).toEqual(numbers);
    workspace.set("x", doubles([1], [NaN]));
    workspace.run("number_text", {});
    expect(found("out")[0]).toBeNaN();
  });

  test("end where the number ends, and begin with nothing else", () => {
    const read = (text: string): number[] => {
      workspace.run("read_number", { text });
      return [...found("out")];
    };
    expect(read("-12.5e-3,")).toEqual([8, -0.0125]);
    expect(read("7]")).toEqual([1, 7]);
    expect(read("1.e5")).toEqual([4, 100000]);
    expect(read(".5x")).toEqual([2, 0.5]);
    expect(read("3e")).toEqual([1, 3]);
    expect(read("0x10")).toEqual([1, 0]);
    for (const text of ["", "-", ".", "e5", "+1", " 1", "x"]) expect(read(text)).toEqual([0, 0]);
  });
});
