/** The `Segmenter` of the API: training on masks, predictions, evaluation, with or without a class gate. */
import { Classifier } from "../classifier/classifier.js";
import type { Split } from "../dataset/split.js";
import type { SegmentationEvaluation } from "../evaluation/segmentation-evaluation.js";
import type { SegmenterBackbone } from "../model/backbones.js";
import type { ModelDescription } from "../model/model-description.js";
import type { ModelHandle } from "../model/model-handle.js";
import { describeSavedModel, type ModelOpening, type OpenedModel, openModel } from "../model/model-opening.js";
import {
  type ModelLoadOptions,
  modelLoadSchema,
  refuseKeyAlone,
  type SegmenterCreateOptions,
  segmenterCreateSchema,
} from "../model/model-options.js";
import { Model } from "../model/model.js";
import { checkSource, type PatchInput, type UnreadablePatch } from "../model/patch-source.js";
import { trainingPrecision } from "../model/precision.js";
import { readBundle } from "../model/read-bundle.js";
import { shareInference } from "../model/share-inference.js";
import { assertMasks, checkBatches, checkSplit } from "../model/split-checks.js";
import type { SegmenterTrainingEvent, TrainingSummary } from "../model/training-events.js";
import type { NativeSegmenter } from "../native/addon.js";
import { checkOptions, refuseOption } from "../options/check.js";
import { pathOfWeights } from "../pretrained/weights-of-name.js";
import { path as pathField, withoutUndefined } from "../options/fields.js";
import type { PseudoMasks } from "../pseudo-masks/pseudo-masks.js";
import { Slide } from "../slide/slide.js";
import { evaluateSegmentation } from "./evaluate-segmentation.js";
import { Gate, type HeldGate, type PatchGate } from "./gate.js";
import { segmentWholeSlide, type SlideProgress } from "./segment-slide.js";
import type { SlideMap } from "./slide-map.js";
import {
  completeSlideMapOptions,
  partSlideMapOptions,
  type SegmentSlideOptions,
  slideMapSchema,
} from "./slide-map-options.js";
import {
  checkEvaluationOptions,
  checkSegmentationOptions,
  type EvaluationOptions,
  type SegmentationOptions,
} from "./segmentation-options.js";
import {
  type ClassMap,
  predictEach,
  predictPatches,
  predictSplit,
  type SegmentationPrediction,
} from "./segmentation-prediction.js";
import { checkRedrawOptions, type RedrawOptions, redrawPseudoMasks } from "./redraw-pseudo-masks.js";
import { checkSegmenterTraining, type SegmenterTrainingOptions } from "./segmenter-training-options.js";
import { levelWeightsFor, type SegmenterTrainingPlan, settingsFor, trainSegmenter } from "./train-segmenter.js";

/** Options of {@link Segmenter.predictEach}. */
export interface PredictEachOptions extends SegmentationOptions {
  /**
   * Called for each patch that can't be read, with the reason; the others go on.
   * @defaultValue none: such a patch ends the loop with its error
   */
  readonly onUnreadable?: ((patch: UnreadablePatch) => void) | undefined;
}

/** A gate with its settings, owned by the segmenter. */
interface BundledGate {
  readonly gate: Classifier;
  readonly gateThreshold: number;
  readonly gateRule: "exclude" | "multiply";
}

/**
 * Stage 3: DeepLab v3+, trained on the pseudo masks of several feature levels (or on true masks).
 *
 * @example
 * ```ts
 * await using segmenter = await Segmenter.create({ classes: luad.classes, width: 0.25, seed: 7 });
 * for await (const event of segmenter.train(luad.train, { masks, validation: luad.val })) {
 *   if (event.kind === "epoch") console.log(event.epoch, event.meanLoss, event.validation?.mIoU);
 * }
 * const { mIoU } = await segmenter.evaluate(luad.test, { gate: classifier });
 * const { classMap, width, height } = await segmenter.predict("patch.png", { gate: classifier });
 * ```
 */
export class Segmenter extends Model {
  readonly #handle: ModelHandle<NativeSegmenter>;
  readonly #description: ModelDescription;

  readonly #bundled: BundledGate | undefined;

