/** The command `bundle`: its options, and the scores and notes that it puts into the model card. */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { type BundleOptions, saveBundle } from "../../bundle/save-bundle.js";
import { Classifier } from "../../classifier/classifier.js";
import { ioFailure } from "../../files/file-access.js";
import { classifierOfRun } from "../../run/classifier-of-run.js";
import { readJsonIfPresent } from "../../run/files.js";
import { reportFileName } from "../../report/report-file.js";
import { resultFile } from "../../run/pipeline.js";
import type { RunResult } from "../../run/result.js";
import { readRunRecord } from "../../run/run-record.js";
import { Segmenter } from "../../segmenter/segmenter.js";
import { act, addTalkOptions, type Streams, type TalkOptions } from "../environment.js";
import { writeResult } from "../terminal.js";
import { decimal, oneOf, someText } from "../values.js";

interface BundleCommandOptions extends TalkOptions {
  readonly run: string;
  readonly out: string;
  readonly name?: string;
  readonly intendedUse?: string;
  readonly trainingData?: string;
  readonly notes?: string;
  readonly gateThreshold?: number;
  readonly gateRule?: "exclude" | "multiply";
  readonly report?: boolean;
  readonly onnx?: boolean;
}

/** The test scores of a run, and the intervals that it drew; their names say in how many ways a patch was looked at. */
async function scoresOf(run: string): Promise<Required<Pick<BundleOptions, "scores" | "intervals">>> {
  const result = (await readJsonIfPresent(join(run, resultFile))) as Partial<RunResult> | undefined;
  const scores: Record<string, number | null> = {};
  const intervals: Record<string, readonly [number, number]> = {};
  if (result?.classifier !== undefined) scores["classifier exact match (test)"] = result.classifier.exactMatch;
  for (const [kind, one] of Object.entries(result?.segmenter ?? {})) {
    for (const what of ["mIoU", "accuracy"] as const) {
      const views = one.views === undefined ? "" : `, --tta ${one.views}`;
      const name = `segmenter ${what}, ${kind}${views} (test)`;
      scores[name] = one[what];
      const [low, high] = one.intervals?.[what] ?? [null, null];
      if (low !== null && high !== null) intervals[name] = [low, high];
    }
  }
  return { scores, intervals };
}

/** What the record of a run says of its data; undefined if there is none. */
async function trainingDataOf(run: string): Promise<string | undefined> {
  const record = await readRunRecord(run);
  if (record === undefined) return undefined;
  const { name, train, val, test } = record.dataset;
  return `${name}: ${train.count} train patches, ${val.count} val patches, ${test.count} test patches.`;
}

async function textOf(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  return await readFile(file, "utf8").catch((error: unknown) => {
    throw ioFailure(error, "read", file);
  });
}

/** `wsss-tissue bundle`: both networks of a run as one folder for those who only segment. */
export function addBundleCommand(program: Command, streams: Streams): void {
  const path = (text: string): string => resolve(someText(text));
  const command = program
    .command("bundle")
    .summary("both networks of a run as one folder, with model card and checksums")
    .description(
      "Writes classifier and segmenter of a run folder, classes, colours, the gate's settings, a model card and checksums into one\n" +
        "folder. predict --bundle FOLDER, or Segmenter.load(FOLDER), is all that its user needs.",
    )
    .requiredOption("--run <folder>", "run folder with both networks", path)
    .requiredOption("--out <folder>", "folder of the bundle; an older bundle is replaced", path)
    .option("--name <name>", "name of the model (default: that of the folder)", someText)
    .option("--intended-use <file>", "Markdown for the model card: what the networks are for (default: research)", path)
    .option("--training-data <file>", "Markdown for it: what they were trained on (default: the run's dataset)", path)
    .option("--notes <file>", "Markdown for it: whatever else, such as limits", path)
    .option("--gate-threshold <p>", "a class is open above this probability (default: 0.1)", decimal)
    .option("--gate-rule <name>", "exclude or multiply", oneOf("exclude", "multiply"))
    .option("--report", "the run's report.html too, which shows some patches (default: off)")
    .option("--onnx", "both networks as ONNX files too, for other engines (default: off)");
  addTalkOptions(command);
  command.action(async (options: BundleCommandOptions) => {
    await act(streams, options, async ({ terminal, signal }) => {
      const { run, out, name, gateThreshold, gateRule } = options;
      const intendedUse = await textOf(options.intendedUse);
      const trainingData = (await textOf(options.trainingData)) ?? (await trainingDataOf(run));
      const notes = await textOf(options.notes);
      await using classifier = await Classifier.load(await classifierOfRun(run), { device: "cpu", signal });
      await using segmenter = await Segmenter.load(join(run, "segmenter.safetensors"), { device: "cpu", signal });
      const manifest = await saveBundle(out, {
        classifier,
        segmenter,
        gateThreshold,
        gateRule,
        name,
        intendedUse,
        trainingData,
        notes,
        ...(await scoresOf(run)),
        report: options.report === true ? join(run, reportFileName) : undefined,
        onnx: options.onnx,
        signal,
      });
      writeResult(terminal, { folder: out, ...manifest }, () => {
        const bytes = Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0);
        return `${out}: bundle "${manifest.name}", ${(bytes / 2 ** 20).toFixed(1)} MiB of weights, with MODEL_CARD.md`;
      });
    });
  });
}
