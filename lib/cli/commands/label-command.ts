/** The command `label`: a page on which patches are labelled, for the browser of this machine. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmdir, stat } from "node:fs/promises";
import { userInfo } from "node:os";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { WsssError } from "../../errors.js";
import { makeFolder } from "../../files/make-folder.js";
import { makeLabelNetwork } from "../../labelling/label-network.js";
import { serveLabelling } from "../../labelling/label-server.js";
import { LabelSlides } from "../../labelling/label-slides.js";
import { LabelTraining } from "../../labelling/label-training.js";
import { journalFolder, Labelling } from "../../labelling/labelling.js";
import { cutSlidesToLabel } from "../../labelling/patches-of-slides.js";
import { planForLabels } from "../../labelling/training-plan.js";
import { type ClassifierBackbone, classifierBackbones } from "../../model/backbones.js";
import { type NetworkPreset, networkPresets, presetPlans } from "../../run/network-presets.js";
import type { PlanOptions } from "../../run/plan-options.js";
import { whileLocked } from "../../run/run-lock.js";
import { act, type ActionTools, addTalkOptions, type Streams, type TalkOptions } from "../environment.js";
import { writeResult } from "../terminal.js";
import { atLeast, decimal, integer, oneOf, port, someText, words } from "../values.js";

interface LabelCommandOptions extends TalkOptions {
  readonly out?: string;
  readonly classes?: readonly string[];
  readonly annotator?: string;
  readonly port: number;
  readonly open?: boolean;
  readonly addNew?: boolean;
  readonly suggestions?: boolean;
  readonly backbone?: ClassifierBackbone;
  readonly weights?: string;
  readonly threads?: number;
  readonly networks?: NetworkPreset;
  readonly trainingThreads?: number;
  readonly forceUnlock?: boolean;
  readonly mpp?: number;
  readonly patchPx?: number;
  readonly minTissue?: number;
  readonly limit?: number;
  readonly seed?: number;
  readonly slideMpp?: number;
}

/** The folder that is labelled; of slides it is made first. */
async function folderOf(data: readonly string[], options: LabelCommandOptions, tools: ActionTools): Promise<string> {
  const { out, classes, mpp, patchPx, minTissue, limit, seed, slideMpp } = options;
  const [first = ""] = data;
  const isFolder = await stat(first).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder && data.length === 1 && out === undefined) return resolve(first);
  if (out === undefined) {
    const message = isFolder
      ? "name one folder only, of a dataset or of pictures; or slides, with --out for the dataset of their patches"
      : `${first} is no folder; of slides patches are cut first, into the dataset that --out names`;
    throw new WsssError("WSSS_ERR_OPTION", message, { option: "out", path: first });
  }
  const { view, signal } = tools;
  const warnings = await cutSlidesToLabel(data, {
    ...{ output: out, classes, micronsPerPixel: mpp, patchPx, minTissue, limit, seed, slideMpp, signal },
    onProgress: ({ stage, done, total }) => {
      view.progress({ stage: "patches", label: stage === "find" ? "slides searched" : "slides cut", done, total });
    },
  });
  for (const warning of warnings) view.warn(warning);
  return resolve(out);
}

/** The name of the user, as far as the machine knows it. */
function ownName(): string {
  try {
    return userInfo().username;
  } catch {
    const message = "annotator is missing: this machine knows no name of its user; say --annotator NAME";
    throw new WsssError("WSSS_ERR_OPTION", message, { option: "annotator" });
  }
}

/** Shows the page where there is a screen; where there is none, or no such program, the address was printed. */
function openInBrowser(url: string): void {
  if ((process.env["DISPLAY"] ?? process.env["WAYLAND_DISPLAY"] ?? "") === "") return;
  spawn("xdg-open", [url], { detached: true, stdio: "ignore" })
    .on("error", () => undefined)
    .unref();
}

async function label(data: readonly string[], options: LabelCommandOptions, tools: ActionTools): Promise<void> {
  const { terminal, view } = tools;
  const folder = await folderOf(data, options, tools);
  const warn = (message: string): void => view.warn(message);
  const onFault = (error: unknown): void => warn(error instanceof Error ? error.message : String(error));
  const { suggestions = true, open = true, backbone = "mobilenet", threads = 1, classes = [], forceUnlock } = options;
  const { networks = "laptop", trainingThreads = 0 } = options;
  const weights = options.weights === "none" ? null : options.weights;
  const lock = { folder: join(folder, journalFolder), forceUnlock, signal: tools.signal, reporter: { warn } };
  await makeFolder(lock.folder);
  const work = whileLocked(lock, async (signal) => {
    const labelling = await Labelling.open({
      ...{
        folder,
        annotator: options.annotator ?? ownName(),
        classes,
        addsNew: options.addNew ?? false,
        threads,
        onFault,
      },
      makeClassifier: suggestions
        ? async (stop) => await makeLabelNetwork({ backbone, weights, threads, warn }, stop)
        : null,
    });
    noteUnlisted(labelling.dataset, view);
    try {
      const plan = (labelled: number): PlanOptions => planForLabels(presetPlans[networks], labelled);
      const training = new LabelTraining({
        labelling,
        plan,
        device: "auto",
        threads: trainingThreads,
        onFault,
      });
      await training.begin();
      const { dataset } = labelling;
      const slides = new LabelSlides({ dataset, training, device: "auto", threads: trainingThreads, onFault });
      await slides.begin();
      const server = await serveLabelling({ labelling, training, slides, threads, port: options.port, onFault });
      try {
        view.close();
        writeResult(terminal, { url: server.url }, () => `${server.url}\nStop it by Ctrl-C.`);
        if (open && !terminal.json) openInBrowser(server.url);
        if (!signal.aborted) await once(signal, "abort");
      } finally {
        await server.close();
        await training.close();
        await slides.close();
      }
    } finally {
      await labelling.close();
    }
  });
  await work.catch(async (error: unknown) => {
    // Of a folder that can't be labelled nothing is left.
    await rmdir(lock.folder).catch(() => undefined);
    throw error;
  });
}

