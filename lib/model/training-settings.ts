// Made by `npm run generate` from the table of options beside it; changed there, not here.

/** Options that both trainings have and that a run records. Bounds are inclusive where not said otherwise. */
export interface TrainingSettings {
  /**
   * Base values of all other options.
   * @defaultValue `"default"` (the method with its known defects repaired)
   */
  readonly recipe?: "default" | "published" | undefined;
  /**
   * Passes over the training split. Bounds: an integer of 1 to 1000000.
   * @defaultValue classifier `20`; segmenter `30` (as published)
   */
  readonly epochs?: number | undefined;
  /**
   * Patches in one optimiser step; of the segmenter at least 2, since its pooled branch normalises over the batch.
   * `"auto"`: 20, or as many as memory has room for, which small steps before the first find out. The number of steps,
   * and so the result, then depends on the machine; a resumed training takes as many patches as before. Bounds:
   * `"auto"`, or an integer of 1 to 65536.
   * @defaultValue `20` (as published)
   */
  readonly batchSize?: number | "auto" | undefined;
  /**
   * Whether the blocks of the network keep their inputs alone and compute what is inside twice (gradient
   * checkpointing): less memory for more time, and the same result but for rounding.
   * @defaultValue `false` (memory is enough for the published batch on most machines)
   */
  readonly gradientCheckpointing?: boolean | undefined;
  /**
   * `"sgd"`: stochastic gradient descent with momentum. `"adamw"`: Adam with decoupled weight decay, betas 0.9 and
   * 0.999 and epsilon 1e-8, as in PyTorch; it has other defaults of the learning rate and the weight decay, and takes
   * no momentum.
   * @defaultValue `"sgd"` (as published)
   */
  readonly optimizer?: "sgd" | "adamw" | undefined;
  /**
   * Learning rate of the first step for the backbone. Bounds: above 0, at most 100.
   * @defaultValue classifier `0.01`, small networks `0.001`, AdamW `0.0001`; segmenter `0.0005`, small networks
   *   `0.004`, AdamW `0.0001`, recipe `"published"` `0.01` (of the classifier as published, but for small networks:
   *   MobileNetV2 diverges at more. Of the segmenter the published 0.01 acts on a loss that is divided by the batch size
   *   of 20 once more, so that its true rate on the mean loss is 0.01 / 20; the head of a small network has more to learn
   *   in fewer steps. AdamW's is the one usual for starts from ImageNet weights)
   */
  readonly learningRate?: number | undefined;
  /**
   * Factor on the learning rate of the new layers (classifier: fc8; segmenter: ASPP and decoder). Bounds: above 0, at
   * most 1000.
   * @defaultValue `10` (as published)
   */
  readonly headLearningRateFactor?: number | undefined;
  /**
   * Momentum of SGD; AdamW has none. Bounds: at least 0 and below 1.
   * @defaultValue classifier `0.9`, recipe `"published"` `0.0005`; segmenter `0.9` (the usual; the published code
   *   passes the weight decay in momentum's place to the classifier's optimizer)
   */
  readonly momentum?: number | undefined;
  /**
   * Nesterov's variant of momentum; needs a momentum above 0.
   * @defaultValue `false` (as published)
   */
  readonly nesterov?: boolean | undefined;
  /**
   * L2 penalty, added to the gradient as `weightDecay * weight`; with AdamW its decoupled weight decay. Bounds: 0 to 1.
   * @defaultValue classifier `0.0005`, AdamW `0.01`; segmenter `0.01`, small networks `0.0005`, recipe `"published"`
   *   `0.0005` (of the classifier as published. Of the segmenter, whose learning rate is divided by 20, it must be 20
   *   times the published one to shrink the weights as much per step. AdamW's is PyTorch's)
   */
  readonly weightDecay?: number | undefined;
  /**
   * The learning rate over the steps. `"poly"`: rate * (1 - step / steps) ^ power. `"cosine"`: half a cosine down to 0.
   * `"step"`: a tenth after every `stepEpochs`.
   * @defaultValue `"poly"` (as published)
   */
  readonly schedule?: "poly" | "cosine" | "step" | undefined;
  /**
   * Exponent of the poly schedule. Bounds: above 0, at most 10.
   * @defaultValue `0.9` (as published)
   */
  readonly power?: number | undefined;
  /**
   * Epochs between two drops of the step schedule. Bounds: an integer of at least 1.
   * @defaultValue `10` (hence a hundredth of the rate in the last third of 30 epochs)
   */
  readonly stepEpochs?: number | undefined;
  /**
   * Epochs in which the rate rises linearly from 0 to its schedule. The very first step then has rate 0. Bounds: an
   * integer of at least 0.
   * @defaultValue `0` (as published)
   */
  readonly warmupEpochs?: number | undefined;
  /**
   * Largest L2 norm of the gradient over all parameters; longer ones are scaled down to it. 0 clips nothing. Bounds: 0
   * to 1000000000.
   * @defaultValue `5`, recipe `"published"` `0` (normal steps stay well below it, while the rare huge one, which ends
   *   in NaN without it, is tamed)
   */
  readonly gradientClipNorm?: number | undefined;
  /**
   * Share of its old value that a running average of the weights and batch-norm statistics keeps at each step. Above 0
   * the average is what is validated, saved and kept; while the rate is high it scores far better than the weights
   * themselves. About 1 - 1 / (steps of one epoch) is a good value. Bounds: at least 0 and below 1.
   * @defaultValue classifier `0`; segmenter `0`, small networks `0.98` (no average, as published; the segmenter on a
   *   small network has one, since wrong pseudo masks pull each step another way)
   */
  readonly emaDecay?: number | undefined;
  /**
   * Probability that a patch is mirrored left to right. Bounds: 0 to 1.
   * @defaultValue `0.5` (as published)
   */
  readonly horizontalFlip?: number | undefined;
  /**
   * Probability that a patch is mirrored top to bottom. Bounds: 0 to 1.
   * @defaultValue classifier `0.5`; segmenter `0` (as published)
   */
  readonly verticalFlip?: number | undefined;
  /**
   * Probability that a patch is turned by 90, 180 or 270 degrees, each as probable; by 180 where patches are not
   * square. Bounds: 0 to 1.
   * @defaultValue `0` (as published)
   */
  readonly quarterTurns?: number | undefined;
  /**
   * Smallest factor by which the tissue of a patch is enlarged. What no longer fits is cut off at a random place; where
   * tissue is reduced, it goes on mirrored beyond the border of the patch. The labels of the patch stay. Bounds: 0.5 to
   * 4.
   * @defaultValue `1` (as published)
   */
  readonly scaleMin?: number | undefined;
  /**
   * Largest factor by which the tissue of a patch is enlarged, at least `scaleMin`; as many patches get a factor below
   * the geometric mean of both as above. Bounds: 0.5 to 4.
   * @defaultValue `1` (as published)
   */
  readonly scaleMax?: number | undefined;
  /**
   * Jitter of brightness: a patch is multiplied by a factor of 1 - x to 1 + x, as torchvision's ColorJitter does.
   * Bounds: 0 to 1.
   * @defaultValue `0` (as published)
   */
  readonly brightness?: number | undefined;
  /**
   * Jitter of contrast: distances from the mean grey of the patch are multiplied by a factor of 1 - x to 1 + x. Bounds:
   * 0 to 1.
   * @defaultValue `0` (as published)
   */
  readonly contrast?: number | undefined;
  /**
   * Jitter of saturation: distances of pixels from their own grey are multiplied by a factor of 1 - x to 1 + x. Bounds:
   * 0 to 1.
   * @defaultValue `0` (as published)
   */
  readonly saturation?: number | undefined;
  /**
   * Jitter of hue: the chroma of a patch is turned in YIQ by -x to x of a whole turn. Bounds: 0 to 0.5.
   * @defaultValue `0` (as published)
   */
  readonly hue?: number | undefined;
  /**
   * Jitter of the stain (Tellez et al. 2018): the densities of haematoxylin and of eosin are multiplied by factors of 1
   * - x to 1 + x, and shifted by -x to x. Dyes are told apart by the colours of Ruifrok and Johnston (2001). Bounds: 0
   * to 0.5.
   * @defaultValue `0` (as published)
   */
  readonly stainJitter?: number | undefined;
  /**
   * Factor on every dropout probability of the network; 0 turns dropout off. Bounds: 0 to 1.
   * @defaultValue `1` (the paper's probabilities)
   */
  readonly dropoutFactor?: number | undefined;
  /**
   * Whether the last patches of an epoch that don't fill a batch are left out (others every epoch, by the shuffle).
   * @defaultValue classifier `true`; segmenter `true`, recipe `"published"` `false` (a tiny last batch has a noisy
   *   gradient, and noisy batch statistics just before validation)
   */
  readonly dropLastBatch?: boolean | undefined;
  /**
   * Files made for inference have their batch norms folded into the convolutions: norms of such a start have no
   * statistics of their own. With `true`, those that learn in this training get them back before the first step, from
   * 64 training patches, in a way that leaves what the network computes in evaluation as it is. With `false` the first
   * training step throws the pretrained features away, since it normalises them anew. Other starts are not touched.
   * @defaultValue `true`, recipe `"published"` `false` (pretrained features are what such a start is for)
   */
  readonly unfoldBatchNorm?: boolean | undefined;
  /**
   * Whether batch norms keep their statistics, scales and shifts; of the segmenter those of its backbone, while those
   * of ASPP and decoder always learn. `"auto"`: exactly if the weights come from elsewhere.
   * @defaultValue classifier `"auto"`; segmenter `"auto"`, recipe `"published"` `false` (statistics of small batches of
   *   a few patients unlearn what ImageNet taught, while norms of random weights must learn)
   */
  readonly freezeBatchNorm?: boolean | "auto" | undefined;
  /**
   * Seed of shuffle, augmentation and dropout. One seed on one device gives one result. Bounds: an integer of 0 to
   * 4294967295.
   * @defaultValue `0` (any will do)
   */
  readonly seed?: number | undefined;
  /**
   * The weights that the model holds when training ends: those of the best epoch on the validation split, or the last.
   * `"best"` can't be asked for without a validation split, and without one `"last"` is the default.
   * @defaultValue classifier `"best"`, recipe `"published"` `"last"`; segmenter `"best"` (the last epoch is not always
   *   the best)
   */
  readonly keep?: "best" | "last" | undefined;
}
