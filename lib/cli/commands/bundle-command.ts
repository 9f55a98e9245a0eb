/** The command `bundle`: its options, and the scores and notes that it puts into the model card. */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { saveBundle } from "../../bundle/save-bundle.js";
import { Classifier } from "../../classifier/classifier.js";
import { ioFailure } from "../../files/file-access.js";
import { classifierOfRun } from "../../run/classifier-of-run.js";
import { readJsonIfPresent } from "../../run/files.js";
import type { RunResult } from "../../run/result.js";
import { Segmenter } from "../../segmenter/segmenter.js";
import { act, addTalkOptions, type Streams, type TalkOptions } from "../environment.js";
import { writeResult } from "../terminal.js";
import { decimal, oneOf, someText } from "../values.js";

interface BundleCommandOptions extends TalkOptions {
  readonly run: string;
  readonly out: string;
  readonly name?: string;
  readonly notes?: string;
  readonly gateThreshold?: number;
  readonly gateRule?: "exclude" | "multiply";
}

/** The test scores of a run, for the model card. */
async function scoresOf(run: string): Promise<Record<string, number | null>> {
  const result = (await readJsonIfPresent(join(run, "result.json"))) as Partial<RunResult> | undefined;
  const scores: Record<string, number | null> = {};
  if (result?.classifier !== undefined) scores["classifier exact match (test)"] = result.classifier.exactMatch;
  for (const [kind, one] of Object.entries(result?.segmenter ?? {})) {
    scores[`segmenter mIoU, ${kind} (test)`] = one.mIoU;
    scores[`segmenter accuracy, ${kind} (test)`] = one.accuracy;
  }
  return scores;
}

async function notesOf(file: string | undefined): Promise<string | undefined> {
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
    .option("--notes <file>", "Markdown for the model card: data, intended use, limits", path)
    .option("--gate-threshold <p>", "a class is open above this probability (default: 0.1)", decimal)
    .option("--gate-rule <name>", "exclude or multiply", oneOf("exclude", "multiply"));
  addTalkOptions(command);
  command.action(async (options: BundleCommandOptions) => {
    await act(streams, options, async ({ terminal, signal }) => {
      const { run, out, name, gateThreshold, gateRule } = options;
      const notes = await notesOf(options.notes);
      await using classifier = await Classifier.load(await classifierOfRun(run), { device: "cpu", signal });
      await using segmenter = await Segmenter.load(join(run, "segmenter.safetensors"), { device: "cpu", signal });
      const scores = await scoresOf(run);
      const manifest = await saveBundle(out, {
        classifier,
        segmenter,
        gateThreshold,
        gateRule,
        name,
        notes,
        scores,
        signal,
      });
      writeResult(terminal, { folder: out, ...manifest }, () => {
        const bytes = Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0);
        return `${out}: bundle "${manifest.name}", ${(bytes / 2 ** 20).toFixed(1)} MiB of weights, with MODEL_CARD.md`;
      });
    });
  });
}
