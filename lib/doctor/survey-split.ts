/** The folders of a split under examination, and findings on names, endings and missing folders. */
import { join, parse } from "node:path";
import { doublesAmong, type FolderSurvey, type ListedFile, surveyFolder } from "../dataset/list-files.js";
import { lookAlikeOf } from "../dataset/look-alikes.js";
import { missingSplit } from "../dataset/open-dataset.js";
import { maskFolder, patchFolder, type SplitName } from "../dataset/split.js";
import { isWsssError } from "../errors.js";
import { withAccentForm } from "../files/accent-match.js";
import { foreignNameProblem, foreignNameRemedy, guessEncoding } from "../files/foreign-name.js";
import { readFolder } from "../files/read-folder.js";
import { patchExtensions } from "../image/decode-patch.js";
import { hasUnprintable } from "../text/printable.js";
import type { CheckCode, Finding, Severity } from "./finding.js";
import { unreadable } from "./read-file.js";

/** The folders of a split, as far as they could be listed. */
export interface SplitSurvey {
  readonly name: SplitName;
  /** Null if there is no such folder, or it can't be listed. */
  readonly patches: FolderSurvey | null;
  /** Null if there is no such folder, or it can't be listed. */
  readonly masks: FolderSurvey | null;
  readonly findings: readonly Finding[];
}

/** Lists a split and says what of its folders and names the layout does not allow; opens no file. */
export async function surveySplit(folder: string, name: SplitName): Promise<SplitSurvey> {
  const findings: Finding[] = [];
  const patchesAt = join(folder, patchFolder(name));
  const masksAt = join(folder, maskFolder(name));
  const patches = await survey(patchesAt, patchExtensions, name, findings);
  const masks = await survey(masksAt, [".png"], name, findings);
  const listed = findings.length === 0;
  if (listed) findings.push(...(await checkPresence(folder, name, patches, masks)));
  if (patches !== null) findings.push(...checkNames(patches, name), ...checkFilled(patches, name));
  if (masks !== null) findings.push(...checkNames(masks, name));
  return { name, patches, masks, findings };
}

async function survey(
  folder: string,
  extensions: readonly string[],
  split: SplitName,
  findings: Finding[],
): Promise<FolderSurvey | null> {
  try {
    return await surveyFolder(folder, extensions);
  } catch (error) {
    if (isWsssError(error, "WSSS_ERR_IO")) findings.push(unreadable(error, folder, split));
    else if (isWsssError(error, "WSSS_ERR_DATASET")) {
      const problem = "is a file, or lies in one; the published layout has a folder there";
      const finding = { check: "not-a-folder", severity: "error", split, files: [folder], problem } as const;
      findings.push({ ...finding, remedy: "move the file elsewhere and make the folder" });
    } else throw error;
    return null;
  }
}

/** Which folders are not there, and which seem to be there under another name. */
async function checkPresence(
  folder: string,
  name: SplitName,
  patches: FolderSurvey | null,
  masks: FolderSurvey | null,
): Promise<Finding[]> {
  const error = { severity: "error", split: name } as const;
  if (name === "train") {
    const found = masks === null ? await misnamed(folder, maskFolder(name), name) : [];
    if (patches !== null) return found;
    const alike = await lookAlikeOf(folder, "train");
    const problem = `is not there: ${(await missingSplit(folder, name)).message}`;
    const remedy = alike === null ? "put the labelled patches into train/" : `rename ${alike} to train`;
    return [{ ...error, check: "missing-split", files: [join(folder, "train")], problem, remedy }, ...found];
  }
  if (patches !== null && masks !== null) return [];
  const here = join(folder, name);
  if (patches === null && masks === null) {
    const entries = await readFolder(here).catch(() => null);
    if (entries === null) return await misnamed(folder, name, name);
  }
  const missing = patches === null ? "img" : "mask";
  const alike = await lookAlikeOf(here, missing);
  const problem = `has no folder ${missing}; the layout is ${name}/img/NAME.png with true masks in ${name}/mask/NAME.png`;
  const what = missing === "img" ? "patches" : "true masks";
  const remedy = alike === null ? `put the ${what} into ${name}/${missing}/` : `rename ${alike} to ${missing}`;
  return [{ ...error, check: "half-split", files: [here], problem, remedy }];
}

