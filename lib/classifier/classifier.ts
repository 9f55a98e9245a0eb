/** The `Classifier` of the API: training on labels, predictions, scores, and drawing pseudo masks. */
import { refuseAbsentClasses } from "../dataset/absent-classes.js";
import type { Split } from "../dataset/split.js";
import type { LabelScores } from "../evaluation/scores.js";
import { type ClassifierBackbone, outputStrideOf } from "../model/backbones.js";
import {
  type InferenceOptions,
  inferenceSchema,
  sharedInferenceSchema,
  type SharedInferenceOptions,
} from "../model/inference-options.js";
import type { ModelDescription } from "../model/model-description.js";
import type { ModelHandle } from "../model/model-handle.js";
import { describeSavedModel, type ModelOpening, type OpenedModel, openModel } from "../model/model-opening.js";
import {
  type ClassifierCreateOptions,
  classifierCreateSchema,
  type ModelLoadOptions,
  modelLoadSchema,
  refuseKeyAlone,
} from "../model/model-options.js";
import { Model } from "../model/model.js";
import { checkSource, type PatchInput } from "../model/patch-source.js";
import { trainingPrecision } from "../model/precision.js";
import { shareInference } from "../model/share-inference.js";
import { checkBatches, checkSplit } from "../model/split-checks.js";
import type { ClassifierTrainingEvent, TrainingSummary } from "../model/training-events.js";
import type { NativeClassifier } from "../native/addon.js";
import { checkOptions, refuseOption } from "../options/check.js";
import { pathOfWeights } from "../pretrained/weights-of-name.js";
import { path as pathField } from "../options/fields.js";
import { drawPseudoMasks } from "../pseudo-masks/pseudo-mask-drawing.js";
import { checkPseudoMaskOptions, levelsOf, type PseudoMaskOptions } from "../pseudo-masks/pseudo-mask-options.js";
import type { PseudoMasks } from "../pseudo-masks/pseudo-masks.js";
import {
  checkClassifierTraining,
  type ClassifierTrainingCall,
  type ClassifierTrainingOptions,
} from "./classifier-training-options.js";
import { describePatches, type DescribingWork, type PatchToDescribe } from "./describe-patches.js";
import { evaluateLabels } from "./evaluate-labels.js";
import { registerClassifier } from "./known-classifiers.js";
import { type LabelPrediction, predictLabels } from "./label-prediction.js";
import { trainClassifier } from "./train-classifier.js";

/**
 * Stage 1: ResNet38 (or a small network) with progressive dropout attention, trained from patch-level labels, and the pseudo masks that its
 * Grad-CAM draws.
 *
 * @example
 * ```ts
 * await using classifier = await Classifier.create({ classes: luad.classes, width: 0.25, seed: 7 });
 * for await (const event of classifier.train(luad.train, { validation: luad.val })) {
 *   if (event.kind === "epoch") console.log(event.epoch, event.meanLoss, event.labelValidation?.exactMatch);
 * }
 * await classifier.save("stage1.safetensors");
 * const masks = await classifier.generatePseudoMasks(luad.train, { output: "train_PM" });
 * ```
 */
export class Classifier extends Model {
  readonly #handle: ModelHandle<NativeClassifier>;
  readonly #description: ModelDescription;

  private constructor(opened: OpenedModel<NativeClassifier>) {
    super("Classifier", opened);
    this.#handle = opened.handle;
    this.#description = opened.description;
    registerClassifier(this, opened.handle);
  }

  /** The network. */
  get backbone(): ClassifierBackbone {
    return this.#description.backbone as ClassifierBackbone;
  }

