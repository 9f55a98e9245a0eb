/** The program `wsss-tissue` as commander knows it: all commands in their groups, help and version. */
import { Command } from "commander";
import { packageVersion } from "../files/package-version.js";
import { addAblateCommand } from "./commands/ablate-command.js";
import { addBundleCommand } from "./commands/bundle-command.js";
import { addCompareCommand } from "./commands/compare-command.js";
import { addConvertCommand } from "./commands/convert-command.js";
import { addDemoCommand } from "./commands/demo-command.js";
import { addDoctorCommand } from "./commands/doctor-command.js";
import { addEvaluateCommand } from "./commands/evaluate-command.js";
import { addFollowCommand } from "./commands/follow-command.js";
import { addLabelCommand } from "./commands/label-command.js";
import { addInspectCommand } from "./commands/inspect-command.js";
import { addPatchesCommand } from "./commands/patches-command.js";
import { addPredictCommand } from "./commands/predict-command.js";
import { addPseudoMasksCommand } from "./commands/pseudo-masks-command.js";
import { addReportCommand } from "./commands/report-command.js";
import { addRunCommand } from "./commands/run-command.js";
import { addMergeCommand, addSegmentCommand } from "./commands/segment-command.js";
import { addSetupCommand } from "./commands/setup-command.js";
import { addSlideCommand } from "./commands/slide-command.js";
import { addTrainClassifierCommand } from "./commands/train-classifier-command.js";
import { addTrainSegmenterCommand } from "./commands/train-segmenter-command.js";
import { addViewCommand } from "./commands/view-command.js";
import { addWeightsCommand } from "./commands/weights-command.js";
import type { Streams } from "./environment.js";
import { exitCodeOfSignal, stopSignals } from "./signals.js";

const signalCodes = stopSignals.map((signal) => `${exitCodeOfSignal(signal)} ${signal}`).join(", ");

/** The command line, with every command; it throws `CommanderError` instead of ending the process. */
export function createProgram(streams: Streams): Command {
  const program = new Command("wsss-tissue")
    .description("Weakly supervised tissue segmentation: from patch-level labels to segmented tissue.")
    .version(packageVersion, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .showSuggestionAfterError(true)
    // Descriptions carry the marks of Markdown for docs/command-line.md, which is made from them.
    .configureHelp({ optionDescription: ({ description }) => description.replaceAll("`", "") })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void streams.stdout.write(text),
      writeErr: (text) => void streams.stderr.write(text),
      // Errors are printed once, in one form, by the caller.
      outputError: () => undefined,
    })
    .addHelpText(
      "after",
      `
Exit codes: 0 ok, 1 defect of this program, 2 wrong option, 3 data or files, 4 weights, 5 device, memory, LibTorch or another process,
128 and its number if a signal stopped the work: ${signalCodes}.

Examples:
  wsss-tissue demo
  wsss-tissue doctor datasets/LUAD-HistoSeg --preset luad-histoseg
  wsss-tissue run --data datasets/LUAD-HistoSeg --preset luad-histoseg --out runs/luad
  wsss-tissue compare runs/luad runs/luad-supervised
  wsss-tissue predict --run runs/luad --out predictions patch.png`,
    );
  program.commandsGroup("Everything:");
  addDemoCommand(program, streams);
  addRunCommand(program, streams);
  addAblateCommand(program, streams);
  addCompareCommand(program, streams);
  addReportCommand(program, streams);
  program.commandsGroup("Your data:");
  addDoctorCommand(program, streams);
  addLabelCommand(program, streams);
  program.commandsGroup("Slides:");
  addSlideCommand(program, streams);
  addPatchesCommand(program, streams);
  addSegmentCommand(program, streams);
  addMergeCommand(program, streams);
  addViewCommand(program, streams);
  program.commandsGroup("One part:");
  addTrainClassifierCommand(program, streams);
  addPseudoMasksCommand(program, streams);
  addTrainSegmenterCommand(program, streams);
  addEvaluateCommand(program, streams);
  addPredictCommand(program, streams);
  addBundleCommand(program, streams);
  program.commandsGroup("Weights and this machine:");
  addWeightsCommand(program, streams);
  addFollowCommand(program, streams);
  addInspectCommand(program, streams);
  addConvertCommand(program, streams);
  addSetupCommand(program, streams);
  return program;
}