async function misnamed(folder: string, expected: string, split: SplitName): Promise<Finding[]> {
  const alike = await lookAlikeOf(folder, expected);
  if (alike === null) return [];
  const problem = `is not read: the layout calls this folder ${expected}`;
  const finding = {
    check: "misnamed-folder",
    severity: "warning",
    split,
    files: [join(folder, alike)],
    problem,
  } as const;
  return [{ ...finding, remedy: `rename it to ${expected}, if that is what it is` }];
}

function checkFilled({ folder, files, skipped, foreign }: FolderSurvey, split: SplitName): Finding[] {
  if (files.length > 0 || foreign.length > 0) return [];
  const others = skipped.length > 0 ? `, only ${skipped.length} other files such as ${skipped[0]}` : "";
  const problem = `holds no patches (files ending with ${patchExtensions.join(" ")})${others}`;
  const remedy = "put patches there, or remove the folder";
  return [{ check: "empty-split", severity: "error", split, files: [folder], problem, remedy }];
}

/** Names that are ignored, that hide others, or that other programs would read differently. */
function checkNames(
  { folder, files, skipped, subfolders, hidden, foreign }: FolderSurvey,
  split: SplitName,
): Finding[] {
  const found = (check: CheckCode, severity: Severity, names: readonly string[], problem: string, remedy: string) => ({
    check,
    severity,
    split,
    files: names.map((name) => join(folder, name)),
    problem,
    remedy,
  });
  const nested = "is a folder among the files, which would be left out";
  const stray = "is none of the files that are read here, and plays no part";
  const dotted = "is hidden and plays no part";
  const capital = "has an ending in capitals; this library reads it, the published code and many tools do not";
  const double = "differ in the ending only; a mask could belong to either";
  const broken = "has a line break, a tab or another control character in its name, which many tools can't take";
  const byCase = "differ in capitals only; on macOS and Windows one would replace the other";
  return [
    ...subfolders.map((name) => found("nested-folder", "error", [name], nested, "move its files up, or it elsewhere")),
    ...skipped.map((name) =>
      found("stray-file", "warning", [name], stray, "move it elsewhere if it is no patch or mask"),
    ),
    ...hidden.map((name) => found("hidden-file", "warning", [name], dotted, "delete it")),
    ...doublesAmong(files).map((names) => found("same-stem", "error", names, double, "rename or remove one")),
    ...caseTwins(files).map((names) => found("same-name-but-case", "warning", names, byCase, "rename one")),
    ...accentTwins(files).map((names) => {
      const byAccents = `differ only in how accents are stored (${names.map(withAccentForm).join(", ")})`;
      const macOs = "; on macOS one would replace the other";
      return found("same-name-but-accents", "warning", names, byAccents + macOs, "rename or remove one");
    }),
    ...foreign.map(({ name, bytes }) => {
      const remedy = foreignNameRemedy(guessEncoding(bytes).encoding, folder);
      return found("name-not-utf8", "error", [name], foreignNameProblem(bytes), remedy);
    }),
    ...files
      .filter(({ name }) => hasUnprintable(name))
      .map(({ name }) => found("name-control-character", "warning", [name], broken, "rename it")),
    ...files
      .filter(({ name }) => parse(name).ext !== parse(name).ext.toLowerCase())
      .map(({ name }) => found("ending-case", "warning", [name], capital, "rename it with a small ending")),
  ];
}

/** Pairs of names whose stems differ in capitals only: the first of its kind, and a later one. */
function caseTwins(files: readonly ListedFile[]): NamePair[] {
  return twins(files, (stem) => stem.toLowerCase());
}

/** Pairs of names whose stems differ only in how accents are stored. */
function accentTwins(files: readonly ListedFile[]): NamePair[] {
  return twins(files, (stem) => stem.normalize("NFC"));
}

type NamePair = readonly [earlier: string, name: string];

/** Pairs of names whose stems differ, but not their keys: the first of its kind, and a later one. */
function twins(files: readonly ListedFile[], keyOf: (stem: string) => string): NamePair[] {
  const first = new Map<string, ListedFile>();
  return files.flatMap((file) => {
    const key = keyOf(file.stem);
    const earlier = first.get(key);
    if (earlier === undefined) first.set(key, file);
    return earlier === undefined || earlier.stem === file.stem ? [] : [[earlier.name, file.name] as const];
  });
}
