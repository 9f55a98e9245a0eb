/** The trainings behind a network's weights, recorded while they run and kept in its weight file. */
import { z } from "zod";
import type { Split } from "../dataset/split.js";
import type { EpochEvent, TrainingSummary } from "./training-events.js";

/** One finished training of a model, as its weight file tells it. Without times, so that equal trainings leave equal files. */
export interface TrainingHistory {
  /** Every option, none missing; `recipe` among them. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Optimiser steps done. */
  readonly steps: number;
  /** Epoch of the best validation score, counted from 0; -1 without validation. */
  readonly bestEpoch: number;
  /** The patches that were learned from; absent in files of earlier versions. */
  readonly patches?: LearnedPatches | undefined;
  /** In their order. */
  readonly epochs: readonly {
    /** Mean loss of the epoch's steps, in nats. */
    readonly meanLoss: number;
    /** Score on the validation split, 0..1 (Jaccard of the classifier, mIoU of the segmenter); `null` without one. */
    readonly score: number | null;
  }[];
}

/** Form of the patches that a network has learned from. */
export interface LearnedPatches {
  /** Micrometres a pixel, as the dataset's description says; null where it says nothing. */
  readonly micronsPerPixel: number | null;
  /** In px. */
  readonly height: number;
  /** In px. */
  readonly width: number;
}

const historySchema = z.array(
  z.object({
    settings: z.record(z.string(), z.unknown()),
    steps: z.int().min(0),
    bestEpoch: z.int().min(-1),
    patches: z
      .object({ micronsPerPixel: z.number().nullable(), height: z.int().min(1), width: z.int().min(1) })
      .optional(),
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
  split: Pick<Split, "micronsPerPixel" | "patchSize">,
  keep: (history: TrainingHistory) => void,
): AsyncGenerator<Event, TrainingSummary, void> {
  const epochs: { meanLoss: number; score: number | null }[] = [];
  try {
    for (;;) {
      const next = await training.next();
      if (next.done === true) {
        const { steps, bestEpoch, batchSize } = next.value;
        const { micronsPerPixel, patchSize } = split;
        const patches = patchSize === null ? undefined : { micronsPerPixel, ...patchSize };
        keep({ settings: { ...settings, batchSize }, steps, bestEpoch, patches, epochs });
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
