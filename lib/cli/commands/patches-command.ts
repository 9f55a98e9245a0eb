/** The command `patches`: whole slides become a dataset of patches. */
import { resolve } from "node:path";
import type { Command } from "commander";
import { type SplitName, splitNames } from "../../dataset/split-name.js";
import { type ExtractedPatches, extractPatches } from "../../slide-patches/extract-patches.js";
import { act, type ActionTools, addTalkOptions, type Streams, type TalkOptions } from "../environment.js";
import { writeResult } from "../terminal.js";
import { decimal, integer, oneOf, someText, words } from "../values.js";

interface PatchesOptions extends TalkOptions {
  readonly out: string;
  readonly mpp?: number;
  readonly patchPx?: number;
  readonly stride?: number;
  readonly minTissue?: number;
  readonly limit?: number;
  readonly seed?: number;
  readonly annotations?: string;
  readonly classes?: readonly string[];
  readonly skipClass?: readonly string[];
  readonly minAnnotated?: number;
  readonly minClassShare?: number;
  readonly slides?: string;
  readonly split?: SplitName;
  readonly splitBy?: "slide" | "patient";
  readonly writeImages?: boolean;
  readonly slideMpp?: number;
  readonly name?: string;
}

function describePatches({ folder, patches, patchesByClass, slides }: ExtractedPatches): string {
  const ofClasses = Object.entries(patchesByClass).map(([name, count]) => `${name} ${count}`);
  const ofSlides = slides.map(({ slide, withTissue, notAnnotated, withoutClass, patches: taken }) => {
    const left = [
      ...(notAnnotated > 0 ? [`${notAnnotated} not annotated`] : []),
      ...(withoutClass > 0 ? [`${withoutClass} of no class`] : []),
    ];
    return `${slide}: ${taken} of ${withTissue} patches with tissue${left.length > 0 ? ` (${left.join(", ")})` : ""}`;
  });
  return [
    ...ofSlides,
    ...(ofClasses.length > 0 ? [`patches that name a class: ${ofClasses.join(", ")}`] : []),
    `${folder}: ${patches} patches added`,
  ].join("\n");
}

async function cut(slides: readonly string[], options: PatchesOptions, tools: ActionTools): Promise<void> {
  const { view, terminal, signal } = tools;
  const { out, mpp, stride, slides: slidesTable, skipClass, ...same } = options;
  const { patchPx, minTissue, limit, seed, annotations, classes, minAnnotated, minClassShare } = same;
  const { split, splitBy, writeImages, slideMpp, name } = same;
  const made = await extractPatches(slides, {
    ...{ output: out, micronsPerPixel: mpp, stridePx: stride, slidesTable, skipClasses: skipClass },
    ...{ patchPx, minTissue, limit, seed, annotations, classes, minAnnotated, minClassShare },
    ...{ split, splitBy, writeImages, slideMpp, name, signal },
    onProgress: ({ stage, done, total }) => {
      view.progress({ stage: "patches", label: stage === "find" ? "slides searched" : "slides cut", done, total });
    },
  });
  for (const warning of made.warnings) view.warn(warning);
  view.close();
  writeResult(terminal, made, () => describePatches(made));
}

/** `wsss-tissue patches`: cuts patches out of slides. */
export function addPatchesCommand(program: Command, streams: Streams): void {
  const file = (text: string): string => resolve(someText(text));
  const command = program
    .command("patches")
    .argument("[slides...]", "slides; without any, all of --slides")
    .summary("cut patches out of whole slides into a dataset")
    .description(
      "Cuts patches out of slides where there is tissue, on one grid a slide, into a dataset that trains. A patch is a place on its slide,\n" +
        "read from there when it is loaded. With annotations each has the classes that cover enough of it as its label, and its true mask.\n" +
        "Called again, it adds the patches of other slides.",
    )
    .requiredOption("--out <folder>", "folder of the dataset", file)
    .option("--name <text>", "name of the dataset (default: that of its folder)", someText)
    .optionsGroup("Patches:")
    .option("--mpp <um>", "scale, in micrometres a pixel (default: 0.5)", decimal)
    .option("--patch-px <n>", "side of a patch, in its own pixels (default: 224)", integer)
    .option("--stride <n>", "from patch to patch, in pixels of patches (default: --patch-px)", integer)
    .option("--min-tissue <x>", "share of a patch that must be tissue (default: 0.5)", decimal)
    .option("--limit <n>", "most patches, drawn evenly from all slides (default: all)", integer)
    .option("--seed <n>", "seed of that draw, and of --split-by (default: 0)", integer)
    .option("--write-images", "write the patches as PNG files; otherwise they are read from the slides")
    .optionsGroup("Annotations:")
    .option(
      "--annotations <path>",
      "GeoJSON as QuPath exports it: a file, or a folder with one of each slide's name",
      file,
    )
    .option("--classes <names>", "classes in their order, with commas (default: as annotated, sorted)", words)
    .option("--skip-class <names>", "classes of annotations that are not looked at, with commas", words)
    .option("--min-annotated <x>", "share of a patch that must be annotated (default: 0.5)", decimal)
    .option("--min-class-share <x>", "share of a patch from which its label names a class (default: 0.05)", decimal)
    .optionsGroup("Slides:")
    .option("--slides <file>", "table of slides: CSV with wsi and, if need be, mpp, patient, split", file)
    .option("--split <name>", "split of all these patches (default: of --slides, or train)", oneOf(...splitNames))
    .option(
      "--split-by <what>",
      "draw whole slides or patients into splits: `slide` or `patient`",
      oneOf("slide", "patient"),
    )
    .option("--slide-mpp <um>", "micrometres a pixel of the finest level, where slides do not say it", decimal);
  addTalkOptions(command.optionsGroup("Output:")).addHelpText(
    "after",
    `
Examples:
  wsss-tissue patches a.svs b.svs --annotations drawn --out tissue
  wsss-tissue patches c.svs --annotations drawn --out tissue --split test
  wsss-tissue patches --slides slides.csv --classes tumour,stroma,other --limit 2000 --out to-label`,
  );
  command.action(async (slides: string[], options: PatchesOptions) => {
    await act(streams, options, async (tools) => await cut(slides, options, tools));
  });
}
