/** The stage `evaluate`: scores and intervals on the test patches, without and with the class gate. */
import { Classifier } from "../../classifier/classifier.js";
import { classesOf } from "../../dataset/dataset-fingerprint.js";
import { WsssError } from "../../errors.js";
import { confidenceIntervals } from "../../evaluation/confidence-intervals.js";
import { canBeResampled } from "../../evaluation/groups.js";
import type { SegmentationEvaluation } from "../../evaluation/segmentation-evaluation.js";
import type { EvaluationOptions } from "../../segmenter/segmentation-options.js";
import { Segmenter } from "../../segmenter/segmenter.js";
import { type RunContext, sectionOf } from "../context.js";
import { recordedEvaluation } from "../plan.js";
import { type ClassifierResult, intervalsResult, segmentationResult, type TestResult } from "../result.js";
import {
  confusionFile,
  evaluationFile,
  type EvaluationName,
  patchScoresFile,
  removeEvaluations,
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
  { root, dataset, sources, signal }: RunContext,
  name: EvaluationName,
  source: StageSource,
  evaluation: SegmentationEvaluation,
): Promise<TestResult> {
  const classes = dataset.classes.map((one) => one.name);
  const segmenter = sources.segmenter === undefined ? source.identity : null;
  await saveEvaluation(root, name, { dataset: dataset.name, classes, segmenter }, evaluation);
  const drawable = canBeResampled(evaluation.patches);
  const intervals = drawable ? intervalsResult(await confidenceIntervals(evaluation, { signal })) : null;
  return { ...segmentationResult(evaluation), intervals };
}

async function evaluateBoth(context: RunContext, sources: Sources): Promise<EvaluationRecord> {
  const { root, dataset, device, signal, reporter } = context;
  const { gate, boundaryTolerancePx, views, ...gateSettings } = sectionOf(context, "evaluation");
  const { test } = dataset;
  await removeEvaluations(root);
  await loadForStage(context, stage, test);
  if (!canBeResampled(test.files)) reporter.note("no confidence intervals: the test patches are of one patient");
  const classifier = await Classifier.load(sources.classifier.path, { ...device, signal });
  try {
    const segmenter = await Segmenter.load(sources.segmenter.path, { ...device, signal });
    try {
      const work = (label: string): object => ({ signal, onProgress: progressOf(context, stage, label) });
      const score = async (name: EvaluationName, label: string, options: EvaluationOptions): Promise<TestResult> => {
        const asked = { ...options, views, boundaryTolerancePx, ...work(label) };
        const evaluation = await segmenter.evaluate(test, asked);
        return await keep(context, name, sources.segmenter, evaluation);
      };
      const { exactMatch, jaccard, classAccuracy } = await classifier.evaluate(test, work("labels"));
      const labels = { exactMatch, jaccard, classAccuracy };
      const plain = await score("plain", "without gate", {});
      if (!gate) return { classifier: labels, segmenter: { plain } };
      const gated = await score("gated", "with gate", { gate: classifier, ...gateSettings });
      return { classifier: labels, segmenter: { plain, gated } };
    } finally {
      await segmenter.dispose();
    }
  } finally {
    await classifier.dispose();
  }
}

/** Whether there is anything to be scored on. */
export function hasTestMasks({ test }: Pick<RunContext["dataset"], "test">): boolean {
  return test.count > 0 && test.hasMasks;
}

/** @throws WsssError `WSSS_ERR_DATASET` if there are no test patches with true masks. */
export function assertTestMasks(dataset: RunContext["dataset"]): void {
  if (hasTestMasks(dataset)) return;
  const { name } = dataset;
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
      section: recordedEvaluation(section),
      classifier: classifier.identity,
      segmenter: segmenter.identity,
      classes: classesOf(fingerprint),
      test: fingerprint.test,
    },
    outputs: names.flatMap((one) => [evaluationFile(one), confusionFile(one), patchScoresFile(one)]),
    work: async () => await evaluateBoth(context, { classifier, segmenter }),
  });
}
