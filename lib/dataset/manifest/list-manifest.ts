/** A dataset by its manifest: rows become the files of each split, and all problems are gathered. */
import path from "node:path";
import { mapConcurrently } from "../../async/map-concurrently.js";
import { WsssError } from "../../errors.js";
import { absentClasses } from "../absent-classes.js";
import type { DatasetDescription } from "../description.js";
import { type FileFound, FileFinder } from "../find-file.js";
import { compareCodePoints } from "../list-files.js";
import type { SplitFiles } from "../list-split.js";
import { type PatchFile, type PatchPlace, stemOnSlide } from "../patch-file.js";
import { type SplitName, splitNames } from "../split-name.js";
import { checkColumns } from "./manifest-columns.js";
import { ManifestFindings } from "./manifest-findings.js";
import { type ManifestEntry, type PlaceOnSlide, readEntries } from "./manifest-rows.js";
import { assignSplits, checkSplitSource, type SplitEntries } from "./manifest-splits.js";
import { readManifestTable } from "./manifest-table.js";

/** Where a manifest is, and what its paths are relative to; all absolute. */
export interface ManifestPlace {
  readonly path: string;
  readonly base: string;
}

/**
 * Where the manifest of a dataset is. Its paths are relative to its own folder; where that lies outside of the dataset, as
 * with a description elsewhere, to the dataset's, since no file of a dataset may lie outside of its folder.
 *
 * @param described - folder of the description.
 */
export function manifestPlace(dataset: string, described: string, file: string): ManifestPlace {
  const manifest = path.resolve(described, file);
  const folder = path.dirname(manifest);
  const inside = folder === dataset || folder.startsWith(dataset + path.sep);
  return { path: manifest, base: inside ? folder : dataset };
}

/**
 * Finds the patches of all splits by a manifest, with labels, masks and patients, and checks that everything is there and
 * agrees; decodes nothing. Whether labels and masks agree is seen when a split is loaded.
 *
 * @returns null for a split that the manifest does not name.
 * @throws WsssError `WSSS_ERR_DATASET` with all that is wrong at once; `WSSS_ERR_IO` if the manifest can't be read.
 */
export async function listManifest(place: ManifestPlace, description: DatasetDescription): Promise<ManifestSplits> {
  const { splits, findings, rowCount } = await surveyManifest(place, description);
  findings.throwIfAny(place.path, rowCount);
  return splits;
}

/** The files of each split; null for a split that the manifest does not name. */
export type ManifestSplits = Readonly<Record<SplitName, SplitFiles | null>>;

/** Everything that a manifest says, and all that is wrong with its rows. */
export interface ManifestSurvey {
  /** As far as rows could be used. */
  readonly splits: ManifestSplits;
  readonly findings: ManifestFindings;
  readonly rowCount: number;
}

/**
 * Like {@link listManifest}, but what is wrong with rows is in the findings.
 * @throws WsssError `WSSS_ERR_DATASET` if the file is no manifest; `WSSS_ERR_IO` if it can't be read.
 */
export async function surveyManifest(place: ManifestPlace, description: DatasetDescription): Promise<ManifestSurvey> {
  const table = await readManifestTable(place.path);
  // However accents are stored in the two files, a class has one name.
  const classes = description.classes.map((one) => ({ ...one, name: one.name.normalize("NFC") }));
  const columns = checkColumns(table, classes);
  if (columns.patches === "slides") checkPatchForm(place.path, description);
  checkSplitSource(place.path, columns, description);
  const findings = new ManifestFindings();
  const background = description.background.name.normalize("NFC");
  const read = readEntries(table.rows, columns, { classes, background }, findings);
  const stored = await withFilesFound(dropRepeated(read, findings), place.base, findings);
  // Two rows may name one file with its accents stored in two ways.
  const entries = dropRepeated(stored, findings);
  const assigned = assignSplits(entries, description, findings);
  const splits = withoutUnlabelled(assigned, description);
  for (const name of splitNames) {
    findClashes(splits[name], findings);
    findUnevenMasks(splits[name], name, findings);
  }
  const labelOf = settleLabels(splits, description, findings);
  findAbsentClasses(splits.train, labelOf, description, findings);
  const list = (name: SplitName): SplitFiles | null =>
    assigned[name].length === 0
      ? null
      : {
          files: filesOf(splits[name], place.base, description, labelOf),
          skipped: [],
          unlabelled: assigned[name].length - splits[name].length,
        };
  const files = { train: list("train"), val: list("val"), test: list("test") };
  return { splits: files, findings, rowCount: table.rows.length };
}

