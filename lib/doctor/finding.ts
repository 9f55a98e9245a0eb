/** Findings of the doctor: codes of all checks, severity, order and groups. */
import { manifestProblems } from "../dataset/manifest/manifest-findings.js";
import { type SplitName, splitNames } from "../dataset/split.js";

/** Everything that can be found, in the order of reports. Programs branch on these; people read `problem` and `remedy`. */
export const checkCodes = [
  /** The dataset has no `train`. */
  "missing-split",
  /** A folder that looks like one of the layout under another name, and is not read. */
  "misnamed-folder",
  /** A folder with pictures that the layout does not have, or of which a manifest names none. */
  "unread-folder",
  /** A picture beside the folders of the layout. */
  "unread-picture",
  /** `val` or `test` has only one of `img` and `mask`. */
  "half-split",
  /** A split's folder holds no patches. */
  "empty-split",
  /** A file where the layout has a folder. */
  "not-a-folder",
  /** A folder among the patches or masks. */
  "nested-folder",
  /** A file among the patches or masks that is neither. */
  "stray-file",
  /** A name among them that begins with a dot. */
  "hidden-file",
  /** Two files whose names differ in the ending only. */
  "same-stem",
  /** Two files whose names differ in capitals only. */
  "same-name-but-case",
  /** Two files whose names differ only in how accents are stored (NFC and NFD). */
  "same-name-but-accents",
  /** A mask that is its patch's only if how accents are stored does not count. */
  "accents-differ",
  /** A name whose bytes are not UTF-8. */
  "name-not-utf8",
  /** A line break, a tab or the like in a name. */
  "name-control-character",
  /** A name so long that what is named after it can't be written. */
  "name-too-long",
  /** An ending in capitals, `.PNG`. */
  "ending-case",
  /** The operating system refuses to read it. */
  "unreadable",
  /** A folder, a pipe or a device under the name of a file. */
  "not-a-file",
  /** A file, or the size that its header claims, far beyond any patch. */
  "too-large",
  "description-missing",
  /** The description is not JSON. */
  "description-syntax",
  /** The description has missing, unknown or wrong entries, or repeats a name or a colour. */
  "description-invalid",
  /** All labels agree on a number of classes that is not the description's. */
  "class-count",
  /** A manifest that is no table, or lacks columns. */
  "manifest-invalid",
  ...manifestProblems.map((kind) => `manifest-${kind}` as const),
  "label-missing",
  "label-length",
  "label-not-a-digit",
  /** A label in the other of the two spellings. */
  "label-spelling",
  "label-digit",
  "label-empty",
  /** A patch of zero bytes. */
  "patch-empty",
  "patch-not-a-picture",
  /** A patch that is cut off, or whose checksum does not agree. */
  "patch-damaged",
  /** Several pages, or an animation. */
  "patch-pages",
  "patch-grey",
  "patch-cmyk",
  /** A patch with more than 8 bits a channel. */
  "patch-depth",
  "patch-channels",
  /** A TIFF file whose compression or colours are not decoded here. */
  "patch-encoding",
  "patch-rotated",
  "patch-transparent",
  /** A patch of at most 256 colours, looked up in a palette. */
  "patch-palette",
  /** An RGB patch without any colour. */
  "patch-colourless",
  /** A patch that is white, or of one colour, everywhere. */
  "patch-blank",
  /** A patch that is not what its ending says. */
  "ending-content",
  "patch-small",
  /** A patch of another size than the others of its split. */
  "patch-size",
  /** Patches of val or test of another size than those of train. */
  "split-size",
  /** A patch without its true mask. */
  "mask-missing",
  "mask-without-patch",
  /** A mask of zero bytes. */
  "mask-empty",
  "mask-not-png",
  "mask-damaged",
  /** A form of PNG that holds no indices. */
  "mask-form",
  /** An index above K; 255 where the description does not say that it is ignored. */
  "mask-index",
  /** A colour that belongs to no class. */
  "mask-colour",
  /** A mask that stores the classes' colours instead of indices. */
  "mask-rgb",
  /** Palette colours other than the description's. */
  "mask-palette",
  /** Palette colours that belong to other classes of the description. */
  "mask-palette-order",
  /** A palette with more colours than there are classes, or fewer than are used. */
  "mask-palette-entries",
  /** A mask of another size than its patch. */
  "mask-size",
  /** A mask that is background everywhere. */
  "mask-background",
  /** A mask that is mostly 255, which is ignored. */
  "mask-ignored",
  /** A tissue class that is white nearly everywhere, beside a background that is not: the masks seem to be numbered otherwise. */
  "mask-white-class",
  /** The label names a class of which the mask has no pixel. */
  "label-not-in-mask",
  /** The mask has a class that the label does not name. */
  "label-lacks-class",
  /** The same pixels under several names of a split. */
  "duplicate",
  /** The same pixels with different labels. */
  "duplicate-labels",
  /** The same pixels with different masks. */
  "duplicate-masks",
  /** The same pixels in several splits. */
  "leak",
  "patient-in-two-splits",
  "source-in-two-splits",
  /** A class that no patch of a split has. */
  "class-missing",
  /** A class that every patch of train has. */
  "class-everywhere",
  "class-imbalance",
  /** Less free memory than training needs. */
  "memory",
] as const;

/** One of {@link checkCodes}. */
export type CheckCode = (typeof checkCodes)[number];

/** `"error"`: training would fail, or learn or score something wrong. `"warning"`: it would run, but look at it first. */
export type Severity = "error" | "warning";

/** One thing that is wrong. */
export interface Finding {
  /** What was looked at, for programs. */
  readonly check: CheckCode;
  /** How bad it is. */
  readonly severity: Severity;
  /** Null where it concerns the whole dataset or several splits. */
  readonly split: SplitName | null;
  /** Paths inside the dataset's folder; absolute if outside of it. Empty where no file is to blame. */
  readonly files: readonly string[];
  /** What is wrong, to be read after the first file's name: `"has a label of 3 entries for 2 classes"`. */
  readonly problem: string;
  /** What to do. */
  readonly remedy: string;
}

/** All findings of one check and severity in one split. */
export interface FindingGroup extends Pick<Finding, "check" | "severity" | "split" | "remedy"> {
  /** Number of findings in the group. */
  readonly count: number;
  /** The first of them, in the order of their files; three at most. */
  readonly examples: readonly Pick<Finding, "files" | "problem">[];
}

/** Most examples in a group. */
const shownExamples = 3;

/** Findings as reports show them: errors first, then in the order of {@link checkCodes}, of the splits and of the files. */
export function sortFindings(findings: readonly Finding[]): Finding[] {
  const rank = ({ check, severity, split }: Finding): number => {
    const ofSplit = split === null ? splitNames.length : splitNames.indexOf(split);
    return ((severity === "error" ? 0 : checkCodes.length) + checkCodes.indexOf(check)) * 10 + ofSplit;
  };
  return [...findings].sort((one, other) => rank(one) - rank(other));
}

/** Findings in groups, in the order of the first of each. */
export function groupFindings(findings: readonly Finding[]): FindingGroup[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key = `${finding.severity} ${finding.check} ${finding.split}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [finding]);
    else group.push(finding);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { check, severity, split, remedy } = first;
    const examples = group.slice(0, shownExamples).map(({ files, problem }) => ({ files, problem }));
    return [{ check, severity, split, remedy, count: group.length, examples }];
  });
}
