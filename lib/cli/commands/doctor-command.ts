/** The command `doctor`: its options, the printed findings, the first description that it drafts. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { type DatasetDescription, descriptionFileName, readDatasetDescription } from "../../dataset/description.js";
import { type PresetName, presetNames } from "../../dataset/presets.js";
import { draftDescription } from "../../doctor/draft-description.js";
import type { DatasetExamination } from "../../doctor/examination.js";
import { examineWithPlaces } from "../../doctor/examine-dataset.js";
import { WsssError } from "../../errors.js";
import { writeBytesAtomic } from "../../files/file-access.js";
import { assertWritable } from "../../model/checkpoint-paths.js";
import { doctorPage } from "../../report/doctor-page.js";
import { act, addTalkOptions, type Streams, type TalkOptions } from "../environment.js";
import { counted, describeExamination } from "../examination-report.js";
import { writeResult } from "../terminal.js";
import { oneOf, someText } from "../values.js";

interface DoctorOptions extends TalkOptions {
  readonly preset?: PresetName;
  readonly description?: string;
  readonly init?: boolean;
  readonly report?: string;
}

/** What ends the command with the exit code for data, after the findings have been printed. */
function failureOf({ folder, errors, warnings }: DatasetExamination): WsssError {
  const message = `${folder} has ${counted(errors, "error")}; correct ${errors === 1 ? "it" : "them"} before training`;
  return new WsssError("WSSS_ERR_DATASET", message, { path: folder, errors, warnings });
}

/** What `doctor --init` has written. */
interface WrittenDraft {
  readonly path: string;
  readonly seen: readonly string[];
  readonly description: DatasetDescription;
}

/** Writes a first description. @throws WsssError `WSSS_ERR_OPTION` where there is one, which stays */
async function writeDraft(data: string, signal: AbortSignal): Promise<WrittenDraft> {
  const path = join(resolve(data), descriptionFileName);
  if (existsSync(path)) {
    const message = `${path} is there already: edit it, or move it away before doctor --init writes another`;
    throw new WsssError("WSSS_ERR_OPTION", message, { option: "init", path });
  }
  const { description, seen } = await draftDescription(data, signal);
  await writeBytesAtomic(path, `${JSON.stringify(description, null, 2)}\n`);
  return { path, seen, description: await readDatasetDescription(path) };
}

function describeDraft({ path, seen, description: { classes, background } }: WrittenDraft): string {
  const list = classes.map(({ name, colour }) => `  ${name} (${colour.join(", ")})`);
  return [
    `wrote ${path}`,
    ...seen.map((sentence) => `  ${sentence}`),
    `classes, in the order of labels and mask indices, before ${background.name}:`,
    ...list,
    "Now give the classes their names and colours in that file, then run doctor again without --init.",
  ].join("\n");
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
        "Ends with exit code 3 if there are errors; warnings alone end with 0. Changes nothing, but for what --init writes.",
    )
    .option(
      "--preset <name>",
      `built-in description of a published dataset: ${presetNames.map((name) => `\`${name}\``).join(" or ")} (default: none)`,
      oneOf(...presetNames),
    )
    .option(
      "--description <file>",
      "JSON file that describes the dataset (default: `wsss-dataset.json` in its folder)",
      (text: string) => resolve(someText(text)),
    );
  command.option(
    "--report <file>",
    "write the findings as a page, HTML, with pictures of what is wrong and colours by patient (default: none)",
    (text: string) => resolve(someText(text)),
  );
  command.option(
    "--init",
    "write a first `wsss-dataset.json` from what names, masks and pixels show, to be edited, where there is none",
  );
  addTalkOptions(command.optionsGroup("Output:")).addHelpText(
    "after",
    `
Examples:
  wsss-tissue doctor datasets/LUAD-HistoSeg --preset luad-histoseg
  wsss-tissue doctor my-tissue --report findings.html
  wsss-tissue doctor my-tissue --json > findings.json`,
  );
  command.action(async (data: string, options: DoctorOptions) => {
    await act(streams, options, async ({ terminal, view, signal }) => {
      if (options.init === true) {
        const other = (["preset", "description", "report"] as const).find((name) => options[name] !== undefined);
        if (other !== undefined) throw new InvalidArgumentError(`--init writes a description; leave --${other} out.`);
        const draft = await writeDraft(data, signal);
        view.close();
        writeResult(terminal, draft, () => describeDraft(draft));
        return;
      }
      const { preset, description, report } = options;
      if (report !== undefined) await assertWritable(report);
      const examined = await examineWithPlaces(data, {
        preset,
        description,
        colours: report !== undefined,
        signal,
        onProgress: ({ done, total }) =>
          view.progress({ stage: "doctor", label: "reading patches and masks", done, total }),
      });
      if (report !== undefined) {
        await writeBytesAtomic(report, (await doctorPage(examined)).text);
        view.note(`the findings are in ${report}`);
      }
      view.close();
      const { examination } = examined;
      writeResult(terminal, examination, () => describeExamination(examination));
      if (examination.errors > 0) throw failureOf(examination);
    });
  });
}