  /**
   * Makes a new classifier, with random weights or with those of a file.
   * @throws WsssError `WSSS_ERR_OPTION`, `WSSS_ERR_DEVICE`, `WSSS_ERR_IO`, `WSSS_ERR_WEIGHTS` (with the lists of tensors that
   *   are missing, unexpected or misshapen), `WSSS_ERR_OUT_OF_MEMORY`, `WSSS_ERR_BINARY_NOT_FOUND`, `WSSS_ERR_CANCELLED`.
   */
  static async create(options: ClassifierCreateOptions): Promise<Classifier> {
    const call = "Classifier.create";
    const checked = checkOptions(classifierCreateSchema, call, options);
    const { classes, background, width, backbone, weights, weightsKey, strict, foldNormalization, ...rest } = checked;
    refuseKeyAlone(call, weights, weightsKey);
    const file = await pathOfWeights(call, weights, { backbone, width }, rest.signal);
    const outputStride = outputStrideOf(backbone);
    const description = {
      role: "classifier",
      classes,
      background,
      width,
      headWidth: width,
      backbone,
      outputStride,
    } as const;
    return await Classifier.#open(
      call,
      { ...rest, description },
      file === undefined ? undefined : { path: file, strict, foldNormalization, key: weightsKey },
    );
  }

  /**
   * Loads a classifier that {@link Classifier.save} or a training wrote; classes and width are read from the file.
   * @param path - the `.safetensors` file.
   * @throws WsssError like {@link Classifier.create}; `WSSS_ERR_WEIGHTS` also for a file of another network or program.
   */
  static async load(path: string, options: ModelLoadOptions = {}): Promise<Classifier> {
    const call = "Classifier.load";
    if (!pathField.safeParse(path).success) throw refuseOption(call, "path", "the path of a weight file", path);
    const rest = checkOptions(modelLoadSchema, call, options);
    const description = await describeSavedModel(call, "classifier", path);
    return await Classifier.#open(call, { ...rest, description }, { path, strict: true, foldNormalization: false });
  }

  static async #open(
    call: string,
    choice: Pick<
      ModelOpening<NativeClassifier>,
      "device" | "seed" | "threads" | "precision" | "tf32" | "signal" | "description"
    >,
    weights: ModelOpening<NativeClassifier>["weights"],
  ): Promise<Classifier> {
    return new Classifier(
      await openModel({
        ...choice,
        call,
        kind: "Classifier",
        weights,
        construct: (addon, config) => new addon.Classifier(config),
      }),
    );
  }

  /**
   * Trains on the patch-level labels of a split (paper section 3.1).
   *
   * The options are checked at once, before anything is returned; the training begins with the first `next()` of the loop
   * and holds the classifier until the loop ends. Leaving the loop early cancels the training: the network then keeps
   * the weights it has reached.
   *
   * @param split - usually `dataset.train`, with the classes of this classifier in the same order.
   * @returns events after every step and epoch; the generator's return value is the summary.
   * @throws WsssError at once `WSSS_ERR_OPTION`, `WSSS_ERR_SHAPE` (other classes), `WSSS_ERR_DATASET`, `WSSS_ERR_BUSY`,
   *   `WSSS_ERR_DISPOSED`; from the loop also `WSSS_ERR_CANCELLED`, `WSSS_ERR_DIVERGED`, `WSSS_ERR_IO`,
   *   `WSSS_ERR_OUT_OF_MEMORY`.
   */
  train(
    split: Split,
    options: ClassifierTrainingOptions = {},
  ): AsyncGenerator<ClassifierTrainingEvent, TrainingSummary, void> {
    return this.trainAsPlanned(split, checkClassifierTraining("Classifier.train", options, this));
  }

  /**
   * Like {@link Classifier.train}, with options that have been checked, for runs, which resolve their plan once.
   * @internal
   */
  trainAsPlanned(
    split: Split,
    plan: ClassifierTrainingCall,
  ): AsyncGenerator<ClassifierTrainingEvent, TrainingSummary, void> {
    const call = "Classifier.train";
    checkSplit(call, "split", split, this.classes);
    if (plan.validation) checkSplit(call, "validation", plan.validation, this.classes);
    refuseAbsentClasses(split.files, split.classes, split.dataset);
    checkBatches(call, split, plan.settings, 1);
    this.#handle.assertIdle(call);
    const precision = trainingPrecision(this.precision, plan.settings.recipe);
    const training = this.#handle.stream(call, { signal: plan.signal }, (native, signal) =>
      trainClassifier(native, this.#description, split, plan, { trainings: this.trainings, precision, signal }),
    );
    return this.recorded(training, plan.settings, split);
  }

  /**
   * Says which classes a patch shows.
   * @param patch - path of a picture, or decoded pixels; at least 32 px in both directions.
   * @throws WsssError `WSSS_ERR_OPTION`, `WSSS_ERR_SHAPE`, `WSSS_ERR_IO`, `WSSS_ERR_DATASET`, `WSSS_ERR_CANCELLED`,
   *   `WSSS_ERR_BUSY`, `WSSS_ERR_DISPOSED`.
   */
  async predict(patch: PatchInput, options?: InferenceOptions): Promise<LabelPrediction>;
  /**
   * Says which classes patches show. The predictions keep the order of the patches.
   * @param patches - paths and decoded pixels, or a split; they may differ in size, but for those of a train split.
   * @throws WsssError as for one patch.
   */
  async predict(patches: readonly PatchInput[] | Split, options?: InferenceOptions): Promise<LabelPrediction[]>;
  async predict(
    patches: PatchInput | readonly PatchInput[] | Split,
    options: InferenceOptions = {},
  ): Promise<LabelPrediction | LabelPrediction[]> {
    const call = "Classifier.predict";
    const { batchSize, ...caller } = checkOptions(inferenceSchema, call, options);
    const source = checkSource(call, patches, this.classes);
    const predictions = await this.#handle.run(call, caller, async (native, signal, report) => {
      return await predictLabels({ call, native, classes: this.classes, batchSize, signal, report }, source);
    });
    const [first] = predictions;
    return source.kind === "patches" && source.single && first ? first : predictions;
  }

  /**
   * Scores the predicted labels of a split against its patch-level labels. The patches of val and test may differ in size.
   * @param split - usually `dataset.val` or `dataset.test`, with the classes of this classifier in the same order.
   * @throws WsssError like {@link Classifier.predict}.
   */
  async evaluate(split: Split, options: SharedInferenceOptions = {}): Promise<LabelScores> {
    const call = "Classifier.evaluate";
    const { batchSize, group, ...caller } = checkOptions(sharedInferenceSchema, call, options);
    checkSplit(call, "split", split, this.classes);
    return await this.#handle.run(call, caller, async (native, stop, report) => {
      const shared = { call, split, network: this.#description, how: {}, group, signal: stop };
      const work = { native, batchSize, group, signal: stop, report };
      return await shareInference(shared, async () => await evaluateLabels(work, split));
    });
  }

  /**
   * Gives patches rows of numbers to be compared by; the classes of this classifier have no part in them.
   * @internal
   */
  async describe(patches: readonly PatchToDescribe[], work: DescribingWork): Promise<void> {
    await this.#handle.run("Classifier.describe", { signal: work.signal }, async (native, signal) => {
      await describePatches(native, patches, { ...work, signal });
    });
  }

  /**
   * Draws pseudo masks for every patch of a split by Grad-CAM at several feature levels (paper section 3.2). Only classes that
   * the patch's label names can win; glass becomes background where the dataset has a rule for it.
   *
   * @param split - usually `dataset.train`; its patches must be of one size.
   * @throws WsssError `WSSS_ERR_IO` for an unwritable output (before the network runs) or a full disk; older masks in the
   *   output folder are then as they were. Otherwise like {@link Classifier.predict}.
   */
  async generatePseudoMasks(split: Split, options: PseudoMaskOptions = {}): Promise<PseudoMasks> {
    const call = "Classifier.generatePseudoMasks";
    const checked = checkPseudoMaskOptions(call, options);
    const levels = levelsOf(call, this.backbone, checked.levels);
    checkSplit(call, "split", split, this.classes);
    const { group, glass, scaling, views, paddingPx } = checked;
    const how = { levels, glass, scaling, views, paddingPx };
    return await this.#handle.run(call, checked, async (native, signal, report) => {
      const shared = { call, split, network: this.#description, how, group, signal };
      const work = { ...checked, levels, signal, onProgress: report };
      return await shareInference(shared, async () => await drawPseudoMasks(native, split, work));
    });
  }
}