  private constructor(opened: OpenedModel<NativeSegmenter>, bundled?: BundledGate) {
    super("Segmenter", opened);
    this.#handle = opened.handle;
    this.#description = opened.description;
    this.#bundled = bundled;
  }

  /** The classifier of the bundle that this segmenter was loaded from: its gate. `null` without a bundle. */
  get bundledClassifier(): Classifier | null {
    return this.#bundled?.gate ?? null;
  }

  /** Network below ASPP and decoder. */
  get backbone(): SegmenterBackbone {
    return this.#description.backbone as SegmenterBackbone;
  }

  /** Channel multiplier of ASPP and decoder, 1 = the paper's. */
  get headWidth(): number {
    return this.#description.headWidth;
  }

  /** Ratio of patch size to feature size at the end of the backbone. */
  get outputStride(): 8 | 16 {
    return this.#description.outputStride;
  }

  /**
   * Makes a new segmenter, with random weights or with those of a file.
   * @throws WsssError `WSSS_ERR_OPTION`, `WSSS_ERR_DEVICE`, `WSSS_ERR_IO`, `WSSS_ERR_WEIGHTS` (with the lists of tensors that
   *   are missing, unexpected or misshapen), `WSSS_ERR_OUT_OF_MEMORY`, `WSSS_ERR_BINARY_NOT_FOUND`, `WSSS_ERR_CANCELLED`.
   */
  static async create(options: SegmenterCreateOptions): Promise<Segmenter> {
    const call = "Segmenter.create";
    const checked = checkOptions(segmenterCreateSchema, call, options);
    const { classes, background, width, headWidth = width, backbone, outputStride, ...others } = checked;
    const { weights, weightsKey, strict, foldNormalization, ...rest } = others;
    refuseKeyAlone(call, weights, weightsKey);
    const file = await pathOfWeights(call, weights, { backbone, width }, rest.signal);
    const description = { role: "segmenter", classes, background, width, headWidth, backbone, outputStride } as const;
    return await Segmenter.#open(
      call,
      { ...rest, description },
      file === undefined ? undefined : { path: file, strict, foldNormalization, key: weightsKey },
    );
  }

  /**
   * Loads a segmenter that {@link Segmenter.save} or a training wrote, or a bundle of {@link saveBundle}; classes, width, backbone and
   * output stride are read from the file. A bundle brings its classifier, which is then the gate wherever none is named.
   * @param path - a weight file, or the folder of a bundle.
   * @throws WsssError like {@link Segmenter.create}; `WSSS_ERR_WEIGHTS` also for a file of another network or program.
   */
  static async load(path: string, options: ModelLoadOptions = {}): Promise<Segmenter> {
    const call = "Segmenter.load";
    if (!pathField.safeParse(path).success) throw refuseOption(call, "path", "the path of a weight file", path);
    const rest = checkOptions(modelLoadSchema, call, options);
    const bundle = await readBundle(path);
    if (bundle === null) {
      const description = await describeSavedModel(call, "segmenter", path);
      return await Segmenter.#open(call, { ...rest, description }, { path, strict: true, foldNormalization: false });
    }
    const gate = await Classifier.load(bundle.classifier, options);
    try {
      const weights = { path: bundle.segmenter, strict: true, foldNormalization: false };
      const description = await describeSavedModel(call, "segmenter", weights.path);
      return await Segmenter.#open(call, { ...rest, description }, weights, { gate, ...bundle.gate });
    } catch (error) {
      await gate.dispose();
      throw error;
    }
  }

  /** Frees the bundle's classifier too, where there is one. */
  override async dispose(): Promise<void> {
    await super.dispose();
    await this.#bundled?.gate.dispose();
  }

  /** Options of a call with the bundle's gate, where no other is named. */
  #withBundledGate(options: EvaluationOptions): EvaluationOptions {
    return this.#bundled === undefined || options.gate !== undefined
      ? options
      : { ...this.#bundled, ...withoutUndefined(options) };
  }

  static async #open(
    call: string,
    choice: Pick<
      ModelOpening<NativeSegmenter>,
      "device" | "seed" | "threads" | "precision" | "tf32" | "signal" | "description"
    >,
    weights: ModelOpening<NativeSegmenter>["weights"],
    bundled?: BundledGate,
  ): Promise<Segmenter> {
    return new Segmenter(
      await openModel({
        ...choice,
        call,
        kind: "Segmenter",
        weights,
        construct: (addon, config) => new addon.Segmenter(config),
      }),
      bundled,
    );
  }

  /**
   * Trains on the pseudo masks of a split (paper section 3.3), or on its true masks.
   *
   * The options are checked at once, before anything is returned; the training begins with the first `next()` of the loop
   * and holds the segmenter until the loop ends. Leaving the loop early cancels the training: the network then keeps
   * the weights it has reached.
   *
   * @param split - usually `dataset.train`, with the classes of this segmenter in the same order.
   * @returns events after every step and epoch; the generator's return value is the summary.
   * @throws WsssError at once `WSSS_ERR_OPTION`, `WSSS_ERR_SHAPE` (other classes, masks of other patches), `WSSS_ERR_DATASET`
   *   (no true masks where they are needed, no patches to make mosaics of), `WSSS_ERR_BUSY`, `WSSS_ERR_DISPOSED`; from the loop also
   *   `WSSS_ERR_CANCELLED`, `WSSS_ERR_DIVERGED`, `WSSS_ERR_IO`, `WSSS_ERR_OUT_OF_MEMORY`.
   */
  train(
    split: Split,
    options: SegmenterTrainingOptions,
  ): AsyncGenerator<SegmenterTrainingEvent, TrainingSummary, void> {
    const call = "Segmenter.train";
    const { masks, ...checked } = checkSegmenterTraining(call, options, this);
    if (masks === undefined) throw refuseOption(call, "masks", 'PseudoMasks or "ground-truth"', masks);
    return this.trainAsPlanned(split, { ...checked, masks });
  }

  /**
   * Like {@link Segmenter.train}, with options that have been checked, for runs, which resolve their plan once.
   * @internal
   */
  trainAsPlanned(
    split: Split,
    plan: SegmenterTrainingPlan,
  ): AsyncGenerator<SegmenterTrainingEvent, TrainingSummary, void> {
    const call = "Segmenter.train";
    const { masks } = plan;
    checkSplit(call, "split", split, this.classes);
    if (masks === "ground-truth") assertMasks(call, split, 'masks "ground-truth"');
    else masks.assertDrawnFor(call, split);
    if (plan.validation) {
      checkSplit(call, "validation", plan.validation, this.classes);
      assertMasks(call, plan.validation, "validation");
    }
    const settings = settingsFor(call, split, plan);
    const levelWeights = levelWeightsFor(call, settings.levelWeights, masks === "ground-truth" ? null : masks.levels);
    checkBatches(call, split, settings, 2);
    this.#handle.assertIdle(call);
    const precision = trainingPrecision(this.precision, settings.recipe);
    const training = this.#handle.stream(call, { signal: plan.signal }, (native, signal) => {
      const surroundings = { trainings: this.trainings, precision, signal };
      return trainSegmenter(call, native, this.#description, split, { ...plan, settings, levelWeights }, surroundings);
    });
    return this.recorded(training, settings, split);
  }

  /**
   * Draws the pseudo masks of a split again, to learn from them once more: what the segmenter says of each pixel, among the classes
   * of the patch's label only. A patch of one class is of that class everywhere, white areas are background.
   * @param split - usually the one that this segmenter was trained on.
   * @returns masks of one level, `"segmenter"`.
   * @throws WsssError `WSSS_ERR_OPTION`, `WSSS_ERR_SHAPE` (other classes), `WSSS_ERR_DATASET`, `WSSS_ERR_IO`,
   *   `WSSS_ERR_OUT_OF_MEMORY`, `WSSS_ERR_CANCELLED`, `WSSS_ERR_BUSY`, `WSSS_ERR_DISPOSED`.
   * @example
   * ```ts
   * const masks = await segmenter.redrawPseudoMasks(luad.train, { output: "redrawn" });
   * ```
   */
  async redrawPseudoMasks(split: Split, options: RedrawOptions = {}): Promise<PseudoMasks> {
    const call = "Segmenter.redrawPseudoMasks";
    const { signal, onProgress, ...choice } = checkRedrawOptions(call, options);
    checkSplit(call, "split", split, this.classes);
    const { group, views, glass } = choice;
    return await this.#handle.run(call, { signal, onProgress }, async (native, stop, report) => {
      const shared = { call, split, network: this.#description, how: { views, glass }, group, signal: stop };
      const work = { ...choice, signal: stop, onProgress: report };
      return await shareInference(shared, async () => await redrawPseudoMasks(native, split, work));
    });
  }

  /**
   * Says which class each pixel of a patch shows.
   * @param patch - path of a picture, or decoded pixels; at least 32 px in both directions.
   * @throws WsssError `WSSS_ERR_OPTION`, `WSSS_ERR_SHAPE`, `WSSS_ERR_IO`, `WSSS_ERR_DATASET`, `WSSS_ERR_CANCELLED`,
   *   `WSSS_ERR_BUSY` (this segmenter or the gate), `WSSS_ERR_DISPOSED`.
   */
  async predict(patch: PatchInput, options?: SegmentationOptions): Promise<SegmentationPrediction>;
  /**
   * Segments patches. The predictions keep the order of the patches.
   * @param patches - paths and decoded pixels, which may differ in size.
   * @throws WsssError as for one patch.
   */
  async predict(patches: readonly PatchInput[], options?: SegmentationOptions): Promise<SegmentationPrediction[]>;
  /**
   * Segments a split, without probabilities: K floats a pixel for a whole split would not fit into memory.
   * @param split - with the classes of this segmenter in the same order; the patches of val and test may differ in size.
   * @throws WsssError as for one patch.
   */
  async predict(split: Split, options?: SegmentationOptions): Promise<ClassMap[]>;
  async predict(
    patches: PatchInput | readonly PatchInput[] | Split,
    options: SegmentationOptions = {},
  ): Promise<SegmentationPrediction | ClassMap[]> {
    const call = "Segmenter.predict";
    const { signal, onProgress, ...choice } = checkSegmentationOptions(call, this.#withBundledGate(options));
    const source = checkSource(call, patches, this.classes);
    const { batchSize, views } = choice;
    const gate = Gate.check(call, choice, this.classes);
    return await this.#handle.run(call, { signal, onProgress }, async (native, stop, report) => {
      const work = { call, native, classes: this.classes, gate, batchSize, views, signal: stop, report };
      if (source.kind === "split") return await predictSplit(work, source);
      const predictions = await predictPatches(work, source.patches);
      const [first] = predictions;
      return source.single && first ? first : predictions;
    });
  }

  /**
   * Segments many patches, such as the tiles of a slide: only their paths have to fit into memory together. Patches are decoded and
   * segmented while the caller uses those before them; probabilities are left out.
   *
   * The options are checked at once. The loop holds the segmenter and the gate's classifier from its first `next()` to its end; leaving
   * it early stops the work.
   *
   * @param patches - paths, or decoded pixels, which are copied at once; they may differ in size.
   * @returns class maps in the order of the patches.
   * @throws WsssError as {@link Segmenter.predict}; for a patch that can't be read once those before it have been given out,
   *   unless `onUnreadable` is there to be told of it.
   * @example
   * ```ts
   * for await (const { name, classMap } of segmenter.predictEach(tiles, { gate: classifier })) console.log(name, classMap[0]);
   * ```
   */
  predictEach(patches: readonly PatchInput[], options: PredictEachOptions = {}): AsyncGenerator<ClassMap, void, void> {
    const call = "Segmenter.predictEach";
    const { onUnreadable, ...others } = options;
    if (onUnreadable !== undefined && typeof onUnreadable !== "function") {
      throw refuseOption(call, "onUnreadable", "a function", onUnreadable);
    }
    const { signal, onProgress, ...choice } = checkSegmentationOptions(call, this.#withBundledGate(others));
    const source = checkSource(call, patches, this.classes);
    if (source.kind === "split" || source.single) {
      throw refuseOption(call, "patches", "an array of paths and decoded pixels", patches);
    }
    const { batchSize, views } = choice;
    const gate = Gate.check(call, choice, this.classes);
    this.#handle.assertIdle(call);
    return this.#handle.stream(call, { signal, onProgress }, (native, stop, report) => {
      const work = { call, native, classes: this.classes, batchSize, views, signal: stop, report, onUnreadable };
      const loop = (held: PatchGate | null): AsyncGenerator<ClassMap, void, void> =>
        predictEach({ ...work, gate: held }, source.patches);
      return gate === null ? loop(null) : gate.hold(stop, loop);
    });
  }

  /**
   * Segments a whole slide into a folder: `classes.ome.tif` (a pyramid in the classes' colours), `classes.geojson` for QuPath,
   * `overlay.png` and `result.json`. Only tissue is looked at. Finished rows are on the disk: where the work was stopped, a
   * call with the same options goes on, and ends with the same bytes.
   *
   * The options are checked at once. The loop holds the segmenter and the gate's classifier from its first `next()` to its end.
   *
   * @param slide - open, and not closed before the loop ends.
   * @returns progress after every batch of tiles; the generator's return value is what `result.json` holds.
   * @throws WsssError at once `WSSS_ERR_OPTION`, `WSSS_ERR_SHAPE` (a gate with other classes), `WSSS_ERR_BUSY`, `WSSS_ERR_DISPOSED`;
   *   from the loop also `WSSS_ERR_DATASET` (the slide's scale is not known, or pixels can't be decoded), `WSSS_ERR_IO`,
   *   `WSSS_ERR_OUT_OF_MEMORY`, `WSSS_ERR_CANCELLED`.
   * @example
   * ```ts
   * await using slide = await openSlide("case-7.svs");
   * for await (const { doneMm2 } of segmenter.segmentSlide(slide, { output: "case-7", micronsPerPixel: 0.5 })) console.log(doneMm2);
   * ```
   */
  segmentSlide(slide: Slide, options: SegmentSlideOptions): AsyncGenerator<SlideProgress, SlideMap, void> {
    const call = "Segmenter.segmentSlide";
    if (!(slide instanceof Slide)) throw refuseOption(call, "slide", "a Slide, as openSlide gives it", slide);
    const { own, others } = partSlideMapOptions(options);
    const asked = checkOptions(slideMapSchema, call, own);
    const { signal, ...choice } = checkSegmentationOptions(call, this.#withBundledGate(others));
    const gate = Gate.check(call, choice, this.classes);
    const chosen = completeSlideMapOptions(call, asked, this, choice.gate ?? null);
    this.#handle.assertIdle(call);
    const { classes, background, device } = this;
    const { views } = choice;
    return this.#handle.stream(call, { signal }, (native, stop) => {
      const loop = (held: HeldGate | null, ended: AbortSignal): AsyncGenerator<SlideProgress, SlideMap, void> =>
        segmentWholeSlide({ native, device, classes, background, views, gate: held, signal: ended }, slide, chosen);
      return gate === null ? loop(null, stop) : gate.holdNetwork(stop, loop);
    });
  }

  /**
   * Scores the predictions for a split against its true masks: over one confusion matrix of all pixels, by boundaries, and patch by
   * patch. Background and ignored pixels of the true masks are not scored. The patches of val and test may differ in size.
   * @param split - usually `dataset.val` or `dataset.test`, with the classes of this segmenter in the same order.
   * @throws WsssError like {@link Segmenter.predict}; `WSSS_ERR_DATASET` for a split without true masks.
   */
  async evaluate(split: Split, options: EvaluationOptions = {}): Promise<SegmentationEvaluation> {
    const call = "Segmenter.evaluate";
    const checked = checkEvaluationOptions(call, this.#withBundledGate(options));
    const { boundaryTolerancePx, group, signal, onProgress, ...choice } = checked;
    checkSplit(call, "split", split, this.classes);
    assertMasks(call, split, "evaluation");
    const { batchSize, views } = choice;
    const gate = Gate.check(call, { ...choice, group }, this.classes);
    return await this.#handle.run(call, { signal, onProgress }, async (native, stop, report) => {
      const { gateThreshold, gateRule } = choice;
      const how = { views, boundaryTolerancePx, gated: gate !== null, gateThreshold, gateRule };
      const shared = { call, split, network: this.#description, how, group, signal: stop };
      const work = { call, native, classes: this.classes, gate, batchSize, views, group, signal: stop, report };
      return await shareInference(shared, async () => await evaluateSegmentation(work, split, boundaryTolerancePx));
    });
  }
}
