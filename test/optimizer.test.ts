// AdamW against PyTorch's (test/fixtures/adamw.json, which a script around torch.optim.AdamW printed), and as an option of a training.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { Classifier, type Dataset, resolveClassifierTraining, resolveSegmenterTraining } from "../dist/index.js";
import { makeWorkspace, type Workspace } from "./support/test-addon.js";
import { freshFolder, tinyDataset, tinyWidth } from "./support/tiny-models.js";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");

interface Golden {
  readonly names: readonly string[];
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly groups: readonly number[];
  readonly factors: readonly number[];
  readonly groupDecay: readonly number[];
  readonly learningRate: number;
  readonly steps: number;
  readonly init: Readonly<Record<string, readonly number[]>>;
  readonly gradients: readonly Readonly<Record<string, readonly number[]>>[];
  readonly after: readonly Readonly<Record<string, readonly number[]>>[];
}

let golden: Golden;
let workspace: Workspace;
let data: Dataset;

beforeAll(async () => {
  golden = JSON.parse(await readFile(path.join(root, "test", "fixtures", "adamw.json"), "utf8")) as Golden;
  workspace = await makeWorkspace(root);
  data = await tinyDataset();
});

test("AdamW's steps are PyTorch's, two groups with rates and decays of their own", () => {
  workspace.clear();
  const set = (name: string, of: string, values: readonly number[]): void => {
    workspace.set(name, { dtype: "float64", shape: [...golden.shapes[of]!], data: Float64Array.from(values).buffer });
  };
  for (const name of golden.names) {
    set(`init.${name}`, name, golden.init[name]!);
    for (const [step, gradients] of golden.gradients.entries()) set(`grad${step + 1}.${name}`, name, gradients[name]!);
  }
  const { names, groups, factors, groupDecay, learningRate: lr, steps } = golden;
  const schedule = { schedule: "poly", lr, stepEpochs: 1, warmupEpochs: 0, stepsPerEpoch: 1, epochs: steps };
  workspace.run("adamw", { names, groups, factors, groupDecay, steps, ...schedule });
  for (const [step, after] of golden.after.entries()) {
    for (const name of names) {
      const ours = new Float64Array(workspace.get(`after${step + 1}.${name}`).data);
      for (const [i, value] of after[name]!.entries()) expect(Math.abs(ours[i]! - value)).toBeLessThan(1e-12);
    }
  }
});

describe("the option", () => {
  test("has defaults of its own for the rate and the decay, which given ones stand before", () => {
    const adamw = { optimizer: "adamw" } as const;
    expect(resolveClassifierTraining(adamw)).toMatchObject({ ...adamw, learningRate: 1e-4, weightDecay: 0.01 });
    expect(resolveSegmenterTraining(adamw)).toMatchObject({ ...adamw, learningRate: 1e-4, weightDecay: 0.01 });
    expect(resolveSegmenterTraining({ ...adamw, learningRate: 0.3 })).toMatchObject({ learningRate: 0.3 });
    expect(resolveClassifierTraining()).toMatchObject({ optimizer: "sgd", learningRate: 0.01, weightDecay: 5e-4 });
  });

  test("takes no Nesterov momentum, and no other word", () => {
    expect(() => resolveClassifierTraining({ optimizer: "adamw", nesterov: true })).toThrow(
      /nesterov must be false with the optimizer adamw, received true/,
    );
    expect(() => resolveClassifierTraining({ optimizer: "adam" as "adamw" })).toThrow(/optimizer must be/);
  });

  test("trains, stops and goes on to the last bit", async () => {
    const losses = async (checkpointFolder: string, stopAfter = Infinity, resume = false): Promise<number[]> => {
      const { classes, background } = data;
      await using classifier = await Classifier.create({
        classes,
        background,
        width: tinyWidth,
        device: "cpu",
        seed: 2,
      });
      const options = { optimizer: "adamw", epochs: 3, batchSize: 2, seed: 4, checkpointFolder, resume } as const;
      const seen: number[] = [];
      for await (const event of classifier.train(data.train, options)) {
        if (event.kind !== "step") continue;
        seen.push(event.loss);
        if (seen.length === stopAfter) break;
      }
      return seen;
    };
    const undisturbed = await losses(path.join(await freshFolder(), "whole"));
    expect(undisturbed).toHaveLength(12);
    expect(new Set(undisturbed).size).toBe(12);
    const folder = path.join(await freshFolder(), "parts");
    await losses(folder, 5);
    expect(await losses(folder, Infinity, true)).toEqual(undisturbed);
  });
});
