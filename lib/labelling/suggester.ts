/** The classifier that learns while somebody labels: it reads all patches once, then suggests labels and an order. */
import type { Classifier } from "../classifier/classifier.js";
import { digestOfPixels } from "../doctor/digest.js";
import { loadAddon } from "../native/load.js";
import type { NativePatchFeatures } from "../native/addon.js";
import { runJob } from "../native/job.js";
import type { SuggestionState } from "./label-facts.js";
import type { PatchToLabel } from "./patches-to-label.js";

/** What is known when it learns. */
export interface Lesson {
  readonly classIds: readonly string[];
  /** uint8 [N, K]: 0 = absent, 1 = present, 2 = not answered. */
  readonly answers: Uint8Array;
  /** Positions that have been answered, and those that can be asked about. */
  readonly answered: readonly number[];
  readonly candidates: readonly number[];
}

/** What it has learned. */
interface Learned {
  readonly classIds: readonly string[];
  /** [N, K] */
  readonly probabilities: Float32Array;
  /** [N, K] of patches that are answered: predicted without their own answers; empty before there are enough. */
  readonly crossed: Float32Array;
}

/** Fewest answers of each kind before a class is suggested: of two or three nothing can be told. */
const fewest = 5;
/** How many patches are put into order at a time: more than are labelled until it is put anew. */
const ordered = 192;
/** Of so many of the most uncertain ones for each that is asked about, those are taken that differ most. */
const uncertainFor = 4;
/** Parts into which answered patches are split to predict each without itself. */
const folds = 4;

/** How a {@link Suggester} is made. */
export interface SuggesterOptions {
  readonly patches: readonly PatchToLabel[];
  /** Makes the network, on few threads. */
  readonly makeClassifier: (signal: AbortSignal) => Promise<Classifier>;
  /** Threads of its learning: one leaves the others to the page. */
  readonly threads: number;
  /** Asked whenever it can learn. */
  readonly lesson: () => Lesson;
  /** Told of an error that it can't mend. */
  readonly onFault: (error: unknown) => void;
}

/** Works in the background until it is closed. What it says may be some answers old. */
export class Suggester {
  readonly #options: SuggesterOptions;
  readonly #stop = new AbortController();
  readonly #described = new Set<number>();
  readonly #unreadable = new Set<number>();
  readonly #digests = new Map<string, number[]>();
  #features: NativePatchFeatures | undefined;
  #learned: Learned | undefined;
  #order: readonly number[] = [];
  #hasFailed = false;
  #isReading = true;
  #version = 0;
  #work: Promise<void> = Promise.resolve();
  #learning: Promise<void> | undefined;
  #isDue = false;

  constructor(options: SuggesterOptions) {
    this.#options = options;
  }

