/** Predicted labels of patches or of a whole split: probabilities, and the classes above 0.5. */
import { inStage, type OnProgress } from "../async/progress.js";
import type { Split } from "../dataset/split.js";
import type { TissueClass } from "../dataset/tissue-class.js";
import { type CheckedSource, patchPortions } from "../model/patch-source.js";
import type { NativeClassifier, NativePatchStore } from "../native/addon.js";
import { runJob } from "../native/job.js";
import { loadAddon } from "../native/load.js";

/** What the classifier says about one patch. */
export interface LabelPrediction {
  /** File name of the patch; its stem in a split; `patches[i]` for pixels. */
  readonly name: string;
  /** float32 [K], 0..1: for each class the probability that the patch shows it. They need not sum to 1. */
  readonly probabilities: Float32Array;
  /** Names of the classes whose probability is above 0.5. */
  readonly present: readonly string[];
}

/** What a prediction needs beside the patches. */
export interface LabelWork {
  readonly call: string;
  readonly native: NativeClassifier;
  readonly classes: readonly TissueClass[];
  readonly batchSize: number;
  readonly signal: AbortSignal;
  readonly report: OnProgress;
}

/** Predicts the labels of a checked source, in its order. */
export async function predictLabels(work: LabelWork, source: CheckedSource): Promise<LabelPrediction[]> {
  const { call, native, classes, batchSize, signal, report } = work;
  const classified = inStage(report, "classify");
  const classify = async (patches: NativePatchStore, before: number, total: number): Promise<Float32Array> => {
    const { probabilities } = await runJob<{ probabilities: ArrayBuffer }>(
      (done) =>
        native.classify(
          { batchSize, group: null },
          patches,
          (event) => classified({ done: before + event.done, total }),
          done,
        ),
      signal,
    );
    return new Float32Array(probabilities);
  };
  const predictionOf = (name: string, all: Float32Array, index: number): LabelPrediction => {
    const probabilities = all.slice(index * classes.length, (index + 1) * classes.length);
    const present = classes.filter((_, label) => (probabilities[label] ?? 0) > 0.5).map((one) => one.name);
    return { name, probabilities, present };
  };
  if (source.kind === "split") {
    return await predictSplitLabels(source.split, { signal, report, classify, predictionOf });
  }
  const { patches } = source;
  const results = new Array<LabelPrediction>(patches.length);
  const addon = await loadAddon();
  let done = 0;
  const reading = { call, classCount: classes.length, batchSize, signal };
  for await (const { groups } of patchPortions(addon, patches, reading)) {
    for (const { store, positions } of groups) {
      const all = await classify(store, done, patches.length);
      for (const [index, position] of positions.entries()) {
        results[position] = predictionOf(patches[position]?.name ?? "", all, index);
      }
      done += positions.length;
    }
  }
  return results;
}

/** Predicts the labels of a whole split, in its order, sizes apart. */
async function predictSplitLabels(
  split: Split,
  work: Pick<LabelWork, "signal" | "report"> & {
    readonly classify: (patches: NativePatchStore, before: number, total: number) => Promise<Float32Array>;
    readonly predictionOf: (name: string, all: Float32Array, index: number) => LabelPrediction;
  },
): Promise<LabelPrediction[]> {
  const results = new Array<LabelPrediction>(split.count);
  let before = 0;
  for (const { patches, positions } of await split.loadGroups(work.signal, inStage(work.report, "load"))) {
    const all = await work.classify(patches, before, split.count);
    for (const [index, position] of positions.entries()) {
      results[position] = work.predictionOf(split.files[position]?.stem ?? "", all, index);
    }
    before += positions.length;
  }
  return results;
}
