import { resolve } from "node:path";
import type { Command } from "commander";
import { type PresetName, presetNames } from "../../dataset/presets.js";
import type { DatasetExamination } from "../../doctor/examination.js";
import { examineDataset } from "../../doctor/examine-dataset.js";
import { WsssError } from "../../errors.js";
import { act, addTalkOptions, type Streams, type TalkOptions } from "../environment.js";
import { counted, describeExamination } from "../examination-report.js";
import { writeResult } from "../terminal.js";
import { oneOf, someText } from "../values.js";

interface DoctorOptions extends TalkOptions {
  readonly preset?: PresetName;
  readonly description?: string;
}

/** What ends the command with the exit code for data, after the findings have been printed. */
function failureOf({ folder, errors, warnings }: DatasetExamination): WsssError {
  const message = `${folder} has ${counted(errors, "error")}; correct ${errors === 1 ? "it" : "them"} before training`;
  return new WsssError("WSSS_ERR_DATASET", message, { path: folder, errors, warnings });
}

/** `wsss-tissue doctor`: says what is wrong with a dataset before anything is trained on it. */
export function addDoctorCommand(program: Command, streams: Streams): void {
  const command = program
    .command("doctor")
    .argument("<data>", "folder of the dataset: train/, val/, test/")
    .summary("read a whole dataset and say what is wrong, where, and what to do")
    .description(
      "Reads every file of a dataset before any training and says what is wrong, where, and what to do: folders, description,\n" +
        "labels, patches, masks, labels against masks, the same patch or patient in two splits, class balance, memory.\n" +
        "Ends with exit code 3 if there are errors; warnings alone end with 0. Changes nothing.",
    )
    .option(
      "--preset <name>",
      `built-in description of a published dataset: ${presetNames.join(" or ")}`,
      oneOf(...presetNames),
    )
    .option(
      "--description <file>",
      "JSON file that describes the dataset (default: wsss-dataset.json in its folder)",
      (text: string) => resolve(someText(text)),
    );
  addTalkOptions(command.optionsGroup("Output:")).addHelpText(
    "after",
    `
Examples:
  wsss-tissue doctor datasets/LUAD-HistoSeg --preset luad-histoseg
  wsss-tissue doctor my-tissue --json > findings.json`,
  );
  command.action(async (data: string, options: DoctorOptions) => {
    await act(streams, options, async ({ terminal, view, signal }) => {
      const { preset, description } = options;
      const examination = await examineDataset(data, {
        preset,
        description,
        signal,
        onProgress: ({ done, total }) =>
          view.progress({ stage: "doctor", label: "reading patches and masks", done, total }),
      });
      view.close();
      writeResult(terminal, examination, () => describeExamination(examination));
      if (examination.errors > 0) throw failureOf(examination);
    });
  });
}
