// Steps that are recorded and replayed, on the CPU with graphs that only pretend: what a training does around them, and what it
// does when they fail. What real graphs do is in test/gpu/recording.test.ts.
import { readdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { type Graphs, type RecordedTraining, runRecorded, textOf } from "./support/recorded-training.js";
import { makeWorkspace, type Workspace } from "./support/test-addon.js";
import { freshFolder } from "./support/tiny-models.js";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
let workspace: Workspace;

beforeAll(async () => {
  workspace = await makeWorkspace(root);
});

function numberOf(operation: string, fields: Readonly<Record<string, unknown>>, name: string): number {
  workspace.clear();
  workspace.run(operation, fields);
  return new Float64Array(workspace.get(name).data)[0]!;
}

const trainings: readonly (readonly [string, Partial<RecordedTraining>])[] = [
  ["a classifier with dropout, flips and a shrinking gamma", {}],
  ["a classifier whose batch norms stand still", { freezeNorms: true }],
  ["a classifier with clipping, warm-up and a running average", { clipNorm: 0.5, warmupEpochs: 1, averageDecay: 0.9 }],
  ["a classifier with validation after each epoch", { validates: true }],
  ["a classifier whose last batch is smaller", { count: 7, dropLast: false }],
  ["a classifier in bfloat16", { precision: "bfloat16" }],
  ["a classifier with gradient checkpointing", { gradientCheckpointing: true, backbone: "resnet38", epochs: 2 }],
  ["a segmenter with dropout, flips and blur", { stage: "segmenter", size: 64, blur: 0.5 }],
  [
    "a segmenter whose last batch is smaller",
    { stage: "segmenter", size: 64, count: 6, batchSize: 4, dropLast: false },
  ],
];

describe("a recorded training is the one whose steps are computed, to the last bit", () => {
  test.each(trainings)("%s", (_, training) => {
    const computed = runRecorded(workspace, { ...training, graphs: "none" });
    const recorded = runRecorded(workspace, { ...training, graphs: "records" });
    expect(computed).toMatchObject({ replayed: 0, recordings: 0, whyNotRecorded: "the test wants none" });
    expect(recorded.replayed).toBeGreaterThan(0);
    expect(recorded.replayedInEvents).toBe(recorded.replayed);
    expect(recorded.whyNotRecorded).toBe("");
    expect(recorded.losses).toEqual(computed.losses);
    expect(recorded.weights).toEqual(computed.weights);
    expect(recorded.statistics).toEqual(computed.statistics);
  });
});

test("gamma shrinks without a new recording: one without attention, one with it", () => {
  // 4 steps an epoch: computed, recorded and replayed, replayed, replayed; the same again when attention begins.
  const { recordings, replayed } = runRecorded(workspace, { graphs: "records", epochs: 5 });
  expect(recordings).toBe(2);
  expect(replayed).toBe(5 * 4 - 2);
});

test("the rest of an epoch is computed beside the recording of full batches", () => {
  const rest = { graphs: "records", count: 7, dropLast: false, gamma: 1, epochs: 3 } as const;
  const { recordings, replayed } = runRecorded(workspace, rest);
  expect(recordings).toBe(2);
  expect(replayed).toBe(3 * 3 - 2);
});

test("nothing is recorded where each loss is read, nor on the CPU", () => {
  expect(runRecorded(workspace, { graphs: "records", interval: 1 })).toMatchObject({
    recordings: 0,
    replayed: 0,
    whyNotRecorded: "the loss is read at every step",
  });
  expect(runRecorded(workspace, { graphs: "device" })).toMatchObject({ whyNotRecorded: "the device is the CPU" });
});

describe("a recording that fails costs nothing but speed", () => {
  const failures: readonly (readonly [Graphs, number, number, RegExp])[] = [
    ["refuses", 1, 0, /^pretended: not permitted while capturing/],
    ["breaks", 1, 0, /^pretended: not permitted while capturing/],
    ["breaks-ours", 1, 0, /^pretended: a kernel did not start/],
    // Three times, each after a step that was computed; the last one says so.
    ["has-no-room", 3, 0, /^memory ran out beside a recorded step 3 times/],
    // The first time it computes, then begins anew.
    ["has-room-once", 3, 8, /^$/],
  ];
  test.each(failures)("%s", (graphs, recordings, replayed, reason) => {
    const computed = runRecorded(workspace, { graphs: "none" });
    const failed = runRecorded(workspace, { graphs });
    expect(failed.losses).toEqual(computed.losses);
    expect(failed.weights).toEqual(computed.weights);
    expect(failed).toMatchObject({ recordings, replayed });
    expect(failed.whyNotRecorded).toMatch(reason);
  });
});

test("a training goes on from a checkpoint with a recording of its own, and says again which steps were replayed", async () => {
  const undisturbed = runRecorded(workspace, { graphs: "records" });
  const folder = await freshFolder();
  runRecorded(workspace, { graphs: "records", folder, stopAfter: 5 });
  const newest = (await readdir(folder))
    .filter((name) => name.startsWith("checkpoint-"))
    .sort()
    .at(-1)!;
  const resumed = runRecorded(workspace, { graphs: "records", folder, resumeFrom: path.join(folder, newest) });
  expect(resumed.losses).toEqual(undisturbed.losses);
  expect(resumed.weights).toEqual(undisturbed.weights);
  expect(resumed.replayed).toBeGreaterThan(0);
  // Those of before the checkpoint are told again, as replayed.
  expect(resumed.replayedInEvents).toBeGreaterThan(resumed.replayed);
});

test.each([
  ["none", "the test wants none", "the test wants none"],
  ["refuses", "pretended: not permitted while capturing", "pretended: not permitted while capturing"],
  [
    "breaks",
    "pretended: not permitted while capturing",
    "an earlier recording in this process broke off: pretended: not permitted while capturing",
  ],
] as const)("a recording that left the device in an unknown state is the last one: %s", (graphs, first, second) => {
  workspace.clear();
  workspace.run("tried_recording", { device: "cpu", graphs });
  expect(textOf(workspace, "why")).toBe(first);
  expect(textOf(workspace, "again")).toBe(second);
});

test("threads use devices together, and record alone", () => {
  workspace.clear();
  workspace.run("device_turns", {});
  expect([...new BigInt64Array(workspace.get("seen").data)]).toEqual([1n, 1n, 1n, 1n, 1n, 1n, 1n]);
});

test("what a recording keeps for itself, and what another stream uses, is not free memory", () => {
  // 1000 of the device, 60 of our own segment, 400 that nobody uses.
  expect(numberOf("free_bytes", { free: 1000 }, "bytes")).toBe(1460);
});

test.each([
  ["CUDA out of memory. Tried to allocate 2.00 GiB", 1],
  ["CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", 1],
  ["cuDNN error: CUDNN_STATUS_ALLOC_FAILED", 1],
  ["FIND was unable to find an engine to execute this computation", 1],
  ["GET was unable to find an engine to execute this computation", 1],
  ["CUDA error: an illegal memory access was encountered", 0],
])("%s: is it that memory ran out? %d", (message, lacks) => {
  expect(numberOf("lacks_memory", { message }, "lacks")).toBe(lacks);
});
