// The dense loss on patches of one class: held against its formula, and added to a training's loss with its weight.
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { Classifier, type Dataset } from "../dist/index.js";
import { makeWorkspace, type Workspace } from "./support/test-addon.js";
import { tinyDataset, tinyWidth } from "./support/tiny-models.js";

let workspace: Workspace;
let data: Dataset;
beforeAll(async () => {
  workspace = await makeWorkspace(fileURLToPath(new URL("..", import.meta.url)));
  data = await tinyDataset();
});

/** Loss and gradient of maps [N, K, cells], by the formula. */
function byFormula(maps: number[][][], labels: number[][]): { loss: number; gradient: number[] } {
  const singles = labels.filter((row) => row.reduce((sum, one) => sum + one, 0) === 1).length;
  let loss = 0;
  const gradient = maps.map((classes, n) => {
    const isSingle = labels[n]!.reduce((sum, one) => sum + one, 0) === 1;
    const cells = classes[0]!.length;
    return classes.map((map, k) =>
      map.map((value, cell) => {
        const total = classes.reduce((sum, other) => sum + Math.exp(other[cell]!), 0);
        const share = Math.exp(value) / total;
        if (!isSingle) return 0;
        if (labels[n]![k] === 1) loss -= Math.log(share) / (cells * singles);
        return (share - labels[n]![k]!) / (cells * singles);
      }),
    );
  });
  return { loss, gradient: gradient.flat(2) };
}

function computed(maps: number[][][], labels: number[][]): { loss: number; gradient: number[] } {
  const shape = [maps.length, maps[0]!.length, 2, maps[0]![0]!.length / 2];
  workspace.set("maps", { dtype: "float64", shape, data: Float64Array.from(maps.flat(2)).buffer });
  const rows = Float64Array.from(labels.flat());
  workspace.set("labels", { dtype: "float64", shape: shape.slice(0, 2), data: rows.buffer });
  workspace.run("dense_loss", {});
  const numbers = (name: string): number[] => [...new Float64Array(workspace.get(name).data)];
  return { loss: numbers("loss")[0]!, gradient: numbers("grad") };
}

describe("of maps", () => {
  /** [4, 3, 6] of values that differ. */
  const maps = [0, 1, 2, 3].map((n) =>
    [0, 1, 2].map((k) => Array.from({ length: 6 }, (_, cell) => 2 * Math.sin(7 * n + 3 * k + cell))),
  );

  test.each([
    [
      "patches of one class beside others",
      [
        [1, 0, 0],
        [1, 1, 0],
        [0, 0, 1],
        [0, 0, 0],
      ],
    ],
    [
      "one patch of one class",
      [
        [1, 1, 0],
        [0, 1, 0],
        [1, 0, 1],
        [1, 1, 1],
      ],
    ],
    [
      "no patch of one class",
      [
        [1, 1, 0],
        [0, 1, 1],
        [0, 0, 0],
        [1, 1, 1],
      ],
    ],
  ])("%s: loss and gradient are the formula's", (_, labels) => {
    const [ours, wanted] = [computed(maps, labels), byFormula(maps, labels)];
    expect(ours.loss).toBeCloseTo(wanted.loss, 12);
    ours.gradient.forEach((value, i) => {
      expect(value).toBeCloseTo(wanted.gradient[i]!, 12);
    });
  });
});

test("it is added to the loss of a training with its weight", async () => {
  const firstLoss = async (denseLoss: number): Promise<number> => {
    const { classes, background } = data;
    const choice = { classes, background, width: tinyWidth, device: "cpu", seed: 1, precision: "float32" } as const;
    await using classifier = await Classifier.create(choice);
    for await (const event of classifier.train(data.train, { epochs: 1, batchSize: data.train.count, denseLoss })) {
      if (event.kind === "step") return event.loss;
    }
    throw new Error("a training without a step");
  };
  const [without, once, twice] = [await firstLoss(0), await firstLoss(1), await firstLoss(2)];
  expect(once - without).toBeGreaterThan(0.1);
  expect((twice - without) / (once - without)).toBeCloseTo(2, 3);
});
