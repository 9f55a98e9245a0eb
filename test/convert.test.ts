// Weights converted between containers, starts from weights of others, and files exchanged with PyTorch.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Classifier, convertWeights, type Dataset, inspectWeights, Segmenter } from "../dist/index.js";
import { command } from "./support/command-line.js";
import { pixels } from "./support/dataset-folder.js";
import { findPythonTorch } from "./support/python-torch.js";
import { type GoldenTensor, readGoldenTensors, writeTensors } from "./support/safetensors.js";
import { tinyClassifier, tinyDataset, tinySegmenter, tinySide, tinyWidth } from "./support/tiny-models.js";

const golden = fileURLToPath(new URL("fixtures/golden/", import.meta.url));
const pythonScripts = fileURLToPath(new URL("python/", import.meta.url));
const shared = fileURLToPath(new URL("../../shared/weights/", import.meta.url));
const run = promisify(execFile);
const patch = { rgb: pixels(tinySide, tinySide, 3), height: tinySide, width: tinySide };

let folder: string;
let data: Dataset;
let classifier: Classifier;
let segmenter: Segmenter;
const at = (name: string): string => path.join(folder, name);
/** What every network of these tests is made with. */
const base = (): { classes: Dataset["classes"]; width: number; device: "cpu" } => ({
  classes: data.classes,
  width: tinyWidth,
  device: "cpu",
});

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "wsss-convert-"));
  data = await tinyDataset();
  classifier = await tinyClassifier(data);
  segmenter = await tinySegmenter(data);
  await classifier.save(at("classifier.safetensors"));
  await segmenter.save(at("segmenter.safetensors"));
});
afterAll(async () => {
  await classifier.dispose();
  await segmenter.dispose();
  await rm(folder, { recursive: true, force: true });
});

describe("a conversion", () => {
  test("to .pth and back keeps every tensor, and the network its predictions", async () => {
    const there = await convertWeights(at("classifier.safetensors"), at("classifier.pth"));
    const back = await convertWeights(at("classifier.pth"), at("again.safetensors"));
    expect(there).toMatchObject({ container: "safetensors", origin: "", dropped: [] });
    expect(back).toMatchObject({ container: "zip", tensorCount: there.tensorCount });
    const [first, second, third] = await Promise.all(
      ["classifier.safetensors", "classifier.pth", "again.safetensors"].map((name) => inspectWeights(at(name))),
    );
    expect(second?.container).toBe("zip");
    expect(second?.tensors).toEqual(first?.tensors);
    expect(third?.tensors).toEqual(first?.tensors);
    await using again = await Classifier.create({ ...base(), weights: at("classifier.pth") });
    expect(again.weightsReport).toMatchObject({
      container: "zip",
      missing: [],
      unexpected: [],
      misshapen: [],
      fresh: [],
    });
    expect((await again.predict(patch)).probabilities).toEqual((await classifier.predict(patch)).probabilities);
  });

  test("of MXNet's names gives ours, and can leave them", async () => {
    const source = path.join(golden, "K4_container_v2.params");
    const expected = await readGoldenTensors(path.join(golden, "K4_mxnet_container.safetensors"));
    const { origin, dropped } = await convertWeights(source, at("mxnet.safetensors"));
    expect(origin).toBe("MXNet ResNet38");
    expect(dropped.every((name) => name.includes("linear1000"))).toBe(true);
    expect([...(await readGoldenTensors(at("mxnet.safetensors"))).keys()].sort()).toEqual([...expected.keys()].sort());
    await convertWeights(source, at("kept.safetensors"), { translate: false });
    expect((await inspectWeights(at("kept.safetensors"))).tensors.has("arg:conv1a_weight")).toBe(true);
  });

  test("into a place or a kind that is none is refused, and leaves nothing", async () => {
    const source = at("classifier.safetensors");
    await expect(convertWeights(source, at("x.bin"))).rejects.toMatchObject({ code: "WSSS_ERR_OPTION" });
    await expect(convertWeights(source, at("no/x.pth"))).rejects.toMatchObject({ code: "WSSS_ERR_IO" });
    await writeFile(at("broken.pth"), "this is nothing");
    await expect(convertWeights(at("broken.pth"), at("x.pth"))).rejects.toMatchObject({ code: "WSSS_ERR_WEIGHTS" });
    expect(existsSync(at("x.pth"))).toBe(false);
  });

  test("from the command line, and what inspect says of the result", async () => {
    const { code, stdout } = await command("convert", at("segmenter.safetensors"), at("segmenter.pth"));
    expect({ code, stdout }).toMatchObject({ code: 0 });
    const { stdout: json } = await command("inspect", at("segmenter.pth"), "--json");
    const { container, tensors, fits } = JSON.parse(json);
    expect(container).toBe("zip");
    expect(Object.keys(tensors)).toContain("decoder.last_conv.8.bias");
    expect(fits[0]).toMatchObject({ network: "DeepLab v3+ (ResNet101)", missing: [], unexpected: [] });
    const { stdout: page } = await command("inspect", at("segmenter.pth"));
    expect(page).toContain("DeepLab v3+ (ResNet101)");
    const wrong = await command("inspect", at("none.pth"));
    expect(wrong).toMatchObject({ code: 3, stdout: "" });
  });
});

