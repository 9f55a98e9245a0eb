/** What a training has learned, as pictures to lay over patches: pseudo masks of each level, and the segmenter's prediction. */
import path from "node:path";
import { Classifier } from "../classifier/classifier.js";
import { type PatchFile, stemOnSlide } from "../dataset/patch-file.js";
import { readPatchFile } from "../dataset/read-patch-file.js";
import { WsssError } from "../errors.js";
import { readBytes } from "../files/file-access.js";
import { encodeIndexPng } from "../image/index-png.js";
import { withTransparentIndex } from "../image/transparent-index.js";
import { drawnLevels, levelFolder } from "../pseudo-masks/pseudo-mask-files.js";
import { pseudoMaskFolder } from "../run/sources.js";
import { Segmenter } from "../segmenter/segmenter.js";
import type { LearnedLayers } from "./label-facts.js";

/** Predictions that are kept: somebody who goes back does not wait again. */
const mostKept = 64;

interface Networks {
  readonly classifier: Classifier;
  readonly segmenter: Segmenter;
}

/** The layers of one finished run. */
export class RunLayers {
  readonly root: string;
  readonly #threads: number;
  readonly #levels: Promise<readonly string[]>;
  #networks: Promise<Networks> | undefined;
  readonly #kept = new Map<string, Promise<Uint8Array>>();
  #turn: Promise<unknown> = Promise.resolve();

  /** @param root - the run folder. */
  constructor(root: string, threads: number) {
    this.root = root;
    this.#threads = threads;
    this.#levels = drawnLevels(path.join(root, pseudoMaskFolder)).catch(() => []);
  }

  /** What there is. */
  async describe(training: number | null): Promise<LearnedLayers> {
    const { segmenter } = await this.#opened();
    const classes = segmenter.classes.map(({ name, colour: [red, green, blue] }) => ({
      name,
      colour: [red, green, blue] as const,
    }));
    return { training, levels: await this.#levels, classes };
  }

  /**
   * The pseudo mask of a patch; background is transparent.
   * @throws WsssError `WSSS_ERR_SHAPE` if there is none: it was not labelled when the training began.
   */
  async pseudoMask(patch: Pick<PatchFile, "imagePath" | "place">, level: string): Promise<Uint8Array> {
    const known = (await this.#levels).find((one) => one === level);
    if (known === undefined) throw notThere();
    const file = path.join(levelFolder(path.join(this.root, pseudoMaskFolder), known as never), `${stemOf(patch)}.png`);
    const bytes = await readBytes(file).catch(() => {
      throw notThere();
    });
    return withTransparentIndex(bytes, (await this.#opened()).segmenter.classes.length);
  }

  /** What the segmenter makes of a patch, with the class gate; background is transparent. */
  async prediction(patch: Pick<PatchFile, "imagePath" | "place">): Promise<Uint8Array> {
    const key = stemOf(patch);
    const kept = this.#kept.get(key) ?? this.#inTurn(async () => await this.#predict(patch));
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    kept.catch(() => this.#kept.delete(key));
    for (const oldest of [...this.#kept.keys()].slice(0, -mostKept)) this.#kept.delete(oldest);
    return await kept;
  }

  async close(): Promise<void> {
    await this.#turn.catch(() => undefined);
    const networks = await this.#networks?.catch(() => undefined);
    await networks?.classifier.dispose();
    await networks?.segmenter.dispose();
  }

  async #predict(patch: Pick<PatchFile, "imagePath" | "place">): Promise<Uint8Array> {
    const { classifier, segmenter } = await this.#opened();
    const { data, height, width } = await readPatchFile(patch);
    const { classMap } = await segmenter.predict({ rgb: data, height, width }, { gate: classifier });
    const png = await encodeIndexPng({ indices: classMap, height, width }, segmenter.palette);
    return withTransparentIndex(png, segmenter.classes.length);
  }

  async #opened(): Promise<Networks> {
    const options = { device: "cpu", threads: this.#threads } as const;
    this.#networks ??= (async () => ({
      classifier: await Classifier.load(path.join(this.root, "classifier.safetensors"), options),
      segmenter: await Segmenter.load(path.join(this.root, "segmenter.safetensors"), options),
    }))();
    return await this.#networks;
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#turn.catch(() => undefined).then(work);
    this.#turn = turn;
    return await turn;
  }
}

function stemOf({ imagePath, place }: Pick<PatchFile, "imagePath" | "place">): string {
  return place === undefined ? path.parse(imagePath).name : stemOnSlide(imagePath, place);
}

function notThere(): WsssError {
  return new WsssError("WSSS_ERR_SHAPE", "there is no such pseudo mask");
}

/** The layers of whatever run has ended last. */
export class LatestLayers {
  readonly #finished: () => string | null;
  readonly #threads: number;
  #layers: RunLayers | null = null;

  /** @param finished - the run folder that has ended last; null before there is one. */
  constructor(finished: () => string | null, threads: number) {
    this.#finished = finished;
    this.#threads = threads;
  }

  /** @throws WsssError `WSSS_ERR_SHAPE` before the first training has ended */
  get current(): RunLayers {
    const root = this.#finished();
    if (root === null) throw notThere();
    if (this.#layers?.root !== root) {
      // Who still looks at those of before is let finish.
      void this.#layers?.close();
      this.#layers = new RunLayers(root, this.#threads);
    }
    return this.#layers;
  }

  async close(): Promise<void> {
    await this.#layers?.close();
  }
}
