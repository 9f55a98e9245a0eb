// EfficientNet-Lite as classifier and as backbone, held against an implementation in PyTorch: outputs, gradients, names, the fold.
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { Classifier, convertWeights, type Dataset, inspectWeights, PseudoMasks, Segmenter } from "../dist/index.js";
import { findPythonTorch } from "./support/python-torch.js";
import { type GoldenTensor, readGoldenTensors, values } from "./support/safetensors.js";
import { makeWorkspace, type Workspace } from "./support/test-addon.js";
import { freshFolder, tinyDataset, tinyWidth } from "./support/tiny-models.js";

const run = promisify(execFile);
const root = fileURLToPath(new URL("..", import.meta.url));
const script = path.join(root, "test/python/efficientnet_lite.py");
const backbones = ["efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"] as const;

const largestOf = (tensor: GoldenTensor): number =>
  Array.from(values(tensor)).reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);

/**
 * The largest difference, relative to the largest value.
 * @param floor - the least that it is taken relative to: the shift of a batch norm before another one has no gradient but rounding.
 */
function difference(ours: GoldenTensor, theirs: GoldenTensor, floor = 0): number {
  expect(ours.shape).toEqual(theirs.shape);
  const [a, b] = [values(ours), values(theirs)];
  let largest = floor;
  let off = 0;
  for (let i = 0; i < b.length; i++) {
    largest = Math.max(largest, Math.abs(b[i]!));
    off = Math.max(off, Math.abs(a[i]! - b[i]!));
  }
  return largest === 0 ? off : off / largest;
}

const python = await findPythonTorch();
if (python === null) console.warn("SKIPPED: no Python with PyTorch; WSSS_TEST_PYTHON=install makes one");

(python === null ? describe.skip : describe).each(backbones.map((backbone, variant) => [backbone, variant] as const))(
  "%s",
  (backbone, variant) => {
    let folder: string;
    let expected: ReadonlyMap<string, GoldenTensor>;
    let workspace: Workspace;
    const weights = (): string => path.join(folder, "weights.pth");
    const of = (name: string): GoldenTensor => expected.get(name)!;

    beforeAll(async () => {
      folder = await freshFolder();
      await run(python!, [script, String(variant), folder]);
      expected = await readGoldenTensors(path.join(folder, "expected.safetensors"));
      workspace = await makeWorkspace(root);
      workspace.set("x", of("x"));
    }, 1_200_000);

    test.each(["eval", "train"])("its classifier has PyTorch's features and gradients, in %s", (mode) => {
      workspace.run("residual_classifier", { backbone, path: weights(), fold: false, training: mode === "train" });
      for (const level of ["head", "stage7", "stage6"]) {
        expect(difference(workspace.get(level), of(`${mode}.${level}`))).toBeLessThan(1e-9);
      }
      const gradients = [...expected.keys()].filter((name) => name.startsWith(`${mode}.grad.`));
      expect(gradients.length).toBeGreaterThan(140);
      const floor = 1e-6 * Math.max(...gradients.map((name) => largestOf(of(name))));
      for (const name of gradients) {
        expect(difference(workspace.get(name.slice(mode.length + 1)), of(name), floor)).toBeLessThan(1e-8);
      }
    });

    test("with (x - 127) / 128 folded into the stem it reads values in 0..1", () => {
      workspace.run("residual_classifier", { backbone, path: weights(), fold: true, training: false });
      // The folded weights are float32 again, which twenty blocks make a few times larger.
      expect(difference(workspace.get("head"), of("folded.head"))).toBeLessThan(1e-4);
    });

    test.each([8, 16])("its backbone at output stride %d has PyTorch's features", (outputStride) => {
      workspace.run("residual_backbone", { backbone, path: weights(), outputStride });
      expect(difference(workspace.get("backbone"), of(`backbone${outputStride}.high`))).toBeLessThan(1e-9);
      expect(difference(workspace.get("low_level"), of(`backbone${outputStride}.low`))).toBeLessThan(1e-9);
    });

    test("names of the first PyTorch port are told and translated, ImageNet's head is left out", async () => {
      const { fits } = await inspectWeights(weights(), { statistics: false });
      expect(fits[0]).toMatchObject({
        network:
          backbone === "efficientnet-lite0" ? "EfficientNet-Lite0 classifier" : "EfficientNet-Lite1 or 2 classifier",
        origin: "EfficientNet-Lite",
        width: 1,
        missing: [],
        unexpected: [],
      });
      const converted = path.join(folder, "converted.safetensors");
      expect(await convertWeights(weights(), converted)).toMatchObject({
        origin: "EfficientNet-Lite",
        dropped: ["_fc.weight", "_fc.bias"],
      });
      const classes = [
        { name: "a", colour: [0, 0, 0] },
        { name: "b", colour: [255, 0, 0] },
      ] as const;
      // The converted file is taken for what it is, and its normalisation is folded as that of the first file is.
      const report = {
        origin: "EfficientNet-Lite",
        foldedNormalization: true,
        missing: [],
        unexpected: [],
        misshapen: [],
      };
      await using classifier = await Classifier.create({ classes, backbone, weights: converted, device: "cpu" });
      expect(classifier.weightsReport).toMatchObject({ ...report, fresh: ["fc8.weight"] });
      await using other = await Segmenter.create({
        classes,
        backbone,
        weights: converted,
        device: "cpu",
        headWidth: 1 / 8,
      });
      expect(other.weightsReport).toMatchObject(report);
      await using segmenter = await Segmenter.create({
        classes,
        backbone,
        weights: weights(),
        device: "cpu",
        headWidth: 1 / 8,
      });
      expect(segmenter.weightsReport).toMatchObject({
        origin: "EfficientNet-Lite",
        foldedNormalization: true,
        missing: [],
      });
      const mistaken = Classifier.create({ classes, backbone: "mobilenet", weights: weights(), device: "cpu" });
      await expect(mistaken).rejects.toMatchObject({ code: "WSSS_ERR_WEIGHTS" });
      await expect(mistaken).rejects.toThrow(/It has the names of EfficientNet-Lite/);
    });
  },
);

describe("the whole method on a narrow EfficientNet-Lite0", () => {
  let data: Dataset;
  beforeAll(async () => {
    data = await tinyDataset();
  });

  test("trains, draws masks of three levels, and segments", async () => {
    const made = {
      classes: data.classes,
      background: data.background,
      backbone: "efficientnet-lite0",
      width: tinyWidth,
    } as const;
    const short = { epochs: 1, batchSize: 2, seed: 1 } as const;
    await using classifier = await Classifier.create({ ...made, device: "cpu", seed: 1 });
    for await (const event of classifier.train(data.train, short)) expect(event.kind).toMatch(/step|epoch/);
    const masks = await classifier.generatePseudoMasks(data.train);
    expect(masks).toBeInstanceOf(PseudoMasks);
    expect(masks.levels).toEqual(["head", "stage7", "stage6"]);
    await using segmenter = await Segmenter.create({ ...made, device: "cpu", seed: 1 });
    for await (const event of segmenter.train(data.train, { ...short, masks }))
      expect(event.kind).toMatch(/step|epoch/);
    const scores = await segmenter.evaluate(data.test);
    expect(scores.mIoU).toBeGreaterThan(0);
  });
});
