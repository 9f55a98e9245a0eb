/** The class gate of a segmenter: its checks, and how the classifier is asked about patches. */
import { inStage, type OnProgress } from "../async/progress.js";
import type { Classifier } from "../classifier/classifier.js";
import { classifierHandle } from "../classifier/known-classifiers.js";
import type { TissueClass } from "../dataset/tissue-class.js";
import type { ModelHandle } from "../model/model-handle.js";
import { assertSameClasses } from "../model/split-checks.js";
import type { NativeClassifier, NativeGate, NativePatchStore } from "../native/addon.js";
import { runJob } from "../native/job.js";
import { refuseOption } from "../options/check.js";
import { groupHandle, type ProcessGroup } from "../process-group/process-group.js";

/** Checked choices for a gate. */
export interface GateChoice {
  readonly gate?: Classifier | null | undefined;
  readonly gateThreshold: number;
  readonly gateRule: "exclude" | "multiply";
  readonly batchSize: number;
  /** Processes that share the patches out. */
  readonly group?: ProcessGroup | undefined;
}

/** What asks a gate about patches. */
export interface PatchGate {
  open(patches: NativePatchStore, signal: AbortSignal, report: OnProgress): Promise<NativeGate>;
}

/** A gate's network and settings, while it is held. */
export interface HeldGate {
  readonly native: NativeClassifier;
  readonly threshold: number;
  readonly rule: "exclude" | "multiply";
}

/** The class gate (paper section 3.3): a classifier that says which classes a patch can have. */
export class Gate implements PatchGate {
  readonly #call: string;
  readonly #classifier: ModelHandle<NativeClassifier>;
  readonly #choice: GateChoice;

  private constructor(call: string, classifier: ModelHandle<NativeClassifier>, choice: GateChoice) {
    this.#call = call;
    this.#classifier = classifier;
    this.#choice = choice;
  }

  /**
   * Checks that the gate can work now and knows the segmenter's classes.
   * @returns `null` if no gate was chosen.
   * @throws WsssError `WSSS_ERR_SHAPE` for other classes, `WSSS_ERR_BUSY`, `WSSS_ERR_DISPOSED`.
   */
  static check(call: string, choice: GateChoice, classes: readonly TissueClass[]): Gate | null {
    const { gate } = choice;
    if (gate === undefined || gate === null) return null;
    const classifier = classifierHandle(gate);
    if (classifier === undefined) throw refuseOption(call, "gate", "a Classifier", gate);
    assertSameClasses(call, "the gate", gate.classes, "the segmenter", classes);
    classifier.assertIdle(`${call} with this gate`);
    return new Gate(call, classifier, choice);
  }

  /** Asks the classifier about every patch of a store. It is held meanwhile, and free again after. */
  async open(patches: NativePatchStore, signal: AbortSignal, report: OnProgress): Promise<NativeGate> {
    return await this.#classifier.run(this.#heldBy, { signal }, async (native, stop) => {
      return await this.#ask(native, patches, stop, report);
    });
  }

  /** A loop that holds the classifier from its first `next()` to its end. */
  async *hold<Item>(
    signal: AbortSignal,
    loop: (gate: PatchGate) => AsyncGenerator<Item, void, void>,
  ): AsyncGenerator<Item, void, void> {
    yield* this.#classifier.stream(this.#heldBy, { signal }, (native, stop) => {
      return loop({
        open: async (patches, wanted, report) =>
          await this.#ask(native, patches, AbortSignal.any([stop, wanted]), report),
      });
    });
  }

  /** A loop that holds the classifier itself, for native work with both networks. */
  async *holdNetwork<Item, Result>(
    signal: AbortSignal,
    loop: (gate: HeldGate, stop: AbortSignal) => AsyncGenerator<Item, Result, void>,
  ): AsyncGenerator<Item, Result, void> {
    const { gateThreshold: threshold, gateRule: rule } = this.#choice;
    return yield* this.#classifier.stream(this.#heldBy, { signal }, (native, stop) =>
      loop({ native, threshold, rule }, stop),
    );
  }

  /** What the classifier says it is busy with. */
  get #heldBy(): string {
    return `${this.#call} with this gate`;
  }

  async #ask(
    native: NativeClassifier,
    patches: NativePatchStore,
    signal: AbortSignal,
    report: OnProgress,
  ): Promise<NativeGate> {
    const { batchSize, group, gateThreshold: threshold, gateRule: rule } = this.#choice;
    const nativeOptions = { batchSize, group: groupHandle(group)?.native ?? null };
    const { probabilities } = await runJob<{ probabilities: ArrayBuffer }>(
      (done) => native.classify(nativeOptions, patches, inStage(report, "gate"), done),
      signal,
    );
    return { probabilities: new Float32Array(probabilities), threshold, rule };
  }
}
