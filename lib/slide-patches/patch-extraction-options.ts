/** Options of `extractPatches`, and their rules. */
import { z } from "zod";
import { splitNames, type SplitName } from "../dataset/split-name.js";
import type { TissueClass } from "../dataset/tissue-class.js";
import * as fields from "../options/fields.js";
import { microns } from "../slide/slide-options.js";

/** Options of {@link extractPatches}. */
export interface ExtractPatchesOptions {
  /** Folder of the dataset, made if need be. A dataset that is there, of patches of the same form, gets these patches in addition. */
  readonly output: string;
  /**
   * Scale of the patches, in micrometres a pixel, 0.05 to 20.
   * @defaultValue `0.5` (20x, as of both published datasets up to rounding)
   */
  readonly micronsPerPixel?: number | undefined;
  /**
   * Side of a patch, in its own pixels, 32 to 4096.
   * @defaultValue `224`, as published
   */
  readonly patchPx?: number | undefined;
  /**
   * From patch to patch, in pixels of patches, 1 to 65536.
   * @defaultValue `patchPx`: patches side by side
   */
  readonly stridePx?: number | undefined;
  /**
   * Share of a patch that must be tissue, 0 to 1.
   * @defaultValue `0.5`
   */
  readonly minTissue?: number | undefined;
  /**
   * Most patches of all slides together, drawn without preference and spread evenly over the slides.
   * @defaultValue all
   */
  readonly limit?: number | undefined;
  /**
   * Seed of that draw, and of `splitBy`.
   * @defaultValue `0`
   */
  readonly seed?: number | undefined;
  /**
   * Annotations as QuPath exports them (GeoJSON): one file for one slide, or a folder with a file of each slide's name.
   * @defaultValue none: patches have no labels, which a person then writes into the manifest
   */
  readonly annotations?: string | undefined;
  /**
   * The dataset's classes in their order, by name or with colours; needed without annotations.
   * @defaultValue those of the dataset that is there, or else all that the annotations name, sorted, with their colours
   */
  readonly classes?: readonly (string | TissueClass)[] | undefined;
  /**
   * Classes of annotations that are not looked at: their pixels are neither learned from nor scored.
   * @defaultValue none
   */
  readonly skipClasses?: readonly string[] | undefined;
  /**
   * Share of a patch that must be annotated, 0 to 1: of the rest nobody has said what it is.
   * @defaultValue `0.5`
   */
  readonly minAnnotated?: number | undefined;
  /**
   * Share of a patch from which a class is named in its label, 0 to 1.
   * @defaultValue `0.05`
   */
  readonly minClassShare?: number | undefined;
  /**
   * Table of slides: CSV with a column `wsi` and, if need be, `mpp`, `patient` and `split`.
   * @defaultValue none
   */
  readonly slidesTable?: string | undefined;
  /**
   * Split that all of these patches belong to.
   * @defaultValue what the table of slides says, or else `"train"`
   */
  readonly split?: SplitName | undefined;
  /**
   * Draws whole slides, or whole patients (of the table of slides), into train (60 %), val and test (20 % each) when the dataset is opened.
   * @defaultValue none: `split` says it
   */
  readonly splitBy?: "slide" | "patient" | undefined;
  /**
   * Whether patches are written as PNG files.
   * @defaultValue `false`: they are read from the slides whenever they are loaded, which takes no room
   */
  readonly writeImages?: boolean | undefined;
  /**
   * Micrometres a pixel of the slides' finest level, 0.05 to 20, where neither the table nor they say it.
   * @defaultValue what each slide says
   */
  readonly slideMpp?: number | undefined;
  /**
   * Name of the dataset.
   * @defaultValue the name of its folder
   */
  readonly name?: string | undefined;
  /** Called when a slide is done. */
  readonly onProgress?: ((progress: ExtractionProgress) => void) | undefined;
  /** Aborting it ends the work with `WSSS_ERR_CANCELLED`; a dataset that was there stays as it was. */
  readonly signal?: AbortSignal | undefined;
}

/** A report of slides that are being cut. */
export interface ExtractionProgress {
  /** `"find"`: patches are looked for on each slide. `"write"`: their masks and pictures are written. */
  readonly stage: "find" | "write";
  /** Slides that are done. */
  readonly done: number;
  /** All slides. */
  readonly total: number;
}

const share = z.number().min(0).max(1);
const byte = z.int().min(0).max(255);
const colour = z.tuple([byte, byte, byte]);
const className = z.string().trim().min(1).max(60);

export const extractPatchesSchema = z.strictObject({
  output: fields.path,
  micronsPerPixel: microns.optional(),
  patchPx: z.int().min(32).max(4096).optional(),
  stridePx: z.int().min(1).max(65_536).optional(),
  minTissue: share.default(0.5),
  limit: fields.count.optional(),
  seed: fields.seed.default(0),
  annotations: fields.path.optional(),
  classes: z
    .array(z.union([className, z.strictObject({ name: className, colour })]))
    .min(2)
    .max(254)
    .optional(),
  skipClasses: z.array(className).default([]),
  minAnnotated: share.default(0.5),
  minClassShare: share.optional(),
  slidesTable: fields.path.optional(),
  split: z.enum(splitNames).optional(),
  splitBy: z.enum(["slide", "patient"]).optional(),
  writeImages: fields.flag.default(false),
  slideMpp: microns.optional(),
  name: z.string().trim().min(1).max(200).optional(),
  onProgress: fields.callback<(progress: ExtractionProgress) => void>().optional(),
  signal: fields.signal.optional(),
});

/** Options, complete but for what depends on a dataset that is there. */
export type CheckedExtraction = z.output<typeof extractPatchesSchema>;
