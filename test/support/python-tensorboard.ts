/** A Python with TensorBoard's own reader, for tests that must be read by it. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { cacheFolder } from "../../dist/libtorch/libtorch.js";

const run = promisify(execFile);
const version = "2.21.0";

/** What TensorBoard reads of a folder of event files: scalars and texts by tag. */
export interface BoardContents {
  readonly scalars: Readonly<Record<string, readonly (readonly [step: number, value: number])[]>>;
  readonly texts: Readonly<Record<string, readonly string[]>>;
}

const script = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
board = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "tensors": 0})
board.Reload()
tags = board.Tags()
print(json.dumps({
  "scalars": {tag: [[one.step, one.value] for one in board.Scalars(tag)] for tag in tags["scalars"]},
  "texts": {tag: [one.tensor_proto.string_val[0].decode() for one in board.Tensors(tag)] for tag in tags["tensors"]},
}))
`;

/** Python with TensorBoard in the cache, installed there by pip where WSSS_TEST_FETCH is 1; null if there is none, or no index has it. */
export async function findTensorBoard(): Promise<string | null> {
  const environment = path.join(cacheFolder(), `test-tensorboard-${version}`);
  const python = path.join(environment, "bin", "python");
  if (existsSync(path.join(environment, "whole"))) return python;
  if (process.env["WSSS_TEST_FETCH"] !== "1") return null;
  await mkdir(path.dirname(environment), { recursive: true });
  await run("python3", ["-m", "venv", "--clear", environment]);
  try {
    await run(python, ["-m", "pip", "install", "--quiet", `tensorboard==${version}`], { maxBuffer: 1e8 });
  } catch (error) {
    console.warn(`pip could not install TensorBoard: ${(error as Error).message}`);
    return null;
  }
  await mkdir(path.join(environment, "whole"));
  return python;
}

/** Reads event files as TensorBoard does. */
export async function readBoard(python: string, folder: string): Promise<BoardContents> {
  const { stdout } = await run(python, ["-c", script, folder], { maxBuffer: 1e8 });
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as BoardContents;
}
