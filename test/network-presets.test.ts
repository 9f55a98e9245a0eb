// One word in place of six options: what `--networks laptop` stands for, and what stands before it.
import { describe, expect, test } from "@jest/globals";
import { planOfRun } from "../dist/cli/plan-of-command.js";
import { resolveSections } from "../dist/run/plan.js";

const sections = (given: Readonly<Record<string, unknown>>) =>
  resolveSections(planOfRun(given), ["classifier", "segmenter"]);

describe("--networks laptop", () => {
  test("is small networks from ImageNet weights, a narrow head and few epochs", () => {
    expect(sections({ networks: "laptop" })).toMatchObject({
      classifier: { backbone: "efficientnet-lite0", weights: "imagenet", width: 1, training: { epochs: 8 } },
      segmenter: {
        backbone: "efficientnet-lite0",
        weights: "imagenet",
        headWidth: 0.25,
        training: { epochs: 8, freezeBatchNorm: true },
      },
    });
  });

  test("gives way to what is said beside it", () => {
    const given = {
      networks: "laptop",
      epochs: 3,
      segmenterEpochs: 5,
      headWidth: 0.5,
      segmenterBackbone: "mobilenet",
      batchSize: 4,
    };
    expect(sections(given)).toMatchObject({
      classifier: { backbone: "efficientnet-lite0", training: { epochs: 3, batchSize: 4 } },
      segmenter: { backbone: "mobilenet", weights: "imagenet", headWidth: 0.5, training: { epochs: 5, batchSize: 4 } },
    });
  });

  test("refuses a network that has no weights by name, before anything is fetched", () => {
    expect(() => sections({ networks: "laptop", classifierBackbone: "resnet38" })).toThrow(
      /weights must be the path of a weight file: none is had by name for the network resnet38/,
    );
  });

  test("has the defaults of small networks for both trainings", () => {
    const { classifier, segmenter } = sections({ networks: "laptop" });
    expect(classifier?.training.learningRate).toBe(0.001);
    expect(segmenter?.training.emaDecay).toBe(0.98);
  });
});

test.each([[{}], [{ networks: "paper" }]])("%j is the paper's networks from random weights", (given) => {
  expect(sections(given)).toMatchObject({
    classifier: { backbone: "resnet38", weights: null, training: { epochs: 20 } },
    segmenter: { backbone: "resnet101", weights: null, headWidth: 1, training: { epochs: 30 } },
  });
});
