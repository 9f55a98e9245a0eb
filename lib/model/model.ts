/** The base class of `Classifier` and `Segmenter`: properties, saving, training history, disposal. */
import path from "node:path";
import { type Colour, paletteOf, type TissueClass } from "../dataset/tissue-class.js";
import type { Split } from "../dataset/split.js";
import { runJob } from "../native/job.js";
import { checkOptions } from "../options/check.js";
import { assertWritable, checkSavePath } from "./checkpoint-paths.js";
import { metadataOf } from "./model-description.js";
import type { NativeModel } from "./model-handle.js";
import { checkOnnxExport, onnxMetadata, type OnnxExportOptions } from "./onnx-options.js";
import type { OpenedModel, WeightsReport } from "./model-opening.js";
import { type SaveOptions, saveSchema } from "./model-options.js";
import type { ModelPrecision } from "./precision.js";
import type { TrainingSummary } from "./training-events.js";
import { type LearnedPatches, type TrainingHistory, withHistory } from "./training-history.js";

/**
 * What {@link Classifier} and {@link Segmenter} have in common. One call at a time: a second one fails with
 * `WSSS_ERR_BUSY`; after {@link Model.dispose} every one fails with `WSSS_ERR_DISPOSED`.
 */
export abstract class Model implements AsyncDisposable {
  readonly #kind: "Classifier" | "Segmenter";
  readonly #opened: OpenedModel<NativeModel>;

  /** @internal */
  protected constructor(kind: "Classifier" | "Segmenter", opened: OpenedModel<NativeModel>) {
    this.#kind = kind;
    this.#opened = opened;
  }

  /** Tissue classes in the order of the outputs. */
  get classes(): readonly TissueClass[] {
    return this.#opened.description.classes;
  }

  /** Background: class K of masks, which no output stands for. */
  get background(): TissueClass {
    return this.#opened.description.background;
  }

  /** Colours of the mask indices 0..K, the last one background. */
  get palette(): readonly Colour[] {
    return paletteOf(this.classes, this.background);
  }

  /** Channel multiplier, 1 = the paper's network. */
  get width(): number {
    return this.#opened.description.width;
  }

  /** Whether the weights began elsewhere, which decides what `freezeStem: "auto"` means. */
  get pretrained(): boolean {
    return this.#opened.description.pretrained;
  }

  /** Where the network lives: `"cpu"` or `"cuda:N"`. */
  get device(): string {
    return this.#opened.network.device;
  }

  /** In what the network multiplies: what `precision` of `create` or `load` came to here. */
  get precision(): ModelPrecision {
    return this.#opened.precision;
  }

  /** Numbers in all learned tensors, frozen ones included. */
  get parameterCount(): number {
    return this.#opened.network.parameterCount;
  }

  /** What was taken from the weight file, and what was not; `null` for random weights. */
  get weightsReport(): WeightsReport | null {
    return this.#opened.weightsReport;
  }

  /** Finished trainings that led to these weights, the first one first, those before the last `save` and `load` included. */
  get trainings(): readonly TrainingHistory[] {
    return this.#opened.trainings;
  }

  /**
   * Scale of the patches that the last training learned from, in micrometres a pixel, as their dataset's description says; null where
   * it says nothing, and before the first training.
   */
  get micronsPerPixel(): number | null {
    return this.#learned?.micronsPerPixel ?? null;
  }

  /** Side of the patches that the last training learned from, in pixels; null where they are not square, and before the first training. */
  get patchPx(): number | null {
    return this.#learned?.height === this.#learned?.width ? (this.#learned?.width ?? null) : null;
  }

  get #learned(): LearnedPatches | undefined {
    return this.trainings.at(-1)?.patches;
  }

  /** Whether a call is running. */
  get busy(): boolean {
    return this.#opened.handle.busy;
  }

  /** Whether {@link dispose} was called. */
  get disposed(): boolean {
    return this.#opened.handle.disposed;
  }

  /**
   * Saves the weights as a safetensors file, with what `load` needs to know in its metadata. The file appears in one step, or
   * replaces an older one in one step.
   *
   * @param file - a path that ends in `.safetensors`, in a folder that is there.
   * @throws WsssError `WSSS_ERR_OPTION`, `WSSS_ERR_IO`, `WSSS_ERR_CANCELLED`, `WSSS_ERR_BUSY`, `WSSS_ERR_DISPOSED`.
   */
  async save(file: string, options: SaveOptions = {}): Promise<void> {
    const call = `${this.#kind}.save`;
    const target = checkSavePath(call, file);
    const { signal } = checkOptions(saveSchema, call, options);
    const { handle, description, trainings } = this.#opened;
    const request = { path: path.resolve(target), metadata: metadataOf(description, trainings) };
    await handle.run(call, { signal }, async (native, stop) => {
      await assertWritable(target);
      await runJob<null>((done) => native.saveWeights(request, done), stop);
    });
  }

  /**
   * Writes the network as an ONNX file (opset 17) for other engines, with batch norms folded and the scaling of pixels inside.
   *
   * It reads `image`, float32 [N, 3, height, width]: red, green and blue from 0 to 255. A segmenter gives what `output` says, without a
   * class gate; a classifier `probabilities` [N, K] and the three maps that Grad-CAM reads, by the names of their levels. Classes,
   * colours and scale are in the file's metadata. docs/onnx.md shows its use. The file appears in one step.
   *
   * @param file - a path that ends in `.onnx`, in a folder that is there.
   * @throws WsssError `WSSS_ERR_OPTION`, `WSSS_ERR_IO`, `WSSS_ERR_CANCELLED`, `WSSS_ERR_BUSY`, `WSSS_ERR_DISPOSED`.
   */
  async exportOnnx(file: string, options: OnnxExportOptions = {}): Promise<void> {
    const call = `${this.#kind}.exportOnnx`;
    const { handle, description } = this.#opened;
    const { request, signal } = checkOnnxExport(call, description.role, file, options);
    await handle.run(call, { signal }, async (native, stop) => {
      await assertWritable(file);
      const weights = await runJob<string>((done) => native.fingerprint(done), stop);
      const metadata = onnxMetadata(description, weights, {
        micronsPerPixel: this.micronsPerPixel,
        patchPx: this.patchPx,
      });
      await runJob<null>((done) => native.exportOnnx({ ...request, metadata }, done), stop);
    });
  }

  /**
   * Hands a training on and notes it down when it has ended well.
   * @internal
   */
  protected recorded<Event extends { readonly kind: string }>(
    training: AsyncGenerator<Event, TrainingSummary, void>,
    settings: object,
    split: Split,
  ): AsyncGenerator<Event, TrainingSummary, void> {
    return withHistory(training, settings, split, (history) => this.#opened.trainings.push(history));
  }

  /**
   * Cancels what runs and frees the network; resolves when its thread is idle. Calling it again waits for the same.
   * The call that was running rejects with `WSSS_ERR_CANCELLED`.
   */
  async dispose(): Promise<void> {
    await this.#opened.handle.dispose();
  }

  /** {@link dispose}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}