  /** Begins to read the patches. */
  begin(): void {
    this.#work = this.#read().catch((error: unknown) => {
      if (this.#stop.signal.aborted) return;
      this.#hasFailed = true;
      this.#options.onFault(error);
    });
  }

  /** Changes whenever it has learned something. */
  get version(): number {
    return this.#version;
  }

  get state(): Pick<SuggestionState, "state" | "described"> {
    const isOff = this.#hasFailed && this.#features === undefined;
    const isUseful = this.#learned?.probabilities.some((value) => !Number.isNaN(value)) === true;
    const state = isOff ? "off" : isUseful ? "ready" : this.#isReading ? "reading" : "waiting";
    return { state, described: this.#described.size };
  }

  /** Positions of patches that could not be read. */
  get unreadable(): ReadonlySet<number> {
    return this.#unreadable;
  }

  /** Patches to ask about next, those first that say most; some may have been answered meanwhile. */
  get order(): readonly number[] {
    return this.#order;
  }

  /** Patches whose pixels are the same. */
  get twins(): readonly (readonly number[])[] {
    return [...this.#digests.values()].filter((positions) => positions.length > 1);
  }

  /** What it makes of a patch; null for a class that it does not know. */
  probability(position: number, classId: string): number | null {
    return valueIn(this.#learned?.probabilities, this.#learned, position, classId);
  }

  /** What it makes of a labelled patch without its label; null where that is not known. */
  crossed(position: number, classId: string): number | null {
    return valueIn(this.#learned?.crossed, this.#learned, position, classId);
  }

  /** Patches in the order of their likeness to one. */
  async likeness(position: number): Promise<Float32Array | null> {
    const features = this.#features;
    if (features === undefined || !this.#described.has(position)) return null;
    return new Float32Array(
      await runJob<ArrayBuffer>((done) => features.likeness({ position }, done), this.#stop.signal),
    );
  }

  /** Learns from what is labelled now, or as soon as it has learned what was labelled before. */
  learn(): void {
    this.#isDue = true;
    this.#learning ??= this.#learnWhileDue().finally(() => (this.#learning = undefined));
  }

  /** Resolves when there is nothing left to learn. */
  async settled(): Promise<void> {
    await this.#work;
    await this.#learning;
  }

  /** Stops its work and frees what it holds. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.settled();
    const features = this.#features;
    this.#features = undefined;
    if (features !== undefined) await new Promise<void>((resolve) => features.dispose(resolve));
  }

  async #read(): Promise<void> {
    const { patches, makeClassifier, threads } = this.#options;
    const addon = await loadAddon();
    await using classifier = await makeClassifier(this.#stop.signal);
    const features = new addon.PatchFeatures({ count: patches.length, threads });
    this.#features = features;
    await classifier.describe(patches, {
      features,
      signal: this.#stop.signal,
      onDescribed: async (positions, store) => {
        for (const [index, position] of positions.entries()) {
          this.#described.add(position);
          const { height, width } = store;
          const digest = await digestOfPixels(new Uint8Array(store.patch(index)), height, width);
          this.#digests.set(digest, [...(this.#digests.get(digest) ?? []), position]);
        }
        this.learn();
      },
      onUnreadable: (position) => this.#unreadable.add(position),
    });
    this.#isReading = false;
    this.learn();
  }

  async #learnWhileDue(): Promise<void> {
    try {
      while (this.#isDue && !this.#stop.signal.aborted) {
        this.#isDue = false;
        await this.#learnOnce();
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#options.onFault(error);
    }
  }

  async #learnOnce(): Promise<void> {
    const features = this.#features;
    if (features === undefined || this.#described.size === 0) return;
    const lesson = this.#options.lesson();
    this.#learned = await this.#learnFrom(features, lesson);
    this.#order = await this.#putInOrder(features, lesson);
    this.#version += 1;
  }

  async #learnFrom(features: NativePatchFeatures, lesson: Lesson): Promise<Learned> {
    const { classIds } = lesson;
    const known = this.#answersToDescribed(lesson);
    const probabilities = await this.#suggest(features, enoughOf(known, classIds.length), classIds.length);
    const crossed = new Float32Array(probabilities.length).fill(Number.NaN);
    if (lesson.answered.length >= folds * fewest) {
      for (let fold = 0; fold < folds; fold += 1) {
        const held = lesson.answered.filter((_, index) => index % folds === fold);
        const others = Uint8Array.from(known);
        for (const position of held) others.fill(2, position * classIds.length, (position + 1) * classIds.length);
        const predicted = await this.#suggest(features, enoughOf(others, classIds.length), classIds.length);
        for (const position of held.filter((one) => this.#described.has(one))) {
          for (let k = 0; k < classIds.length; k += 1) {
            const at = position * classIds.length + k;
            crossed[at] = predicted[at] ?? Number.NaN;
          }
        }
      }
    }
    for (let position = 0; position < this.#options.patches.length; position += 1) {
      if (this.#described.has(position)) continue;
      probabilities.fill(Number.NaN, position * classIds.length, (position + 1) * classIds.length);
    }
    return { classIds, probabilities, crossed };
  }

  /** Nothing is learned from rows that are not there yet. */
  #answersToDescribed({ answers, classIds }: Lesson): Uint8Array {
    const known = Uint8Array.from(answers);
    for (let position = 0; position < this.#options.patches.length; position += 1) {
      if (!this.#described.has(position)) known.fill(2, position * classIds.length, (position + 1) * classIds.length);
    }
    return known;
  }

  async #suggest(features: NativePatchFeatures, answers: Uint8Array, classCount: number): Promise<Float32Array> {
    if (classCount === 0) return new Float32Array(0);
    const request = { answers, classCount };
    return new Float32Array(await runJob<ArrayBuffer>((done) => features.suggest(request, done), this.#stop.signal));
  }

  /** First what covers the set; once labels can be suggested, of the patches that they are least sure of those that differ most. */
  async #putInOrder(features: NativePatchFeatures, lesson: Lesson): Promise<readonly number[]> {
    const candidates = lesson.candidates.filter((position) => this.#described.has(position));
    const doubts = candidates.flatMap((position) => {
      const doubt = this.#doubt(position);
      return doubt === null ? [] : [{ position, doubt }];
    });
    const asked =
      doubts.length === 0
        ? candidates
        : doubts
            .sort((one, other) => other.doubt - one.doubt || one.position - other.position)
            .slice(0, Math.max(ordered, Math.ceil(doubts.length / uncertainFor)))
            .map(({ position }) => position);
    const request = {
      chosen: Float64Array.from(lesson.answered.filter((position) => this.#described.has(position))),
      candidates: Float64Array.from(asked),
      count: ordered,
    };
    return await runJob<number[]>((done) => features.spread(request, done), this.#stop.signal);
  }

  /** How unsure it is of a patch: 1 = of one class it knows nothing, 0 = it is sure of all; null where nothing is suggested. */
  #doubt(position: number): number | null {
    const doubts = (this.#learned?.classIds ?? []).flatMap((id) => {
      const probability = this.probability(position, id);
      return probability === null ? [] : [1 - Math.abs(2 * probability - 1)];
    });
    return doubts.length === 0 ? null : Math.max(...doubts);
  }
}

/** The answers, without those to classes of which there are too few of one kind. */
function enoughOf(answers: Uint8Array, classCount: number): Uint8Array {
  const enough = Uint8Array.from(answers);
  for (let k = 0; k < classCount; k += 1) {
    const counts = [0, 0, 0];
    for (let at = k; at < answers.length; at += classCount) {
      const answer = answers[at] ?? 2;
      counts[answer] = (counts[answer] ?? 0) + 1;
    }
    if ((counts[0] ?? 0) >= fewest && (counts[1] ?? 0) >= fewest) continue;
    for (let at = k; at < answers.length; at += classCount) enough[at] = 2;
  }
  return enough;
}

function valueIn(
  values: Float32Array | undefined,
  learned: Learned | undefined,
  position: number,
  classId: string,
): number | null {
  const k = learned?.classIds.indexOf(classId) ?? -1;
  const value = k < 0 ? undefined : values?.[position * (learned?.classIds.length ?? 0) + k];
  return value === undefined || Number.isNaN(value) ? null : value;
}
