/** How long to train on few labels. */
import { mergeOptions, type PlanOptions } from "../run/plan-options.js";

/** Steps below which a small set is not learned, however often an epoch of it comes: about eight epochs of 700 patches. */
const fewestSteps = 300;
/** Patches of a step, as of both trainings unless the plan says otherwise. */
const usualBatch = 20;

/**
 * A plan with as many epochs as a set of this size needs, and batches that it can fill: eight epochs of 60 patches are 24 steps, in which
 * nothing is learned.
 * @param labelled - patches of train.
 */
export function planForLabels(plan: PlanOptions, labelled: number): PlanOptions {
  const longEnough = (stage: "classifier" | "segmenter"): { readonly training: object } => {
    const { epochs, batchSize } = plan[stage]?.training ?? {};
    const wanted = typeof batchSize === "number" ? batchSize : usualBatch;
    const batch = Math.min(wanted, labelled);
    const steps = Math.max(1, Math.floor(labelled / batch));
    return {
      training: {
        ...(batch < wanted && { batchSize: batch }),
        // Who names no epochs gets the usual ones, of which there are many.
        ...(epochs !== undefined && { epochs: Math.max(epochs, Math.ceil(fewestSteps / steps)) }),
      },
    };
  };
  return mergeOptions(plan, { classifier: longEnough("classifier"), segmenter: longEnough("segmenter") });
}
