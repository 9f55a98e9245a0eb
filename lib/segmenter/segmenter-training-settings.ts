// Made by `npm run generate` from the table of options beside it; changed there, not here.
import type { TrainingSettings } from "../model/training-settings.js";

/** Options of stage 3, the segmenter's training, that a run records. Bounds are inclusive where not said otherwise. */
export interface SegmenterTrainingSettings extends TrainingSettings {
  /**
   * Factor on the loss against each level of the masks, in the order of `masks.levels`. `"auto"`: the paper's 0.6 for
   * the deepest level (bn7) and 0.2 for each other, scaled to sum to 1 over the levels that are there; 1 for true
   * masks. Bounds: `"auto"`, or numbers of 0 to 1000, of which one is above 0.
   * @defaultValue `"auto"` (the paper's)
   */
  readonly levelWeights?: readonly number[] | "auto" | undefined;
  /**
   * What background pixels of a mask do. `"ignore"`: nothing. `"fifth-logit"`: the published constant channel K of 100
   * where the first level says background and 0 elsewhere, which counts in the mean and competes with every tissue
   * class.
   * @defaultValue `"ignore"`, recipe `"published"` `"fifth-logit"` (background is never scored, so it should not teach)
   */
  readonly background?: "ignore" | "fifth-logit" | undefined;
  /**
   * Whether the mean loss over pixels is divided by the batch size once more.
   * @defaultValue `false`, recipe `"published"` `true` (hence a learning rate that does not depend on the batch size)
   */
  readonly divideByBatch?: boolean | undefined;
  /**
   * `"cross-entropy"`, or `"focal"`: the published form, computed from the batch's mean cross-entropy (gamma 2, alpha
   * 0.5).
   * @defaultValue `"cross-entropy"` (as published)
   */
  readonly loss?: "cross-entropy" | "focal" | undefined;
  /**
   * Probability that a patch is blurred, with a Gaussian radius drawn from 0 (inclusive) to 1 (exclusive) pixels.
   * Bounds: 0 to 1.
   * @defaultValue `0.5` (as published)
   */
  readonly blur?: number | undefined;
  /**
   * Share of the patches of a step that are mosaics instead: two to six pieces of train patches that are labelled with
   * one class each, of two classes or more, joined along arcs, each piece mirrored and turned at random. Their masks
   * are those of their patches, so borders between tissues are learned where they are known for certain (as in
   * PistoSeg, Fang et al. 2023). Classes come evenly; one without such patches is on no mosaic. Where patients are
   * known and one has such patches of two classes, pieces are of one patient, and patients of one class give none.
   * `"auto"`: 0.5 with pseudo masks where at least 16 patches of each class can be pieces, else 0. Bounds: `"auto"`, or
   * 0 to 1.
   * @defaultValue `"auto"`, recipe `"published"` `0` (where pseudo masks are bad it brought one to three points, where
   *   they are good it made no difference, see docs/results.md)
   */
  readonly mosaic?: number | "auto" | undefined;
}
