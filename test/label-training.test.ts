// What a training on labels came to, as the page finds it again after a restart.
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "@jest/globals";
import type { TrainingState } from "../dist/labelling/label-facts.js";
import { LabelTraining } from "../dist/labelling/label-training.js";
import { Labelling } from "../dist/labelling/labelling.js";
import { drawLabelPictures, pictureClasses } from "./support/label-pictures.js";

/** Ends as a training has left it: with what scores, and with what of val. */
async function stateOf(result: object | null, bestScore?: number | null): Promise<TrainingState> {
  const folder = await drawLabelPictures(10);
  const run = path.join(folder, "labels", "runs", "3");
  await mkdir(path.join(run, "stages"), { recursive: true });
  if (result !== null) await writeFile(path.join(run, "result.json"), JSON.stringify(result));
  if (bestScore !== undefined) {
    const marker = { format: 1, stage: "train-segmenter", id: "a", key: "b", outputs: [], result: { bestScore } };
    await writeFile(path.join(run, "stages", "train-segmenter.json"), JSON.stringify(marker));
  }
  const faults: unknown[] = [];
  const onFault = (error: unknown): void => void faults.push(error);
  const labelling = await Labelling.open({
    ...{ folder, annotator: "Ada", classes: pictureClasses, makeClassifier: null, threads: 1, onFault },
  });
  const training = new LabelTraining({ labelling, plan: () => ({}), device: "cpu", threads: 1, onFault });
  await training.begin();
  const { state } = training;
  await training.close();
  await labelling.close();
  expect(faults).toEqual([]);
  return state;
}

describe("a training that has ended before", () => {
  test("has its scores on val and test", async () => {
    const result = { segmenter: { plain: { mIoU: 0.5 }, gated: { mIoU: 0.625 } } };
    expect(await stateOf(result, 0.75)).toMatchObject({ state: "done", number: 3, valMIoU: 0.75, testMIoU: 0.625 });
  });

  test("has none where there were no true masks", async () => {
    expect(await stateOf({ elapsedMs: 1 }, null)).toMatchObject({ state: "done", valMIoU: null, testMIoU: null });
    expect(await stateOf({})).toMatchObject({ state: "done", valMIoU: null, testMIoU: null });
  });

  test("is none while there is no result", async () => {
    expect(await stateOf(null)).toMatchObject({ state: "none", number: null });
  });
});
