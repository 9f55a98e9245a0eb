// Event files are what TensorBoard reads: scalars and texts; and a resumed training leaves neither gap nor double.
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { EventFile } from "../dist/tensorboard/event-file.js";
import { crc32c, maskedCrc32c } from "../dist/tensorboard/crc32c.js";
import { segmenterScalars } from "../dist/run/training-metrics.js";
import { settingsTable, TrainingBoard } from "../dist/run/training-board.js";
import type { SegmenterEpochEvent, StepEvent } from "../dist/index.js";
import { command } from "./support/command-line.js";
import { type BoardContents, findTensorBoard, readBoard } from "./support/python-tensorboard.js";
import { freshFolder } from "./support/tiny-models.js";

const python = await findTensorBoard();
if (python === null) console.warn("SKIPPED: no TensorBoard to read event files with; WSSS_TEST_FETCH=1 installs one");
const whenRead = python === null ? test.skip : test;
const read = async (folder: string): Promise<BoardContents> => await readBoard(python!, folder);

const step = (number: number, again = false): StepEvent => ({
  kind: "step",
  epoch: Math.floor((number - 1) / 4),
  step: number,
  steps: 8,
  loss: 1 / number,
  learningRate: 0.5,
  patches: 2,
  elapsedMs: number,
  again,
  fromRecording: false,
});
const epoch = (number: number, again = false): SegmenterEpochEvent => ({
  kind: "epoch",
  epoch: number,
  meanLoss: number + 1,
  elapsedMs: 1,
  best: true,
  again,
  replayedSteps: 0,
  whyNotRecorded: "",
  scoredPixels: 7,
  previews: [],
});

async function follow(folder: string, events: readonly (StepEvent | SegmenterEpochEvent)[]): Promise<void> {
  const board = await TrainingBoard.open(folder, segmenterScalars, settingsTable({ epochs: 2, levelWeights: "auto" }));
  for (const event of events) board.add(event);
  board.close();
}

/** Four val patches in every epoch, at its last step. */
async function expectPictures(run: string, images: BoardContents["images"]): Promise<void> {
  const lines = (await readFile(path.join(run, "metrics", "segmenter-steps.csv"), "utf8")).trim().split("\n").slice(1);
  const lastSteps = new Map(lines.map((line) => [line.split(",")[0], Number(line.split(",")[1])]));
  expect(Object.keys(images)).toHaveLength(4);
  for (const [name, shown] of Object.entries(images)) {
    expect(name).toMatch(/^val\/./);
    expect(shown.map(({ step }) => step)).toEqual([...lastSteps.values()]);
    for (const { width, height } of shown) expect(width).toBeGreaterThan(2 * height);
  }
}

test("the checksum is CRC-32C", () => {
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  expect(maskedCrc32c(Buffer.alloc(0))).toBe(0xa282ead8);
});

whenRead("scalars and texts are read as they were written", async () => {
  const folder = await freshFolder();
  const file = await EventFile.create(folder, () => 1_700_000_000_000);
  file.scalars(1, { loss: 0.5, nothing: undefined, none: null });
  file.scalars(300, { loss: 0.25, rate: 1e-3 });
  file.text(0, "options", "| a | b |");
  file.close();
  file.scalars(301, { loss: 1 });
  expect(await readdir(folder)).toEqual([expect.stringMatching(/^events\.out\.tfevents\.1700000000\./)]);
  const found = await read(folder);
  expect(found.scalars["loss"]).toEqual([
    [1, 0.5],
    [300, 0.25],
  ]);
  expect(found.scalars["rate"]).toEqual([[300, Math.fround(1e-3)]]);
  expect(Object.keys(found.scalars)).toEqual(["loss", "rate"]);
  expect(found.texts).toEqual({ options: ["| a | b |"] });
});

whenRead("a picture is read with its size, byte for byte", async () => {
  const folder = await freshFolder();
  const file = await EventFile.create(folder);
  const png = await sharp({ create: { width: 300, height: 5, channels: 3, background: "#123456" } })
    .png()
    .toBuffer();
  file.picture(3, "val/one", png);
  file.close();
  const sha256 = createHash("sha256").update(png).digest("hex");
  expect((await read(folder)).images).toEqual({ "val/one": [{ step: 3, width: 300, height: 5, sha256 }] });
});

describe("a training", () => {
  const [first, second] = [[1, 2, 3, 4].map((number) => step(number)), [5, 6, 7, 8].map((number) => step(number))];
  const whole = [...first, epoch(0), ...second, epoch(1)];

  whenRead("has its scalars by step, and its options", async () => {
    const folder = await freshFolder();
    await follow(folder, whole);
    const found = await read(folder);
    expect(found.scalars["train/loss"]).toEqual(
      whole.flatMap((event) => (event.kind === "step" ? [[event.step, Math.fround(event.loss)]] : [])),
    );
    expect(found.scalars["epoch/mean loss"]).toEqual([
      [4, 1],
      [8, 2],
    ]);
    expect(found.texts["options"]?.[0]).toContain('| levelWeights | "auto" |');
  });

  whenRead("that was stopped and resumed at an earlier step has neither gap nor double", async () => {
    const folder = await freshFolder();
    // Killed after step 6; the checkpoint is of step 4.
    await follow(folder, [...first, epoch(0), step(5), step(6)]);
    const again = [...[1, 2, 3, 4].map((number) => step(number, true)), epoch(0, true)];
    await follow(folder, [...again, ...second, epoch(1)]);
    expect(await readdir(folder)).toHaveLength(2);
    const found = await read(folder);
    expect(found.scalars["train/loss"]?.map(([number]) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(found.scalars["epoch/mean loss"]?.map(([number]) => number)).toEqual([4, 8]);
  });

  whenRead("whose first part was not written down is written whole when it resumes", async () => {
    const folder = await freshFolder();
    await follow(folder, [...[1, 2, 3, 4].map((number) => step(number, true)), epoch(0, true), ...second, epoch(1)]);
    const found = await read(folder);
    expect(found.scalars["train/loss"]?.length).toBe(8);
  });

  whenRead("that begins anew replaces what was there", async () => {
    const folder = await freshFolder();
    await follow(folder, whole);
    await follow(folder, first);
    expect(await readdir(folder)).toHaveLength(1);
    const found = await read(folder);
    expect(found.scalars["train/loss"]?.length).toBe(4);
  });
});

whenRead(
  "a run with --tensorboard has what its metrics have",
  async () => {
    const out = path.join(await freshFolder(), "run");
    expect(await command("demo", "--tiny", "--tensorboard", "--out", out)).toMatchObject({ code: 0 });
    for (const name of ["classifier", "segmenter"]) {
      const csv = (await readFile(path.join(out, "metrics", `${name}-steps.csv`), "utf8")).trim().split("\n").slice(1);
      const losses = csv.map((line) => [Number(line.split(",")[1]), Number(line.split(",")[2])]);
      const found = await read(path.join(out, "tensorboard", name));
      const ofBoard = found.scalars["train/loss"]!;
      expect(ofBoard.map(([number]) => number)).toEqual(losses.map(([number]) => number));
      ofBoard.forEach(([, value], index) => expect(value).toBeCloseTo(losses[index]![1]!, 5));
      expect(found.texts["options"]?.[0]).toContain("learningRate");
      if (name === "classifier") expect(found.images).toEqual({});
      else await expectPictures(out, found.images);
    }
  },
  300_000,
);
