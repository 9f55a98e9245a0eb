import { Classifier } from "../../classifier.js";
import { WsssError } from "../../errors.js";
import { Segmenter } from "../../segmenter.js";
import { type RunContext, sectionOf } from "../context.js";
import { classesOf } from "../../dataset/dataset-fingerprint.js";
import { type ClassifierResult, type SegmentationResult, segmentationResult } from "../result.js";
import { type StageSource, weightSource } from "../sources.js";
import { performStage, type StageOutcome } from "../stage.js";
import { loadForStage, progressOf } from "./load-split.js";

const stage = "evaluate";

/** What the stage leaves in its marker. */
export interface EvaluationRecord {
  readonly classifier: ClassifierResult;
  readonly segmenter: { readonly plain: SegmentationResult; readonly gated?: SegmentationResult };
}

interface Sources {
  readonly classifier: StageSource;
  readonly segmenter: StageSource;
}

async function evaluateBoth(context: RunContext, sources: Sources): Promise<EvaluationRecord> {
  const { dataset, device, signal } = context;
  const { gate, ...gateSettings } = sectionOf(context, "evaluation");
  const { test } = dataset;
  await loadForStage(context, stage, test);
  const classifier = await Classifier.load(sources.classifier.path, { ...device, signal });
  try {
    const segmenter = await Segmenter.load(sources.segmenter.path, { ...device, signal });
    try {
      const work = (label: string): object => ({ signal, onProgress: progressOf(context, stage, label) });
      const { exactMatch, jaccard, classAccuracy } = await classifier.evaluate(test, work("labels"));
      const plain = segmentationResult(await segmenter.evaluate(test, work("without gate")));
      const labels = { exactMatch, jaccard, classAccuracy };
      if (!gate) return { classifier: labels, segmenter: { plain } };
      const gated = await segmenter.evaluate(test, { gate: classifier, ...gateSettings, ...work("with gate") });
      return { classifier: labels, segmenter: { plain, gated: segmentationResult(gated) } };
    } finally {
      await segmenter.dispose();
    }
  } finally {
    await classifier.dispose();
  }
}

/** @throws WsssError `WSSS_ERR_DATASET` if there are no test patches with true masks. */
export function assertTestMasks({ name, test }: RunContext["dataset"]): void {
  if (test.count > 0 && test.hasMasks) return;
  const message = `dataset ${name} has no test patches with masks to evaluate on; train-classifier, pseudo-masks and train-segmenter do without`;
  throw new WsssError("WSSS_ERR_DATASET", message, { split: "test" });
}

/**
 * Evaluates classifier and segmenter on the test split.
 * @throws WsssError `WSSS_ERR_DATASET` if there are no test patches with true masks.
 */
export async function evaluate(context: RunContext): Promise<StageOutcome<EvaluationRecord>> {
  const { root, dataset, fingerprint, sources } = context;
  assertTestMasks(dataset);
  const section = sectionOf(context, "evaluation");
  const classifier = await weightSource(root, "classifier", sources.classifier);
  const segmenter = await weightSource(root, "segmenter", sources.segmenter);
  return await performStage(context, {
    name: stage,
    key: {
      section,
      classifier: classifier.identity,
      segmenter: segmenter.identity,
      classes: classesOf(fingerprint),
      test: fingerprint.test,
    },
    outputs: [],
    work: async () => await evaluateBoth(context, { classifier, segmenter }),
  });
}
