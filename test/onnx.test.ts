// ONNX files: ONNX' own checker accepts them, and ONNX Runtime gives what our networks give, for all networks and odd sizes.
import { execFile } from "node:child_process";
import { stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { type Classifier, exportOnnx, type Segmenter } from "../dist/index.js";
import { command } from "./support/command-line.js";
import {
  findOnnxRuntime,
  type OnnxCase,
  type OnnxReading,
  type OnnxTensor,
  readOnnx,
  readWithOpenCv,
} from "./support/python-onnx.js";
import { type GoldenTensor, values } from "./support/safetensors.js";
import { makeWorkspace } from "./support/test-addon.js";
import { patchPng } from "./support/dataset-folder.js";
import { freshFolder, tinyClassifier, tinyDataset, tinySegmenter } from "./support/tiny-models.js";

const python = await findOnnxRuntime();
if (python === null) console.warn("SKIPPED: no ONNX Runtime to run files with; WSSS_TEST_FETCH=1 installs one");
const whenRun = python === null ? test.skip : test;
const workspace = await makeWorkspace(fileURLToPath(new URL("..", import.meta.url)));

/** A file, and what the network itself says. */
interface Exported {
  readonly file: string;
  readonly ours: ReadonlyMap<string, GoldenTensor>;
}

function exported(operation: string, names: readonly string[], fields: Readonly<Record<string, unknown>>): Exported {
  workspace.clear();
  workspace.run(operation, fields);
  const ours = new Map(["image", ...names].map((name) => [name, workspace.get(name)]));
  return { file: fields["path"] as string, ours };
}

function caseOf({ file, ours }: Exported): OnnxCase {
  const image = ours.get("image")!;
  return { file, image: { shape: image.shape, values: new Float32Array(image.data) } };
}

const readAll = async (all: readonly Exported[]): Promise<OnnxReading[]> => await readOnnx(python!, all.map(caseOf));

/** Largest difference, relative to the largest value. */
function difference(theirs: OnnxTensor | undefined, ours: GoldenTensor | undefined): number {
  expect(theirs?.shape).toEqual(ours?.shape);
  const [a, b] = [theirs!.values, values(ours!)];
  let [largest, apart] = [0, 0];
  for (let i = 0; i < b.length; i += 1) {
    largest = Math.max(largest, Math.abs(b[i]!));
    apart = Math.max(apart, Math.abs(a[i]! - b[i]!));
  }
  expect(largest).toBeGreaterThan(1e-3);
  return apart / largest;
}

/** The class of the highest logit at each pixel. */
function classesOf(logits: GoldenTensor): Uint8Array {
  const [batch = 0, classes = 0, height = 0, width = 0] = logits.shape;
  const all = values(logits);
  const pixels = height * width;
  return Uint8Array.from({ length: batch * pixels }, (_, i) => {
    const start = Math.floor(i / pixels) * classes * pixels + (i % pixels);
    let best = 0;
    for (let k = 1; k < classes; k += 1) if (all[start + k * pixels]! > all[start + best * pixels]!) best = k;
    return best;
  });
}

const segmenters = ["resnet101", "xception", "drn", "mobilenet", "efficientnet-lite0", "efficientnet-lite1"].flatMap(
  (backbone) => [8, 16].map((stride) => ({ backbone, stride })),
);

const odd = { H: 61, W: 75, tags: ["a", "b", "c"], fixed: false };

describe("every network", () => {
  const levels = {
    resnet38: ["bn7", "b5_2", "b4_5"],
    mobilenet: ["features18", "features17", "features16"],
    "efficientnet-lite0": ["head", "stage7", "stage6"],
    "efficientnet-lite2": ["head", "stage7", "stage6"],
  };

  whenRun("of the classifier gives the same probabilities and maps", async () => {
    const folder = await freshFolder();
    const all = Object.entries(levels).map(([backbone, names]) =>
      exported("onnx.classifier", ["probabilities", ...names], {
        ...{ ...odd, backbone, width: 0.125, path: path.join(folder, `${backbone}.onnx`) },
      }),
    );
    for (const [index, reading] of (await readAll(all)).entries()) {
      const names = ["probabilities", ...Object.values(levels)[index]!];
      expect(Object.keys(reading.outputs)).toEqual(names);
      for (const name of names)
        expect(difference(reading.outputs[name], all[index]!.ours.get(name))).toBeLessThan(1e-4);
    }
  });

  whenRun("of the segmenter gives the same logits", async () => {
    const folder = await freshFolder();
    const all = segmenters.map(({ backbone, stride }) =>
      exported("onnx.segmenter", ["logits"], {
        // Of one size, maps are enlarged by factors; of any, to sizes that are found out.
        ...{ ...odd, backbone, stride, width: 0.125, headWidth: 0.25, output: "logits", fixed: stride === 8 },
        path: path.join(folder, `${backbone}-${stride}.onnx`),
      }),
    );
    const readings = await readAll(all);
    for (const [index, reading] of readings.entries()) {
      expect(difference(reading.outputs["logits"], all[index]!.ours.get("logits"))).toBeLessThan(1e-4);
    }
    // Nothing that a batch norm does is left over where a convolution is before it.
    for (const { operations } of readings) expect(operations["BatchNormalization"]).toBeUndefined();
  });
});

describe("a segmenter's file", () => {
  const network = { backbone: "mobilenet", stride: 16, width: 0.25, headWidth: 0.25 };

  whenRun("gives probabilities or classes, for one picture and for several, of any size or of one", async () => {
    const folder = await freshFolder();
    const sizes = [
      { H: 32, W: 32, tags: ["a"], fixed: false },
      { H: 33, W: 224, tags: ["b"], fixed: true },
      { H: 96, W: 64, tags: ["a", "b"], fixed: false },
    ];
    const all = sizes.flatMap((size, index) =>
      ["probabilities", "class-map"].map((output) =>
        exported("onnx.segmenter", ["logits"], {
          ...{ ...network, ...size, output, path: path.join(folder, `${index}-${output}.onnx`) },
        }),
      ),
    );
    const readings = await readAll(all);
    for (const [index, { H, W, tags, fixed }] of sizes.entries()) {
      const [soft, hard] = [readings[2 * index]!, readings[2 * index + 1]!];
      const classes = classesOf(all[2 * index]!.ours.get("logits")!);
      const expected = fixed ? [H, W] : ["height", "width"];
      expect(soft.inputs).toEqual({ image: ["batch", 3, ...expected] });
      const map = hard.outputs["class_map"]!;
      expect(map).toMatchObject({ dtype: "uint8", shape: [tags.length, H, W] });
      const wrong = classes.filter((one, i) => map.values[i] !== one).length;
      expect(wrong / classes.length).toBeLessThanOrEqual(1e-4);
      expect(new Set(classes).size).toBeGreaterThan(1);
      const probabilities = soft.outputs["probabilities"]!;
      expect(probabilities.shape).toEqual([tags.length, 3, H, W]);
      const sums = new Float64Array(H * W);
      for (let k = 0; k < 3; k += 1) sums.forEach((_, i) => (sums[i]! += probabilities.values[k * H * W + i]!));
      expect(Math.max(...sums.map((sum) => Math.abs(sum - 1)))).toBeLessThan(1e-5);
    }
  });

  whenRun("of one size is read by OpenCV, which is what QuPath has", async () => {
    const folder = await freshFolder();
    const all = segmenters.map(({ backbone, stride }) =>
      exported("onnx.segmenter", ["logits"], {
        ...{ ...network, backbone, stride, output: "class-map", H: 96, W: 64, tags: ["a"], fixed: true },
        path: path.join(folder, `${backbone}-${stride}.onnx`),
      }),
    );
    for (const [index, map] of (await readWithOpenCv(python!, all.map(caseOf))).entries()) {
      const classes = classesOf(all[index]!.ours.get("logits")!);
      const wrong = classes.filter((one, i) => map[i] !== one).length;
      expect(wrong / classes.length).toBeLessThanOrEqual(1e-3);
    }
  });

  whenRun("of one size refuses another", async () => {
    const file = path.join(await freshFolder(), "fixed.onnx");
    const fields = { ...network, output: "logits", path: file, tags: ["a"] };
    exported("onnx.segmenter", ["logits"], { ...fields, H: 64, W: 64, fixed: true });
    const values = new Float32Array(3 * 32 * 32);
    await expect(readOnnx(python!, [{ file, image: { shape: [1, 3, 32, 32], values } }])).rejects.toThrow(
      "Got invalid dimensions",
    );
  });
});

describe("from the API and the command line", () => {
  const picture = { rgb: Uint8Array.from({ length: 32 * 48 * 3 }, (_, i) => (i * 37) % 251), height: 32, width: 48 };
  const image = {
    shape: [1, 3, 32, 48],
    values: Float32Array.from({ length: 3 * 32 * 48 }, (_, i) => {
      const pixel = i % (32 * 48);
      return picture.rgb[pixel * 3 + Math.floor(i / (32 * 48))]!;
    }),
  };
  const close = (theirs: ArrayLike<number>, ours: ArrayLike<number>): void => {
    expect(theirs).toHaveLength(ours.length);
    for (let i = 0; i < ours.length; i += 1) expect(Math.abs(theirs[i]! - ours[i]!)).toBeLessThan(1e-4);
  };

  whenRun("a saved network and its file agree on a picture, and the file says what it is", async () => {
    const folder = await freshFolder();
    const dataset = await tinyDataset(["gland", 'stroma "<b>'.normalize()]);
    const [classifier, segmenter] = [await tinyClassifier(dataset), await tinySegmenter(dataset)];
    await classifier.exportOnnx(path.join(folder, "classifier.onnx"));
    await segmenter.exportOnnx(path.join(folder, "segmenter.onnx"), { output: "probabilities" });
    const [first, second] = await readOnnx(python!, [
      { file: path.join(folder, "classifier.onnx"), image },
      { file: path.join(folder, "segmenter.onnx"), image },
    ]);
    close(first!.outputs["probabilities"]!.values, (await classifier.predict(picture)).probabilities);
    close(second!.outputs["probabilities"]!.values, (await segmenter.predict(picture)).probabilities);
    expect(first).toMatchObject({ opset: 17, producer: "wsss-tissue-native", metadata: { role: "classifier" } });
    expect(JSON.parse(second!.metadata["classes"]!)).toEqual(
      dataset.classes.map(({ name, colour }) => ({ name, colour: [...colour] })),
    );
    expect(second!.metadata["weights"]).toMatch(/^[0-9a-f]+$/);
    expect(second!.metadata["weights"]).not.toBe(first!.metadata["weights"]);
    for (const model of [classifier, segmenter]) await model.dispose();
  });

  whenRun("the example in Python segments pictures as we do", async () => {
    const folder = await freshFolder();
    const dataset = await tinyDataset();
    await using segmenter = await tinySegmenter(dataset);
    const [file, png] = [path.join(folder, "s.onnx"), path.join(folder, "patch.png")];
    await segmenter.exportOnnx(file);
    await writeFile(png, await patchPng(40, 56, 3));
    const example = fileURLToPath(new URL("../examples/onnx-patches.py", import.meta.url));
    const { stdout } = await promisify(execFile)(python!, [example, file, path.join(folder, "maps"), png]);
    const { classMap } = await segmenter.predict(png);
    const { data } = await sharp(path.join(folder, "maps", "patch.png"))
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const colours = dataset.classes.map(({ colour }) => colour.join());
    const theirs = Uint8Array.from(classMap, (_, i) => colours.indexOf([...data.subarray(3 * i, 3 * i + 3)].join()));
    const wrong = theirs.filter((one, i) => classMap[i] !== one).length;
    expect(wrong / classMap.length).toBeLessThanOrEqual(1e-3);
    expect(stdout).toContain('"gland": ');
  });

  test("convert writes the file, and says what it refuses", async () => {
    const folder = await freshFolder();
    const dataset = await tinyDataset();
    const at = (name: string): string => path.join(folder, name);
    const models: readonly (Classifier | Segmenter)[] = [await tinyClassifier(dataset), await tinySegmenter(dataset)];
    for (const [index, model] of models.entries()) {
      await model.save(at(`${index}.safetensors`));
      await model.dispose();
    }
    const good = await command("convert", at("1.safetensors"), at("s.onnx"), "--output", "class-map", "--json");
    expect(JSON.parse(good.stdout)).toEqual({ output: at("s.onnx"), role: "segmenter" });
    expect((await stat(at("s.onnx"))).size).toBeGreaterThan(10_000);
    const refused = async (error: string, ...words: readonly string[]): Promise<void> => {
      const { code, stderr } = await command("convert", ...words);
      expect(code).not.toBe(0);
      expect(stderr).toContain(error);
    };
    await refused("output is for segmenters", at("0.safetensors"), at("c.onnx"), "--output", "logits");
    await refused("--keep-names is not for .onnx", at("1.safetensors"), at("s.onnx"), "--keep-names");
    await refused("--fixed-size is for .onnx files alone", at("1.safetensors"), at("s.pth"), "--fixed-size", "64");
    await refused("fixedSize", at("1.safetensors"), at("s.onnx"), "--fixed-size", "16");
    await refused("height and width", at("1.safetensors"), at("s.onnx"), "--fixed-size", "1x2x3");
    await refused("there is no folder", at("1.safetensors"), at("no/s.onnx"));
    await writeFile(at("x.safetensors"), Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d]));
    await refused("does not say which network", at("x.safetensors"), at("x.onnx"));
    await expect(stat(at("x.onnx"))).rejects.toThrow("ENOENT");
  });

  test("wrong options are typed errors, and a busy or disposed model says so", async () => {
    const folder = await freshFolder();
    const model = await tinyClassifier(await tinyDataset());
    await expect(model.exportOnnx("a.safetensors")).rejects.toMatchObject({ code: "WSSS_ERR_OPTION" });
    await expect(model.exportOnnx("a.onnx", { fixedSize: 31 })).rejects.toMatchObject({ code: "WSSS_ERR_OPTION" });
    const aborted = model.exportOnnx(path.join(folder, "a.onnx"), { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toMatchObject({ code: "WSSS_ERR_CANCELLED" });
    const first = model.exportOnnx(path.join(folder, "a.onnx"));
    await expect(model.exportOnnx(path.join(folder, "b.onnx"))).rejects.toMatchObject({ code: "WSSS_ERR_BUSY" });
    await first;
    await model.dispose();
    await expect(model.exportOnnx("a.onnx")).rejects.toMatchObject({ code: "WSSS_ERR_DISPOSED" });
    await expect(exportOnnx("nowhere.safetensors", "a.onnx")).rejects.toMatchObject({ code: "WSSS_ERR_IO" });
  });
});
