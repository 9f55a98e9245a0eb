/** Lists a split in the published layout: its patches, each with its label and true mask. */
import { stat } from "node:fs/promises";
import { join, parse } from "node:path";
import { isWsssError, WsssError } from "../errors.js";
import { composeNamesRemedy } from "../files/foreign-name.js";
import { patchExtensions } from "../image/decode-patch.js";
import { countOf, type FileProblem, fileProblemsError } from "./file-problems.js";
import { type LabelFailure, parseLabels, patchFileName } from "./labels.js";
import { type ListedFile, listFiles, type Listing } from "./list-files.js";
import { ambiguityProblem, type AmbiguousMask, pairMasks } from "./pair-masks.js";
import { maskFolder, type PatchFile, patchFolder, type SplitName } from "./split.js";
import type { NameLabelRule, TissueClass } from "./tissue-class.js";

/** How labels stand in file names. */
export interface NamedLabels {
  readonly classes: readonly TissueClass[];
  readonly labels: NameLabelRule;
}

/** The files of a split. */
export interface SplitFiles {
  readonly files: readonly PatchFile[];
  readonly skipped: readonly string[];
  /** Patches of a manifest that have no label yet and are left out. */
  readonly unlabelled: number;
}

/**
 * Finds the patches of a split, their labels and their true masks, and checks that they agree; decodes nothing.
 *
 * @returns null if the dataset has no such split.
 * @throws WsssError `WSSS_ERR_DATASET` if the split's folder is empty, a name has no valid label, or patches and masks do
 *   not belong together; `WSSS_ERR_IO` if a folder can't be read.
 */
export async function listSplit(folder: string, name: SplitName, description: NamedLabels): Promise<SplitFiles | null> {
  const patches = await listFiles(join(folder, patchFolder(name)), patchExtensions);
  if (patches === null) {
    await refuseHalfSplit(folder, name);
    return null;
  }
  if (patches.files.length === 0) throw emptySplit(patches, name);
  const masks = await listFiles(join(folder, maskFolder(name)), [".png"]);
  const maskOf = matchMasks(patches, masks, folder, name);
  const labels = readLabels(patches, name, description);
  const files = patches.files.map(({ stem, path }, index): PatchFile => {
    const maskPath = maskOf.get(stem);
    const label = labels[index];
    return {
      stem,
      imagePath: path,
      ...(maskPath === undefined ? {} : { maskPath }),
      ...(label === undefined ? {} : { labels: label }),
    };
  });
  return { files, skipped: [patches, masks].flatMap(pathsSkipped), unlabelled: 0 };
}

/** A name without a valid label. */
export interface LabelProblem extends FileProblem {
  readonly failure: LabelFailure;
  readonly problem: string;
}

/** The labels in the names of a split's patches. */
export interface LabelsFound {
  /** In the order of the patches; undefined for all of them if they are to be read from the masks. */
  readonly labels: readonly (readonly number[] | undefined)[];
  readonly findings: readonly LabelProblem[];
}

/** Reads the labels in the names of patches; names without a valid one are findings, not errors. */
export function findLabels(
  files: readonly ListedFile[],
  name: SplitName,
  { labels: rule, classes }: NamedLabels,
): LabelsFound {
  const unlabelled = { labels: files.map(() => undefined), findings: [] };
  if (name !== "train" && !files.some(({ stem }) => /\[[^[\]]*\]$/.test(stem))) return unlabelled;
  const findings: LabelProblem[] = [];
  const labels = files.map((file) => {
    try {
      const label = parseLabels(file.name, rule, classes);
      refuseUnusable(label, file, rule.allowEmpty);
      return label;
    } catch (error) {
      if (!isWsssError(error, "WSSS_ERR_DATASET")) throw error;
      const failure = error.details["failure"] as LabelFailure;
      findings.push({ file: file.name, failure, problem: String(error.details["problem"]) });
      return undefined;
    }
  });
  // Names of val and test may end with brackets that are no labels; then the masks decide.
  if (name !== "train" && findings.length === files.length) return unlabelled;
  return { labels, findings };
}

/** The labels in the names of a split's patches. @throws WsssError `WSSS_ERR_DATASET` if a name has no valid one. */
function readLabels({ files, folder }: Listing, name: SplitName, description: NamedLabels): LabelsFound["labels"] {
  const { labels, findings } = findLabels(files, name, description);
  if (findings.length === 0) return labels;
  const { labels: rule, classes } = description;
  const example = patchFileName(
    "NAME",
    classes.map((_, index) => (index === 0 ? 1 : 0)),
    rule,
  );
  const order = classes.map((one) => one.name).join(", ");
  const heading = `${countOf(findings.length, files.length)} no valid label in ${folder}`;
  const advice = `A labelled patch is named like ${example}, in the order ${order}`;
  throw fileProblemsError(heading, findings, advice, { split: name, folder });
}

