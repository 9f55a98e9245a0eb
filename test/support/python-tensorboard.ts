/** A Python with TensorBoard's own reader, for tests that must be read by it. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { findPythonWith } from "./python-environment.js";

const run = promisify(execFile);
const version = "2.21.0";

/** What TensorBoard reads of a folder of event files: scalars, texts and pictures by tag. */
export interface BoardContents {
  readonly scalars: Readonly<Record<string, readonly (readonly [step: number, value: number])[]>>;
  readonly texts: Readonly<Record<string, readonly string[]>>;
  readonly images: Readonly<
    Record<
      string,
      readonly { readonly step: number; readonly width: number; readonly height: number; readonly sha256: string }[]
    >
  >;
}

const script = `
import hashlib, json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
board = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "tensors": 0, "images": 0})
board.Reload()
tags = board.Tags()
print(json.dumps({
  "scalars": {tag: [[one.step, one.value] for one in board.Scalars(tag)] for tag in tags["scalars"]},
  "texts": {tag: [one.tensor_proto.string_val[0].decode() for one in board.Tensors(tag)] for tag in tags["tensors"]},
  "images": {
    tag: [
      {"step": one.step, "width": one.width, "height": one.height,
       "sha256": hashlib.sha256(one.encoded_image_string).hexdigest()}
      for one in board.Images(tag)
    ]
    for tag in tags["images"]
  },
}))
`;

/** Python with TensorBoard in the cache, installed there by pip where WSSS_TEST_FETCH is 1; null if there is none, or no index has it. */
export async function findTensorBoard(): Promise<string | null> {
  return await findPythonWith(`test-tensorboard-${version}`, [`tensorboard==${version}`]);
}

/** Reads event files as TensorBoard does. */
export async function readBoard(python: string, folder: string): Promise<BoardContents> {
  const { stdout } = await run(python, ["-c", script, folder], { maxBuffer: 1e8 });
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as BoardContents;
}
