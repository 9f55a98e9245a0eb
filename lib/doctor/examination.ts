/** The result of an examination: findings, their groups, counts by split and class, memory. */
import type { SplitName } from "../dataset/split.js";
import type { MosaicChoice } from "../segmenter/mosaic-share.js";
import type { Finding, FindingGroup } from "./finding.js";

/** How often a class occurs in a split. */
export interface ClassShare {
  /** Name of the class. */
  readonly name: string;
  /** Patches that have it, by their label or, without one, by their mask. */
  readonly patches: number;
  /** Its share of all pixels of the split's true masks, 0..1; null if no mask could be read. */
  readonly pixelShare: number | null;
}

/** What a split holds. */
export interface SplitExamination {
  /** Patch files found; 0 if there is no such split. */
  readonly patches: number;
  /** Patches that could be decoded. */
  readonly decoded: number;
  /** True masks that could be read. */
  readonly masks: number;
  /** The size that most patches have, in px; null if none could be decoded. */
  readonly size: {
    /** In px. */
    readonly height: number;
    /** In px. */
    readonly width: number;
  } | null;
  /** Patches whose classes are known, by label or mask. */
  readonly labelled: number;
  /** In the order of the description; empty without one. */
  readonly classes: readonly ClassShare[];
  /** Share of the background of all mask pixels, 0..1; null if no mask could be read. */
  readonly backgroundShare: number | null;
  /** Share of the ignored index 255 of all mask pixels, 0..1; null if no mask could be read. */
  readonly ignoredShare: number | null;
}

/** Red, green and blue, 0 to 255. */
export type MeanColour = readonly [red: number, green: number, blue: number];

/** Colours of the patches of a split that are of one patient or image. */
export interface ColourGroup {
  /** The split that they belong to. */
  readonly split: SplitName;
  /** Patient, or the image that the patches were cut from, by `patches.csv` or their names; null where neither tells. */
  readonly origin: string | null;
  /** How many patches could be decoded. */
  readonly patches: number;
  /** Mean over the patches of their mean colour, glass included. */
  readonly mean: MeanColour;
  /** Sample standard deviation of the patches' mean colours; 0 for one patch. */
  readonly deviation: MeanColour;
}

/** Memory for the pixels that `wsss-tissue run` keeps; networks and their activations come on top. */
export interface MemoryNeed {
  /** Patches and true masks of all splits, and pseudo masks of three levels for train. */
  readonly pixelBytes: number;
  /** Memory that is free now, within the limit of the process's control group if it has one. */
  readonly freeBytes: number;
}

/** What `examineDataset` found. */
export interface DatasetExamination {
  /** Absolute path. */
  readonly folder: string;
  /** Null if no valid description was found; labels and mask indices could not be checked then. */
  readonly name: string | null;
  /** Number of findings with which training would fail, or learn or score something wrong. */
  readonly errors: number;
  /** Number of findings that are worth a look. */
  readonly warnings: number;
  /** The findings in short: errors first. */
  readonly groups: readonly FindingGroup[];
  /** Every finding, in the order of the groups. */
  readonly findings: readonly Finding[];
  /** What each split holds; one that is not there has 0 patches. */
  readonly splits: Readonly<Record<SplitName, SplitExamination>>;
  /** How many of a segmenter's patches would be mosaics, with `mosaic: "auto"`; null where labels of train can't be read. */
  readonly mosaics: MosaicChoice | null;
  /** Memory for the pixels beside what is free. */
  readonly memory: MemoryNeed;
  /** Colours by patient, in the order of the splits; null unless they were asked for. */
  readonly colours: readonly ColourGroup[] | null;
}
