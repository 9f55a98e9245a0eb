/** Draws pseudo masks in the addon, and writes finished ones to files meanwhile. */
import { throwIfAborted } from "../async/cancellation.js";
import { inStage, type OnProgress, type Progress } from "../async/progress.js";
import type { Split } from "../dataset/split.js";
import { isWsssError } from "../errors.js";
import type { FeatureLevel } from "../model/backbones.js";
import type { NativeClassifier, NativeFinishedMasksEvent } from "../native/addon.js";
import { runJob } from "../native/job.js";
import { groupHandle } from "../process-group/process-group.js";
import { nativeGlass } from "./glass-option.js";
import { MaskFolderWriter, type WrittenMasks } from "./pseudo-mask-files.js";
import { assertPadding, type checkPseudoMaskOptions } from "./pseudo-mask-options.js";
import { PseudoMasks } from "./pseudo-masks.js";
import { storeToDrawInto } from "./store-to-draw-into.js";

type Work = Omit<ReturnType<typeof checkPseudoMaskOptions>, "levels"> & {
  readonly levels: readonly FeatureLevel[];
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
};

/**
 * Draws pseudo masks for every patch of a split. If an output folder is named, masks are written while the next ones are
 * drawn.
 */
export async function drawPseudoMasks(native: NativeClassifier, split: Split, options: Work): Promise<PseudoMasks> {
  const { output, signal, onProgress } = options;
  if (output === undefined) return await draw(native, split, options);
  const writer = await MaskFolderWriter.prepare(output);
  try {
    const writing = new Writing(writer, signal, onProgress);
    return await draw(native, split, { ...options, signal: writing.signal }, writing);
  } finally {
    await writer.close();
  }
}

/** The files of masks, written in the order in which the masks are finished. */
class Writing {
  /** Aborted when the caller's is, and at the first file that can't be written: nothing need be drawn any more. */
  readonly signal: AbortSignal;
  readonly #writer: MaskFolderWriter;
  readonly #stop = new AbortController();
  readonly #work: { readonly signal: AbortSignal; readonly onProgress: OnProgress };
  #written: Promise<void> = Promise.resolve();
  #waiting: number[] = [];
  #drawn = false;
  #last: Progress | null = null;

  constructor(writer: MaskFolderWriter, signal: AbortSignal, onProgress: OnProgress) {
    this.#writer = writer;
    this.signal = AbortSignal.any([signal, this.#stop.signal]);
    const afterDrawing: OnProgress = (progress) => {
      this.#last = progress;
      if (this.#drawn) onProgress(progress);
    };
    this.#work = { signal: this.signal, onProgress: afterDrawing };
  }

  begin(masks: WrittenMasks): void {
    this.#then(async () => {
      await this.#writer.begin(masks);
    });
  }

  add(masks: WrittenMasks, patches: readonly number[]): void {
    this.#waiting.push(...patches);
    this.#then(async () => {
      // All that was finished meanwhile together: files are written side by side.
      const finished = this.#waiting.splice(0);
      if (finished.length > 0) await this.#writer.write(masks, finished, this.#work);
    });
  }

  /** Waits for the files. @throws WsssError of the first that could not be written. */
  async end(masks: WrittenMasks): Promise<void> {
    this.#drawn = true;
    // How far the files are that were written meanwhile.
    if (this.#last) this.#work.onProgress(this.#last);
    await this.#written;
    throwIfAborted(this.#work.signal);
    await this.#writer.finish(masks);
  }

  /** The failure to tell when the drawing has failed: that of a file, if it is what stopped it. No more files are begun. */
  async failureOr(error: unknown): Promise<unknown> {
    this.#stop.abort();
    return await this.#written.then(
      () => error,
      (ofFile: unknown) => (isWsssError(ofFile, "WSSS_ERR_CANCELLED") ? error : ofFile),
    );
  }

  #then(next: () => Promise<void>): void {
    this.#written = this.#written.then(next);
    this.#written.catch(() => {
      this.#stop.abort();
    });
  }
}

async function draw(
  native: NativeClassifier,
  split: Split,
  { levels, glass, scaling, views, paddingPx, batchSize, output, group, signal, onProgress }: Work,
  writing?: Writing,
): Promise<PseudoMasks> {
  const { patches, height, width } = await split.load(signal, inStage(onProgress, "load"), group);
  assertPadding("Classifier.generatePseudoMasks", paddingPx, { height, width });
  const store = await storeToDrawInto({ count: patches.count, height, width }, levels.length, group, signal);
  const nativeOptions = {
    levels,
    batchSize,
    scaling,
    views,
    paddingPx,
    group: groupHandle(group)?.native ?? null,
    ...nativeGlass(glass, split),
  };
  const stems = split.files.map(({ stem }) => stem);
  const { classes, background } = split;
  const masks = new PseudoMasks({ levels, stems, classes, background, store, folder: output ?? null });
  const files = masks.written();
  const report = inStage(onProgress, "pseudo-masks");
  const onFinished = (event: NativeFinishedMasksEvent): void => {
    writing?.add(files, event.patches);
    report(event);
  };
  writing?.begin(files);
  try {
    await runJob<null>((done) => native.generatePseudoMasks(nativeOptions, patches, store, onFinished, done), signal);
  } catch (error) {
    throw (await writing?.failureOr(error)) ?? error;
  }
  await writing?.end(files);
  return masks;
}
