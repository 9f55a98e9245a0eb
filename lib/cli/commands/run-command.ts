/** The command `run`: all stages in one run folder, with options that `demo` and `ablate` have too. */
import { performance } from "node:perf_hooks";
import type { Command } from "commander";
import { checkPlan } from "../../run/check-plan.js";
import type { RunContext } from "../../run/context.js";
import { type RunRequest, withRun } from "../../run/open-run.js";
import { networkPresets } from "../../run/network-presets.js";
import { runPipeline } from "../../run/pipeline.js";
import { allSections } from "../../run/plan.js";
import { reportTable } from "../../run/report-table.js";
import {
  addPrefixedNetworkOptions,
  addPrefixedOptions,
  addStageWeights,
  addDeclaredOptions,
} from "../add-declared-options.js";
import { act, type ActionTools, addTalkOptions, type Streams } from "../environment.js";
import { addTrainingGroupOptions, withGroup } from "../group-of-command.js";
import { classifierFlags, planOfRun, presetOf, segmenterFlags } from "../plan-of-command.js";
import * as groups from "../run-options.js";
import { writeResult } from "../terminal.js";
import { classifierTrainingFlags, segmenterTrainingFlags, sharedTrainingFlags } from "../declared-flags.js";
import { fraction, oneOf } from "../values.js";

/** Adds the options that all stages together have, for `run` and `demo`. */
export function addPipelineOptions(command: Command): Command {
  groups.addCheckpointOptions(command);
  groups.addBoardOption(command);
  groups.addDeviceOptions(command);
  groups.addMaskChoice(addMethodOptions(command));
  return command;
}

/** Adds the choice of networks by one word, for `run` and `ablate`: the demo has settings of its own. */
export function addNetworkPreset(command: Command): Command {
  return command
    .optionsGroup("Networks:")
    .option(
      "--networks <preset>",
      "`paper`, for a GPU; `laptop`: EfficientNet-Lite0 from ImageNet weights, head of a quarter, 8 epochs (default: `paper`)",
      oneOf(...networkPresets),
    );
}

/** Adds the options of networks, trainings, masks, gate and pictures. */
export function addMethodOptions(command: Command): Command {
  command
    .optionsGroup("Networks:")
    .option(
      "--width <x>",
      "channel multiplier of both networks, 1 = the paper's; `0.125` or `1/8` (default: `1`)",
      fraction,
    );
  for (const stage of ["classifier", "segmenter"] as const) {
    groups.addBackboneOption(command, stage, `${stage}-`);
    groups.addWeightsKey(addStageWeights(command, stage), `${stage}-`);
  }
  groups.addLoadingOptions(command);
  groups.addSegmenterOptions(command);
  const both = "Training (with the prefix --classifier- or --segmenter- for one stage alone):";
  addDeclaredOptions(command, both, sharedTrainingFlags, ["classifier", "segmenter"]);
  addDeclaredOptions(command, "Training of the classifier:", classifierTrainingFlags, ["classifier"]);
  addDeclaredOptions(command, "Training of the segmenter:", segmenterTrainingFlags, ["segmenter"]);
  for (const [prefix, flags] of [
    ["classifier", classifierFlags],
    ["segmenter", segmenterFlags],
  ] as const) {
    addPrefixedNetworkOptions(command, prefix);
    addPrefixedOptions(command, flags, prefix);
  }
  groups.addPseudoMaskOptions(command);
  groups.addGateOptions(command);
  groups.addEvaluationOptions(command);
  return groups.addPictureOptions(command);
}

/** What a command does with the networks of a run when all stages are done: for JSON, and for people. */
export type AfterRun = (context: RunContext) => Promise<{ readonly json: object; readonly text: string }>;

/** Does all stages in a run folder and writes the result. @param startedAt - when the command began. */
export async function runAll(
  request: RunRequest,
  startedAt: number,
  { terminal, view }: Pick<ActionTools, "terminal" | "view">,
  after?: AfterRun,
): Promise<void> {
  await withRun({ ...request, check: checkPlan }, async (context) => {
    const { result } = await runPipeline(context, startedAt);
    const more = await after?.(context);
    view.close();
    view.note(`how it went is told by ${context.root}/report.html; pictures are in ${context.root}/pictures`);
    const classes = context.dataset.classes.map(({ name }) => name);
    const text = (): string => [reportTable(result, classes), ...(more === undefined ? [] : [more.text])].join("\n\n");
    writeResult(terminal, { ...result, ...more?.json }, text);
  });
}

/** `wsss-tissue run`: all stages. */
export function addRunCommand(program: Command, streams: Streams): void {
  const command = program
    .command("run")
    .summary("all stages: classifier, pseudo masks, segmenter, evaluation, pictures")
    .description(
      "Trains a segmenter from patch-level labels: classifier, pseudo masks, segmenter, evaluation, pictures.\n" +
        "A stage that is done and whose options, inputs and files are unchanged is skipped, and a training that was\n" +
        "interrupted goes on from its newest checkpoint: after an interruption, give the same command again.",
    );
  groups.addDataOptions(command);
  groups.addFolderOptions(command);
  addNetworkPreset(command);
  addPipelineOptions(command);
  addTrainingGroupOptions(command);
  addTalkOptions(command.optionsGroup("Output:")).addHelpText(
    "after",
    `
Examples:
  wsss-tissue run --data datasets/LUAD-HistoSeg --preset luad-histoseg --out runs/luad
  wsss-tissue run --data my-tissue --out runs/small --width 1/8 --epochs 16 --batch-size 16 --segmenter-lr 0.05
  wsss-tissue run --data my-tissue --out runs/supervised --masks ground-truth --json`,
  );
  command.action(
    async (options: { json?: boolean; quiet?: boolean; out: string; force?: boolean; forceUnlock?: boolean }) => {
      const startedAt = performance.now();
      await act(streams, options, async ({ terminal, view, signal }) => {
        const given = groups.givenOptions(command);
        const plain = {
          out: options.out,
          data: groups.dataOf(given),
          splits: ["train"],
          sections: allSections,
          base: presetOf(given),
          given: planOfRun(given),
          device: groups.deviceOf(given),
          checkpoints: groups.checkpointsOf(given),
          tensorboard: given["tensorboard"] === true,
          force: options.force ?? false,
          forceUnlock: options.forceUnlock ?? false,
          signal,
          reporter: view,
        } as const;
        await withGroup(given, signal, async (groupWork, stop) => {
          await runAll({ ...plain, groupWork, signal: stop }, startedAt, { terminal, view });
        });
      });
    },
  );
}
