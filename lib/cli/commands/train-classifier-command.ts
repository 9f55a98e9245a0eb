/** The command `train-classifier`: its options, its check, and the stage that it performs. */
import { join } from "node:path";
import type { Command } from "commander";
import { checkClassifierPlan } from "../../run/check-plan.js";
import { performClassifierStage } from "../../run/stages/classifier-stage.js";
import { addDeclaredOptions } from "../add-declared-options.js";
import { addTalkOptions, type Streams } from "../environment.js";
import { classifierOf } from "../plan-of-command.js";
import { addTrainingGroupOptions } from "../group-of-command.js";
import * as groups from "../run-options.js";
import { classifierTrainingFlags, sharedTrainingFlags } from "../declared-flags.js";
import { setStageAction } from "./stage-command.js";
import { trainingAnswer } from "./training-answer.js";

/** `wsss-tissue train-classifier`: the first stage. */
export function addTrainClassifierCommand(program: Command, streams: Streams): void {
  const command = program
    .command("train-classifier")
    .summary("stage 1: the classifier, from patch-level labels")
    .description("Trains the classifier on patch-level labels. Writes classifier.safetensors into the run folder.");
  groups.addDataOptions(command);
  groups.addFolderOptions(command);
  groups.addCheckpointOptions(command);
  groups.addBoardOption(command);
  groups.addDeviceOptions(command);
  addTrainingGroupOptions(command);
  groups.addNetworkOptions(command, "classifier");
  addDeclaredOptions(command, "Training:", sharedTrainingFlags, ["classifier"]);
  addDeclaredOptions(command, "Attention and frozen layers:", classifierTrainingFlags, ["classifier"]);
  addTalkOptions(command.optionsGroup("Output:")).addHelpText(
    "after",
    `
Example:
  wsss-tissue train-classifier --data datasets/BCSS-WSSS --preset bcss-wsss --out runs/bcss --epochs 20`,
  );
  setStageAction(command, streams, {
    splits: ["train"],
    sections: ["classifier"],
    check: checkClassifierPlan,
    plan: (given) => ({ ...groups.planOf(given), classifier: classifierOf(given) }),
    work: async (context) =>
      trainingAnswer(await performClassifierStage(context), join(context.root, "classifier.safetensors")),
  });
}