/** Says which pictures of the folder are not asked about, and how they would be. */
function noteUnlisted({ folder, manifest, unlisted }: Labelling["dataset"], view: ActionTools["view"]): void {
  const [first, ...others] = unlisted;
  if (first === undefined) return;
  const which = others.length === 0 ? `${first} of ${folder} is` : `${unlisted.length} pictures of ${folder} are`;
  const example = others.length === 0 ? "" : `, as ${first}`;
  view.note(
    `${which} in no row of ${manifest}${example}; with --add-new you are asked about ${others.length === 0 ? "it" : "them"} too`,
  );
}

/** `wsss-tissue label`: a page for labelling patches. */
export function addLabelCommand(program: Command, streams: Streams): void {
  const file = (text: string): string => resolve(someText(text));
  const command = program
    .command("label")
    .argument("<data...>", "a dataset, a folder of pictures, or slides")
    .summary("label patches in the browser, helped by a classifier that learns meanwhile")
    .description(
      "Serves a page on which patches are labelled, on 127.0.0.1 only, until it is stopped. Every label is on the disk before the page says\n" +
        "so: in labels/journal.jsonl, from which manifest and description are made. A classifier learns while you label, suggests labels,\n" +
        "and puts those patches first that help it most. The folder is then a dataset: wsss-tissue run --data DATA.",
    )
    .option("--classes <names>", "classes to begin with, with commas; more can be added on the page", words)
    .option("--annotator <name>", "who labels (default: the name of the user)", someText)
    .option("--port <n>", "port to listen on, 0 = any that is free", port, 0)
    .option("--add-new", "ask about pictures too that were put into the folder since its manifest was made")
    .option("--open", "open the page in the browser, where there is a screen (default: on)")
    .option("--no-open", "only print its address")
    .option("--force-unlock", "take the dataset from a process that can't be asked, and that you know has ended")
    .optionsGroup("Suggestions:")
    .option("--suggestions", "a classifier suggests labels, and what is asked next (default: on)")
    .option("--no-suggestions", "without: patches come in an order that is drawn")
    .option("--backbone <name>", "its network (default: `mobilenet`)", oneOf(...classifierBackbones))
    .option(
      "--weights <file>",
      "its weights: a file, `imagenet`, or `none` (default: those of ImageNet, where they can be had)",
      someText,
    )
    .option("--threads <n>", "threads that it takes from the page, 0 = all (default: `1`)", atLeast(0))
    .optionsGroup("Training of all stages, from the page:")
    .option(
      "--networks <preset>",
      "networks, as of `run`: `paper` or `laptop` (default: `laptop`)",
      oneOf(...networkPresets),
    )
    .option(
      "--training-threads <n>",
      "threads of one operation on the CPU, 0 = one per core (default: `0`)",
      atLeast(0),
    )
    .optionsGroup("Slides:")
    .option("--out <folder>", "folder of the dataset that their patches become", file)
    .option("--mpp <um>", "scale of the patches, in micrometres a pixel (default: 0.5)", decimal)
    .option("--patch-px <n>", "side of a patch, in its own pixels (default: 224)", integer)
    .option("--min-tissue <x>", "share of a patch that must be tissue (default: 0.5)", decimal)
    .option("--limit <n>", "most patches, drawn evenly from all slides (default: all)", integer)
    .option("--seed <n>", "seed of that draw (default: 0)", integer)
    .option("--slide-mpp <um>", "micrometres a pixel of the finest level, where slides do not say it", decimal);
  addTalkOptions(command.optionsGroup("Output:")).addHelpText(
    "after",
    `
Examples:
  wsss-tissue label pictures --classes tumour,stroma,necrosis
  wsss-tissue label *.svs --out tissue --classes tumour,stroma --limit 2000
  wsss-tissue label tissue --annotator Ada`,
  );
  command.action(async (data: string[], options: LabelCommandOptions) => {
    const announcement = "closing the page's server";
    await act(streams, options, async (tools) => await label(data, options, tools), announcement);
  });
}
