import type { TissueClass } from "../dataset/tissue-class.js";
import type { Classifier } from "../classifier.js";
import type { ModelHandle } from "../model/model-handle.js";
import type { NativeClassifier, NativeGate, NativePatchStore } from "../native/addon.js";
import { runJob } from "../native/job.js";
import { refuseOption } from "../options/check.js";
import type { OnProgress } from "../progress.js";
import { inStage } from "../progress.js";
import { classifierHandle } from "../model/registry.js";
import { assertSameClasses } from "./split-checks.js";

/** Checked choices for a gate. */
export interface GateChoice {
  readonly gate?: Classifier | null | undefined;
  readonly gateThreshold: number;
  readonly gateRule: "exclude" | "multiply";
  readonly batchSize: number;
}

/** The class gate (paper section 3.3): a classifier that says which classes a patch can have. */
export class Gate {
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
    const { batchSize, gateThreshold: threshold, gateRule: rule } = this.#choice;
    const call = `${this.#call} with this gate`;
    const { probabilities } = await this.#classifier.run(call, { signal }, async (native, stop) => {
      return await runJob<{ probabilities: ArrayBuffer }>(
        (done) => native.classify({ batchSize }, patches, inStage(report, "gate"), done),
        stop,
      );
    });
    return { probabilities: new Float32Array(probabilities), threshold, rule };
  }
}
