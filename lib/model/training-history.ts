/** The trainings behind a network's weights, recorded while they run and kept in its weight file. */
import { z } from "zod";
import type { EpochEvent, TrainingSummary } from "./training-events.js";

/** One finished training of a model, as its weight file tells it. Without times, so that equal trainings leave equal files. */
export interface TrainingHistory {
  /** Every option, none missing; `recipe` among them. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Optimiser steps done. */
  readonly steps: number;
  /** Epoch of the best validation score, counted from 0; -1 without validation. */
  readonly bestEpoch: number;
  /** In their order. */
  readonly epochs: readonly {
    /** Mean loss of the epoch's steps, in nats. */
    readonly meanLoss: number;
    /** Score on the validation split, 0..1 (Jaccard of the classifier, mIoU of the segmenter); `null` without one. */
    readonly score: number | null;
  }[];
}

const historySchema = z.array(
  z.object({
    settings: z.record(z.string(), z.unknown()),
    steps: z.int().min(0),
    bestEpoch: z.int().min(-1),
    epochs: z.array(z.object({ meanLoss: z.number(), score: z.number().nullable() })),
  }),
);

/** The history in the metadata of a weight file; empty where there is none that can be understood. */
export function historyOf(metadata: Readonly<Record<string, string>>): TrainingHistory[] {
  try {
    return historySchema.parse(JSON.parse(metadata["trainings"] ?? "[]"));
  } catch {
    return [];
  }
}

/** An epoch with whichever score its stage has. */
type ScoredEpoch = EpochEvent & {
  readonly validation?: { readonly mIoU: number | null };
  readonly labelValidation?: { readonly jaccard: number };
};

/** Hands a training's events on, and its history to `keep` when it has ended well. */
export async function* withHistory<Event extends { readonly kind: string }>(
  training: AsyncGenerator<Event, TrainingSummary, void>,
  settings: object,
  keep: (history: TrainingHistory) => void,
): AsyncGenerator<Event, TrainingSummary, void> {
  const epochs: { meanLoss: number; score: number | null }[] = [];
  try {
    for (;;) {
      const next = await training.next();
      if (next.done === true) {
        const { steps, bestEpoch, batchSize } = next.value;
        keep({ settings: { ...settings, batchSize }, steps, bestEpoch, epochs });
        return next.value;
      }
      if (next.value.kind === "epoch") {
        const { meanLoss, validation, labelValidation } = next.value as unknown as ScoredEpoch;
        epochs.push({ meanLoss, score: validation?.mIoU ?? labelValidation?.jaccard ?? null });
      }
      yield next.value;
    }
  } finally {
    // After the end this does nothing; when the loop is left early it cancels the training and waits for it.
    await training.return(undefined as never);
  }
}