/** The entries that have a label or, in val and test, a mask to read it from; all of them unless the description lets others be left out. */
function withoutUnlabelled(splits: SplitEntries, { labels }: DatasetDescription): SplitEntries {
  if (labels.rule !== "manifest" || labels.unlabelled === "refuse") return splits;
  const used = (name: SplitName): readonly ManifestEntry[] =>
    splits[name].filter((entry) => entry.labels !== null || (name !== "train" && entry.namesMask));
  return { train: used("train"), val: used("val"), test: used("test") };
}

/** The label of an entry that its split goes by; undefined where it is read from the mask. */
type LabelOf = ReadonlyMap<ManifestEntry, readonly number[]>;

function filesOf(
  entries: readonly ManifestEntry[],
  base: string,
  form: Pick<DatasetDescription, "patchPx" | "micronsPerPixel">,
  labelOf: LabelOf,
): PatchFile[] {
  const usable = entries.filter(({ image }) => image !== undefined);
  const files = usable.map((entry): PatchFile => {
    const { image = "", place, mask, patient } = entry;
    const labels = labelOf.get(entry);
    return {
      stem: stemOf(image, place),
      imagePath: path.resolve(base, image),
      ...(place === undefined ? {} : { place: placeOf(place, form) }),
      ...(mask === undefined ? {} : { maskPath: path.join(base, mask) }),
      ...(labels === undefined ? {} : { labels }),
      ...(patient === undefined ? {} : { patient }),
    };
  });
  return files.sort((one, other) => compareCodePoints(one.stem, other.stem));
}

/** The name of a patch: that of its file, or of its slide with the place on it. */
function stemOf(image: string, place: PlaceOnSlide | undefined): string {
  return place === undefined ? path.posix.parse(image).name : stemOnSlide(image, place);
}

function placeOf(
  { x, y, mpp }: PlaceOnSlide,
  { patchPx = 0, micronsPerPixel = 0 }: Pick<DatasetDescription, "patchPx" | "micronsPerPixel">,
): PatchPlace {
  return { x, y, patchPx, micronsPerPixel, ...(mpp !== undefined && { slideMpp: mpp }) };
}

/** @throws WsssError `WSSS_ERR_DATASET` if nothing says how large patches on slides are */
function checkPatchForm(manifest: string, { patchPx, micronsPerPixel }: DatasetDescription): void {
  if (patchPx !== undefined && micronsPerPixel !== undefined) return;
  const missing = [
    ...(patchPx === undefined ? ['"patchPx" (their side in pixels, such as 224)'] : []),
    ...(micronsPerPixel === undefined ? ['"micronsPerPixel" (their scale, such as 0.5)'] : []),
  ];
  const message = `manifest ${manifest} names places on slides, and the description does not say how large patches are; add ${missing.join(" and ")}`;
  throw new WsssError("WSSS_ERR_DATASET", message, { path: manifest });
}

function dropRepeated(entries: readonly ManifestEntry[], findings: ManifestFindings): ManifestEntry[] {
  const first = new Map<string, string>();
  return entries.filter(({ image, place, where }) => {
    const what = place === undefined ? `image ${image}` : `the patch at (${place.x}, ${place.y}) of slide ${image}`;
    const earlier = image === undefined ? undefined : first.get(what);
    if (earlier !== undefined) findings.add("repeated", where, `${what} stands in ${earlier} already`);
    else if (image !== undefined) first.set(what, where);
    return earlier === undefined;
  });
}

