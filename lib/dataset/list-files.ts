/** Lists a folder of patches or masks in a fixed order, and refuses what the layout does not allow there. */
import { join, parse } from "node:path";
import { WsssError } from "../errors.js";
import { ioFailure, systemCode } from "../files/file-access.js";
import { foreignNameProblem, foreignNameRemedy, guessEncoding } from "../files/foreign-name.js";
import { type FolderEntry, readFolder } from "../files/read-folder.js";
import { countOf, fileProblemsError } from "./file-problems.js";

/** A file that belongs to the dataset. */
export interface ListedFile {
  /** File name without its ending. */
  readonly stem: string;
  readonly name: string;
  readonly path: string;
}

/** What one folder holds. */
export interface Listing {
  readonly folder: string;
  /** Files with one of the endings asked for, ordered by code point of their names. */
  readonly files: readonly ListedFile[];
  /** Names of all other files, which are ignored. Hidden files are not listed. */
  readonly skipped: readonly string[];
}

/** A file whose name is not UTF-8. */
export interface ForeignFile {
  /** Its name with the bytes that are no ASCII escaped. */
  readonly name: string;
  readonly bytes: Buffer;
}

/** Everything that a folder holds, whether the layout allows it or not. */
export interface FolderSurvey extends Listing {
  /** Names of folders among the files. */
  readonly subfolders: readonly string[];
  /** Names that begin with a dot. */
  readonly hidden: readonly string[];
  /** Files with one of the endings asked for whose names are not UTF-8, so that they can't be read. */
  readonly foreign: readonly ForeignFile[];
}

/**
 * The files of a folder, in an order that is the same on every machine: by code point, not by locale or directory order.
 *
 * @param extensions - lower-case endings with their dot; the letters' case in names does not matter.
 * @returns null if there is no such folder.
 * @throws WsssError `WSSS_ERR_DATASET` if the folder has a subfolder, whose files would be left out silently, two files of one
 *   stem, or a file whose name is not UTF-8; `WSSS_ERR_IO` if it can't be read.
 */
export async function listFiles(folder: string, extensions: readonly string[]): Promise<Listing | null> {
  const survey = await surveyFolder(folder, extensions);
  if (survey === null) return null;
  const { files, skipped, subfolders, foreign } = survey;
  if (subfolders[0] !== undefined) {
    const path = join(folder, subfolders[0]);
    const message = `${path} is a folder among the files; move its files to ${folder} or the folder elsewhere`;
    throw new WsssError("WSSS_ERR_DATASET", message, { path });
  }
  if (foreign.length > 0) throw foreignNames(folder, foreign, files.length);
  refuseDoubles(files, folder);
  return { folder, files, skipped };
}

/**
 * What {@link listFiles} looks at, with nothing refused; for whoever wants to know all that is wrong.
 * @returns null if there is no such folder.
 * @throws WsssError `WSSS_ERR_DATASET` if it is a file, `WSSS_ERR_IO` if it can't be read.
 */
export async function surveyFolder(folder: string, extensions: readonly string[]): Promise<FolderSurvey | null> {
  let entries: FolderEntry[];
  try {
    entries = await readFolder(folder);
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOENT") return null;
    if (code === "ENOTDIR") {
      const message = `${folder} is a file; the published layout has a folder there`;
      throw new WsssError("WSSS_ERR_DATASET", message, { path: folder });
    }
    throw ioFailure(error, "list", folder);
  }
  const namesOf = (some: readonly FolderEntry[]): string[] => some.map(({ name }) => name).sort(compareCodePoints);
  const belongs = ({ name }: { readonly name: string }): boolean => extensions.includes(parse(name).ext.toLowerCase());
  const visible = entries.filter(({ name }) => !name.startsWith("."));
  const hidden = namesOf(entries.filter(({ name }) => name.startsWith(".")));
  const subfolders = namesOf(visible.filter(({ isFolder }) => isFolder));
  const plain = visible.filter(({ isFolder }) => !isFolder);
  const own = plain.filter(belongs);
  const readable = namesOf(own.filter(({ foreign }) => foreign === undefined));
  const files = readable.map((name) => ({ stem: parse(name).name, name, path: join(folder, name) }));
  const foreign = own.flatMap(({ name, foreign: bytes }) => (bytes === undefined ? [] : [{ name, bytes }]));
  const skipped = namesOf(plain.filter((entry) => !belongs(entry)));
  return { folder, files, skipped, subfolders, hidden, foreign };
}

/** The error for files that are there, but by whose names they can't be read. */
export function foreignNames(folder: string, foreign: readonly ForeignFile[], others: number): WsssError {
  const findings = foreign.map(({ name, bytes }) => ({ file: name, problem: foreignNameProblem(bytes) }));
  const heading = `${countOf(foreign.length, foreign.length + others, "files")} a name in ${folder} that is not UTF-8`;
  const [first] = foreign;
  const remedy = first === undefined ? "" : foreignNameRemedy(guessEncoding(first.bytes).encoding, folder);
  return fileProblemsError(heading, findings, remedy.replace(/^r/, "R"), { path: folder });
}

/** Orders texts by code point, as every language without locale rules does; JavaScript's `<` compares UTF-16 units. */
export function compareCodePoints(one: string, other: string): number {
  const shared = Math.min(one.length, other.length);
  for (let at = 0; at < shared; at++) {
    const left = one.charCodeAt(at);
    const right = other.charCodeAt(at);
    if (left !== right) return rank(left) - rank(right);
  }
  return one.length - other.length;
}

/** Surrogates, which stand for code points above 0xffff, rank behind all other units. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

function refuseDoubles(files: readonly ListedFile[], folder: string): void {
  const double = doublesAmong(files)[0];
  if (double === undefined) return;
  const [earlier, name] = double;
  const message = `${folder} holds both ${earlier} and ${name}; masks belong to names without ending, so remove one`;
  throw new WsssError("WSSS_ERR_DATASET", message, { path: folder, files: [earlier, name] });
}

/** Pairs of names that differ in their endings only: the first of its stem, and a later one. */
export function doublesAmong(files: readonly ListedFile[]): (readonly [earlier: string, name: string])[] {
  const first = new Map<string, string>();
  return files.flatMap(({ stem, name }) => {
    const earlier = first.get(stem);
    if (earlier !== undefined) return [[earlier, name] as const];
    first.set(stem, name);
    return [];
  });
}
