/** How a run is shown: bars on a terminal, plain lines elsewhere, nothing with --quiet. */
import { describe, expect, test } from "@jest/globals";
import { Writable } from "node:stream";
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

/** A training of which each step takes so long by the clock that the view is given. */
function train(terminal: Terminal, stepMs = 60): void {
  let now = 1000;
  const view = createView(terminal, () => now);
  view.stageStarted(stage, "not done yet");
  for (let step = 1; step <= 4; step++) {
    now += stepMs;
    view.progress({ stage, label: "epoch 1/2", done: step * 8, total: 64, loss: 0.5 });
  }
  view.epoch({ stage, epoch: 1, epochs: 2, text: "loss 0.5000" });
  now += stepMs;
  view.progress({ stage, label: "epoch 2/2", done: 40, total: 64, loss: 0.4 });
  view.warn("look here");
  view.stageFinished(stage, 1234);
  view.stageSkipped("evaluate");
  view.close();
}

describe("on a terminal", () => {
  test("a bar with patches per second, time left and loss, and lines above it", () => {
    const { terminal, shown } = screen(true);
    train(terminal);
    // 24 patches in the 180 ms after the first report, and 32 to go.
    expect(shown()).toMatch(/#+\.+ 50 % {2}epoch 1\/2 {2}133\.3 img\/s {2}240 ms left {2}loss 0\.5000/);
    expect(shown()).toContain("  epoch 1/2  loss 0.5000\n");
    expect(shown()).toContain("warning: look here\n");
    expect(shown()).toContain("train-classifier: done in 1.2 s\n");
    expect(shown()).toContain("evaluate: already done, skipped\n");
    expect(shown().endsWith("\n")).toBe(true);
  });
});

describe("elsewhere", () => {
  test("plain lines: each epoch, but no progress within 10 seconds", () => {
    const { terminal, shown } = screen(false);
    train(terminal);
    expect(shown().split("\n")).toEqual([
      "train-classifier: train the classifier (not done yet)",
      "train-classifier: epoch 1/2  loss 0.5000",
      "warning: look here",
      "train-classifier: done in 1.2 s",
      "evaluate: already done, skipped",
      "",
    ]);
  });

  test("progress after 10 seconds of silence", () => {
    const { terminal, shown } = screen(false);
    train(terminal, 4000);
    expect(
      shown()
        .split("\n")
        .filter((line) => line.includes("%")),
    ).toEqual(["train-classifier: epoch 1/2, 37 %, 2.0 img/s, 20.0 s left, loss 0.5000"]);
  });

  test("with --quiet only warnings", () => {
    const { terminal, shown } = screen(true, { quiet: true });
    train(terminal);
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

test("the rate counts from the first report, and anew when the count falls", () => {
  let now = 0;
  const meter = new RateMeter(() => now);
  now = 3000; // Warm-up, which is no part of the rate.
  expect(meter.update(100, 200)).toEqual({ perSecond: 0, leftMs: undefined });
  now += 49; // Still the first burst.
  expect(meter.update(104, 200)).toEqual({ perSecond: 0, leftMs: undefined });
  now += 500;
  expect(meter.update(110, 200)).toEqual({ perSecond: 12, leftMs: 7500 });
  expect(meter.update(5, 50)).toEqual({ perSecond: 0, leftMs: undefined });
});
