/** The benchmark runs, on small patches, and its rows say what they promise. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";
import { findPythonTorch } from "./support/python-torch.js";

const bench = fileURLToPath(new URL("../bench/speed.mjs", import.meta.url));

const python = await findPythonTorch();
if (python === null) console.warn("SKIPPED: no Python with PyTorch; WSSS_TEST_PYTHON=install makes one");

(python === null ? test.skip : test)(
  "prints a row for each precision and peer",
  async () => {
    const words = [
      "--rounds",
      "1",
      "--patch-px",
      "32",
      "--only",
      "segmenter-inference-1",
      "--variants",
      "plain,channels-last",
    ];
    const options = ["--device", "cpu", "--python", String(python), "--json"];
    const { stdout } = await promisify(execFile)(process.execPath, [bench, ...words, ...options], { maxBuffer: 1e8 });
    const rows = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(new Set(rows.map(({ peer }) => peer))).toEqual(
      new Set(["PyTorch, plain", "PyTorch, fastest (channels-last)"]),
    );
    expect(rows[0]!["precision"]).toBe("float32");
    for (const { work, ours, theirs, ratio, ratioMin, ratioMax, runs, torch, machine } of rows) {
      expect(work).toBe("segmenter-inference-1 (4 patches)");
      expect(ours).toBeGreaterThan(0);
      expect(ratio).toBeCloseTo(Number(theirs) / Number(ours), 6);
      expect([ratioMin, ratioMax, runs]).toEqual([ratio, ratio, 1]);
      expect(torch).toMatch(/^2\.13\.0/);
      expect(machine).toMatchObject({ libtorch: "2.13.0", cores: expect.any(Number) });
    }
  },
  300_000,
);

(python === null ? test.skip : test)(
  "prints a row for every peer where each is asked for, and how many steps of a training were replayed",
  async () => {
    const words = [
      "--rounds",
      "1",
      "--patch-px",
      "32",
      "--only",
      "segmenter-step",
      "--variants",
      "plain,channels-last",
    ];
    const options = ["--device", "cpu", "--python", String(python), "--each", "--json"];
    const { stdout } = await promisify(execFile)(process.execPath, [bench, ...words, ...options], { maxBuffer: 1e8 });
    const rows = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(new Set(rows.map(({ peer }) => peer))).toEqual(new Set(["PyTorch, plain", "PyTorch, channels-last"]));
    for (const row of rows) {
      expect(row).toMatchObject({ steps: 4, replayedSteps: 0, whyNotRecorded: expect.stringContaining("CPU") });
    }
  },
  300_000,
);
