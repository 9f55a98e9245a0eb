/** The stage `train-classifier`: makes the classifier, trains it, and writes its weights and metrics. */
import { join } from "node:path";
import { drain } from "../../async/drain.js";
import type { ClassifierTrainingCall } from "../../classifier/classifier-training-options.js";
import { Classifier } from "../../classifier/classifier.js";
import { classesOf } from "../../dataset/dataset-fingerprint.js";
import type { ClassifierEpochEvent } from "../../model/training-events.js";
import { abandonWhenLost } from "../abandon-when-lost.js";
import { type RunContext, sectionOf } from "../context.js";
import { followTraining, type TrainingRecord } from "../follow-training.js";
import { keepOwnCheckpoints } from "../own-checkpoints.js";
import { recordedClassifier } from "../plan.js";
import { identityOfFirstWeights } from "../sources.js";
import { performStage, type StageOutcome } from "../stage.js";
import { classifierEpochColumns, classifierScalars, classifierStepColumns } from "../training-metrics.js";
import { describeWeightsReport } from "../weights-note.js";
import { loadForStage } from "./load-split.js";

const stage = "train-classifier";
const weightsFile = "classifier.safetensors";

function describe(event: ClassifierEpochEvent): string {
  const parts = [`loss ${event.meanLoss.toFixed(4)}`, `exact match ${event.exactMatch.toFixed(3)}`];
  if (event.pdaEnabled) parts.push(`gamma ${event.gamma.toFixed(3)}`);
  if (event.labelValidation !== undefined) {
    const { exactMatch, jaccard } = event.labelValidation;
    parts.push(`val exact match ${exactMatch.toFixed(3)}`, `Jaccard ${jaccard.toFixed(3)}`);
  }
  return parts.join("  ");
}

/** The classifier before its training, with the weights that it starts from. @throws WsssError if they do not fit it */
async function makeClassifier(context: RunContext): Promise<Classifier> {
  const { fingerprint, device, signal } = context;
  const { seed, width, backbone, weights, weightsKey, strict, foldNormalization } = sectionOf(context, "classifier");
  return await Classifier.create({
    classes: fingerprint.classes,
    background: fingerprint.background,
    seed,
    width,
    backbone,
    foldNormalization,
    ...(weights === null ? {} : { weights, weightsKey, strict }),
    ...device,
    signal,
  });
}

/** How the classifier is trained, in every process that takes part. */
function planOf(context: RunContext): ClassifierTrainingCall {
  const { root, dataset, checkpoints, group, signal } = context;
  const { training } = sectionOf(context, "classifier");
  const validation = dataset.val.count > 0 ? dataset.val : undefined;
  const keep = validation === undefined ? "last" : training.keep;
  const checkpointFolder = join(root, "checkpoints", "classifier");
  return { settings: { ...training, keep }, ...checkpoints, checkpointFolder, group, signal, validation };
}

/** Takes part in the training that process 0 of a group does and writes down. */
export async function shareClassifierTraining(context: RunContext): Promise<void> {
  const classifier = await makeClassifier(context);
  try {
    await drain(classifier.trainAsPlanned(context.dataset.train, planOf(context)));
  } finally {
    await classifier.dispose();
  }
}

async function train(context: RunContext, key: string): Promise<TrainingRecord> {
  const { root, dataset, checkpoints, signal, reporter } = context;
  const { training } = sectionOf(context, "classifier");
  const plan = planOf(context);
  const { validation, checkpointFolder } = plan;
  if (validation === undefined) reporter.note("no val patches: the weights of the last epoch are kept");
  await loadForStage(context, stage, dataset.train);
  const classifier = await makeClassifier(context);
  if (classifier.weightsReport !== null) reporter.note(describeWeightsReport(classifier.weightsReport));
  const release = abandonWhenLost(signal, classifier);
  try {
    const log = {
      stage,
      folder: join(root, "metrics"),
      name: "classifier",
      epochs: training.epochs,
      onGpu: classifier.device !== "cpu",
      stepColumns: classifierStepColumns,
      epochColumns: classifierEpochColumns,
      settings: training,
      scalars: classifierScalars,
      boardFolder: context.tensorboard ? join(root, "tensorboard", "classifier") : undefined,
      describe,
    } as const;
    if (checkpointFolder !== undefined) await keepOwnCheckpoints(checkpointFolder, key, checkpoints.resume);
    await context.groupWork?.begin(stage, context);
    const record = await followTraining(log, reporter, () => classifier.trainAsPlanned(dataset.train, plan));
    await classifier.save(join(root, weightsFile));
    return record;
  } finally {
    release();
    await classifier.dispose();
  }
}

/** Stage 1: trains the classifier on patch-level labels; writes `classifier.safetensors` and its metrics. */
export async function performClassifierStage(context: RunContext): Promise<StageOutcome<TrainingRecord>> {
  const { fingerprint } = context;
  const section = sectionOf(context, "classifier");
  return await performStage(context, {
    name: stage,
    key: {
      section: { ...recordedClassifier(section), weights: await identityOfFirstWeights(section) },
      classes: classesOf(fingerprint),
      train: fingerprint.train.patches,
      val: [fingerprint.val.patches, fingerprint.val.masks],
    },
    outputs: [weightsFile, "metrics/classifier-steps.csv", "metrics/classifier-epochs.csv"],
    work: async (key) => await train(context, key),
  });
}
