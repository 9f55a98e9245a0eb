/** `extractPatches`: whole slides, and what is drawn on them, become a dataset of patches. */
import path from "node:path";
import { throwIfAborted } from "../async/cancellation.js";
import { checkDescription } from "../dataset/description.js";
import { openDataset } from "../dataset/open-dataset.js";
import type { TissueClass } from "../dataset/tissue-class.js";
import { isWsssError, WsssError } from "../errors.js";
import { makeFolder } from "../files/make-folder.js";
import type { NativeAddon } from "../native/addon.js";
import { loadAddon } from "../native/load.js";
import { checkOptions, refuseOption } from "../options/check.js";
import * as fields from "../options/fields.js";
import { openSlide } from "../slide/open-slide.js";
import { classesOfAnnotations, valuesOfPolygons } from "./annotation-classes.js";
import { type AnnotationFile, readAnnotationFile } from "./annotation-file.js";
import { drawPatches } from "./draw-patches.js";
import {
  assertFits,
  describePatchDataset,
  type DatasetThere,
  findPatchDataset,
  type PatchForm,
  patchManifestName,
  writePatchDataset,
} from "./patch-dataset.js";
import {
  type CheckedExtraction,
  type ExtractPatchesOptions,
  extractPatchesSchema,
} from "./patch-extraction-options.js";
import { removePatchFiles, rowOfPatch, writePatchFiles } from "./patch-files.js";
import { findAnnotationFile, oddities, placePolygons } from "./slide-annotations.js";
import { type CuttingRules, findCandidates, type SlideCandidates } from "./slide-cutting.js";
import { readSlidesTable, type SlideEntry, slidesToCut } from "./slides-table.js";

const call = "extractPatches";

/** Patches of one slide. */
export interface ExtractedSlide {
  /** Path of the slide. */
  readonly slide: string;
  /** Patches with enough tissue. */
  readonly withTissue: number;
  /** Those of them of which too little is annotated; 0 without annotations. */
  readonly notAnnotated: number;
  /** Those of them that are annotated, and of no class by enough of it. */
  readonly withoutClass: number;
  /** Patches that are in the dataset now: fewer than are left of these where there is a limit. */
  readonly patches: number;
}

