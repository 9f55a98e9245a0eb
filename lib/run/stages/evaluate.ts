import { Classifier } from "../../classifier.js";
import { WsssError } from "../../errors.js";
import { Segmenter } from "../../segmenter.js";
import { type RunContext, sectionOf } from "../context.js";
import { classesOf } from "../../dataset/dataset-fingerprint.js";
import { confidenceIntervals } from "../../evaluation/confidence-intervals.js";
import { canBeResampled } from "../../evaluation/groups.js";
import type { SegmentationEvaluation } from "../../evaluation/segmentation-evaluation.js";
import { type ClassifierResult, intervalsResult, segmentationResult, type TestResult } from "../result.js";
import {
  evaluationFile,
  type EvaluationName,
  patchScoresFile,
  removeEvaluation,
  saveEvaluation,
} from "../saved-evaluation.js";
import { type StageSource, weightSource } from "../sources.js";
import { performStage, type StageOutcome } from "../stage.js";
import { loadForStage, progressOf } from "./load-split.js";

const stage = "evaluate";

/** What the stage leaves in its marker. */
export interface EvaluationRecord {
  readonly classifier: ClassifierResult;
  readonly segmenter: { readonly plain: TestResult; readonly gated?: TestResult };
}

interface Sources {
  readonly classifier: StageSource;
  readonly segmenter: StageSource;
}

/** Keeps an evaluation in the run folder, and says what it comes to. */
async function keep(
  context: RunContext,
  name: EvaluationName,
  evaluation: SegmentationEvaluation,
): Promise<TestResult> {
  const { root, dataset, signal } = context;
  const classes = dataset.classes.map((one) => one.name);
  await saveEvaluation(root, name, { dataset: dataset.name, classes }, evaluation);
  const drawable = canBeResampled(evaluation.patches);
  const intervals = drawable ? intervalsResult(await confidenceIntervals(evaluation, { signal })) : null;
  return { ...segmentationResult(evaluation), intervals };
}

async function evaluateBoth(context: RunContext, sources: Sources): Promise<EvaluationRecord> {
  const { dataset, device, signal } = context;
  const { gate, boundaryTolerancePx, ...gateSettings } = sectionOf(context, "evaluation");
  const { test } = dataset;
  await loadForStage(context, stage, test);
  const classifier = await Classifier.load(sources.classifier.path, { ...device, signal });
  try {
    const segmenter = await Segmenter.load(sources.segmenter.path, { ...device, signal });
    try {
      const work = (label: string): object => ({ signal, onProgress: progressOf(context, stage, label) });
      const boundaries = { boundaryTolerancePx };
      const { exactMatch, jaccard, classAccuracy } = await classifier.evaluate(test, work("labels"));
      const plain = await keep(
        context,
        "plain",
        await segmenter.evaluate(test, { ...boundaries, ...work("without gate") }),
      );
      const labels = { exactMatch, jaccard, classAccuracy };
      if (!gate) {
        await removeEvaluation(context.root, "gated");
        return { classifier: labels, segmenter: { plain } };
      }
      const choice = { gate: classifier, ...gateSettings, ...boundaries, ...work("with gate") };
      const gated = await keep(context, "gated", await segmenter.evaluate(test, choice));
      return { classifier: labels, segmenter: { plain, gated } };
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
  const names: readonly EvaluationName[] = section.gate ? ["plain", "gated"] : ["plain"];
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
    outputs: names.flatMap((one) => [evaluationFile(one), patchScoresFile(one)]),
    work: async () => await evaluateBoth(context, { classifier, segmenter }),
  });
}
