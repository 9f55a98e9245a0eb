/** The answer of a training command: weight file, epochs, steps, time and best validation score. */
import type { TrainingRecord } from "../../run/follow-training.js";
import type { StageOutcome } from "../../run/stage.js";
import { formatDuration } from "../../text/duration.js";
import type { StageAnswer } from "./stage-command.js";

/** What the training commands print. */
export function trainingAnswer(outcome: StageOutcome<TrainingRecord>, weights: string): StageAnswer {
  const { stage, skipped, result, elapsedMs } = outcome;
  return {
    json: { stage, skipped, weights, ...result, elapsedMs },
    text: () => {
      const { epochs, steps, bestEpoch, bestScore } = result;
      const best =
        bestEpoch === null || bestScore === null
          ? ""
          : `, best on val in epoch ${bestEpoch}: ${(bestScore * 100).toFixed(1)} %`;
      return `${weights}\n${epochs} epochs, ${steps} steps in ${formatDuration(elapsedMs)}${best}`;
    },
  };
}
