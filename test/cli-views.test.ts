/** How a run is shown: bars on a terminal, plain lines elsewhere, nothing with --quiet. */
import { describe, expect, test } from "@jest/globals";
import { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { RateMeter } from "../dist/cli/rate.js";
import type { Terminal, TerminalStream } from "../dist/cli/terminal.js";
import { writeResult } from "../dist/cli/terminal.js";
import { createView } from "../dist/cli/view.js";

interface Screen {
  readonly terminal: Terminal;
  /** Everything written so far. */
  readonly shown: () => string;
}

function screen(isTTY: boolean, options: { quiet?: boolean; json?: boolean } = {}): Screen {
  let text = "";
  const stream = new Writable({
    write: (chunk: Buffer, _, done) => {
      text += chunk.toString();
      done();
    },
  });
  const stderr: TerminalStream = Object.assign(stream, { isTTY, columns: 120 });
  return {
    terminal: { stdout: stderr, stderr, json: options.json ?? false, quiet: options.quiet ?? false },
    shown: () => text,
  };
}

const stage = "train-classifier";

async function train(terminal: Terminal): Promise<void> {
  const view = createView(terminal);
  view.stageStarted(stage, "not done yet");
  for (let step = 1; step <= 4; step++) {
    await sleep(60);
    view.progress({ stage, label: "epoch 1/2", done: step * 8, total: 64, loss: 0.5 });
  }
  view.epoch({ stage, epoch: 1, epochs: 2, text: "loss 0.5000" });
  await sleep(60);
  view.progress({ stage, label: "epoch 2/2", done: 40, total: 64, loss: 0.4 });
  view.warn("look here");
  view.stageFinished(stage, 1234);
  view.stageSkipped("evaluate");
  view.close();
}

describe("on a terminal", () => {
  test("a bar with patches per second, time left and loss, and lines above it", async () => {
    const { terminal, shown } = screen(true);
    await train(terminal);
    expect(shown()).toMatch(/#+\.+ \d+ % {2}epoch 1\/2 {2}[\d.]+ img\/s {2}\d+ ms left {2}loss 0\.5000/);
    expect(shown()).toContain("  epoch 1/2  loss 0.5000\n");
    expect(shown()).toContain("warning: look here\n");
    expect(shown()).toContain("train-classifier: done in 1.2 s\n");
    expect(shown()).toContain("evaluate: already done, skipped\n");
    expect(shown().endsWith("\n")).toBe(true);
  });
});

describe("elsewhere", () => {
  test("plain lines: each epoch, but no progress within 10 seconds", async () => {
    const { terminal, shown } = screen(false);
    await train(terminal);
    expect(shown().split("\n")).toEqual([
      "train-classifier: train the classifier (not done yet)",
      "train-classifier: epoch 1/2  loss 0.5000",
      "warning: look here",
      "train-classifier: done in 1.2 s",
      "evaluate: already done, skipped",
      "",
    ]);
  });

  test("with --quiet only warnings", async () => {
    const { terminal, shown } = screen(true, { quiet: true });
    await train(terminal);
    expect(shown()).toBe("warning: look here\n");
  });
});

test("a result is one line of JSON, or text", () => {
  const asJson = screen(false, { json: true });
  writeResult(asJson.terminal, { mIoU: 0.5, iou: [NaN] }, () => "text");
  expect(asJson.shown()).toBe('{"mIoU":0.5,"iou":[null]}\n');
  const asText = screen(false);
  writeResult(asText.terminal, {}, () => "text");
  expect(asText.shown()).toBe("text\n");
});

test("the rate counts from the first report, and anew when the count falls", async () => {
  const meter = new RateMeter();
  expect(meter.update(100, 200)).toEqual({ perSecond: expect.any(Number), leftMs: undefined });
  await sleep(50);
  const { perSecond, leftMs } = meter.update(110, 200);
  expect(perSecond).toBeGreaterThan(20);
  expect(perSecond).toBeLessThan(220);
  expect(leftMs).toBeCloseTo((90 / perSecond) * 1000, 3);
  expect(meter.update(5, 50).perSecond).toBe(0);
});
