/** The command `train-segmenter`: its options, and the pseudo or true masks that it learns from. */
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { checkSegmenterPlan } from "../../run/check-plan.js";
import { performSegmenterRounds } from "../../run/stages/segmenter-rounds.js";
import { addDeclaredOptions } from "../add-declared-options.js";
import { addTalkOptions, type Streams } from "../environment.js";
import { segmenterOf } from "../plan-of-command.js";
import { addTrainingGroupOptions } from "../group-of-command.js";
import * as groups from "../run-options.js";
import { segmenterTrainingFlags, sharedTrainingFlags } from "../declared-flags.js";
import { setStageAction } from "./stage-command.js";
import { trainingAnswer } from "./training-answer.js";

type Given = Readonly<Record<string, unknown>>;

/** The folder that `--masks` names, if it names one. */
function maskFolderOf(given: Given): string | undefined {
  const masks = given["masks"];
  return typeof masks === "string" && masks !== "ground-truth" && masks !== "pseudo" ? resolve(masks) : undefined;
}

/** `wsss-tissue train-segmenter`: the third stage. */
export function addTrainSegmenterCommand(program: Command, streams: Streams): void {
  const command = program
    .command("train-segmenter")
    .summary("stage 3: the segmenter, from pseudo masks or true ones")
    .description(
      "Trains the segmenter on the pseudo masks of the run folder, or, fully supervised, on the true masks of\n" +
        "train_mask/. Writes segmenter.safetensors into the run folder.",
    );
  groups.addDataOptions(command);
  groups.addFolderOptions(command);
  groups.addCheckpointOptions(command);
  groups.addBoardOption(command);
  groups.addDeviceOptions(command);
  addTrainingGroupOptions(command);
  groups.addNetworkOptions(command, "segmenter");
  groups.addSegmenterOptions(command);
  command.option(
    "--masks <which>",
    "pseudo (train_PM of the run folder), ground-truth, or a folder with PM_<level> folders (default: pseudo)",
  );
  addDeclaredOptions(command, "Training:", sharedTrainingFlags, ["segmenter"]);
  addDeclaredOptions(command, "Loss and augmentation:", segmenterTrainingFlags, ["segmenter"]);
  command
    .optionsGroup("Pseudo masks:")
    .option("--levels <list>", "feature levels to learn from (default: as drawn)", (text: string) => text.split(","));
  addTalkOptions(command.optionsGroup("Output:")).addHelpText(
    "after",
    `
Example, full supervision with the same budget:
  wsss-tissue train-segmenter --data my-tissue --out runs/supervised --masks ground-truth --epochs 16`,
  );
  setStageAction(command, streams, {
    splits: ["train"],
    sections: ["pseudoMasks", "segmenter"],
    check: checkSegmenterPlan,
    plan: (given) => {
      const masks = maskFolderOf(given) === undefined ? given["masks"] : "pseudo";
      return { ...groups.planOf(given), segmenter: segmenterOf({ ...given, masks }) };
    },
    sources: (given) => ({ masks: maskFolderOf(given) }),
    work: async (context) =>
      trainingAnswer((await performSegmenterRounds(context)).last, join(context.root, "segmenter.safetensors")),
  });
}