describe("a start from weights of others", () => {
  const numbers = (shape: readonly number[]): GoldenTensor => ({
    dtype: "float32",
    shape,
    data: new Float32Array(shape.reduce((product, extent) => product * extent, 1)).fill(0.25).buffer,
  });

  /** The segmenter's tensors under other names. */
  async function renamed(
    name: string,
    rename: (name: string) => string | null,
    more: Record<string, GoldenTensor> = {},
  ) {
    const tensors = new Map<string, GoldenTensor>(Object.entries(more));
    for (const [own, tensor] of await readGoldenTensors(at("segmenter.safetensors"))) {
      const theirs = rename(own);
      if (theirs !== null) tensors.set(theirs, tensor);
    }
    await writeTensors(at(name), tensors);
    return at(name);
  }

  test("torchvision's ResNet becomes the backbone; head and decoder stay fresh, strictly", async () => {
    const strip = (name: string): string | null => (name.startsWith("backbone.") ? name.slice(9) : null);
    const weights = await renamed("resnet101.safetensors", strip, {
      "fc.weight": numbers([5, 8]),
      "fc.bias": numbers([5]),
    });
    await using other = await Segmenter.create({ ...base(), weights, seed: 9 });
    const report = other.weightsReport!;
    expect(report).toMatchObject({ origin: "torchvision ResNet", missing: [], unexpected: [], misshapen: [] });
    expect([...report.dropped].sort()).toEqual(["fc.bias", "fc.weight"]);
    expect(report.fresh.every((name) => /^(aspp|decoder)\./.test(name))).toBe(true);
    expect(report.fresh.length).toBeGreaterThan(10);
    await other.save(at("other.safetensors"));
    const [ours, theirs] = [at("segmenter.safetensors"), at("other.safetensors")].map(readGoldenTensors);
    const key = "backbone.layer1.0.conv1.weight";
    expect(Buffer.from((await theirs!).get(key)!.data)).toEqual(Buffer.from((await ours!).get(key)!.data));
  });

  test("a parallel checkpoint for other classes loads without its output layer", async () => {
    const weights = await renamed("parallel.safetensors", (name) => `module.${name}`);
    const classes = [...data.classes, { name: "fat", colour: [0, 0, 9] as const }];
    await using other = await Segmenter.create({ ...base(), classes, weights });
    expect([...other.weightsReport!.dropped].sort()).toEqual([
      "decoder.last_conv.8.bias",
      "decoder.last_conv.8.weight",
    ]);
    expect(other.weightsReport!.missing).toEqual([]);
  });

  test("a backbone with a tensor missing is refused by name, unless a partial load is asked for", async () => {
    const weights = await renamed("partial.safetensors", (name) =>
      name.startsWith("backbone.") && !name.includes("layer3.7.") ? name.slice(9) : null,
    );
    await expect(Segmenter.create({ ...base(), weights })).rejects.toThrow(/lacks .*backbone\.layer3\.7\./);
    await using other = await Segmenter.create({ ...base(), weights, strict: false });
    expect(other.weightsReport!.missing.length).toBeGreaterThan(0);
    expect(other.weightsReport!.missing.every((name) => name.includes("layer3.7."))).toBe(true);
  });
});

