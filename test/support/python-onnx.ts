/** A Python with ONNX Runtime and ONNX' own checker, for tests of ONNX files. */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { findPythonWith } from "./python-environment.js";
import { freshFolder } from "./tiny-models.js";

const run = promisify(execFile);
const runtime = "1.32.0";
const checker = "1.23.2";
/** QuPath runs networks by it. */
const openCv = "4.10.0.84";

/** A tensor as plain data. */
export interface OnnxTensor {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly values: Float32Array | Uint8Array;
}

/** What ONNX and ONNX Runtime say of a file. */
export interface OnnxReading {
  readonly opset: number;
  readonly producer: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** By name, lengths of axes or their names. */
  readonly inputs: Readonly<Record<string, readonly (number | string)[]>>;
  readonly outputs: Readonly<Record<string, OnnxTensor>>;
  /** How many nodes of each operation. */
  readonly operations: Readonly<Record<string, number>>;
}

/** A file, and the picture that it is run on. */
export interface OnnxCase {
  readonly file: string;
  /** float32 [N, 3, H, W] */
  readonly image: { readonly shape: readonly number[]; readonly values: Float32Array };
}

const script = `
import collections, json, sys
import numpy, onnx, onnxruntime
answers = []
for case in json.load(open(sys.argv[1])):
    model = onnx.load(case["file"])
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(case["file"], providers=["CPUExecutionProvider"])
    image = numpy.fromfile(case["image"], numpy.float32).reshape(case["shape"])
    outputs = {}
    for index, (output, values) in enumerate(zip(session.get_outputs(), session.run(None, {"image": image}))):
        path = f'{case["image"]}.{index}'
        values.tofile(path)
        outputs[output.name] = {"shape": values.shape, "dtype": str(values.dtype), "path": path}
    answers.append({
        "opset": model.opset_import[0].version,
        "producer": model.producer_name,
        "metadata": {one.key: one.value for one in model.metadata_props},
        "inputs": {one.name: one.shape for one in session.get_inputs()},
        "outputs": outputs,
        "operations": collections.Counter(node.op_type for node in model.graph.node),
    })
print(json.dumps(answers))
`;

/** Python with ONNX Runtime in the cache, installed there by pip where WSSS_TEST_FETCH is 1; null if there is none, or no index has it. */
export async function findOnnxRuntime(): Promise<string | null> {
  return await findPythonWith(`test-onnx-${runtime}-${checker}-${openCv}`, [
    ...[`onnxruntime==${runtime}`, `onnx==${checker}`, `opencv-python-headless==${openCv}`, "pillow==12.0.0"],
  ]);
}

const openCvScript = `
import json, sys
import cv2, numpy
paths = []
for case in json.load(open(sys.argv[1])):
    network = cv2.dnn.readNetFromONNX(case["file"])
    network.setInput(numpy.fromfile(case["image"], numpy.float32).reshape(case["shape"]))
    paths.append(case["image"] + ".opencv")
    network.forward().astype(numpy.uint8).tofile(paths[-1])
print(json.dumps(paths))
`;

/** Writes the pictures of cases, and the list that the scripts read. */
async function writeCases(cases: readonly OnnxCase[]): Promise<string> {
  const folder = await freshFolder();
  const requests = [];
  for (const [index, { file, image }] of cases.entries()) {
    const picture = path.join(folder, `image-${index}`);
    await writeFile(picture, image.values);
    requests.push({ file, image: picture, shape: image.shape });
  }
  const list = path.join(folder, "cases.json");
  await writeFile(list, JSON.stringify(requests));
  return list;
}

/** Runs files with OpenCV's module of networks: their class maps. */
export async function readWithOpenCv(python: string, cases: readonly OnnxCase[]): Promise<Uint8Array[]> {
  const { stdout } = await run(python, ["-c", openCvScript, await writeCases(cases)], { maxBuffer: 1e8 });
  return await Promise.all((JSON.parse(stdout) as string[]).map(async (file) => new Uint8Array(await readFile(file))));
}

/** Checks files with ONNX, and runs them with ONNX Runtime. */
export async function readOnnx(python: string, cases: readonly OnnxCase[]): Promise<OnnxReading[]> {
  const { stdout } = await run(python, ["-c", script, await writeCases(cases)], { maxBuffer: 1e8 });
  const answers = JSON.parse(stdout) as (Omit<OnnxReading, "outputs"> & {
    outputs: Record<string, { shape: number[]; dtype: string; path: string }>;
  })[];
  return await Promise.all(
    answers.map(async ({ outputs, ...answer }) => ({ ...answer, outputs: await readOutputs(outputs) })),
  );
}

async function readOutputs(
  outputs: Readonly<Record<string, { shape: number[]; dtype: string; path: string }>>,
): Promise<Record<string, OnnxTensor>> {
  const read = async ({
    shape,
    dtype,
    path: file,
  }: {
    shape: number[];
    dtype: string;
    path: string;
  }): Promise<OnnxTensor> => {
    const bytes = new Uint8Array(await readFile(file));
    return { shape, dtype, values: dtype === "uint8" ? bytes : new Float32Array(bytes.buffer) };
  };
  const entries = Object.entries(outputs).map(async ([name, output]) => [name, await read(output)] as const);
  return Object.fromEntries(await Promise.all(entries));
}
