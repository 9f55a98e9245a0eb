/** Types of what is known of a dataset: classes, mask indices, glass, label rules, split by patient. */
import type { Colour } from "../image/index-png-codec.js";

export type { Colour } from "../image/index-png-codec.js";

/** A tissue class, or the background: what it is called and how it is drawn. */
export interface TissueClass {
  /** Name for tables and legends, for example `"necrosis"`. */
  readonly name: string;
  /** Colour in masks and pictures. */
  readonly colour: Colour;
}

/**
 * What the values in a dataset's true masks stand for, where they are not the library's indices: value -> name of a class, of
 * the background, or `"ignored"`. Several values may stand for one class. For example `{ "0": "background", "1": "gland" }`.
 */
export type MaskIndices = Readonly<Record<string, string>>;

/** What counts as glass: the white areas of a patch that hold no tissue. */
export interface GlassRule {
  /**
   * Pixels whose grey value is above this are white, 0..255.
   * @defaultValue `200`, as published for LUAD-HistoSeg
   */
  readonly greyAbove: number;
  /**
   * White areas smaller than this are tissue, in pixels of the patch (not of the slide), 0 or more.
   * @defaultValue `50`, as published for LUAD-HistoSeg
   */
  readonly minAreaPx: number;
}

/** How patch-level labels are spelled in file names. */
export const labelSpellings = ["separated", "characters"] as const;

/**
 * `"separated"`: `NAME[0 1 0 1].png`, as in LUAD-HistoSeg; also with commas, `[0,1,0,1]` or `[0, 1, 0, 1]`.
 * `"characters"`: `NAME[0101].png`, as in BCSS-WSSS.
 */
export type LabelSpelling = (typeof labelSpellings)[number];

/** How strictly labels are read. */
export const labelGrammars = ["strict", "published"] as const;

/** `"strict"`: what is not exactly a label is an error. `"published"`: by character position, like the published code. */
export type LabelGrammar = (typeof labelGrammars)[number];

/** What every {@link LabelRule} says. */
interface SharedLabelRule {
  /**
   * Whether a label without any class is allowed, 0 0 0 0.
   * @defaultValue `false`: such a patch teaches nothing and no pseudo mask can be drawn for it
   */
  readonly allowEmpty: boolean;
  /**
   * Where val and test patches carry no label it is read from the true mask: a class is present if it covers at least this
   * share of the patch, 0..1. With 0, a single pixel is enough. Labels of a manifest are held against the masks by it.
   * @defaultValue `0`
   */
  readonly minClassShare: number;
}

/** Patch-level labels in the names of the files. */
export interface NameLabelRule extends SharedLabelRule {
  /** How they are spelled there. */
  readonly rule: LabelSpelling;
  /**
   * How strictly names are read.
   * @defaultValue `"strict"`: the published code takes wrong names silently
   */
  readonly grammar: LabelGrammar;
}

/** Patches, labels, masks, splits and patients in one file. */
export interface ManifestLabelRule extends SharedLabelRule {
  /** Labels are a column of the manifest. */
  readonly rule: "manifest";
  /** The manifest, `.csv` or `.json`, relative to the folder of the description. */
  readonly file: string;
  /**
   * What a patch is whose row says nothing of its label, where that is not read from its mask: an error, or left out until it has one.
   * @defaultValue `"refuse"`: a row that was forgotten is no patch that shows nothing
   */
  readonly unlabelled: "refuse" | "skip";
}

/** Where the patch-level labels come from. */
export type LabelRule = NameLabelRule | ManifestLabelRule;

/** Which split each patient of a manifest without a column `split` belongs to: whole patients, drawn once. */
export interface PatientSplit {
  /** What is kept together: patients are the only choice, since patches of one resemble each other. */
  readonly by: "patient";
  /**
   * Share of the patches that val should have, 0 or more; with `test` below 1, as train takes the rest.
   * @defaultValue `0.2`
   */
  readonly val: number;
  /**
   * Share of the patches that test should have, as `val`.
   * @defaultValue `0.2`
   */
  readonly test: number;
  /**
   * Seed of the draw, a whole number.
   * @defaultValue `0`
   */
  readonly seed: number;
}

/** The colours of the indices 0..K, the last one background: the palette of this dataset's masks. */
export function paletteOf(classes: readonly TissueClass[], background: TissueClass): Colour[] {
  return [...classes, background].map(({ colour }) => colour);
}
