// Label suggestions: rows of features, the probe that learns from them, and the order of patches, each against a slow reference.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { makeWorkspace } from "./support/test-addon.js";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const workspace = await makeWorkspace(root);

/** Uniform numbers that are the same each time. */
function source(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const floats = (name: string): Float32Array => new Float32Array(workspace.get(name).data);
const setFloats = (name: string, shape: readonly number[], values: readonly number[]): void =>
  workspace.set(name, { dtype: "float32", shape, data: Float32Array.from(values).buffer });
const setBytes = (name: string, shape: readonly number[], values: readonly number[]): void =>
  workspace.set(name, { dtype: "uint8", shape, data: Uint8Array.from(values).buffer });

describe("rows of features", () => {
  const count = 5;
  const random = source(3);
  const pixels = Array.from({ length: count * 64 * 64 * 3 }, () => Math.floor(256 * random()));

  test.each([
    ["mobilenet", 2],
    ["resnet38", 5],
  ])("%s: the last of them are what the head reads, in any batch", (backbone, batchSize) => {
    workspace.clear();
    setBytes("images", [count, 64, 64, 3], pixels);
    workspace.run("labels.describe", { backbone, batchSize, missing: [1] });
    const logits = floats("logits");
    const scale = Math.max(...logits.map(Math.abs));
    for (const [index, value] of floats("headLogits").entries()) {
      expect(Math.abs(value - (logits[index] ?? Number.NaN))).toBeLessThan(1e-4 * scale);
    }
    const [n = 0, width = 0] = workspace.get("rows").shape;
    expect(n).toBe(count);
    // Of the rows that are there each column has mean 0 and deviation 1 / sqrt(width).
    const rows = floats("rows");
    const compared = floats("standardised");
    const there = [0, 2, 3, 4];
    for (let column = 0; column < width; column += 1) {
      const of = (values: Float32Array): number[] => there.map((row) => values[row * width + column] ?? Number.NaN);
      const mean = of(rows).reduce((sum, value) => sum + value, 0) / there.length;
      const deviation = Math.sqrt(of(rows).reduce((sum, value) => sum + (value - mean) ** 2, 0) / there.length);
      // One that is nearly the same everywhere is rounding.
      if (deviation < 1e-4) continue;
      for (const [index, value] of of(compared).entries()) {
        const expected = ((of(rows)[index] ?? Number.NaN) - mean) / deviation / Math.sqrt(width);
        expect(Math.abs(value - expected)).toBeLessThan(2e-3);
      }
      expect(compared[width + column]).toBe(0);
    }
  });
});

describe("the probe", () => {
  const [count, width, classCount] = [40, 6, 3];
  const random = source(11);
  const features = Array.from({ length: count * width }, () => (random() - 0.5) / 2);
  const answers = Array.from({ length: count * classCount }, (_, at) => {
    const row = Math.floor(at / classCount);
    // The last class is answered with yes only; the others for some patches, by a rule with noise.
    if (at % classCount === 2) return row < 10 ? 1 : 2;
    if (row % 3 === at % classCount) return 2;
    return (features[row * width + (at % classCount)] ?? 0) + 0.1 * (random() - 0.5) > 0 ? 1 : 0;
  });

  /** The same minimum by very many small steps. */
  function slowProbe(k: number): number[] {
    const known = [...Array(count).keys()].filter((row) => answers[row * classCount + k] !== 2);
    let weight = new Array<number>(width).fill(0);
    let bias = 0;
    const logit = (row: number): number =>
      bias + weight.reduce((sum, value, column) => sum + value * (features[row * width + column] ?? 0), 0);
    for (let step = 0; step < 60_000; step += 1) {
      const gradient = weight.map((value) => 1e-3 * value);
      let ofBias = 0;
      for (const row of known) {
        const error = (1 / (1 + Math.exp(-logit(row))) - (answers[row * classCount + k] ?? 0)) / known.length;
        ofBias += error;
        for (const column of gradient.keys()) {
          gradient[column] = (gradient[column] ?? 0) + error * (features[row * width + column] ?? 0);
        }
      }
      weight = weight.map((value, column) => value - 4 * (gradient[column] ?? 0));
      bias -= 4 * ofBias;
    }
    return [...Array(count).keys()].map((row) => 1 / (1 + Math.exp(-logit(row))));
  }

  test("finds the minimum of its loss, for each class by its own answers", () => {
    workspace.clear();
    setFloats("features", [count, width], features);
    setBytes("answers", [count, classCount], answers);
    workspace.run("labels.suggest", {});
    const found = floats("probabilities");
    for (const k of [0, 1]) {
      for (const [row, expected] of slowProbe(k).entries()) {
        expect(Math.abs((found[row * classCount + k] ?? Number.NaN) - expected)).toBeLessThan(2e-3);
      }
    }
    for (let row = 0; row < count; row += 1) expect(found[row * classCount + 2]).toBeNaN();
  });

  test("knows nothing without answers of both kinds", () => {
    workspace.clear();
    setFloats("features", [2, 2], [0, 1, 1, 0]);
    setBytes("answers", [2, 1], [2, 2]);
    workspace.run("labels.suggest", {});
    expect([...floats("probabilities")]).toEqual([Number.NaN, Number.NaN]);
  });

  test("answers to other patches are refused", () => {
    setBytes("answers", [1, 2], [0, 1]);
    expect(() => workspace.run("labels.suggest", {})).toThrow(/whose features are given/);
  });
});

describe("the order of patches", () => {
  const [count, width] = [30, 4];
  const random = source(5);
  const rows = Array.from({ length: count }, () => Array.from({ length: width }, () => random() - 0.5));
  const distance = (one: number, other: number): number =>
    (rows[one] ?? []).reduce((sum, value, column) => sum + (value - (rows[other]?.[column] ?? 0)) ** 2, 0);

  /** Each time all distances anew. */
  function slowOrder(chosen: readonly number[], candidates: readonly number[], most: number): number[] {
    const mean = Array.from(
      { length: width },
      (_, column) => rows.reduce((sum, row) => sum + (row[column] ?? 0), 0) / count,
    );
    const order: number[] = [];
    while (order.length < Math.min(most, candidates.length)) {
      const covered = [...chosen, ...order];
      const worth = (one: number): number =>
        covered.length === 0
          ? -(rows[one] ?? []).reduce((sum, value, column) => sum + (value - (mean[column] ?? 0)) ** 2, 0)
          : Math.min(...covered.map((other) => distance(one, other)));
      const left = candidates.filter((one) => !order.includes(one));
      order.push(left.reduce((best, one) => (worth(one) > worth(best) ? one : best)));
    }
    return order;
  }

  test.each<[string, number[], number[], number]>([
    ["from the middle on, where nothing is covered", [], [...Array(count).keys()], 12],
    ["around what is covered", [3, 7, 20], [...Array(count).keys()].filter((one) => one % 2 === 0), 9],
    ["all candidates, if more are wanted", [1], [4, 9, 2], 10],
    ["none of none", [1], [], 10],
  ])("%s", (_, chosen, candidates, most) => {
    workspace.clear();
    setFloats("features", [count, width], rows.flat());
    workspace.run("labels.spread", { chosen, candidates, count: most, position: 4 });
    const order = [...new Float64Array(workspace.get("order").data)];
    expect(order).toEqual(candidates.length === 0 ? [] : slowOrder(chosen, candidates, most));
    for (const [other, found] of floats("distances").entries()) expect(found).toBeCloseTo(distance(4, other), 5);
  });

  test("a patch that is not there is refused", () => {
    expect(() => workspace.run("labels.spread", { chosen: [], candidates: [99], count: 1, position: 0 })).toThrow(
      /there is no patch 99/,
    );
  });
});
