/** The command `report`: its options, and what it says of the page that it wrote. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { readAblation } from "../../ablation/ablation-file.js";
import { writeAblationReport } from "../../ablation/ablation-report.js";
import { WsssError } from "../../errors.js";
import { type WrittenReport, writeRunReport } from "../../report/write-run-report.js";
import { act, addTalkOptions, type Streams } from "../environment.js";
import { writeResult } from "../terminal.js";

interface ReportOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly out?: string;
}

/** What there is a report of, and the report. */
type Answer = WrittenReport & { readonly kind: "run" | "ablation" };

/** Whatever of a run a folder holds is worth a page; without any of it, it is some other folder. */
const partsOfRun = ["run.json", "metrics", "stages", "result.json"];

async function write(folder: string, file: string | undefined, signal: AbortSignal): Promise<Answer> {
  const ablation = await readAblation(folder);
  if (ablation !== undefined) {
    return { kind: "ablation", ...(await writeAblationReport(folder, ablation, { file, signal })) };
  }
  if (partsOfRun.some((name) => existsSync(join(folder, name)))) {
    return { kind: "run", ...(await writeRunReport(folder, file)) };
  }
  const message = `${folder} is neither a run folder nor that of an ablation: there is no run.json and no ablation.json; name the folder that was --out of run, demo or ablate`;
  throw new WsssError("WSSS_ERR_DATASET", message, { path: folder });
}

function textOf({ file, missing }: Answer): string {
  return [file, ...missing.map((sentence) => `  ${sentence}`)].join("\n");
}

/** `wsss-tissue report`: the page of a run or an ablation, written now. */
export function addReportCommand(program: Command, streams: Streams): void {
  const command = program
    .command("report")
    .summary("one page that says how a run or an ablation went; opens offline")
    .description(
      "Writes report.html into a run folder, or the folder of an ablation, from what is there now: curves, scores with\n" +
        "intervals, confusion, patients, pictures, options and versions in one file that loads nothing. Runs write it\n" +
        "by themselves; this command is for folders of earlier versions, and for runs that were cut off.",
    )
    .argument("<run>", "run folder, or the folder of an ablation", (text: string) => resolve(text))
    .option("--out <file>", "the page (default: `report.html` in the folder)", (text: string) => resolve(text));
  addTalkOptions(command.optionsGroup("Output:")).addHelpText(
    "after",
    `
Examples:
  wsss-tissue report runs/luad
  wsss-tissue report ablation --out table.html`,
  );
  command.action(async (run: string, options: ReportOptions) => {
    await act(streams, options, async ({ terminal, view, signal }) => {
      const answer = await write(run, options.out, signal);
      view.close();
      writeResult(terminal, answer, () => textOf(answer));
    });
  });
}
