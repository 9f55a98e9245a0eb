/** The command `pseudo-masks`: its options, and the masks' folder and scores that it prints. */
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { pseudoMaskTable } from "../../run/report-table.js";
import { pseudoMaskFolder } from "../../run/sources.js";
import { performPseudoMasksStage } from "../../run/stages/pseudo-masks-stage.js";
import { addTalkOptions, type Streams } from "../environment.js";
import { addGroupOptions } from "../group-of-command.js";
import * as groups from "../run-options.js";
import { setStageAction } from "./stage-command.js";

/** `wsss-tissue pseudo-masks`: the second stage. */
export function addPseudoMasksCommand(program: Command, streams: Streams): void {
  const command = program
    .command("pseudo-masks")
    .summary("stage 2: pseudo masks for the train patches")
    .description(
      "Draws pseudo masks for the train patches with the classifier of the run folder. Writes them into train_PM/, and\n" +
        "scores them if the dataset has true masks in train_mask/.",
    );
  groups.addDataOptions(command);
  groups.addFolderOptions(command);
  groups.addDeviceOptions(command);
  groups.addPseudoMaskOptions(command);
  command.option(
    "--classifier <file>",
    "classifier to use (default: classifier.safetensors of the run folder)",
    (text: string) => resolve(text),
  );
  addGroupOptions(command);
  addTalkOptions(command.optionsGroup("Output:"));
  setStageAction(command, streams, {
    splits: ["train"],
    sections: ["pseudoMasks"],
    plan: groups.planOf,
    sources: (given) => ({ classifier: given["classifier"] as string | undefined }),
    work: async (context) => {
      const { stage, skipped, result, elapsedMs } = await performPseudoMasksStage(context);
      const folder = join(context.root, pseudoMaskFolder);
      const names = context.dataset.classes.map(({ name }) => name);
      return {
        json: { stage, skipped, folder, ...(result.scores && { pseudoMasks: result.scores }), elapsedMs },
        text: () => [folder, ...(result.scores ? pseudoMaskTable(result.scores, names) : [])].join("\n"),
      };
    },
  });
}
