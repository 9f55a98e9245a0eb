/** The command `evaluate`: its options, and the score table that it prints. */
import { resolve } from "node:path";
import { performance } from "node:perf_hooks";
import type { Command } from "commander";
import { reportTable } from "../../run/report-table.js";
import type { RunResult } from "../../run/result.js";
import { evaluate } from "../../run/stages/evaluation-stage.js";
import { addTalkOptions, type Streams } from "../environment.js";
import { addGroupOptions } from "../group-of-command.js";
import * as groups from "../run-options.js";
import { setStageAction } from "./stage-command.js";

/** `wsss-tissue evaluate`: scores on the test split. */
export function addEvaluateCommand(program: Command, streams: Streams): void {
  const command = program
    .command("evaluate")
    .summary("score classifier and segmenter on the test patches")
    .description(
      "Scores the classifier's labels and the segmenter's masks, without and with the class gate, on the test patches.",
    );
  groups.addDataOptions(command);
  groups.addFolderOptions(command);
  groups.addDeviceOptions(command);
  groups.addGateOptions(command);
  groups.addEvaluationOptions(command);
  const file = (text: string): string => resolve(text);
  command
    .optionsGroup("Networks:")
    .option("--classifier <file>", "classifier to use (default: classifier.safetensors of the run folder)", file)
    .option("--segmenter <file>", "segmenter to use (default: segmenter.safetensors of the run folder)", file);
  addGroupOptions(command);
  addTalkOptions(command.optionsGroup("Output:"));
  setStageAction(command, streams, {
    splits: ["test"],
    sections: ["evaluation"],
    plan: groups.planOf,
    sources: (given) => ({
      classifier: given["classifier"] as string | undefined,
      segmenter: given["segmenter"] as string | undefined,
    }),
    work: async (context) => {
      const startedAt = performance.now();
      const { result: scores } = await evaluate(context);
      const result: RunResult = { ...scores, elapsedMs: Math.round(performance.now() - startedAt) };
      return {
        json: result,
        text: () =>
          reportTable(
            result,
            context.dataset.classes.map(({ name }) => name),
          ),
      };
    },
  });
}