describe("Python's PyTorch", () => {
  let python: string | null;
  beforeAll(async () => {
    python = await findPythonTorch();
    if (python === null) console.warn("SKIPPED: no Python with PyTorch; WSSS_TEST_PYTHON=install makes one");
  }, 1_200_000);

  test.each(["zip", "legacy"])("loads ours strictly, predicts the same, and is read back as %s", async (container) => {
    if (python === null) return;
    await convertWeights(at("classifier.safetensors"), at("to-python.pth"));
    await writeFile(at("patch.rgb"), patch.rgb);
    const back = at(`from-python-${container}.pth`);
    const words = [
      path.join(pythonScripts, "round_trip.py"),
      at("to-python.pth"),
      at("patch.rgb"),
      String(tinySide),
      back,
    ];
    const { stdout } = await run(python, [...words, container]);
    const theirs = JSON.parse(stdout) as number[];
    const { probabilities } = await classifier.predict(patch);
    theirs.forEach((value, i) => expect(value).toBeCloseTo(probabilities[i]!, 5));
    const inspection = await inspectWeights(back);
    expect(inspection).toMatchObject({ foundUnder: "state_dict", otherKeys: ["epoch", "optimizer"] });
    expect(inspection.container).toBe(container === "zip" ? "zip" : "legacy pickle stream");
    await using again = await Classifier.create({ ...base(), weights: back });
    expect((await again.predict(patch)).probabilities).toEqual(probabilities);
  });

  test("writes what is skipped, passed over and unwrapped here", async () => {
    if (python === null) return;
    const out = at("odd");
    await run(python, [path.join(pythonScripts, "odd_checkpoints.py"), out]);
    const expected: Readonly<Record<string, object>> = {
      "sparse.pth": { unread: [{ name: "odd", kind: "sparse" }] },
      "meta.pth": { unread: [{ name: "odd", kind: "meta (it has no values)" }] },
      "quantized.pth": { unread: [{ name: "odd", kind: "quantized" }] },
      "complex.pth": { unread: [{ name: "odd", kind: "complex64" }] },
      "complex_legacy.pth": { unread: [{ name: "odd", kind: "complex64" }] },
      "uint16.pth": { unread: [{ name: "odd", kind: "uint16" }] },
      "float8.pth": { unread: [{ name: "odd", kind: "float8_e4m3fn" }] },
      "float8_legacy.pth": { unread: [{ name: "odd", kind: "float8_e4m3fn" }] },
      "subclass.pth": { unread: [], skippedObjects: ["__main__.Tagged"] },
      "attributes.pth": { unread: [] },
      "objects.pth": { foundUnder: "state_dict", otherKeys: ["args", "mode", "path", "names"], unread: [] },
      "objects_protocol_4.pth": { foundUnder: "state_dict", otherKeys: ["args", "mode", "path", "names"], unread: [] },
      "averaged.pth": { foundUnder: "", unread: [] },
      "trainer.pth": { foundUnder: "net_g", otherKeys: ["optimizer", "best", "epoch"] },
    };
    for (const [name, facts] of Object.entries(expected)) {
      const inspection = await inspectWeights(path.join(out, name));
      expect({ name, ...inspection }).toMatchObject({ name, ...facts });
      if (name !== "averaged.pth") expect(inspection.tensors.get("weight")).toMatchObject({ shape: [2, 3], sum: 15 });
    }
    await expect(inspectWeights(path.join(out, "script.pt"))).rejects.toThrow("it is a TorchScript program");
    await expect(inspectWeights(path.join(out, "model.pth"))).rejects.toThrow(
      "an object of the Python class torch.nn.modules.linear.Linear",
    );
  });

  test("finds the sums that we find in real files", async () => {
    if (python === null || !existsSync(shared)) return;
    for (const name of ["mobilenet_v2_imagenet_q8_legacy.pth", "resnet20-12fca82f.th", "zip_state_dict.pth"]) {
      const script = path.join(pythonScripts, "tensor_sums.py");
      const { stdout } = await run(python, [script, path.join(shared, name), "trusted"], { maxBuffer: 1e8 });
      const { tensors } = await inspectWeights(path.join(shared, name));
      const theirs = JSON.parse(stdout) as Record<string, readonly [number, number]>;
      expect(Object.keys(theirs).sort()).toEqual([...tensors.keys()].sort());
      for (const [tensor, [sum, absMax]] of Object.entries(theirs)) {
        expect(tensors.get(tensor)!.sum).toBeCloseTo(sum, 6);
        expect(tensors.get(tensor)!.absMax).toBe(absMax);
      }
    }
  });
});
