// Two processes that share one CUDA device and train together over Gloo, beside one alone. Skipped, aloud, where there is no device.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "@jest/globals";
import { loadAddon } from "../../dist/native/load.js";
import { command, freshFolder } from "../support/command-line.js";
import { tinyDataset } from "../support/tiny-models.js";

const { cuda } = (await loadAddon()).deviceReport();
const hasDevice = cuda.deviceCount > 0;
if (!hasDevice) console.warn(`SKIPPED: no CUDA device (${cuda.reason})`);

(hasDevice ? test : test.skip)(
  "two processes on one device have the losses of one, within rounding",
  async () => {
    const data = (await tinyDataset()).train.folder;
    const folder = await freshFolder();
    const words = ["--data", data, "--device", "cuda:0", "--width", "1/16", "--epochs", "2", "--batch-size", "4"];
    const calm = ["--lr", "0.001", "--precision", "float32", "--no-tf32", "--pda-start-epoch", "never"];
    const lossesOf = async (name: string, ...more: string[]): Promise<number[]> => {
      const out = path.join(folder, name);
      const result = await command("train-classifier", "--out", out, ...words, ...calm, ...more);
      expect(result).toMatchObject({ code: 0 });
      const [header = "", ...rows] = (await readFile(path.join(out, "metrics", "classifier-steps.csv"), "utf8"))
        .trim()
        .split("\n");
      return rows.map((row) => Number(row.split(",")[header.split(",").indexOf("loss")]));
    };
    const alone = await lossesOf("alone");
    const together = await lossesOf("together", "--processes", "2");
    expect(together).toHaveLength(alone.length);
    together.forEach((loss, i) => expect(Math.abs(loss - alone[i]!)).toBeLessThan(1e-3));
  },
  300_000,
);
