/** The command `slide`: what a whole-slide image is, where its tissue is, and a picture of that. */
import { resolve } from "node:path";
import type { Command } from "commander";
import { writeRgbPng } from "../../image/rgb-png.js";
import { openSlide } from "../../slide/open-slide.js";
import type { Slide } from "../../slide/slide.js";
import type { SlideTissue } from "../../slide/slide-tissue.js";
import { act, addTalkOptions, type Streams, type TalkOptions } from "../environment.js";
import { writeResult } from "../terminal.js";
import { decimal, oneOf, someText } from "../values.js";

interface SlideCommandOptions extends TalkOptions {
  readonly picture?: string;
  readonly picturePx: number;
  readonly slideMpp?: number;
  readonly damaged?: "error" | "background";
}

/** What the command prints as JSON. */
function summaryOf(slide: Slide, { share, areaMm2 }: SlideTissue): Record<string, unknown> {
  const { vendor, width, height, levels, mpp, mppSource, bounds, damagedRegions } = slide;
  return { vendor, width, height, levels, mpp, mppSource, bounds, tissue: { share, areaMm2 }, damagedRegions };
}

function describeScale({ mpp, mppSource, mppProblem }: Slide): string {
  if (mpp === null) return `unknown: it ${mppProblem ?? ""}; say it by --slide-mpp`;
  const by = { slide: "the scanner", ome: "OME-XML", resolution: "dots per inch", given: "--slide-mpp" } as const;
  return `${mpp.x} x ${mpp.y} um a pixel${mppSource === null ? "" : `, by ${by[mppSource]}`}`;
}

function describeSlide(slide: Slide, { share, areaMm2 }: SlideTissue, picture: string | undefined): string {
  const { vendor, width, height, levels, bounds, damagedRegions } = slide;
  const sizes = levels.map((level) => {
    const size = `${level.width} x ${level.height} (1/${Number(level.downsample.toFixed(3))})`;
    return level.usable ? size : `${size} left out: it can't be read or shows something else`;
  });
  return [
    `${width} x ${height} px, ${vendor}`,
    `scale: ${describeScale(slide)}`,
    `levels: ${sizes.join(", ")}`,
    ...(bounds === null ? [] : [`scanned: ${bounds.width} x ${bounds.height} px at (${bounds.x}, ${bounds.y})`]),
    `tissue: ${(100 * share).toFixed(1)} %${areaMm2 === null ? "" : `, ${areaMm2.toFixed(2)} mm2`}`,
    ...(damagedRegions === 0 ? [] : [`damaged: ${damagedRegions} regions, taken for background`]),
    ...(picture === undefined ? [] : [`picture: ${picture}`]),
  ].join("\n");
}

/** `wsss-tissue slide`: what is to be known of a slide before work with it. */
export function addSlideCommand(program: Command, streams: Streams): void {
  const command = program
    .command("slide")
    .argument("<file>", "the slide; of a DICOM slide any file of its series, of MIRAX the `.mrxs`")
    .summary("say what a whole-slide image is: size, scale, levels, tissue")
    .description(
      "Says what a whole-slide image is: its format, size, scale and levels, and how much of it is tissue. OpenSlide is found,\n" +
        "or fetched into the cache and said to be. Label and macro images and the file's other properties are never read.",
    )
    .option("--picture <file>", "write a PNG of the slide with the tissue outlined", (text: string) =>
      resolve(someText(text)),
    )
    .option("--picture-px <n>", "longer side of that picture, in px", decimal, 1024)
    .option("--slide-mpp <um>", "micrometres a pixel of the finest level, where the slide does not say it", decimal)
    .option(
      "--damaged <what>",
      "what pixels are that can't be decoded: an `error`, or counted as `background` (default: error)",
      oneOf("error", "background"),
    );
  addTalkOptions(command.optionsGroup("Output:")).addHelpText(
    "after",
    `
Examples:
  wsss-tissue slide case-7.svs
  wsss-tissue slide case-7.svs --picture tissue.png --json`,
  );
  command.action(async (file: string, options: SlideCommandOptions) => {
    await act(streams, options, async ({ terminal, signal }) => {
      const { picture, picturePx, slideMpp, damaged } = options;
      await using slide = await openSlide(file, { defaultMicronsPerPixel: slideMpp, damaged, signal });
      const tissue = await slide.findTissue({ picturePx: picture === undefined ? 0 : picturePx, signal });
      if (picture !== undefined && tissue.picture !== null) await writeRgbPng(picture, tissue.picture);
      writeResult(terminal, summaryOf(slide, tissue), () => describeSlide(slide, tissue, picture));
    });
  });
}
