// One word in place of six options: what `--networks laptop` stands for, and what stands before it.
import { describe, expect, test } from "@jest/globals";
import { planOfRun, presetOf } from "../dist/cli/plan-of-command.js";
import { mergeOptions } from "../dist/run/plan-options.js";
import { resolveSections } from "../dist/run/plan.js";
import { command } from "./support/command-line.js";

const sections = (given: Readonly<Record<string, unknown>>) =>
  resolveSections(mergeOptions(presetOf(given), planOfRun(given)), ["classifier", "segmenter"]);

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

  test("refuses a width that weights by name do not have", () => {
    expect(() => sections({ networks: "laptop", width: 0.5 })).toThrow(
      /those that have a name are of width 1, not 0.5/,
    );
  });

  test("stays under what the folder was given before", () => {
    const before = planOfRun({ epochs: 20, classifierBackbone: "mobilenet" });
    const plan = mergeOptions(
      presetOf({ networks: "laptop" }),
      mergeOptions(before, planOfRun({ networks: "laptop" })),
    );
    expect(resolveSections(plan, ["classifier"])).toMatchObject({
      classifier: { backbone: "mobilenet", weights: "imagenet", training: { epochs: 20 } },
    });
  });

  test("is no option of the demo, which has networks of its own", async () => {
    expect(await command("demo", "--networks", "laptop")).toMatchObject({ code: 2 });
    const refused = await command("ablate", "--demo", "--networks", "laptop", "--out", "nowhere");
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("leave --networks out") });
  });

  test("names the flag of the network that is refused", async () => {
    const words = ["--data", ".", "--out", "nowhere", "--networks", "laptop", "--classifier-backbone", "resnet38"];
    const refused = await command("run", ...words);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("set it with --classifier-weights") });
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
