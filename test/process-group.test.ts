// Processes that train together: equal to one alone, whatever their number. They are threads of this process here, each with a network and
// connections of its own; real processes are started in process-group-run.test.ts.
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { makeWorkspace, type Workspace } from "./support/test-addon.js";

let workspace: Workspace;
beforeAll(async () => {
  workspace = await makeWorkspace(fileURLToPath(new URL("..", import.meta.url)));
});

interface Outcome {
  readonly losses: number[];
  readonly measures: number[];
  readonly scores: number[];
  readonly weights: Float64Array;
  readonly alike: boolean;
}

const plain = {
  stage: "classifier",
  backbone: "mobilenet",
  width: 1 / 16,
  dtype: "float64",
  patches: 23,
  side: 32,
  batch: 7, // The rest of an epoch has 2 patches: fewer than three or four processes.
  epochs: 3,
  lr: 0.005,
  dropout: 1,
  freezeBatchNorm: false,
  checkpointing: false,
  bfloat16Gradients: false,
  syncBatchNorm: true,
};

function trained(processes: number, fields: object): Outcome {
  workspace.run("group_training", { processes, ...plain, ...fields });
  const numbers = (name: string): Float64Array => new Float64Array(workspace.get(name).data);
  return {
    losses: [...numbers("losses")],
    measures: [...numbers("measures")],
    scores: [...numbers("scores")],
    weights: numbers("weights"),
    alike: new Uint8Array(workspace.get("alike").data)[0] === 1,
  };
}

function farthest(some: ArrayLike<number>, others: ArrayLike<number>): number {
  expect(some.length).toBe(others.length);
  let most = 0;
  for (let i = 0; i < some.length; i += 1) most = Math.max(most, Math.abs(some[i]! - others[i]!));
  return most;
}

describe.each([
  ["the classifier, whose batch norms learn", {}],
  ["the classifier with frozen batch norms", { freezeBatchNorm: true }],
  ["the classifier with gradient checkpointing", { checkpointing: true }],
  ["ResNet38, without a batch norm that learns", { backbone: "resnet38", freezeBatchNorm: true, width: 1 / 16 }],
  // A fresh MobileNetV2 with batch norms that learn multiplies rounding by a million on such small patches; ResNet101 starts as the identity.
  ["the segmenter", { stage: "segmenter", backbone: "resnet101" }],
  ["MobileNetV2 as a segmenter with frozen batch norms", { stage: "segmenter", freezeBatchNorm: true }],
])("%s", (_name, fields) => {
  let alone: Outcome;
  beforeAll(() => {
    alone = trained(0, fields);
  });

  test.each([1, 2, 3, 4])("of %i processes learns what one does, in float64", (processes) => {
    const together = trained(processes, fields);
    expect(together.alike).toBe(true);
    expect(farthest(together.losses, alone.losses)).toBeLessThan(1e-10);
    expect(farthest(together.weights, alone.weights)).toBeLessThan(1e-10);
    expect(farthest(together.measures, alone.measures)).toBeLessThan(1e-8);
    expect(together.scores).toEqual(alone.scores);
  });
});

test("without synchronised batch norms all processes end with the network of process 0, another than one alone", () => {
  const alone = trained(0, {});
  const apart = trained(2, { syncBatchNorm: false });
  expect(apart.alike).toBe(true);
  expect(farthest(apart.losses, alone.losses)).toBeGreaterThan(1e-6);
});

test("gradients in bfloat16 end with the same network in all processes", () => {
  const whole = trained(2, {});
  const rounded = trained(2, { bfloat16Gradients: true });
  expect(rounded.alike).toBe(true);
  expect(farthest(rounded.weights, whole.weights)).toBeGreaterThan(0);
  expect(Math.abs(rounded.losses[1]! - whole.losses[1]!)).toBeLessThan(0.02);
});

test("in float32, whose batch norms and masks of dropout have loops of their own, the losses of one are kept within 1e-4", () => {
  const calm = { dtype: "float32", backbone: "resnet38", lr: 0.001, epochs: 1, patches: 9 };
  const alone = trained(0, calm);
  const together = trained(3, calm);
  expect(together.alike).toBe(true);
  expect(farthest(together.losses, alone.losses)).toBeLessThan(1e-4);
});

describe("masks that processes draw together", () => {
  const joined = (fields: object): boolean => {
    workspace.run("joined_masks", { patches: 11, side: 8, bytesAtOnce: 2 ** 20, ...fields });
    return new Uint8Array(workspace.get("alike").data)[0] === 1;
  };

  test.each([0, 1, 2])("are those of all in each process, of which %d see the memory of the first", (attached) => {
    expect(joined({ processes: 3, attached })).toBe(true);
  });

  test.each([1, 128, 200])("in sums of %d bytes, across which shares lie", (bytesAtOnce) => {
    expect(joined({ processes: 3, attached: 1, bytesAtOnce })).toBe(true);
    expect(joined({ processes: 4, attached: 3, patches: 3, bytesAtOnce })).toBe(true);
  });
});