/** The entries with their files as they are stored, and without those that are not there. */
async function withFilesFound(
  entries: readonly ManifestEntry[],
  base: string,
  findings: ManifestFindings,
): Promise<ManifestEntry[]> {
  const named = entries.flatMap(({ image, place, mask, where }) => [
    { kind: place === undefined ? ("image" as const) : ("slide" as const), file: image, where },
    { kind: "mask" as const, file: mask, where },
  ]);
  const finder = new FileFinder(base);
  const anywhere = new FileFinder(path.sep);
  const slides = new Map<string, Promise<FileFound>>();
  const findSlide = async (file: string): Promise<FileFound> => {
    if (!path.isAbsolute(file)) return await finder.find(file);
    const found = await anywhere.find(file.slice(1));
    return "file" in found ? { file: path.sep + found.file } : found;
  };
  const found = await mapConcurrently(
    named,
    async ({ kind, file }) => {
      if (file === undefined) return null;
      if (kind !== "slide") return await finder.find(file);
      // Many patches name one slide.
      const search = slides.get(file) ?? findSlide(file);
      slides.set(file, search);
      return await search;
    },
    { limit: 16, what: "looking for the files of the manifest" },
  );
  const stored = new Map<string, string>();
  for (const [index, { kind, file, where }] of named.entries()) {
    const result = found[index] ?? null;
    if (result === null || file === undefined) continue;
    if ("problem" in result) findings.add(kind, where, `${kind} ${file} ${result.problem}`);
    else stored.set(file, result.file);
  }
  const there = (file: string | undefined): string | undefined => (file === undefined ? undefined : stored.get(file));
  return entries.map((entry) => ({ ...entry, image: there(entry.image), mask: there(entry.mask) }));
}

/** Two patches of one stem would share one pseudo mask. */
function findClashes(entries: readonly ManifestEntry[], findings: ManifestFindings): void {
  const first = new Map<string, ManifestEntry>();
  for (const entry of entries) {
    const { image, place, where } = entry;
    if (image === undefined) continue;
    const stem = stemOf(image, place);
    const earlier = first.get(stem);
    if (earlier === undefined) first.set(stem, entry);
    else {
      const problem = `${image} and ${earlier.image} (${earlier.where}) would both have the pseudo mask ${stem}.png; rename one`;
      findings.add("stem", where, problem);
    }
  }
}

/** Masks of a part of a split would score that part in silence. */
function findUnevenMasks(entries: readonly ManifestEntry[], name: SplitName, findings: ManifestFindings): void {
  const bare = entries.filter(({ namesMask }) => !namesMask);
  if (bare.length === entries.length) return;
  for (const { where } of bare) {
    findings.add(
      "mask",
      where,
      `names no mask, unlike others of ${name}; a split has masks for all of its patches or none`,
    );
  }
}

/** Labels as they are used: val and test without any label get theirs from the masks, as in the published layout. */
function settleLabels(
  splits: SplitEntries,
  { labels: { allowEmpty }, classes }: DatasetDescription,
  findings: ManifestFindings,
): LabelOf {
  const labelOf = new Map<ManifestEntry, readonly number[]>();
  for (const name of splitNames) {
    const entries = splits[name];
    const fromMasks = name !== "train" && entries.every(({ labels, namesMask }) => labels === null && namesMask);
    for (const entry of fromMasks ? [] : entries) {
      if (entry.labels === undefined) continue;
      const labels = entry.labels ?? classes.map(() => 0);
      labelOf.set(entry, labels);
      if (allowEmpty || labels.includes(1)) continue;
      const what = entry.labels === null ? "has no label" : "has a label that names no class";
      findings.add("label", entry.where, `${what}; remove the patch, or set allowEmptyLabels to keep it`);
    }
  }
  return labelOf;
}

/** Adds the classes that no train patch has. */
function findAbsentClasses(
  train: readonly ManifestEntry[],
  labelOf: LabelOf,
  { classes }: DatasetDescription,
  findings: ManifestFindings,
): void {
  // Rows and labels that can't be read may be those that have it.
  const unread = findings.count("row") + findings.count("label") + findings.count("split");
  if (train.length === 0 || unread > 0) return;
  const labels = train.map((entry) => labelOf.get(entry));
  for (const { name } of absentClasses(labels, classes)) {
    const problem = `never occurs in the labels of the ${train.length} train patches; take it out of the description, or add patches`;
    findings.add("class", `class "${name}"`, problem);
  }
}
