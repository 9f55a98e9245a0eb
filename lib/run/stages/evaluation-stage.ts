/** The stage `evaluate`: scores and intervals on the test patches, without and with the class gate. */
import { Classifier } from "../../classifier/classifier.js";
import { classesOf } from "../../dataset/dataset-fingerprint.js";
import { WsssError } from "../../errors.js";
import { confidenceIntervals } from "../../evaluation/confidence-intervals.js";
import { canBeResampled } from "../../evaluation/groups.js";
import type { LabelScores } from "../../evaluation/scores.js";
import type { SegmentationEvaluation } from "../../evaluation/segmentation-evaluation.js";
import type { SharedInferenceOptions } from "../../model/inference-options.js";
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
  context: RunContext,
  name: EvaluationName,
  source: StageSource,
  evaluation: SegmentationEvaluation,
): Promise<TestResult> {
  const { root, dataset, sources, signal } = context;
  const { views } = sectionOf(context, "evaluation");
  const classes = dataset.classes.map((one) => one.name);
  const segmenter = sources.segmenter === undefined ? source.identity : null;
  const looks = views === "one" ? {} : { views };
  const origin = { dataset: dataset.name, classes, segmenter, ...looks };
  await saveEvaluation(root, name, origin, evaluation);
  const drawable = canBeResampled(evaluation.patches);
  const intervals = drawable ? intervalsResult(await confidenceIntervals(evaluation, { signal })) : null;
  return { ...looks, ...segmentationResult(evaluation), intervals };
}

/** What both networks come to on the test patches. */
interface TestScores {
  readonly labels: LabelScores;
  readonly plain: SegmentationEvaluation;
  readonly gated: SegmentationEvaluation | undefined;
}

/** Scores both networks on the test patches, of which each process of a group takes a part. */
async function scoreBoth(context: RunContext, sources: Sources): Promise<TestScores> {
  const { dataset, device, group, signal } = context;
  const { gate, boundaryTolerancePx, views, ...gateSettings } = sectionOf(context, "evaluation");
  const { test } = dataset;
  const classifier = await Classifier.load(sources.classifier.path, { ...device, signal });
  try {
    const segmenter = await Segmenter.load(sources.segmenter.path, { ...device, signal });
    try {
      await context.groupWork?.begin(stage, context);
      const work = (label: string): SharedInferenceOptions => {
        return { group, signal, onProgress: progressOf(context, stage, label) };
      };
      const how = { views, boundaryTolerancePx };
      const labels = await classifier.evaluate(test, work("labels"));
      const plain = await segmenter.evaluate(test, { ...how, ...work("without gate") });
      const asked = { ...how, gate: classifier, ...gateSettings, ...work("with gate") };
      return { labels, plain, gated: gate ? await segmenter.evaluate(test, asked) : undefined };
    } finally {
      await segmenter.dispose();
    }
  } finally {
    await classifier.dispose();
  }
}

async function sourcesOf({ root, sources }: RunContext): Promise<Sources> {
  return {
    classifier: await weightSource(root, "classifier", sources.classifier),
    segmenter: await weightSource(root, "segmenter", sources.segmenter),
  };
}

/** Scores this process's part of the test patches for process 0 of a group, which writes the scores down. */
export async function shareEvaluation(context: RunContext): Promise<void> {
  await scoreBoth(context, await sourcesOf(context));
}

async function evaluateBoth(context: RunContext, sources: Sources): Promise<EvaluationRecord> {
  const { root, dataset, reporter } = context;
  await removeEvaluations(root);
  await loadForStage(context, stage, dataset.test);
  if (!canBeResampled(dataset.test.files)) {
    reporter.note("no confidence intervals: the test patches are of one patient");
  }
  const scores = await scoreBoth(context, sources);
  const { exactMatch, jaccard, classAccuracy } = scores.labels;
  const labels = { exactMatch, jaccard, classAccuracy };
  const plain = await keep(context, "plain", sources.segmenter, scores.plain);
  if (scores.gated === undefined) return { classifier: labels, segmenter: { plain } };
  const gated = await keep(context, "gated", sources.segmenter, scores.gated);
  return { classifier: labels, segmenter: { plain, gated } };
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
  const { dataset, fingerprint } = context;
  assertTestMasks(dataset);
  const section = sectionOf(context, "evaluation");
  const names: readonly EvaluationName[] = section.gate ? ["plain", "gated"] : ["plain"];
  const sources = await sourcesOf(context);
  return await performStage(context, {
    name: stage,
    key: {
      section: recordedEvaluation(section),
      classifier: sources.classifier.identity,
      segmenter: sources.segmenter.identity,
      classes: classesOf(fingerprint),
      test: fingerprint.test,
    },
    outputs: names.flatMap((one) => [evaluationFile(one), confusionFile(one), patchScoresFile(one)]),
    work: async () => await evaluateBoth(context, sources),
  });
}