/** What {@link extractPatches} has made. */
export interface ExtractedPatches {
  /** Folder of the dataset. */
  readonly folder: string;
  /** The manifest. */
  readonly manifest: string;
  /** Names of the classes, in their order. */
  readonly classes: readonly string[];
  /** Patches that were added. */
  readonly patches: number;
  /** Those that name each class; empty without annotations. */
  readonly patchesByClass: Readonly<Record<string, number>>;
  /** Each slide. */
  readonly slides: readonly ExtractedSlide[];
  /** What is odd and has a meaning all the same, a sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Cuts patches out of whole slides into a dataset that trains: on one grid, where there is tissue. With annotations each patch
 * has the classes that cover enough of it as its label, and its true mask.
 *
 * A patch is a row of the manifest with its place on the slide, and is read from there whenever it is loaded; or, with
 * `writeImages`, a PNG file. Called again, it adds patches of other slides to the dataset: a test set, for example.
 *
 * @param slides - paths; none for all of the table of slides.
 * @throws WsssError `WSSS_ERR_OPTION`, also for a folder that holds something else; `WSSS_ERR_DATASET` if a slide or an annotation can't be
 *   used, or no patch is left; `WSSS_ERR_IO`; `WSSS_ERR_BUSY` if another process writes into the dataset; `WSSS_ERR_CANCELLED`.
 *
 * @example
 * ```ts
 * await extractPatches(["a.svs", "b.svs"], { output: "tissue", annotations: "drawn", micronsPerPixel: 0.5 });
 * await extractPatches(["c.svs"], { output: "tissue", annotations: "drawn", split: "test" });
 * const { train, test } = await openDataset("tissue");
 * ```
 */
export async function extractPatches(
  slides: string | readonly string[],
  options: ExtractPatchesOptions,
): Promise<ExtractedPatches> {
  const checked = checkOptions(extractPatchesSchema, call, options);
  const named = typeof slides === "string" ? [slides] : slides;
  const isPaths = Array.isArray(named) && named.every((one) => fields.path.safeParse(one).success);
  if (!isPaths) throw refuseOption(call, "slides", "a path or a list of paths", slides);
  const { signal, onProgress } = checked;
  throwIfAborted(signal, call);
  const folder = path.resolve(checked.output);
  const table = checked.slidesTable === undefined ? null : await readSlidesTable(path.resolve(checked.slidesTable));
  const entries = slidesToCut(named, table);
  const there = await findPatchDataset(folder);
  const plan = planOf(checked, there);
  assertSplittable(checked, entries);
  const annotated = await readAnnotations(entries, checked.annotations);
  const classes = resolveClasses(checked, there, annotated);
  const name = checked.name ?? path.basename(folder);
  // What is wrong with names, colours and numbers of classes is told before the first slide is opened.
  checkDescription(describePatchDataset({ name, form: plan.form, classes }), undefined, call);
  const work: Work = { addon: await loadAddon(), folder, plan, classes, checked, signal };
  if (there !== null) {
    const examples = entries.map((entry) => rowOfPatch(work, entry, { x: 0, y: 0, labels: annotated && [] }));
    await assertFits(there, plan.form, classes, examples, folder);
  }
  const warnings: string[] = [];
  const found: SlideCandidates[] = [];
  for (const [index, entry] of entries.entries()) {
    found.push(await findOnSlide(work, entry, annotated?.[index] ?? null, warnings));
    onProgress?.({ stage: "find", done: index + 1, total: entries.length });
  }
  const drawn = drawPatches(found, checked.limit, checked.seed);
  const rows = drawn.flatMap((slide) => slide.patches.map((patch) => rowOfPatch(work, slide.entry, patch)));
  if (rows.length === 0) throw nothingFound(found, plan, checked);
  for (const { entry, withTissue } of found) {
    if (withTissue === 0) warnings.push(`slide ${entry.file}: no patch has ${100 * plan.rules.minTissue} % of tissue`);
  }
  await makeFolder(folder);
  try {
    for (const [index, slide] of drawn.entries()) {
      await writePatchFiles(work, slide);
      onProgress?.({ stage: "write", done: index + 1, total: drawn.length });
    }
    await writePatchDataset(folder, there, { name, form: plan.form, classes }, rows);
  } catch (error) {
    // No row names them: they would lie there for good.
    for (const slide of drawn) await removePatchFiles(work, slide);
    throw error;
  }
  if (annotated !== null) warnings.push(...(await problemsOfDataset(folder)));
  return summaryOf(work, found, drawn, warnings);
}

/** What does not change from slide to slide. */
interface Work {
  readonly addon: NativeAddon;
  readonly folder: string;
  readonly plan: Plan;
  readonly classes: readonly TissueClass[];
  readonly checked: CheckedExtraction;
  readonly signal: AbortSignal | undefined;
}

interface Plan {
  readonly form: PatchForm;
  readonly rules: CuttingRules;
}

/** Share of a patch from which its label names a class: as the labels of GlaS' published crops. */
const usualClassShare = 0.05;

/** The form of the patches: as asked for, as the dataset that is there has it, or the usual one. */
function planOf(checked: CheckedExtraction, there: DatasetThere | null): Plan {
  const before = there?.description;
  const patchPx = checked.patchPx ?? before?.patchPx ?? 224;
  const micronsPerPixel = checked.micronsPerPixel ?? before?.micronsPerPixel ?? 0.5;
  const minClassShare = checked.minClassShare ?? before?.labels.minClassShare ?? usualClassShare;
  const { splitBy, seed, minTissue, minAnnotated, stridePx = patchPx } = checked;
  return {
    form: { micronsPerPixel, patchPx, minClassShare, splitBy, seed },
    rules: { micronsPerPixel, patchPx, stridePx, minTissue, minAnnotated, minClassShare },
  };
}

/** @throws WsssError `WSSS_ERR_OPTION` if slides can't be split as wished */
function assertSplittable({ split, splitBy }: CheckedExtraction, entries: readonly SlideEntry[]): void {
  if (split !== undefined && splitBy !== undefined) {
    const message = `split and splitBy exclude each other; leave one out (${call})`;
    throw new WsssError("WSSS_ERR_OPTION", message, { call, options: ["split", "splitBy"] });
  }
  const assigned = entries.find((entry) => entry.split !== undefined);
  if (splitBy !== undefined && assigned !== undefined) {
    const bound = `left out, since the table of slides puts ${assigned.file} into ${assigned.split}; or take its column split out`;
    throw refuseOption(call, "splitBy", bound, splitBy);
  }
  const patients = entries.filter(({ patient }) => patient !== undefined).length;
  const bare = entries.find(({ patient }) => patient === undefined);
  if (splitBy === "patient" && bare !== undefined) {
    throw refuseOption(call, "splitBy", `"slide", since no table of slides names the patient of ${bare.file}`, splitBy);
  }
  if (splitBy === "slide" && patients > 0) {
    const bound = '"patient", since the table of slides names patients, and one in two splits flatters the scores';
    throw refuseOption(call, "splitBy", bound, splitBy);
  }
  if (patients > 0 && bare !== undefined) {
    const message = `the table of slides names the patient of ${patients} of ${entries.length} slides, but not of ${bare.file}; name all or none`;
    throw new WsssError("WSSS_ERR_DATASET", message, { path: bare.file });
  }
}

async function readAnnotations(
  entries: readonly SlideEntry[],
  given: string | undefined,
): Promise<AnnotationFile[] | null> {
  if (given === undefined) return null;
  const place = path.resolve(given);
  const files: AnnotationFile[] = [];
  for (const { file } of entries) files.push(await readAnnotationFile(await findAnnotationFile(place, file)));
  if (entries.length > 1 && new Set(files.map((file) => file.path)).size === 1) {
    const message = `annotations ${place} are those of one slide, and there are ${entries.length}; name a folder with a file for each (${call})`;
    throw new WsssError("WSSS_ERR_OPTION", message, { call, option: "annotations" });
  }
  return files;
}

function resolveClasses(
  { classes: given, skipClasses }: CheckedExtraction,
  there: DatasetThere | null,
  annotated: readonly AnnotationFile[] | null,
): readonly TissueClass[] {
  if (given === undefined && there !== null) return there.description.classes;
  const classes = classesOfAnnotations(annotated ?? [], given, new Set(skipClasses.map(composed)));
  const unspeakable = classes.find(({ name }) => name.includes(";"));
  if (unspeakable !== undefined) {
    throw refuseOption(call, "classes", "without ; in their names, which separates them in labels", unspeakable.name);
  }
  if (classes.length >= 2) return classes;
  const found = classes.length === 0 ? "none" : `only "${classes[0]?.name}"`;
  const bound =
    annotated === null
      ? "a list of at least two: without annotations nothing names the classes"
      : `a list of at least two, or annotations of two: these name ${found}; what lies beside it is a class too, or nothing can be learned`;
  throw refuseOption(call, "classes", bound, given);
}

/** Accents as annotations have them here: a name that was typed on a Mac is the same one. */
function composed(name: string): string {
  return name.normalize("NFC");
}

async function findOnSlide(
  { addon, plan, classes, checked, signal }: Work,
  entry: SlideEntry,
  annotations: AnnotationFile | null,
  warnings: string[],
): Promise<SlideCandidates> {
  const scale = { micronsPerPixel: entry.mpp, defaultMicronsPerPixel: checked.slideMpp };
  await using slide = await openSlide(entry.file, { ...scale, signal });
  let polygons = null;
  if (annotations !== null) {
    const values = valuesOfPolygons(annotations, classes, new Set(checked.skipClasses.map(composed)));
    polygons = placePolygons(annotations, values, slide);
    for (const oddity of await oddities(addon, annotations, polygons, signal)) warnings.push(oddity);
  }
  return await findCandidates(addon, slide, { entry, polygons }, plan.rules, classes.length, signal);
}

/** What only shows when all rows are seen together, such as a class without a train patch: told now, not before a training. */
async function problemsOfDataset(folder: string): Promise<string[]> {
  try {
    await openDataset(folder, { require: [] });
    return [];
  } catch (error) {
    if (isWsssError(error, "WSSS_ERR_DATASET")) return [error.message];
    throw error;
  }
}

function nothingFound(found: readonly SlideCandidates[], { rules }: Plan, checked: CheckedExtraction): WsssError {
  const sum = (of: (slide: SlideCandidates) => number): number => found.reduce((all, slide) => all + of(slide), 0);
  const withTissue = sum((slide) => slide.withTissue);
  const seen =
    withTissue === 0
      ? `no patch of ${rules.patchPx} px at ${rules.micronsPerPixel} um a pixel has ${100 * rules.minTissue} % of tissue; ` +
        "look at it by wsss-tissue slide --picture, and lower minTissue (--min-tissue)"
      : `${withTissue} patches have enough tissue, but ${sum((slide) => slide.notAnnotated)} are annotated by less than ` +
        `${100 * checked.minAnnotated} %, and ${sum((slide) => slide.withoutClass)} are of no class by ${100 * rules.minClassShare} %; ` +
        "lower minAnnotated (--min-annotated), or draw more";
  const message = `${found.length === 1 ? `slide ${found[0]?.entry.file}` : `${found.length} slides`}: ${seen}`;
  return new WsssError("WSSS_ERR_DATASET", message, { failure: "none", withTissue });
}

function summaryOf(
  { folder, classes }: Work,
  found: readonly SlideCandidates[],
  drawn: readonly SlideCandidates[],
  warnings: readonly string[],
): ExtractedPatches {
  const all = drawn.flatMap(({ patches }) => patches);
  const isAnnotated = drawn.some(({ polygons }) => polygons !== null);
  const of = (index: number): number => all.filter(({ labels }) => labels?.[index] === 1).length;
  return {
    folder,
    manifest: path.join(folder, patchManifestName),
    classes: classes.map(({ name }) => name),
    patches: all.length,
    patchesByClass: isAnnotated ? Object.fromEntries(classes.map(({ name }, index) => [name, of(index)])) : {},
    slides: found.map(({ entry, withTissue, notAnnotated, withoutClass }, index) => ({
      slide: entry.file,
      ...{ withTissue, notAnnotated, withoutClass },
      patches: drawn[index]?.patches.length ?? 0,
    })),
    warnings,
  };
}
