// Made by `npm run generate` from the table of options beside it; changed there, not here.
import type { TrainingSettings } from "../model/training-settings.js";

/** Options of stage 1, the classifier's training, that a run records. Bounds are inclusive where not said otherwise. */
export interface ClassifierTrainingSettings extends TrainingSettings {
  /**
   * Progressive dropout attention (PDA, paper section 3.1) is on from this epoch, counted from 0, or `"never"`. Bounds:
   * `"never"`, or an integer of at least 0.
   * @defaultValue `3` (the fourth epoch, as published: the attention maps must mean something first)
   */
  readonly pdaStartEpoch?: number | "never" | undefined;
  /**
   * Gamma at its start: activations above gamma times the maximum are dropped. Bounds: 0 to 1.
   * @defaultValue `1` (which drops nothing yet)
   */
  readonly gammaInitial?: number | undefined;
  /**
   * Factor on gamma after every epoch. Bounds: above 0, at most 1.
   * @defaultValue `0.985`, recipe `"published"` `0.98` (the paper's; the published one is the code's)
   */
  readonly gammaDecay?: number | undefined;
  /**
   * Gamma shrinks only while it is above this. Bounds: 0 to 1.
   * @defaultValue `0.65` (the paper's)
   */
  readonly gammaFloor?: number | undefined;
  /**
   * Whether gamma shrinks from the first epoch (`"start"`) or from the start of PDA (`"pda"`).
   * @defaultValue `"pda"`, recipe `"published"` `"start"` (the paper's; in the published code PDA begins at 0.941
   *   instead of 1)
   */
  readonly gammaDecaysFrom?: "start" | "pda" | undefined;
  /**
   * Divisor of the sum of the class maps: the number of classes, or a number. Bounds: `"classes"`, or above 0, at most
   * 1000000.
   * @defaultValue `"classes"`, recipe `"published"` `4` (a mean, as the paper has it; the published code divides by 4
   *   for any number of classes)
   */
  readonly pdaDivisor?: number | "classes" | undefined;
  /**
   * Weight of the dense loss: each cell of the maps of a patch whose label names one class shows that class, so the
   * mean over such patches and cells of the cross-entropy of their class is added to the loss on the labels. Bounds: 0
   * to 1000.
   * @defaultValue `0` (as published)
   */
  readonly denseLoss?: number | undefined;
  /**
   * Whether conv1a and the blocks b2, b2_1, b2_2 keep their weights. `"auto"`: exactly if the weights come from
   * elsewhere.
   * @defaultValue `"auto"` (frozen random filters learn nothing)
   */
  readonly freezeStem?: boolean | "auto" | undefined;
}