/** The published grammar accepts labels that nothing can be trained on. */
function refuseUnusable(label: readonly number[], { name }: ListedFile, allowEmpty: boolean): void {
  const high = label.find((digit) => digit > 1);
  if (high !== undefined) {
    const problem = `has a ${high} in its label; an entry is 0 (absent) or 1 (present)`;
    throw new WsssError("WSSS_ERR_DATASET", `${name} ${problem}`, { failure: "digit", problem });
  }
  if (!allowEmpty && !label.includes(1)) {
    const problem = "has a label that names no class; remove the patch, or set allowEmptyLabels to keep it";
    throw new WsssError("WSSS_ERR_DATASET", `${name} ${problem}`, { failure: "empty", problem });
  }
}

/** Path of the mask of each patch's stem; empty where train has none at all. */
function matchMasks(
  patches: Listing,
  masks: Listing | null,
  folder: string,
  name: SplitName,
): ReadonlyMap<string, string> {
  if (name === "train" && (masks === null || masks.files.length === 0)) return new Map();
  const where = join(folder, maskFolder(name));
  if (masks === null) {
    const message = `${patches.folder} has patches, but there is no folder ${where} with their true masks`;
    throw new WsssError("WSSS_ERR_DATASET", message, { split: name, path: where });
  }
  const { maskOf, bare, lonely, ambiguous } = pairMasks(patches.files, masks.files, name);
  if (ambiguous.length > 0) throw ambiguousMasks(patches, masks, ambiguous, name);
  if (bare.length === 0 && lonely.length === 0) return maskOf;
  const findings = bare.map(({ stem, name: file }) => ({
    file,
    problem: `no mask ${stem}.png${otherFormat(stem, masks)}${lookAlike(stem, masks)}`,
  }));
  throw mismatch(patches, masks, findings, lonely, name);
}

function ambiguousMasks(
  patches: Listing,
  masks: Listing,
  ambiguous: readonly AmbiguousMask[],
  name: SplitName,
): WsssError {
  const findings = ambiguous.map((one) => ({ file: one.file.name, problem: ambiguityProblem(one) }));
  const heading = `${countOf(ambiguous.length, patches.files.length)} no mask that is surely its own in ${masks.folder}`;
  const advice = `Remove the wrong one, or name them exactly alike: ${composeNamesRemedy(masks.folder)}`;
  return fileProblemsError(heading, findings, advice, {
    split: name,
    folder: masks.folder,
    ambiguous: ambiguous.length,
  });
}

/** Says it if the mask is there in another format. */
function otherFormat(stem: string, { skipped }: Listing): string {
  const other = skipped.find((name) => parse(name).name === stem);
  return other === undefined ? "" : `, but ${other}: masks are index PNGs, as lossy formats change classes`;
}

/** Says it if the mask of another patch looks as if it were this one's. */
function lookAlike(stem: string, { files }: Listing): string {
  const twin = files.find((file) => file.stem.normalize("NFC") === stem.normalize("NFC"));
  return twin === undefined
    ? ""
    : `; ${twin.name}, whose accents are stored in another way, is the mask of another patch`;
}

function mismatch(
  patches: Listing,
  masks: Listing,
  bare: readonly FileProblem[],
  lonely: readonly ListedFile[],
  name: SplitName,
): WsssError {
  const details = { split: name, folder: masks.folder, masksWithoutPatch: lonely.length };
  const others = masks.skipped.length > 0 ? ` (${masks.skipped.length} files there are no PNG files)` : "";
  const advice = `A patch NAME belongs to the mask NAME.png in ${masks.folder}${others}`;
  if (bare.length > 0) {
    const heading = `${countOf(bare.length, patches.files.length)} no true mask in ${masks.folder}`;
    const spare = lonely.length > 0 ? `; ${lonely.length} masks there have no patch, such as ${lonely[0]?.name}` : "";
    return fileProblemsError(heading, bare, `${advice}${spare}`, { ...details, patchesWithoutMask: bare.length });
  }
  const heading = `${countOf(lonely.length, masks.files.length, "masks")} no patch in ${patches.folder}`;
  const findings = lonely.map((file) => ({ file: file.name }));
  return fileProblemsError(heading, findings, advice, { ...details, patchesWithoutMask: 0 });
}

/** @throws WsssError `WSSS_ERR_DATASET` if the folder of val or test is there but not its `img`. */
async function refuseHalfSplit(folder: string, name: SplitName): Promise<void> {
  if (name === "train") return;
  const path = join(folder, name);
  const there = await stat(path).then(
    () => true,
    () => false,
  );
  if (!there) return;
  const message = `${path} has no folder img; the layout is ${name}/img/NAME.png with masks in ${name}/mask/NAME.png`;
  throw new WsssError("WSSS_ERR_DATASET", message, { split: name, path });
}

function emptySplit({ folder, skipped }: Listing, name: SplitName): WsssError {
  const others = skipped.length > 0 ? `; it has ${skipped.length} other files, such as ${skipped[0]}` : "";
  const message = `${folder} holds no patches (files ending with ${patchExtensions.join(" ")})${others}`;
  return new WsssError("WSSS_ERR_DATASET", message, { split: name, path: folder, skipped: skipped.length });
}

function pathsSkipped(listing: Listing | null): string[] {
  return listing === null ? [] : listing.skipped.map((name) => join(listing.folder, name));
}
